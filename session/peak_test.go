package session_test

import (
	"maps"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

// The peak is that of one moment: what came and went before, or takes a slot that has just
// been given back, adds nothing.
func TestPeaks(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 11, 29, 12, minute, 0, 0, time.UTC) }
	held := func(kind tandem.SessionKind, from, until int) session.Held {
		return session.Held{Kind: kind, N: 1, From: at(from), Until: at(until)}
	}
	const user, service = tandem.SessionUser, tandem.SessionService
	for name, c := range map[string]struct {
		held []session.Held
		want map[tandem.Flow]int
	}{
		"nobody":           {nil, map[tandem.Flow]int{"": 0}},
		"before and after": {[]session.Held{held(user, 0, 10), held(user, 15, 20)}, map[tandem.Flow]int{"": 0}},
		"all the time":     {[]session.Held{held(user, 0, 30), held(service, 5, 30)}, map[tandem.Flow]int{"": 2, "user": 1, "service": 1}},
		"one after the other": {
			[]session.Held{held(user, 9, 12), held(user, 12, 13), held(service, 13, 14)}, map[tandem.Flow]int{"": 1, "user": 1, "service": 1},
		},
		"together": {
			[]session.Held{held(user, 11, 13), held(user, 12, 14), held(user, 13, 14), held(service, 12, 13)},
			map[tandem.Flow]int{"": 3, "user": 2, "service": 1},
		},
	} {
		if got := session.Peaks(c.held, at(10), at(15)); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
