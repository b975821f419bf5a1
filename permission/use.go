package permission

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// Watcher is told of decisions while they are made: to count what rights are used, and
// to explain. It is called by whoever asks about the rights of one call.
type Watcher interface{ Decided(Decision) }

// Decision is one answer about a right.
type Decision struct {
	// Set is an entity set, Attribute an attribute or another member of it; empty for
	// the set itself.
	Set, Attribute string
	Need           Right
	// Refused is nil where it is allowed.
	Refused *Denied
}

// Decided tells the watcher of a decision about a set or an attribute, and hands the
// refusal on.
func (g *Granted) Decided(set, attribute string, need Right, refused *Denied) error {
	if g.Watch != nil {
		g.Watch.Decided(Decision{set, attribute, need, refused})
	}
	if refused != nil {
		return refused
	}
	return nil
}

// Use is how often, and when, an account has used a right through an application. One
// call may use a right more than once.
type Use struct {
	UserID, ApplicationURI string
	// For is the kind of person that a service called for; empty for none.
	For tandem.UserType
	// Set is an entity set. Attribute is empty for the set itself; else it is an
	// attribute that has a key, or one that was changed.
	Set, Attribute string
	Right          Right
	Calls          int64
	// First and Last are the times of the write-back, which is up to
	// [UsesEvery] after the use.
	First, Last time.Time
}

// Uses keeps what rights were used.
type Uses interface {
	// AddUses adds to what is kept: Calls to those of before, Last as the newest.
	AddUses(ctx context.Context, uses []Use) error
	// EachUse yields uses since a time, of one account or, when userID is empty, of
	// all, in the order of account, set, attribute and right.
	EachUse(ctx context.Context, userID string, since time.Time, each func(*Use) error) error
	// PurgeUses deletes what was last used before the time.
	PurgeUses(ctx context.Context, before time.Time) error
}

// Bounds of a [Meter], and for how long uses are kept.
const (
	// UsesEvery is how often uses are written back: what was used since is lost when
	// the process dies.
	UsesEvery = time.Minute
	// UsesKept is for how long a use is kept after the last time.
	UsesKept = 400 * 24 * time.Hour
	// MaxMeters is how many accounts, each through an application, are counted at a
	// time, and maxThings how many rights of each. Beyond that nothing is counted.
	MaxMeters = 10_000
	maxThings = 1000
	// idleRounds is after how many write-backs without a use a counter is given up.
	idleRounds = 10
)

// Meter counts the uses of rights in memory. Its zero value is ready. A use costs no
// allocation but for the first of its kind.
type Meter struct {
	mu       sync.RWMutex
	counters map[usedBy]*Counter
	over     atomic.Int64 // counters that there was no room for
}

type usedBy struct {
	userID, application string
	person              tandem.UserType
}

// Counter counts the uses of one account through one application. It is a [Watcher].
type Counter struct {
	by   usedBy
	idle int // write-backs without a use; of the one who writes back

	mu     sync.Mutex // guards who adds to things
	things atomic.Pointer[map[thing]*atomic.Int64]
}

type thing struct {
	set, attribute string
	right          Right
}

// Of is the counter of an account and application, where the service calls for a person
// of the kind. It is nil when there are too many.
func (m *Meter) Of(userID, applicationURI string, person tandem.UserType) *Counter {
	by := usedBy{userID, applicationURI, person}
	m.mu.RLock()
	c := m.counters[by]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.counters[by]; c != nil {
		return c
	}
	if len(m.counters) >= MaxMeters {
		m.over.Add(1)
		return nil
	}
	if m.counters == nil {
		m.counters = map[usedBy]*Counter{}
	}
	c = &Counter{by: by}
	c.things.Store(&map[thing]*atomic.Int64{})
	m.counters[by] = c
	return c
}

// Decided implements [Watcher].
func (c *Counter) Decided(d Decision) {
	if d.Refused != nil {
		return
	}
	c.add(thing{d.Set, d.Attribute, d.Need}, 1)
}

func (c *Counter) add(t thing, n int64) {
	count := (*c.things.Load())[t]
	if count == nil {
		count = c.first(t)
	}
	if count != nil {
		count.Add(n)
	}
}

// first makes room for a right that was not used before: the map is read without a
// lock, so another takes its place.
func (c *Counter) first(t thing) *atomic.Int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	had := *c.things.Load()
	if count := had[t]; count != nil || len(had) >= maxThings {
		return count
	}
	more := maps.Clone(had)
	more[t] = new(atomic.Int64)
	c.things.Store(&more)
	return more[t]
}

// Take takes out what was used since it was called last, as of now, and how many
// accounts were not counted. It is called by one at a time.
func (m *Meter) Take(now time.Time) (uses []Use, over int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for by, c := range m.counters {
		before := len(uses)
		uses = c.take(uses, now)
		if c.idle++; len(uses) > before {
			c.idle = 0
		}
		if c.idle > idleRounds {
			delete(m.counters, by)
		}
	}
	return uses, m.over.Swap(0)
}

func (c *Counter) take(uses []Use, now time.Time) []Use {
	for t, count := range *c.things.Load() {
		if n := count.Swap(0); n > 0 {
			uses = append(uses, Use{c.by.userID, c.by.application, c.by.person, t.set, t.attribute, t.right, n, now, now})
		}
	}
	return uses
}

// PutBack gives back what could not be written, for the next time.
func (m *Meter) PutBack(uses []Use) {
	for i := range uses {
		u := &uses[i]
		if c := m.Of(u.UserID, u.ApplicationURI, u.For); c != nil {
			c.add(thing{u.Set, u.Attribute, u.Right}, u.Calls)
		}
	}
}
