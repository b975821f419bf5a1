package usage

import (
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// Spans of a [Tally]: a moment, and a day. Every event is in one of each.
const (
	Moment   = 5 * time.Minute
	WholeDay = 24 * time.Hour
)

// For how long tallies are kept.
const (
	MomentsKept = 8 * 24 * time.Hour
	DaysKept    = Kept * 24 * time.Hour
)

// Peak begins the kinds whose number is not a sum but the highest there was.
const Peak = "peak:"

// PeakSlots is the peak of the licence slots that were in use; with a flow, of those that
// its sessions held.
const PeakSlots = Peak + "slots"

// ObsoleteScope is the kind of tokens and codes that were asked for with a scope of before,
// which gives nothing.
const ObsoleteScope tandem.AuditKind = "obsolete_scope"

// Tally is how many events of a kind there were in a span of time.
type Tally struct {
	Span time.Duration
	// At is when the span began.
	At time.Time
	// Kind is that of the event in the record and, for what was refused, after a colon
	// the rule; or a [Peak].
	Kind          string
	ApplicationID string
	Flow          tandem.Flow
	N             int64
}

// Filter chooses tallies. What is empty chooses all.
type Filter struct {
	// Span is one of the two.
	Span time.Duration
	// Since and Until bound the begin: not before, and before.
	Since, Until time.Time
	// Kind is a kind, with or without its rule.
	Kind          string
	ApplicationID string
}

// event is what a tally is counted by.
type event struct {
	kind, rule  string
	application string
	flow        tandem.Flow
}

// Tallies count events in memory. The zero value is ready.
type Tallies struct {
	events counters[event]

	mu   sync.Mutex
	late map[Tally]int64 // what could not be written, by what it is without its number
}

// Count counts n events. The application is what who counts calls it; rule is empty where
// none decided.
func (t *Tallies) Count(kind tandem.AuditKind, rule tandem.Rule, application string, flow tandem.Flow, n int64) {
	t.events.add(event{string(kind), string(rule), application, flow}, n)
}

// Take takes out what was counted since it was called last, as of now, for both spans, and
// what was put back. identify is what an application is called from then on: its id. It is
// called by one at a time.
func (t *Tallies) Take(now time.Time, identify func(application string) string) (tallies []Tally, over int64) {
	over = t.events.take(func(e event, n int64) {
		one := Tally{Kind: e.name(), Flow: e.flow, N: n}
		if e.application != "" {
			one.ApplicationID = identify(e.application)
		}
		for _, one.Span = range []time.Duration{Moment, WholeDay} {
			one.At = now.UTC().Truncate(one.Span)
			tallies = append(tallies, one)
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	for one, n := range t.late {
		one.N = n
		tallies = append(tallies, one)
	}
	t.late = nil
	return tallies, over
}

func (e *event) name() string {
	if e.rule == "" {
		return e.kind
	}
	return e.kind + ":" + e.rule
}

// PutBack gives back what could not be written, for the next time.
func (t *Tallies) PutBack(tallies []Tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late == nil {
		t.late = make(map[Tally]int64, len(tallies))
	}
	for _, one := range tallies {
		n := one.N
		if one.N = 0; len(t.late) < MaxCounted || t.late[one] > 0 {
			t.late[one] += n
		}
	}
}
