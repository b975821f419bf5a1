package profile

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// ActivityKept is how far back people see what they did.
const ActivityKept = 90 * 24 * time.Hour

// Activity is the record as far as a person may read it: of what they did themselves.
type Activity interface {
	// Of are at most limit events of the user, the newest first, before the event with the
	// id; an empty one is the newest. more is the id to go on before, and empty at the end.
	// There may be fewer, and more of them, where the search takes long. Who had the login
	// before is another person: nothing is of before the account was made.
	Of(ctx context.Context, u *tandem.User, before string, limit int) (events []tandem.AuditEvent, more string, err error)
	// SignIns are the newest sign-ins of the user, and those that failed, the newest first.
	SignIns(ctx context.Context, u *tandem.User, limit int) ([]tandem.AuditEvent, error)
}

// event is a line of the page.
type event struct {
	At          time.Time
	What        words.Text
	Application string
	From        string
	// Detail is what the record says of something that was changed, in English.
	Detail string
	// Bad ones did not work.
	Bad bool
	// Why says what is unusual about it; empty for nothing.
	Why words.Text
}

type activityPage struct {
	Events []event
	Pager  site.Pager
}

const activityRows = 50

// activity shows what the person did.
func (s *Site) activity(v *visit) error {
	before := v.r.URL.Query().Get("before")
	events, more, err := s.Activity.Of(v.r.Context(), &v.who.User, tandem.Clip(before, 40), activityRows)
	if err != nil {
		return err
	}
	d := activityPage{}
	for i := range events {
		d.Events = append(d.Events, eventOf(&events[i]))
	}
	if before != "" {
		d.Pager.First = pathActivity
	}
	if more != "" {
		d.Pager.Next = pathActivity + "?" + url.Values{"before": {more}}.Encode()
	}
	return v.show(http.StatusOK, "activity", words.T("Activity"), d)
}

// kinds are the events in words.
var kinds = map[tandem.AuditKind]words.Text{
	tandem.AuditSignIn:               words.T("You signed in"),
	tandem.AuditSignInFailed:         words.T("A sign-in failed"),
	tandem.AuditSignOut:              words.T("A sign-in ended"),
	tandem.AuditCodeIssued:           words.T("You went on to an application"),
	tandem.AuditTokenIssued:          words.T("An application got a token in your name"),
	tandem.AuditTokenRefused:         words.T("An application was refused a token in your name"),
	tandem.AuditRefreshReplayed:      words.T("An application used an old token again, and everything that it held in your name was ended"),
	tandem.AuditCodeReplayed:         words.T("An application used a code twice, and everything that it held in your name was ended"),
	tandem.AuditSessionOpened:        words.T("A session was opened"),
	tandem.AuditSessionClosed:        words.T("A session was closed"),
	tandem.AuditSessionRefused:       words.T("A session was refused: no licence slot was free"),
	tandem.AuditMultiplexing:         words.T("A session was used from several places"),
	tandem.AuditPermissionRefused:    words.T("Something was refused that you have no right to"),
	tandem.AuditCallRefused:          words.T("A call in your name was refused"),
	tandem.AuditAuthorizationRefused: words.T("A sign-in at an application was refused"),
	tandem.AuditTokenRevoked:         words.T("A token was revoked"),
	tandem.AuditAdministration:       words.T("You changed something"),
}

// bad are the kinds that did not work.
var bad = []tandem.AuditKind{tandem.AuditSignInFailed, tandem.AuditTokenRefused, tandem.AuditRefreshReplayed, tandem.AuditCodeReplayed,
	tandem.AuditSessionRefused, tandem.AuditPermissionRefused, tandem.AuditCallRefused, tandem.AuditAuthorizationRefused}

func eventOf(e *tandem.AuditEvent) event {
	what, known := kinds[e.Kind]
	if !known {
		what = words.T("Something else happened")
	}
	one := event{At: e.At, What: what, Application: e.ApplicationURI, From: e.RemoteAddr, Bad: slices.Contains(bad, e.Kind)}
	if e.Kind == tandem.AuditAdministration {
		one.Detail = tandem.Clip(e.Detail, 200)
	}
	return one
}

// What the first page shows as unusual: how many failures before a sign-in are, how many
// events are looked through, and how many of them are shown.
const (
	manyFailures  = 3
	unusualAmong  = 200
	unusualAtMost = 3
)

// unusual are sign-ins of late that the person may not have been: from a network that
// none came from before, or after several failures.
func (s *Site) unusual(v *visit) ([]event, error) {
	events, err := s.Activity.SignIns(v.r.Context(), &v.who.User, unusualAmong)
	if err != nil {
		return nil, err
	}
	var found []event
	networks, failures := map[string]bool{}, 0
	for _, e := range slices.Backward(events) {
		network := netaddr.Network(e.RemoteAddr)
		switch {
		case e.Kind == tandem.AuditSignInFailed:
			failures++
		case e.Kind == tandem.AuditSignIn:
			one := eventOf(&e)
			if failures >= manyFailures {
				one.Why = words.T("after several sign-ins that failed")
			} else if len(networks) > 0 && !networks[network] {
				one.Why = words.T("from a network that you had not signed in from before")
			}
			if !one.Why.Empty() && v.now().Sub(e.At) < unusualFor {
				found = append(found, one)
			}
			networks[network], failures = true, 0
		}
	}
	slices.Reverse(found)
	return found[:min(len(found), unusualAtMost)], nil
}
