package usage

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// MaxCounted is how many things, each of an application and a flow, are counted at a
// time; beyond that nothing is counted. idleRounds is after how many times of taking
// without a use a counter is given up.
const (
	MaxCounted = 200_000
	idleRounds = 10
)

// counters are counters by key. The zero value is ready. Counting costs no allocation
// but for the first of a key.
type counters[K comparable] struct {
	mu   sync.RWMutex
	all  map[K]*counter
	over atomic.Int64 // what there was no room for
}

type counter struct {
	n    atomic.Int64
	idle int // takings without a use; of the one who takes
}

// add counts n more of a key.
func (c *counters[K]) add(key K, n int64) {
	c.mu.RLock()
	of := c.all[key]
	if of != nil {
		of.n.Add(n) // under the lock: take gives up counters
	}
	c.mu.RUnlock()
	if of == nil {
		c.first(key, n)
	}
}

func (c *counters[K]) first(key K, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.all[key]
	switch {
	case of != nil:
	case len(c.all) >= MaxCounted:
		c.over.Add(n)
		return
	default:
		if c.all == nil {
			c.all = make(map[K]*counter)
		}
		of = new(counter)
		c.all[key] = of
	}
	of.n.Add(n)
}

// take yields what was counted since it was called last.
func (c *counters[K]) take(each func(key K, n int64)) (over int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, of := range c.all {
		n := of.n.Swap(0)
		if of.idle++; n > 0 {
			of.idle = 0
			each(key, n)
		}
		if of.idle > idleRounds {
			delete(c.all, key)
		}
	}
	return c.over.Swap(0)
}

// thing is what a use is counted by.
type thing struct {
	application string
	flow        tandem.Flow
	kind        Kind
	name        string
}

// Meter counts uses in memory. The zero value is ready, and a nil one counts nothing.
type Meter struct {
	things counters[thing]
	// lastDay is the newest day that [Running] was told of; of the one who takes.
	lastDay Day
}

// Count counts a use of an application's, by its id.
func (m *Meter) Count(applicationID string, flow tandem.Flow, kind Kind, name string) {
	m.Add(applicationID, flow, kind, name, 1)
}

// Add counts n uses at once.
func (m *Meter) Add(applicationID string, flow tandem.Flow, kind Kind, name string, n int64) {
	if m != nil && applicationID != "" {
		m.things.add(thing{applicationID, flow, kind, name}, n)
	}
}

// Take takes out what was counted since it was called last, as of now, and how many uses
// there was no room for. It is called by one at a time.
func (m *Meter) Take(now time.Time) (uses []Use, over int64) {
	day := DayOf(now)
	if day != m.lastDay {
		m.lastDay = day
		uses = append(uses, Use{Day: day, What: Running, Calls: 1})
	}
	over = m.things.take(func(of thing, n int64) {
		uses = append(uses, Use{day, of.application, of.flow, string(of.kind) + of.name, n})
	})
	return uses, over
}

// PutBack gives back what could not be written, for the next time. Uses of a day that is
// over count for the next one.
func (m *Meter) PutBack(uses []Use) {
	for i := range uses {
		u := &uses[i]
		if u.What == Running {
			m.lastDay = 0
			continue
		}
		m.things.add(thing{u.ApplicationID, u.Flow, "", u.What}, u.Calls)
	}
}
