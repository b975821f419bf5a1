package session

import (
	"context"
	"errors"
	"slices"

	"github.com/hybridapps/tandem"
)

// maxUntold is how many events are kept in memory of ends that could not be recorded.
const maxUntold = 20 * MaxEnded

// record puts events on record. Sessions that have ended stay so whatever comes of it: where
// the record is away, their ends are kept for the next rounds.
func (m *Manager) record(ctx context.Context, events []tandem.AuditEvent) error {
	err := m.Auditor.RecordAll(ctx, events)
	if err != nil {
		m.keepUntold(events)
	}
	return err
}

// keepUntold keeps of events the ends of sessions, each with what comes before it about the
// same one.
func (m *Manager) keepUntold(events []tandem.AuditEvent) {
	ended := map[string]bool{}
	for i := range events {
		if events[i].Kind == tandem.AuditSessionClosed {
			ended[events[i].SessionID] = true
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range events {
		if e := events[i]; ended[e.SessionID] && len(m.untold) < maxUntold {
			if e.Once != nil { // that of the first time may still be written to
				e.Once = &tandem.Once{ID: e.Once.ID, Until: e.Once.Until}
			}
			m.untold = append(m.untold, e)
		}
	}
}

// tellLate records the ends that could not be recorded at first, in parts.
func (m *Manager) tellLate(ctx context.Context) (err error) {
	m.mu.Lock()
	late := m.untold
	m.untold = nil
	m.mu.Unlock()
	for part := range slices.Chunk(late, MaxEnded) {
		err = errors.Join(err, m.record(ctx, part)) // which keeps what fails again
	}
	return err
}
