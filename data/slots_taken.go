package data

import (
	"math"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

// slotsTaken is what a replica knows of the slots, so that it need not read all open
// sessions to find a free one: up to which number of a range all are taken, after
// the endings up to a number. What was given back with a later one is read when
// the next session is opened.
type slotsTaken struct {
	mu      sync.Mutex
	changes int64     // the last ending that is allowed for
	at      time.Time // when it was
	moves   int64
	layout  string
	ranges  map[session.Range]int // the first slot that may be free
}

// since is the ending after which slots were given back that are not allowed for.
// Who knows nothing need not know what was.
func (t *slotsTaken) since() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ranges) == 0 {
		return math.MaxInt64
	}
	return t.changes
}

// maxTaken is for how long the knowledge is good: far less than ended sessions,
// which it is kept up to date by, are kept.
const maxTaken = time.Hour

// freed allows for what was given back after the ending that was asked for, which is
// what since was before. Of another licence, and of a database that is older than what
// is known, nothing is known; nor when what another opening has learnt meanwhile is of
// endings before those that were asked for.
func (t *slotsTaken) freed(since int64, now licenceNow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case now.layout != t.layout || now.moves != t.moves || now.changes < t.changes || since > t.changes || tandem.SystemTime().Sub(t.at) > maxTaken:
		t.ranges = map[session.Range]int{}
	case now.freed.Valid:
		for r, first := range t.ranges { // also of those above it, some may have been given back
			t.ranges[r] = min(first, max(int(now.freed.Int64), r.First))
		}
	}
	t.layout, t.moves, t.changes, t.at = now.layout, now.moves, now.changes, tandem.SystemTime()
}

// after is the part of a range that may have free slots.
func (t *slotsTaken) after(r session.Range) session.Range {
	t.mu.Lock()
	defer t.mu.Unlock()
	if first, known := t.ranges[r]; known {
		return session.Range{First: first, Last: r.Last}
	}
	return r
}

// upTo remembers that the slots of a range up to the one that was taken are taken.
func (t *slotsTaken) upTo(now licenceNow, r session.Range, slot int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ranges != nil && now.layout == t.layout && now.moves == t.moves && now.changes == t.changes {
		t.ranges[r] = slot + 1
	}
}
