package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// How many kinds of refusal are told apart within a minute. Each makes at most two
// events, the first and the number of its repeats, and those beyond one together: so
// what anybody sends makes the record grow by no more than [MaxRefusals] events a minute.
// Refusals of nobody who is known have their own share: strangers cannot make those of
// applications and accounts unseen.
const (
	MaxRefusals  = 1024
	knownKinds   = 384
	strangeKinds = MaxRefusals/2 - 1 - knownKinds
)

// Refusals put on record what was refused, and keep floods from filling it: the first of
// a kind at once, its repeats within the minute as one event with their number. The same
// one serves all boxes of a replica; it implements [tandem.Refuser].
type Refusals struct {
	Audit tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	known, strange flood.Gate[refusal, tandem.AuditEvent]
	told           atomic.Int64 // when repeats were last looked for, Unix seconds

	keeping sync.Mutex
	// untold are repeats that could not be recorded yet.
	untold []flood.Repeats[tandem.AuditEvent]
}

// refusal is what makes two refusals the same kind.
type refusal struct {
	kind                              tandem.AuditKind
	application, actor, network, code string
	rule                              tandem.Rule
	set, attribute, need              string
}

// NewRefusals are for one replica.
func NewRefusals(audit tandem.Auditor, clock tandem.Clock) *Refusals {
	r := &Refusals{Audit: audit, Clock: clock}
	r.known.Max, r.strange.Max = knownKinds, strangeKinds
	return r
}

// Refused implements [tandem.Refuser]. It fills in the time, the id of the request and
// the facts.
func (s *Refusals) Refused(ctx context.Context, e tandem.AuditEvent, f tandem.Facts, code string) (reference string, err error) {
	e.At, e.RequestID, e.Facts = s.Clock.Now(), tandem.RequestID(ctx), f.JSON()
	if now := e.At.Unix(); s.told.Swap(now) != now {
		if err := s.Tell(ctx, false); err != nil {
			return "", err
		}
	}
	kind := refusal{
		e.Kind, e.ApplicationURI, e.Actor, netaddr.Network(e.RemoteAddr), code, f.Rule, f.Set, f.Attribute, f.Need,
	}
	gate := &s.known
	if e.Actor == "" && f.Credential == "" { // whom a request names proves nothing
		gate = &s.strange
	}
	first, n := gate.Repeat(e.At, kind, e)
	if n == 0 {
		return "", s.Audit.Record(ctx, e)
	}
	if first.RequestID != "" {
		reference = first.RequestID + "." + strconv.Itoa(n)
	}
	return reference, nil
}

// Tell records the repeats whose minute is over, or all when the process ends, and those that
// could not be recorded before. Call it now and then.
func (s *Refusals) Tell(ctx context.Context, all bool) error {
	now := s.Clock.Now()
	s.keeping.Lock()
	due := s.untold
	s.untold = nil
	s.keeping.Unlock()
	var failed error
	for _, r := range slices.Concat(due, s.known.Due(now, all), s.strange.Due(now, all)) {
		if err := s.Audit.Record(ctx, repeated(r, now)); err != nil {
			failed = errors.Join(failed, err)
			s.keep(r)
		}
	}
	return failed
}

// keep keeps repeats for the next time. As long as the record is away those beyond a bound are
// told together.
func (s *Refusals) keep(r flood.Repeats[tandem.AuditEvent]) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if len(s.untold) < MaxRefusals {
		s.untold = append(s.untold, r)
		return
	}
	last := &s.untold[len(s.untold)-1]
	last.Crowd, last.Count, last.Last = true, last.Count+r.Count, r.Last
	if r.Since.Before(last.Since) {
		last.Since = r.Since
	}
}

// repeated is the event that stands for repeats. It is of the first one's request, whose
// id the answers to all of them had.
func repeated(r flood.Repeats[tandem.AuditEvent], now time.Time) tandem.AuditEvent {
	since := r.Since.UTC().Format(time.RFC3339)
	if r.Crowd {
		return tandem.AuditEvent{
			At: now, Kind: r.Last.Kind,
			Detail: fmt.Sprintf("%d refusals since %s of more kinds than are told apart; the last: %s", r.Count, since, r.Last.Detail),
		}
	}
	e := r.Last
	e.At, e.RequestID = now, r.First.RequestID
	e.Detail += fmt.Sprintf("; %d times more since %s", r.Count, since)
	return e
}
