package data

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// QueryLimits keep what one session asks of the ERP from being felt by others. A
// query is long when it has to look at many rows: a search that no index answers,
// or one like those that took long before.
type QueryLimits struct {
	// Timeout bounds one statement of a session's query; the default is 5 s.
	Timeout time.Duration
	// Patience bounds the wait for a turn; the default is 5 s.
	Patience time.Duration
	// PerSession is how many statements of one session run at a time; the default
	// is half of the connections for reading. One of them may be long.
	PerSession int
	// Long is how many long ones run at a time, of all sessions; the default is one
	// for every two cores.
	Long int
}

// long is how long an ordinary statement takes at most.
const long = 50 * time.Millisecond

// maxLearned bounds what is remembered of statements; then all is forgotten.
const maxLearned = 1000

func (l QueryLimits) orDefault(db *sqldb.DB) QueryLimits {
	if l.Timeout == 0 {
		l.Timeout = 5 * time.Second
	}
	if l.Patience == 0 {
		l.Patience = 5 * time.Second
	}
	if l.PerSession == 0 {
		l.PerSession = max(1, db.Reader().Stats().MaxOpenConnections/2)
	}
	if l.Long == 0 {
		l.Long = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return l
}

// gate gives each statement of a session its turn.
type gate struct {
	limits QueryLimits
	long   chan struct{} // has an element for each long statement that runs

	mu       sync.Mutex // guards the fields below
	sessions map[string]*turns
	took     map[string]time.Duration // by shape: about what it took lately
}

// turns are those of one session.
type turns struct {
	users     int // how many have or wait for one
	any, long chan struct{}
}

func newGate(l QueryLimits) *gate {
	return &gate{
		limits: l, long: make(chan struct{}, l.Long),
		sessions: map[string]*turns{}, took: map[string]time.Duration{},
	}
}

// turn waits until a statement may run, and returns the context that bounds it, and
// what must be called when it is done.
func (g *gate) turn(ctx context.Context, shape string, scans bool) (context.Context, func(), error) {
	session := query.Asker(ctx)
	if session == "" {
		return ctx, func() {}, nil
	}
	s := g.enter(session)
	leave, err := g.wait(ctx, s, scans || g.wasLong(shape))
	if err != nil {
		g.leave(session, s)
		return nil, nil, err
	}
	began := tandem.SystemTime()
	within, cancel := context.WithTimeoutCause(ctx, g.limits.Timeout, errTooLong(g.limits.Timeout))
	return within, func() {
		cancel()
		g.learn(shape, tandem.SystemTime().Sub(began))
		leave()
		g.leave(session, s)
	}, nil
}

func errTooLong(limit time.Duration) error {
	return tandem.Errorf(tandem.CodeUnavailable, "The query looks at too many rows: it did not end within %s and was ended. "+
		"Narrow it with $filter by a reference, a number or a date, search for three or more letters, or read page by page without $orderby.", limit)
}

// wait takes the places that a statement needs, one after another.
func (g *gate) wait(ctx context.Context, s *turns, isLong bool) (leave func(), err error) {
	patience := time.NewTimer(g.limits.Patience)
	defer patience.Stop()
	places := []chan struct{}{s.any}
	if isLong {
		places = []chan struct{}{s.long, s.any, g.long}
	}
	leave = func() {}
	for _, place := range places {
		select {
		case place <- struct{}{}:
		case <-ctx.Done():
			leave()
			return nil, context.Cause(ctx)
		case <-patience.C:
			leave()
			if place == g.long {
				return nil, tandem.Errorf(tandem.CodeUnavailable, "Others search the same data at the moment; "+
					"try again in a few seconds, or narrow the query with $filter by a reference, a number or a date.")
			}
			return nil, tandem.Errorf(tandem.CodeThrottled, "This session has too many queries at work: %d run at a time, and one that looks at many rows. "+
				"Ask for one after another, and narrow them with $filter.", g.limits.PerSession)
		}
		before := leave
		leave = func() { <-place; before() }
	}
	return leave, nil
}

func (g *gate) enter(session string) *turns {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sessions[session]
	if s == nil {
		s = &turns{any: make(chan struct{}, g.limits.PerSession), long: make(chan struct{}, 1)}
		g.sessions[session] = s
	}
	s.users++
	return s
}

func (g *gate) leave(session string, s *turns) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(g.sessions, session)
	}
}

func (g *gate) wasLong(shape string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.took[shape] >= long
}

// learn remembers what statements of a shape take: mostly what the last ones did.
func (g *gate) learn(shape string, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, known := g.took[shape]
	switch {
	case known:
		took = (before + took) / 2
	case took < long:
		return // most are
	case len(g.took) >= maxLearned:
		clear(g.took)
	}
	if took < long/4 {
		delete(g.took, shape)
		return
	}
	g.took[shape] = took
}

// told is the error of a statement, or why its time was over.
func told(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && tandem.ErrorCode(cause) == tandem.CodeUnavailable {
		return cause
	}
	return err
}
