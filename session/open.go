package session

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// open finds or opens the session in the store. Once begun it is finished even
// if the caller goes away, so that no slot is taken without a record.
func (m *Manager) open(ctx context.Context, p *tandem.Principal, k key, remoteAddr string) (*entry, error) {
	if err := m.enter(ctx); err != nil {
		return nil, m.unavailable(ctx, err)
	}
	type found struct {
		e   *entry
		err error
	}
	done := make(chan found, 1)
	m.openings.Add(1)
	go func() {
		defer m.openings.Add(-1)
		defer func() {
			if fault := recover(); fault != nil { // as of any request, it is no end of the program
				done <- found{nil, fmt.Errorf("panic: %v\n%s", fault, debug.Stack())}
			}
		}()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
		defer cancel()
		e, err := m.openEntered(within, p, k, remoteAddr)
		done <- found{e, err}
	}()
	select {
	case f := <-done:
		return f.e, f.err
	case <-ctx.Done():
		return nil, m.unavailable(ctx, ctx.Err())
	}
}

func (m *Manager) openEntered(ctx context.Context, p *tandem.Principal, k key, remoteAddr string) (*entry, error) {
	e, opened, err := m.openAlone(ctx, p, k, remoteAddr)
	events := m.closedEvents(ctx, opened.Expired)
	if err != nil {
		return nil, m.unavailable(ctx, errors.Join(err, m.recordAnyway(ctx, events)))
	}
	if e == nil {
		return nil, m.refuse(ctx, p, remoteAddr, opened.Licence, events)
	}
	if err := m.admit(ctx, e, events, opened.Fresh); err != nil {
		if opened.Fresh {
			m.undo(ctx, opened.ID)
		}
		return nil, m.unavailable(ctx, err)
	}
	return e, nil
}

// enter waits for the gate: for as long as it takes while the store answers those before,
// and else as long as one opening may take.
func (m *Manager) enter(ctx context.Context) error {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	served := m.served.Load()
	var look func()
	look = func() {
		switch now := m.served.Load(); {
		case within.Err() != nil: // it has its turn
		case now == served:
			cancel(fmt.Errorf("no session was opened for %s: %w", openTimeout, context.DeadlineExceeded))
		default:
			served = now
			time.AfterFunc(openTimeout, look)
		}
	}
	first := time.AfterFunc(openTimeout, look)
	defer first.Stop()
	if m.gate.take(within) != nil { // once: who asks again is the last again
		return context.Cause(within)
	}
	return nil
}

// settleIn is how long the end waits for openings: a store that answers needs less.
const settleIn = 5 * time.Second

// settle waits for the openings that are under way: what they opened has to be put on
// record, although whoever called has gone.
func (m *Manager) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleIn)
	defer cancel()
	for m.openings.Load() > 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// admit puts the opening of a session on record where it may not be there yet, and with it
// the other events. Whoever opened the session does so, and others wait for it; where that
// one is gone, whoever finds the session. A session that could not be recorded must not be
// used: a fresh one is forgotten.
func (m *Manager) admit(ctx context.Context, e *entry, events []tandem.AuditEvent, fresh bool) error {
	if e.recorded.Load() {
		return m.record(ctx, events)
	}
	if err := e.recording.take(ctx); err != nil {
		return err
	}
	defer e.recording.leave()
	var once *tandem.Once
	if opening := e.opening.Load(); opening != nil && !e.ended.Load() {
		once = m.onceOpened(e.id)
		if !fresh && m.onRecord(ctx, once) {
			e.isRecorded()
			once = nil
		} else {
			late := *opening
			late.Once = once
			events = append(events, late)
		}
	}
	if err := m.record(ctx, events); err != nil {
		if fresh {
			m.drop(e)
		}
		return err
	}
	if once == nil {
		return nil
	}
	e.isRecorded()
	if once.First && m.Opened != nil {
		m.Opened(e.snapshot.Load())
	}
	return nil
}

// admitFound is admit for a call in a session that is there.
func (m *Manager) admitFound(ctx context.Context, e *entry) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return m.admit(ctx, e, nil, false)
}

// undo ends a session that could not be recorded, maybe because the time of its opening is
// over: it has time of its own, as the session would be used without a record else.
// Another replica may have recorded it: so opening and end are put on record.
func (m *Manager) undo(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	if _, err := m.endPart(ctx, Ending{IDs: []string{id}, Reason: "not recorded"}, asTheyAre); err != nil {
		m.Log.ErrorContext(ctx, "end a session that could not be recorded", "session", id, "error", err)
	}
}

// refuse says that no slot is free, and puts it on record beside what has ended.
func (m *Manager) refuse(ctx context.Context, p *tandem.Principal, remoteAddr string, l tandem.Licence, events []tandem.AuditEvent) error {
	full := licenceFull(l)
	err := m.record(ctx, events)
	if m.Refusals != nil {
		var failed error
		full.Reference, failed = m.Refusals.Refused(ctx, refusedEvent(p, remoteAddr, l), refusedFacts(p), string(full.Code))
		err = errors.Join(err, failed)
	}
	if err != nil {
		m.Log.ErrorContext(ctx, "a refusal for want of a slot is not on record", "error", err)
	}
	return full
}

// recordAnyway is for what has happened although the opening failed, maybe because its
// time is over: that is no reason not to record it.
func (m *Manager) recordAnyway(ctx context.Context, events []tandem.AuditEvent) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	return m.record(ctx, events)
}

// openAlone holds the gate, and leaves it. A nil entry without an error says that no slot is
// free. With an error, too, the sessions in Expired have ended.
func (m *Manager) openAlone(ctx context.Context, p *tandem.Principal, k key, remoteAddr string) (_ *entry, _ Opened, err error) {
	defer m.gate.leave()
	defer func() {
		if err == nil {
			m.served.Add(1)
		}
	}()
	if e := m.lookup(k); e != nil { // opened while we waited
		if ok, err := m.touch(ctx, e); err != nil || ok {
			return e, Opened{}, err
		}
		m.drop(e)
	}
	if err := m.applyLicence(ctx); err != nil {
		return nil, Opened{}, err
	}
	opened, err := m.Store.Open(ctx, Opening{Session: m.draft(p, k), RemoteAddr: remoteAddr, Idle: m.Idle})
	m.dropAll(opened.Expired)
	if err != nil {
		return nil, opened, err
	}
	m.counts.Store(&opened.Licence)
	if opened.ID == "" {
		return nil, opened, nil
	}
	return m.keep(k, opened.Stored, openedEvent(p, &opened)), opened, nil
}

// draft is the session as it would be opened, without a slot.
func (m *Manager) draft(p *tandem.Principal, k key) tandem.Session {
	// Whole microseconds are what a store keeps.
	now := m.Clock.Now().UTC().Truncate(time.Microsecond)
	s := tandem.Session{
		ID:             uuid.NewString(),
		Key:            k.String(),
		Kind:           tandem.SessionUser,
		User:           p.Actor(),
		UserID:         p.ActorID(),
		ApplicationURI: p.ApplicationURI,
		OpenedAt:       now,
		LastRequestAt:  now,
		Requests:       1,
	}
	if p.Service != nil {
		s.Kind = tandem.SessionService
		s.ServiceInstance = p.Service.Instance
		s.AbsoluteExpiresAt = now.Add(m.ServiceAbsolute)
	}
	if p.Reference {
		s.Kind = tandem.SessionReference
	}
	return s
}
