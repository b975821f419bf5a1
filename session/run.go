package session

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/hybridapps/tandem"
)

const (
	// Interval is how often a replica writes touches back and learns of
	// sessions that ended elsewhere.
	Interval = 1500 * time.Millisecond
	// Keep is for how long ended sessions are listed.
	Keep = 30 * 24 * time.Hour
)

// Run applies the licence and keeps memory and store together until ctx ends;
// then it writes back what is left. Faults are logged and tried again, since
// the calls that need the store report them too.
func (m *Manager) Run(ctx context.Context) {
	m.once.Do(m.init)
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		if err := m.Sync(ctx); err != nil && ctx.Err() == nil {
			m.Log.ErrorContext(ctx, "keep sessions in step with the store", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			m.settle(context.WithoutCancel(ctx))
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := errors.Join(m.flush(last), m.tellLate(last), m.tellStore(last)); err != nil {
				m.Log.ErrorContext(last, "write back sessions at the end", "error", err)
			}
			return
		}
	}
}

// Sync does one round of [Manager.Run]: it writes touches back, forgets
// sessions that ended elsewhere, ends what is overdue or no longer allowed, and
// records what it ended.
func (m *Manager) Sync(ctx context.Context) error {
	m.once.Do(m.init)
	m.round.Lock()
	defer m.round.Unlock()
	if err := m.applyLicence(ctx); err != nil {
		return err
	}
	if m.change < 0 {
		if err := m.load(ctx); err != nil {
			return err
		}
	}
	err := errors.Join(m.flush(ctx), m.tell(ctx))
	ids, last, listErr := m.Store.EndedSince(ctx, m.change)
	if listErr == nil {
		m.change = last
		for _, id := range ids {
			if e := m.known(id); e != nil {
				m.drop(e)
			}
		}
	}
	return errors.Join(err, listErr, m.expire(ctx), m.endDisallowed(ctx))
}

// maxExpiring is for how long a round ends what is overdue, which may be all sessions after
// a time without any replica. The next round goes on.
const maxExpiring = time.Second

// expire ends what is overdue and records it, part by part. Between two parts others write
// for as long as the part took.
func (m *Manager) expire(ctx context.Context) error {
	for begun := time.Now(); ; {
		part := time.Now()
		expired, err := m.Store.Expire(ctx, m.Clock.Now())
		m.dropAll(expired)
		err = errors.Join(err, m.record(ctx, m.closedEvents(ctx, expired)))
		if err != nil || len(expired) < MaxEnded || time.Since(begun) > maxExpiring {
			return err
		}
		select {
		case <-time.After(time.Since(part)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Purge forgets sessions that ended longer ago than [Keep]; call it now and then.
func (m *Manager) Purge(ctx context.Context) error {
	return m.Store.Forget(ctx, m.Clock.Now().Add(-Keep))
}

// load brings the open sessions into memory, after a restart.
func (m *Manager) load(ctx context.Context) error {
	// The change is read first: what ends meanwhile is told by the next round.
	_, change, err := m.Store.EndedSince(ctx, -1)
	if err != nil {
		return err
	}
	m.mu.RLock()
	before := maps.Clone(m.byID) // opened by calls that came before the first round
	m.mu.RUnlock()
	open, err := m.Store.List(ctx, m.Clock.Now())
	if err != nil {
		return err
	}
	var unrecorded []*entry
	for _, s := range open {
		delete(before, s.ID)
		if e := m.keep(parseKey(&s.Session), s, m.openedLate(s)); !s.Recorded {
			unrecorded = append(unrecorded, e)
		}
	}
	for _, e := range before {
		m.drop(e)
	}
	m.change = change
	for _, e := range unrecorded {
		if err := m.admit(ctx, e, nil, false); err != nil {
			return err // they are recorded when they are used, or end
		}
	}
	return nil
}

// flush writes back the calls counted since the last one, in one batch.
func (m *Manager) flush(ctx context.Context) error {
	var entries []*entry
	m.mu.Lock()
	for _, e := range m.byID {
		if e.isUnwritten() {
			entries = append(entries, e)
		}
	}
	for e := range m.late {
		entries = append(entries, e)
	}
	clear(m.late)
	m.mu.Unlock()
	if len(entries) == 0 {
		return nil
	}
	touches := make([]Touch, len(entries))
	var seen []Seen
	for i, e := range entries {
		touches[i] = e.take()
		seen = append(seen, e.takeSeen()...)
	}
	left, err := m.Store.Touch(ctx, touches)
	unwritten := make(map[string]bool, len(left))
	for i := range left {
		unwritten[left[i].ID] = true
	}
	for i, e := range entries {
		if !unwritten[e.id] {
			e.written(touches[i])
			continue
		}
		e.giveBack(touches[i], 0)
		if e.ended.Load() {
			m.keepCalls(e)
		}
	}
	if err != nil {
		for i := range seen {
			m.giveBackSeen(seen[i])
		}
		return err
	}
	return m.flushSeen(ctx, seen)
}

// flushSeen writes the addresses down that sessions were used from. Those of a session
// that is not open any more are given up when they cannot be written.
func (m *Manager) flushSeen(ctx context.Context, seen []Seen) error {
	if len(seen) == 0 {
		return nil
	}
	err := m.Store.AddSeen(ctx, seen)
	if err != nil {
		for i := range seen {
			m.giveBackSeen(seen[i])
		}
	}
	return err
}

func (m *Manager) giveBackSeen(seen Seen) {
	if e := m.known(seen.SessionID); e != nil {
		e.giveBackSeen(seen)
	}
}

// maxLooking bounds how long a round asks whether sessions are allowed, which may ask the
// database about each: calls that were counted are written back meanwhile.
const maxLooking = time.Second

// endDisallowed ends the sessions that are not allowed any more.
func (m *Manager) endDisallowed(ctx context.Context) error {
	if m.Allowed == nil {
		return nil
	}
	var by any
	if m.AllowedBy != nil {
		if by = m.AllowedBy(); by == nil {
			return nil
		}
	}
	m.mu.Lock()
	look := m.look
	if by == nil || by != m.allowedBy {
		look = maps.Clone(m.byID)
	}
	m.look = make(map[string]*entry)
	m.mu.Unlock()
	m.allowedBy = by
	ids := m.disallowed(ctx, look)
	m.mu.Lock()
	for id, e := range look { // the next round goes on with them
		if !e.ended.Load() {
			m.look[id] = e
		}
	}
	m.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	_, err := m.end(ctx, Ending{IDs: ids, Reason: tandem.EndDisabled}, asTheyAre)
	if err != nil {
		m.allowedBy = nil // look at all again
	}
	return err
}

// disallowed are the ids of the sessions that are not allowed any more. It takes those away
// from what it is given that need not be looked at in the next round.
func (m *Manager) disallowed(ctx context.Context, look map[string]*entry) (ids []string) {
	ctx, cancel := context.WithTimeout(ctx, maxLooking)
	defer cancel()
	for id, e := range look {
		s := e.snapshot.Load()
		allowed, err := true, error(nil)
		if !e.ended.Load() {
			allowed, err = m.Allowed(ctx, s)
		}
		if ctx.Err() != nil {
			return ids
		}
		if err != nil {
			continue
		}
		if !allowed {
			ids = append(ids, id)
		}
		if s.Kind != tandem.SessionReference {
			delete(look, id)
		}
	}
	return ids
}
