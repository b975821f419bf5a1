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

// Together tells both; one may be nil.
func Together(a, b Watcher) Watcher {
	if a == nil {
		return b
	}
	return together{a, b}
}

type together [2]Watcher

// Decided implements [Watcher].
func (t together) Decided(d Decision) {
	t[0].Decided(d)
	t[1].Decided(d)
}

// Decision is one answer about a right.
type Decision struct {
	// Set is an entity set, Attribute an attribute or another member of it; empty for
	// the set itself.
	Set, Attribute string
	// Key is the id of what decided there beside the set and the attribute: the key of a
	// document's type, or an ability; empty for neither.
	Key  string
	Need Right
	// Refused is nil where it is allowed.
	Refused *Denied
}

// Silent is the same for who asks what they would be allowed, and does nothing with it: no
// right is used by that, and no refusal is one.
func (g Granted) Silent() Granted {
	g.Watch = nil
	return g
}

// Passes asks in silence, for what is left out where it is refused. What is not is used:
// it is asked for once more, for the watcher.
func (g Granted) Passes(ask func(Granted) error) bool {
	if ask(g.Silent()) != nil {
		return false
	}
	if g.Watch != nil {
		_ = ask(g)
	}
	return true
}

// Decided tells the watcher of a decision about a set or an attribute, and hands the
// refusal on.
func (g *Granted) Decided(set, attribute string, need Right, refused *Denied) error {
	return g.DecidedBy("", set, attribute, need, refused)
}

// DecidedBy is [Granted.Decided] for a decision that the key of a document's type, or an
// ability, has made.
func (g *Granted) DecidedBy(key, set, attribute string, need Right, refused *Denied) error {
	if g.Watch != nil {
		g.Watch.Decided(Decision{set, attribute, key, need, refused})
	}
	if refused != nil {
		return refused
	}
	return nil
}

// By is whose uses are counted together: those of an account through an application.
type By struct {
	UserID, ApplicationURI string
	// For is the kind of person that a service called for; empty for none.
	For tandem.UserType
	// Flow is the flow of the token. It is not kept with the uses of rights. It is empty for
	// the person to whom a service's call was narrowed: the application has used the right
	// once, by its System User.
	Flow tandem.Flow
}

// Use is how often, and when, an account has used a right through an application. One
// call may use a right more than once.
type Use struct {
	By
	// Set is an entity set. Attribute is empty for the set itself; else it is an
	// attribute that has a key, or one that was changed.
	Set, Attribute string
	// Key is the id of the key of a document's type, or of an ability, where the right
	// was one on it: who has released an order has used two rights, this and the one to
	// update orders. Empty for others; of an ability that is everybody's nothing is
	// counted.
	Key   string
	Right Right
	Calls int64
	// First and Last are the times of the write-back, which is some seconds after the
	// use.
	First, Last time.Time
}

// Uses keeps what rights were used.
type Uses interface {
	// AddUses adds to what is kept: Calls to those of before, Last as the newest. It sorts
	// the uses, and returns the last of them, which it did not add.
	AddUses(ctx context.Context, uses []Use) (left []Use, err error)
	// EachUse yields uses since a time, of one account or, when userID is empty, of
	// all, in the order of account, set, attribute, key and right.
	EachUse(ctx context.Context, userID string, since time.Time, each func(*Use) error) error
	// PurgeUses deletes what was last used before the time.
	PurgeUses(ctx context.Context, before time.Time) error
}

// Bounds of a [Meter], and for how long uses are kept.
const (
	// UsesKept is for how long a use is kept after the last time.
	UsesKept = 400 * 24 * time.Hour
	// MaxMeters is how many accounts, each through an application, are counted at a
	// time, and maxThings how many rights of each. Beyond that nothing is counted.
	MaxMeters = 10_000
	maxThings = 1000
	// idleRounds is after how many write-backs without a use a counter is given up.
	idleRounds = 60
)

// Meter counts the uses of rights in memory. Its zero value is ready. A use costs no
// allocation but for the first of its kind.
type Meter struct {
	mu       sync.RWMutex
	counters map[By]*Counter
	over     atomic.Int64 // counters that there was no room for
}

// Counter counts the uses of one account through one application. It is a [Watcher].
type Counter struct {
	by   By
	idle int // write-backs without a use; of the one who writes back

	reads, updates atomic.Int64 // calls, by the scope that they needed

	mu     sync.Mutex // guards who adds to things
	things atomic.Pointer[map[thing]*atomic.Int64]
}

type thing struct {
	set, attribute, key string
	right               Right
}

// Of is the counter of an account and application. It is nil when there are too many.
func (m *Meter) Of(by By) *Counter {
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
		m.counters = map[By]*Counter{}
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
	c.add(thing{d.Set, d.Attribute, d.Key, d.Need}, 1)
}

// Called counts a call that needed the scope, read or update.
func (c *Counter) Called(scope string) {
	switch scope {
	case tandem.ScopeRead:
		c.reads.Add(1)
	case tandem.ScopeUpdate:
		c.updates.Add(1)
	}
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

// Taken is what a [Meter] counted.
type Taken struct {
	Uses []Use
	// Calls are how many calls there were, by the scope that they needed.
	Calls []Calls
	// Over is how many calls were not counted: there were too many accounts.
	Over int64
}

// Calls is how many calls needed a scope.
type Calls struct {
	By
	Scope string
	N     int64
}

// Take takes out what was counted since it was called last, as of now. It is called by one
// at a time.
func (m *Meter) Take(now time.Time) (taken Taken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for by, c := range m.counters {
		before := len(taken.Uses) + len(taken.Calls)
		c.take(&taken, now)
		if c.idle++; len(taken.Uses)+len(taken.Calls) > before {
			c.idle = 0
		}
		if c.idle > idleRounds {
			delete(m.counters, by)
		}
	}
	taken.Over = m.over.Swap(0)
	return taken
}

func (c *Counter) take(taken *Taken, now time.Time) {
	for t, count := range *c.things.Load() {
		if n := count.Swap(0); n > 0 {
			taken.Uses = append(taken.Uses, Use{c.by, t.set, t.attribute, t.key, t.right, n, now, now})
		}
	}
	if n := c.reads.Swap(0); n > 0 {
		taken.Calls = append(taken.Calls, Calls{c.by, tandem.ScopeRead, n})
	}
	if n := c.updates.Swap(0); n > 0 {
		taken.Calls = append(taken.Calls, Calls{c.by, tandem.ScopeUpdate, n})
	}
}

// PutBack gives back what could not be written, for the next time.
func (m *Meter) PutBack(uses []Use) {
	for i := range uses {
		u := &uses[i]
		if c := m.Of(u.By); c != nil {
			c.add(thing{u.Set, u.Attribute, u.Key, u.Right}, u.Calls)
		}
	}
}
