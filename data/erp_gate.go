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
	// is half of the connections for reading, and half of those for each person for
	// whom it asks. One of them may be long.
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
	// computes says that the engine's work is done by this process.
	computes bool

	mu     sync.Mutex // guards the fields below
	askers map[asker]*turns
	took   map[string]time.Duration // by shape: about what it took lately
}

// asker is a session, or one of the persons for whom a session asks.
type asker struct{ session, person string }

// turns are those of one asker.
type turns struct {
	users     int // how many have or wait for one
	any, long chan struct{}
}

func newGate(db *sqldb.DB, l QueryLimits) *gate {
	l = l.orDefault(db)
	return &gate{
		limits: l, long: make(chan struct{}, l.Long), computes: db.Engine == sqldb.SQLite,
		askers: map[asker]*turns{}, took: map[string]time.Duration{},
	}
}

// turn waits until a statement may run, and returns the context that bounds it, and
// what must be called when it is done. Where the session asks for a person, the
// statement waits for its turn among that person's first: however many one of them
// asks, another waits for no more than one. Persons are who the session says they are,
// so naming many gives it no more than it has.
func (g *gate) turn(ctx context.Context, shape string, scans bool) (context.Context, func(), error) {
	who := asker{session: query.Asker(ctx)}
	if who.session == "" {
		return ctx, func() {}, nil
	}
	all := []asker{who}
	if who.person = query.Person(ctx); who.person != "" {
		all = []asker{who, all[0]}
	}
	isLong := scans || g.wasLong(shape)
	var places []place
	for _, a := range all {
		places = append(places, g.enter(a).places(a, isLong)...)
	}
	if isLong {
		places = append(places, place{g.long, func() *tandem.Error { return errOthers }})
	}
	leave, err := g.wait(ctx, places)
	if err != nil {
		g.leave(all)
		return nil, nil, err
	}
	takeBack := func() {}
	if isLong && g.computes {
		takeBack = lentProcessors.lend()
	}
	watched, start := sqldb.WatchStart(ctx)
	within, cancel := context.WithTimeoutCause(watched, g.limits.Timeout, &lateError{start, g.limits.Timeout})
	return within, func() {
		cancel()
		takeBack()
		if began, ok := start.At(); ok {
			g.learn(shape, tandem.SystemTime().Sub(began))
		}
		leave()
		g.leave(all)
	}, nil
}

// lateError is why a statement was ended: it took too long, or never had a connection.
type lateError struct {
	start *sqldb.Start
	limit time.Duration
}

// Error implements error.
func (e *lateError) Error() string { return e.told().Error() }

func (e *lateError) told() error {
	if _, began := e.start.At(); !began {
		return errNoConnection
	}
	return tandem.Errorf(tandem.CodeUnavailable, "The query looks at too many rows: it did not end within %s and was ended. "+
		"Narrow it with $filter by a reference, a number or a date, search for three or more letters, or read page by page without $orderby.", e.limit)
}

var (
	errNoConnection = tandem.Errorf(tandem.CodeUnavailable, "So many queries are at work that this one was not begun; try again in a few seconds.")
	errOthers       = tandem.Errorf(tandem.CodeUnavailable, "Others search the same data at the moment; "+
		"try again in a few seconds, or narrow the query with $filter by a reference, a number or a date.")
)

// place is what a statement has while it runs, and what it is told when it does not
// get it in time.
type place struct {
	channel chan struct{}
	late    func() *tandem.Error
}

// places are those that a statement of the asker needs, in the order in which it waits
// for them.
func (t *turns) places(a asker, isLong bool) []place {
	who := "This session"
	if a.person != "" {
		who = "This person"
	}
	late := func() *tandem.Error {
		return tandem.Errorf(tandem.CodeThrottled, "%s has too many queries at work: %d run at a time, and one that looks at many rows. "+
			"Ask for one after another, and narrow them with $filter.", who, cap(t.any))
	}
	if isLong {
		return []place{{t.long, late}, {t.any, late}}
	}
	return []place{{t.any, late}}
}

// wait takes the places one after another.
func (g *gate) wait(ctx context.Context, places []place) (leave func(), err error) {
	patience := time.NewTimer(g.limits.Patience)
	defer patience.Stop()
	leave = func() {}
	for _, p := range places {
		select {
		case p.channel <- struct{}{}:
		case <-ctx.Done():
			leave()
			return nil, context.Cause(ctx)
		case <-patience.C:
			leave()
			return nil, p.late()
		}
		before := leave
		leave = func() { <-p.channel; before() }
	}
	return leave, nil
}

func (g *gate) enter(a asker) *turns {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.askers[a]
	if t == nil {
		most := g.limits.PerSession
		if a.person != "" {
			most = max(1, most/2) // so that another one's is never behind many of theirs
		}
		t = &turns{any: make(chan struct{}, most), long: make(chan struct{}, 1)}
		g.askers[a] = t
	}
	t.users++
	return t
}

func (g *gate) leave(all []asker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range all {
		t := g.askers[a]
		if t.users--; t.users == 0 {
			delete(g.askers, a)
		}
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
	case took < long:
		return // most are
	case len(g.took) >= maxLearned:
		clear(g.took)
	}
	// A machine that is busy makes one of them late now and then: that alone says
	// nothing of the next.
	took = (before + took) / 2
	if took < long/4 {
		delete(g.took, shape)
		return
	}
	g.took[shape] = took
}

// told is the error of a statement, or why its time was over.
func told(ctx context.Context, err error) error {
	var late *lateError
	if err != nil && errors.As(context.Cause(ctx), &late) {
		return late.told()
	}
	return err
}
