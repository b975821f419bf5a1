// Package flood keeps a flood of like events from filling a record, whatever
// anybody sends: the first event of a kind passes at once, its repeats are
// counted and told as one. It is a leaf: what an event and a kind are is for
// its users to say.
package flood

import (
	"sync"
	"time"
)

// Window is for how long the repeats of an event are only counted.
const Window = time.Minute

// Gate lets the first event of each kind pass. Max must be set; the rest is
// ready to use.
type Gate[K comparable, E any] struct {
	// Max is how many kinds are told apart within a [Window]. Events of kinds
	// beyond it do not pass: they are counted together, as the crowd.
	Max int

	mu    sync.Mutex
	kinds map[K]*Repeats[E]
	crowd *Repeats[E]
}

// Repeats are events that did not pass.
type Repeats[E any] struct {
	// First is the one that passed, of the crowd none; Last is the newest of the
	// repeats, Count how many there are.
	First E
	Last  E
	Count int
	// Since is when the first event came, which passed unless it was of the
	// crowd.
	Since time.Time
	// Crowd says that they are of kinds beyond [Gate.Max].
	Crowd bool
}

// Pass reports whether the event is the first of its kind, to be recorded now.
// Otherwise it is counted.
func (g *Gate[K, E]) Pass(now time.Time, kind K, e E) bool {
	_, n := g.Repeat(now, kind, e)
	return n == 0
}

// Repeat is [Gate.Pass] for who wants to know the first event of the kind, and the
// how many-th repeat of it this is: 0 when it passes.
func (g *Gate[K, E]) Repeat(now time.Time, kind K, e E) (first E, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := g.kinds[kind]
	if seen == nil && len(g.kinds) < g.Max {
		if g.kinds == nil {
			g.kinds = make(map[K]*Repeats[E])
		}
		g.kinds[kind] = &Repeats[E]{First: e, Since: now}
		return e, 0
	}
	if seen == nil {
		if g.crowd == nil {
			g.crowd = &Repeats[E]{Since: now, Crowd: true}
		}
		seen = g.crowd
	}
	seen.Last = e
	seen.Count++
	return seen.First, seen.Count
}

// Due takes out the repeats whose window is over, or all, in no order. A kind
// that is taken out begins anew.
func (g *Gate[K, E]) Due(now time.Time, all bool) []Repeats[E] {
	g.mu.Lock()
	defer g.mu.Unlock()
	// A clock that jumps back must not keep anything back.
	over := func(r *Repeats[E]) bool { return all || now.Sub(r.Since).Abs() >= Window }
	var due []Repeats[E]
	for kind, r := range g.kinds {
		if !over(r) {
			continue
		}
		delete(g.kinds, kind)
		if r.Count > 0 {
			due = append(due, *r)
		}
	}
	if g.crowd != nil && over(g.crowd) {
		due = append(due, *g.crowd)
		g.crowd = nil
	}
	return due
}
