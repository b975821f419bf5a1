package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
)

// maxUntold is how many events are kept in memory that could not be recorded.
const maxUntold = 20 * MaxEnded

// record puts events on record. Sessions that have ended, or are marked, stay so whatever
// comes of it: where the record is away, what says so is kept for the next rounds.
func (m *Manager) record(ctx context.Context, events []tandem.AuditEvent) error {
	err := m.Auditor.RecordAll(ctx, events)
	if err != nil {
		m.keepUntold(events)
	} else {
		m.keepTold(events)
	}
	return err
}

// keepUntold keeps of events the ends of sessions, each with what comes before it about the
// same one, and what is said once of one that is used from several places.
func (m *Manager) keepUntold(events []tandem.AuditEvent) {
	stays := map[string]bool{}
	for i := range events {
		switch events[i].Kind {
		case tandem.AuditSessionClosed, tandem.AuditMultiplexing:
			stays[events[i].SessionID] = true
		}
	}
	m.tellLater(slices.DeleteFunc(slices.Clone(events), func(e tandem.AuditEvent) bool { return !stays[e.SessionID] }))
}

func (m *Manager) tellLater(events []tandem.AuditEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	room := min(len(events), maxUntold-len(m.untold))
	if lost := len(events) - room; lost > 0 {
		m.Log.Error("ends of sessions will not be on record: the record has been away for too long", "events", lost)
	}
	for _, e := range events[:room] {
		if e.Once != nil { // that of the first time may still be written to
			e.Once = &tandem.Once{ID: e.Once.ID, Until: e.Once.Until}
		}
		m.untold = append(m.untold, e)
	}
}

// tell puts on record what is not there yet of sessions that have ended, here or elsewhere.
func (m *Manager) tell(ctx context.Context) error {
	late := m.tellLate(ctx)
	err := errors.Join(late, m.tellStore(ctx))
	if late == nil { // else the record is away
		err = errors.Join(err, m.tellOthers(ctx))
	}
	return err
}

// tellLate records what could not be recorded at first, in parts.
func (m *Manager) tellLate(ctx context.Context) (err error) {
	m.mu.Lock()
	late := m.untold
	m.untold = nil
	m.mu.Unlock()
	for part := range slices.Chunk(late, MaxEnded) {
		if failed := m.Auditor.RecordAll(ctx, part); failed != nil {
			m.tellLater(part)
			err = errors.Join(err, failed)
		} else {
			m.keepTold(part)
		}
	}
	return err
}

// keepTold keeps whose ends are on record, for the next round to tell the store. Where there
// is none any more, that of another replica finds them on record.
func (m *Manager) keepTold(events []tandem.AuditEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range events {
		if events[i].Kind == tandem.AuditSessionClosed && len(m.told) < maxUntold {
			m.told = append(m.told, events[i].SessionID)
		}
	}
}

// tellStore tells the store whose ends are on record.
func (m *Manager) tellStore(ctx context.Context) (err error) {
	m.mu.Lock()
	told := m.told
	m.told = nil
	m.mu.Unlock()
	for ids := range slices.Chunk(told, MaxEnded) {
		if failed := m.Store.Told(ctx, ids); failed != nil {
			m.mu.Lock()
			m.told = append(m.told, ids...)
			m.mu.Unlock()
			err = errors.Join(err, failed)
		}
	}
	return err
}

// untoldAfter is how long whoever ended a session has to say that its end is on record.
const untoldAfter = 10 * time.Second

// tellOthers records the ends of sessions of which nobody has said that they are on record:
// whoever ended them may have died.
func (m *Manager) tellOthers(ctx context.Context) error {
	untold, err := m.Store.Untold(ctx, m.Clock.Now().Add(-untoldAfter), MaxEnded)
	if err != nil || len(untold) == 0 {
		return err
	}
	var told []string
	untold = slices.DeleteFunc(untold, func(s Stored) bool {
		recorded := m.onRecord(ctx, m.onceClosed(s.ID))
		if recorded {
			told = append(told, s.ID)
		}
		return recorded
	})
	events := m.closedEvents(ctx, untold)
	by := map[string]string{}
	for i := range untold {
		by[untold[i].ID] = untold[i].ClosedBy
	}
	for i := range events {
		if login := by[events[i].SessionID]; login != "" && events[i].Kind == tandem.AuditSessionClosed {
			events[i] = tandem.By{Login: login}.Caused(events[i]) // through what is not known any more
		}
	}
	if err = m.Auditor.RecordAll(ctx, events); err == nil { // else the rows say so
		for i := range untold {
			told = append(told, untold[i].ID)
		}
	}
	if len(told) > 0 {
		err = errors.Join(err, m.Store.Told(ctx, told))
	}
	return err
}
