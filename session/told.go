package session

import (
	"context"
	"errors"
	"slices"

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
		}
	}
	return err
}
