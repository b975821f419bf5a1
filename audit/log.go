package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// Store keeps the events.
type Store interface {
	// AppendAudit commits all events, or none and returns an error.
	AppendAudit(ctx context.Context, events []tandem.AuditEvent) error
	// ListAudit returns the events that the filter selects, newest first, or
	// oldest first where it goes forward.
	ListAudit(ctx context.Context, f Filter) ([]tandem.AuditEvent, error)
	// FirstKept is the id of the first event that is not of before the time, by its id
	// or by its own time; where there is none, an id that is more than all of before.
	FirstKept(ctx context.Context, before time.Time) (string, error)
	// PruneAudit removes the events whose ids are less, oldest first, and returns how
	// many. Nobody who appends waits for more than a few milliseconds.
	PruneAudit(ctx context.Context, first string) (int64, error)
}

// Limits of a [Log].
const (
	// MaxGroup is how many events one commit takes at most.
	MaxGroup = 512
	// MaxPending is how many events may wait for a commit; callers beyond wait
	// for room.
	MaxPending = 8192
	// CommitTimeout bounds one commit.
	CommitTimeout = 5 * time.Second
	// Company bounds how long a group waits for as many events as the one before
	// had. A caller who is alone never waits.
	Company = time.Millisecond
	// MaxDetail is the longest Detail kept, in bytes; longer ones are cut.
	MaxDetail = 1000
	// MaxFacts is the most facts kept, in bytes; longer ones are left out.
	MaxFacts = 4 << 10
	// maxName is the same for the other texts, which have bounds of their own
	// where they come from.
	maxName = 300
)

// ErrClosed is returned for events that come after [Log.Run] has ended.
var ErrClosed error = tandem.Errorf(tandem.CodeUnavailable, "the instance is shutting down; try again")

// Log appends events to a store in groups. Make it with its fields set, start
// [Log.Run] in a goroutine, and share the pointer.
type Log struct {
	Store Store
	// Clock tells the time of events that come without one; nil means the
	// system's.
	Clock tandem.Clock

	mu      sync.Mutex
	closed  bool
	pending *group        // gathers events; nil when none wait
	want    int           // how many events Run waits for once there is one
	full    chan struct{} // closed when a full group has been taken; nil when none waits
	wake    chan struct{} // holds one signal for Run
}

// group is a number of events that are committed together.
type group struct {
	events []tandem.AuditEvent
	done   chan struct{} // closed when err is set
	err    error
}

// Record appends the event and returns when it is committed. When ctx ends
// earlier its error is returned, and the event may or may not be kept.
func (l *Log) Record(ctx context.Context, e tandem.AuditEvent) error {
	g, err := l.join(ctx, e)
	if err != nil {
		return err
	}
	return g.wait(ctx)
}

// RecordAll appends several events at once, as Record does one.
func (l *Log) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	g, err := l.join(ctx, events...)
	if err != nil {
		return err
	}
	return g.wait(ctx)
}

// add takes events in, of the request that they came by.
func (g *group) add(request string, events []tandem.AuditEvent) {
	at := len(g.events)
	g.events = append(g.events, events...)
	for i := range g.events[at:] {
		if e := &g.events[at+i]; e.RequestID == "" {
			e.RequestID = request
		}
	}
}

// size is how many events there are; none in no group.
func (g *group) size() int {
	if g == nil {
		return 0
	}
	return len(g.events)
}

func (g *group) wait(ctx context.Context) error {
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join puts the events in the group that gathers.
func (l *Log) join(ctx context.Context, events ...tandem.AuditEvent) (*group, error) {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return nil, ErrClosed
		}
		g := l.pending
		if g == nil || len(g.events)+len(events) <= MaxPending || len(g.events) == 0 {
			if g == nil {
				g = &group{events: make([]tandem.AuditEvent, 0, 16), done: make(chan struct{})}
				l.pending = g
			}
			g.add(tandem.RequestID(ctx), events)
			if len(g.events) == len(events) || len(g.events) >= l.want {
				l.signal()
			}
			l.mu.Unlock()
			return g, nil
		}
		if l.full == nil {
			l.full = make(chan struct{})
		}
		room := l.full
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// signal wakes Run; mu is held.
func (l *Log) signal() {
	select {
	case l.waker() <- struct{}{}:
	default:
	}
}

// waker is the channel that wakes Run; mu is held.
func (l *Log) waker() chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	return l.wake
}

// Run commits groups until ctx ends, then commits what still waits and returns.
// Events that come later are refused with [ErrClosed]. It runs once.
func (l *Log) Run(ctx context.Context) {
	l.mu.Lock()
	wake := l.waker()
	l.mu.Unlock()
	ids, last := newIDs(), 0
	for {
		select {
		case <-wake:
			l.gather(last, wake)
			g := l.take(false)
			l.commit(g, ids)
			last = g.size()
		case <-ctx.Done():
			l.commit(l.take(true), ids)
			return
		}
	}
}

// gather lets more callers join the pending group instead of the next: a commit
// costs more than what is in it. Those who were together in the last group have
// been told so at the same moment, and who calls again does so soon.
func (l *Log) gather(last int, wake <-chan struct{}) {
	runtime.Gosched() // callers that are ready to run
	l.mu.Lock()
	short := l.pending.size() > 0 && l.pending.size() < last
	l.want = last
	select {
	case <-wake: // told of what is seen here
	default:
	}
	l.mu.Unlock()
	if !short {
		return
	}
	timer := time.NewTimer(Company)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	}
}

// take ends the gathering of the pending group.
func (l *Log) take(closing bool) *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.pending
	l.pending = nil
	l.closed = l.closed || closing
	if l.full != nil {
		close(l.full)
		l.full = nil
	}
	return g
}

// commit stores the group, in parts of at most MaxGroup events, and tells its
// waiters. Its context is its own: the callers' contexts end one by one, and
// none of them may take the others' events away.
func (l *Log) commit(g *group, ids *ids) {
	if g == nil {
		return
	}
	now := l.Clock.Now()
	for i := range g.events {
		e := &g.events[i]
		if e.At.IsZero() {
			e.At = now
		}
		bound(e)
	}
	ctx, cancel := context.WithTimeout(context.Background(), CommitTimeout)
	defer cancel()
	for rest := g.events; len(rest) > 0 && g.err == nil; {
		part := rest[:min(len(rest), MaxGroup)]
		rest = rest[len(part):]
		// Made right before, so that no event comes among those that were made long ago:
		// whoever seals the record relies on it.
		for i := range part {
			if part[i].ID == "" {
				part[i].ID = ids.next()
			}
		}
		if err := l.Store.AppendAudit(ctx, part); err != nil {
			g.err = fmt.Errorf("append to the audit record: %w", err)
		}
	}
	close(g.done)
}

// bound mends texts that come from a caller: long ones are cut, so that nobody
// fills the disk with one event, and bytes that a database refuses are replaced,
// so that nobody makes the events of a whole group fail.
func bound(e *tandem.AuditEvent) {
	cut(&e.Detail, MaxDetail)
	if len(e.Facts) > MaxFacts { // a part of it could not be read
		e.Facts = ""
	}
	cut(&e.Facts, MaxFacts)
	for _, s := range []*string{&e.RequestID, &e.ApplicationURI, &e.Actor, &e.SessionID, &e.SignInID, &e.TokenID, &e.RemoteAddr} {
		cut(s, maxName)
	}
}

func cut(s *string, limit int) {
	*s = tandem.Clip(*s, limit)
	if !utf8.ValidString(*s) || strings.IndexByte(*s, 0) >= 0 {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "?"), "\x00", "?")
	}
}

// ids makes UUIDs of version 7 (RFC 9562 section 5.7), which grow with time, each more
// than the last one. They name events and need not be hard to guess, so a fast generator
// with a random seed serves.
type ids struct {
	source *rand.ChaCha8
	last   int64 // milliseconds, and in the lowest 12 bits the part of one
}

func newIDs() *ids {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32()) // the runtime seeds it from the system
	}
	return &ids{source: rand.NewChaCha8(seed)}
}

// next takes the time of the system, whatever the events tell. The library's own would
// do, were its last time not that of all who use it in the process.
func (i *ids) next() string {
	var id uuid.UUID
	_, _ = i.source.Read(id[:]) // never fails
	now := time.Now().UnixNano()
	i.last = max(i.last+1, now/1e6<<12|now%1e6>>8)
	binary.BigEndian.PutUint64(id[:], uint64(i.last>>12<<16|7<<12|i.last&0xfff))
	id[8] = id[8]&0x3f | 0x80 // the variant
	return id.String()
}
