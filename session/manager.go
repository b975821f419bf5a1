package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// DefaultSlots is the licence where none is given.
const DefaultSlots = 25

// Auditor records events and returns when they are durable.
type Auditor interface {
	RecordAll(ctx context.Context, events []tandem.AuditEvent) error
}

// Manager finds, opens and ends sessions for one replica. Make it with its
// fields set, share the pointer, and keep [Manager.Run] running.
type Manager struct {
	Store Store
	// Licence is how many sessions may be open; no slots means DefaultSlots.
	// Replicas must be started with the same one: the last started counts.
	Licence tandem.Licence
	// Clock tells the time; nil means the system's.
	Clock   tandem.Clock
	Auditor Auditor
	// Refusals put on record who found no slot; nil records none.
	Refusals tandem.Refuser
	// Log gets what a background round could not do; the default is
	// slog.Default().
	Log *slog.Logger
	// Idle and ServiceAbsolute are the lifetimes; the defaults are
	// tandem.SessionIdle and tandem.ServiceSessionAbsolute.
	Idle, ServiceAbsolute time.Duration
	// Allowed says whether the application and the account of a session still
	// may use it. Rounds end the sessions that it refuses, with tandem.EndDisabled; with an
	// error it cannot tell: the session stays, and the next round asks again. Nil allows all.
	Allowed func(ctx context.Context, s *tandem.Session) (bool, error)
	// AllowedBy is a value that becomes another one with whatever Allowed decides by, and nil
	// while nothing can be decided: a round looks at all sessions only when it has. Those of
	// reference tokens are looked at in each, as their time may be over. Without it
	// each round looks at all.
	AllowedBy func() any
	// Opened is told of each session that this replica has opened; nil tells nobody.
	Opened func(s *tandem.Session)

	once sync.Once
	// gate lets one opening at a time reach the store, which would make them
	// queue anyway, but with a connection each.
	gate turn
	// served counts the openings that the store has answered, openings those under way.
	served, openings atomic.Int64
	// counting does the same for counts of the sessions.
	counting turn

	mu   sync.RWMutex
	live map[key]*entry
	byID map[string]*entry
	late map[*entry]struct{} // ended here, with calls that are not stored yet
	look map[string]*entry   // those to ask Allowed about
	// untold are ends that could not be recorded yet, told those on record that the store has
	// not been told of.
	untold []tandem.AuditEvent
	told   []string

	round     sync.Mutex // one Sync at a time; guards change and allowedBy
	change    int64
	allowedBy any

	applying turn // guards applied
	applied  bool
	counts   atomic.Pointer[tandem.Licence] // the licence that counts for all replicas
}

func (m *Manager) init() {
	if m.Log == nil {
		m.Log = slog.Default()
	}
	if m.Idle == 0 {
		m.Idle = tandem.SessionIdle
	}
	if m.ServiceAbsolute == 0 {
		m.ServiceAbsolute = tandem.ServiceSessionAbsolute
	}
	if m.Licence.Slots == 0 {
		m.Licence.Slots = DefaultSlots
	}
	m.counts.Store(&m.Licence)
	m.gate, m.counting, m.applying = newTurn(), newTurn(), newTurn()
	m.live = make(map[key]*entry)
	m.byID = make(map[string]*entry)
	m.late = make(map[*entry]struct{})
	m.look = make(map[string]*entry)
	m.change = -1
}

// Acquire finds the session that the principal's calls share, or opens one in
// the lowest free slot, and counts this call. The session returned is a shared
// snapshot that must not be changed.
//
// Errors are a [tandem.Error]: CodeLicenceFull when no slot is free,
// CodeUnavailable when the store does not answer.
func (m *Manager) Acquire(ctx context.Context, p *tandem.Principal, remoteAddr string) (*tandem.Session, error) {
	m.once.Do(m.init)
	k, err := keyOf(p)
	if err != nil {
		return nil, err
	}
	e := m.lookup(k)
	if e != nil {
		if !e.recorded.Load() {
			if err := m.admitFound(ctx, e); err != nil {
				return nil, m.unavailable(ctx, err)
			}
		}
		ok, err := m.touch(ctx, e)
		if err != nil {
			return nil, err
		}
		if !ok {
			e = nil
		}
	}
	if e == nil {
		if e, err = m.open(ctx, p, k, remoteAddr); err != nil {
			return nil, err
		}
	}
	if remoteAddr != e.home {
		m.elsewhere(ctx, e, remoteAddr)
	}
	return e.snapshot.Load(), nil
}

func (m *Manager) lookup(k key) *entry {
	m.mu.RLock()
	e := m.live[k]
	m.mu.RUnlock()
	return e
}

// touch counts a call in the session; it reports false when the session has
// ended.
func (m *Manager) touch(ctx context.Context, e *entry) (bool, error) {
	now := m.Clock.Now().UnixMicro()
	if e.ended.Load() || now >= e.expiry(e.last.Load()) {
		return false, nil
	}
	if now-e.stored.Load() < trust.Microseconds() {
		e.count(now)
		if e.ended.Load() { // just now: the call is admitted, and counts
			m.keepCalls(e)
		}
		return true, nil
	}
	return m.touchThrough(ctx, e)
}

// touchThrough writes a call through to the store, because the time stored has
// become so old that another replica could not know how long the session lives.
func (m *Manager) touchThrough(ctx context.Context, e *entry) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := e.writing.take(ctx); err != nil {
		return false, m.unavailable(ctx, err)
	}
	defer e.writing.leave()
	now := m.Clock.Now().UnixMicro()
	if e.ended.Load() {
		return false, nil
	}
	if now-e.stored.Load() < trust.Microseconds() { // somebody else has just done it
		e.count(now)
		return true, nil
	}
	e.count(now)
	t := e.take()
	ok, err := m.Store.TouchLive(ctx, t)
	if err != nil {
		e.giveBack(t, 1)
		return false, m.unavailable(ctx, err)
	}
	if !ok {
		e.giveBack(t, 1)
		m.drop(e)
		return false, nil
	}
	e.written(t)
	return true, nil
}

// unavailable is the error that a caller may see when the store or the record
// does not answer. Its cause is for the log.
func (m *Manager) unavailable(ctx context.Context, err error) error {
	if tandem.ErrorCode(err) != tandem.CodeInternal {
		return err
	}
	if !errors.Is(err, context.Canceled) { // the caller has gone
		m.Log.ErrorContext(ctx, "look up or open a session", "error", err)
	}
	return fmt.Errorf("%w: %w", errUnavailable, err)
}

// applyLicence makes this replica's licence the one that counts, once.
func (m *Manager) applyLicence(ctx context.Context) error {
	if err := m.applying.take(ctx); err != nil {
		return err
	}
	defer m.applying.leave()
	if m.applied {
		return nil
	}
	if err := CheckLicence(m.Licence); err != nil {
		return err
	}
	ended, err := m.Store.SetLicence(ctx, m.Licence, m.Clock.Now())
	m.dropAll(ended)
	if err == nil {
		m.applied = true
		m.counts.Store(&m.Licence)
	}
	return errors.Join(err, m.record(ctx, m.closedEvents(ctx, ended)))
}

// elsewhere notes that a session is used from another address than it was opened from.
func (m *Manager) elsewhere(ctx context.Context, e *entry, remoteAddr string) {
	e.saw(remoteAddr, m.Clock.Now())
	if e.watched && !e.multiplexed.Load() {
		m.watch(ctx, e, remoteAddr)
	}
}

// watch records, once for a session, that a service session is used from more
// than one place.
func (m *Manager) watch(ctx context.Context, e *entry, remoteAddr string) {
	if samePlace(e.home, remoteAddr) || !e.multiplexed.CompareAndSwap(false, true) {
		return
	}
	s := e.snapshot.Load()
	first, err := m.Store.MarkMultiplexed(ctx, s.ID)
	if err != nil {
		e.multiplexed.Store(false) // the next call tries again
	} else if first { // which nobody will be any more
		event := multiplexedEvent(s, e.home, remoteAddr, m.Clock.Now())
		event.Once = m.onceOf("session multiplexed|" + s.ID)
		err = m.record(ctx, []tandem.AuditEvent{event})
	}
	if err != nil {
		m.Log.ErrorContext(ctx, "record possible multiplexing", "session", s.ID, "error", err)
	}
}

// keep puts a stored session in memory, with what is to be recorded of its opening.
func (m *Manager) keep(k key, s Stored, opening tandem.AuditEvent) *entry {
	e := newEntry(k, s, opening, m.Idle)
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.live[k]; old != nil {
		if old.id == e.id && !old.ended.Load() {
			old.refresh(s)
			return old
		}
		old.ended.Store(true)
		delete(m.byID, old.id)
		delete(m.look, old.id)
		m.keepCallsLocked(old)
	}
	m.live[k] = e
	m.byID[e.id] = e
	m.look[e.id] = e
	return e
}

// drop forgets a session that has ended.
func (m *Manager) drop(e *entry) {
	e.ended.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[e.key] == e {
		delete(m.live, e.key)
	}
	if m.byID[e.id] == e {
		delete(m.byID, e.id)
		delete(m.look, e.id)
	}
	m.keepCallsLocked(e)
}

// keepCalls has the calls of a session that has ended written back with the
// next flush, so that none of them is lost.
func (m *Manager) keepCalls(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keepCallsLocked(e)
}

func (m *Manager) keepCallsLocked(e *entry) {
	if e.calls.Load() > 0 {
		m.late[e] = struct{}{}
	}
}

// dropAll forgets sessions that have ended, and adds to them what is not stored yet.
func (m *Manager) dropAll(ended []Stored) {
	for i := range ended {
		if e := m.known(ended[i].ID); e != nil {
			ended[i].Requests += e.calls.Load()
			ended[i].Recorded = ended[i].Recorded || e.recorded.Load()
			m.drop(e)
		}
	}
}

// known is the open session with the id in memory; nil when there is none.
func (m *Manager) known(id string) *entry {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byID[id]
}
