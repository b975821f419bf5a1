package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// NewMemoryStore makes a store in memory, for tests and small apps with a
// single process: a restart signs everybody out.
func NewMemoryStore() SessionStore {
	return &memoryStore{rows: map[SessionKey]StoredSession{}}
}

type memoryStore struct {
	memoryForms
	mu   sync.Mutex
	rows map[SessionKey]StoredSession
}

func (m *memoryStore) Create(_ context.Context, s StoredSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[s.Key] = s
	return nil
}

func (m *memoryStore) ByID(_ context.Context, key SessionKey) (StoredSession, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.rows[key]
	if !ok {
		return StoredSession{}, tandem.ErrNotFound
	}
	return s, nil
}

func (m *memoryStore) Save(_ context.Context, s StoredSession) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[s.Key]
	if !ok || row.Version != s.Version-1 {
		return false, nil
	}
	row.Sealed, row.UserID, row.SignInID, row.Version = s.Sealed, s.UserID, s.SignInID, s.Version
	m.rows[s.Key] = row
	return true, nil
}

func (m *memoryStore) Touch(_ context.Context, key SessionKey, expiresAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, ok := m.rows[key]; ok {
		row.ExpiresAt = expiresAt
		m.rows[key] = row
	}
	return nil
}

func (m *memoryStore) Delete(_ context.Context, key SessionKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, key)
	return nil
}

func (m *memoryStore) DeleteSignIn(_ context.Context, signInID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, row := range m.rows {
		if row.SignInID == signInID {
			delete(m.rows, key)
		}
	}
	return nil
}

func (m *memoryStore) Purge(_ context.Context, now time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for key, row := range m.rows {
		if !now.Before(row.ExpiresAt) {
			delete(m.rows, key)
			n++
		}
	}
	return n, nil
}

func (m *memoryStore) Count(_ context.Context, now time.Time) (sessions, people int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	for _, row := range m.rows {
		if now.Before(row.ExpiresAt) {
			sessions++
			seen[row.UserID] = true
		}
	}
	return sessions, len(seen), nil
}

// maxMemoryForms bounds the forms kept in memory, of all people together.
const maxMemoryForms = 500

// memoryForms are the kept forms, the oldest first.
type memoryForms struct {
	mu   sync.Mutex
	kept []StoredForm
}

func (m *memoryForms) KeepForm(_ context.Context, f StoredForm) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := 0
	for i := len(m.kept) - 1; i >= 0; i-- {
		if m.kept[i].UserID != f.UserID {
			continue
		}
		if own++; own >= MaxKeptForms {
			m.kept = slices.Delete(m.kept, i, i+1)
		}
	}
	m.kept = append(m.kept[max(0, len(m.kept)-maxMemoryForms+1):], f)
	return nil
}

func (m *memoryForms) Form(_ context.Context, key SessionKey) (StoredForm, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.kept {
		if f.Key == key {
			return f, nil
		}
	}
	return StoredForm{}, tandem.ErrNotFound
}

func (m *memoryForms) PurgeForms(_ context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = slices.DeleteFunc(m.kept, func(f StoredForm) bool { return !now.Before(f.ExpiresAt) })
	return nil
}
