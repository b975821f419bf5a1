package data

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// processors lends Go one processor more for each long statement of SQLite. Such a
// statement computes for seconds in one goroutine, which Go interrupts every ten
// milliseconds only; on two cores a token that comes meanwhile stands behind it. With
// a processor more it has a thread of its own, and the system lets a thread that
// wakes up go before one that computes.
type processors struct {
	mu   sync.Mutex // guards the fields below
	lent int
	own  int // how many there are when none is lent
	// follows says that own is what Go takes by itself, from the limits of its container,
	// which may change meanwhile.
	follows bool
}

// lentProcessors are those of the process.
var lentProcessors processors

// lendAfter is how long a statement has run before a processor is lent to it: the
// change stops everybody for a moment, which is not worth it for less.
const lendAfter = 10 * time.Millisecond

// lend lends one, if what is called at the end is not called before.
func (p *processors) lend() (takeBack func()) {
	begins := time.AfterFunc(lendAfter, func() { p.change(1) })
	return func() {
		if !begins.Stop() {
			p.change(-1)
		}
	}
}

func (p *processors) change(by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.lent
	p.lent += by // what is taken back may come first
	switch {
	case max(before, p.lent) <= 0:
	case before == 0:
		p.own = runtime.GOMAXPROCS(0)
		runtime.SetDefaultGOMAXPROCS()
		p.follows = os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == p.own
		runtime.GOMAXPROCS(p.own + p.lent)
	case p.lent > 0:
		runtime.GOMAXPROCS(p.own + p.lent)
	case p.follows:
		runtime.SetDefaultGOMAXPROCS()
	default:
		runtime.GOMAXPROCS(p.own)
	}
}
