package session

import (
	"context"
	"iter"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/paging"
)

// CloseByKey ends the session with this key, such as the sign-in that has been
// signed out, and frees its slot at once. There may be none.
func (m *Manager) CloseByKey(ctx context.Context, key string, reason tandem.EndReason) error {
	if key == "" {
		return nil
	}
	_, err := m.end(ctx, Ending{Key: key, Reason: reason}, asTheyAre)
	return err
}

// CloseOf closes the open sessions that a user has through an application: of sign-ins, and
// none of the application's own.
func (m *Manager) CloseOf(ctx context.Context, userID, applicationURI string, reason tandem.EndReason) error {
	m.once.Do(m.init)
	ids, err := m.Store.OpenOf(ctx, userID, applicationURI, m.Clock.Now())
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = m.end(ctx, Ending{IDs: ids, Reason: reason}, asTheyAre)
	return err
}

// Close ends the session with this id, and puts on record by whom. Closing one that has
// ended already changes nothing; for an id that never was, the error is tandem.ErrNotFound.
func (m *Manager) Close(ctx context.Context, by tandem.By, id, reason string) error {
	if reason == "" {
		return tandem.Errorf(tandem.CodeInvalid, "closing a session needs a reason, which its holder can see")
	}
	if len(reason) > 200 {
		return tandem.Errorf(tandem.CodeInvalid, "the reason is longer than 200 bytes")
	}
	_, err := m.end(ctx, Ending{IDs: []string{id}, Reason: tandem.EndReason(reason), By: by.Login}, by.Caused)
	if err != nil {
		return err
	}
	if err := m.tellStore(context.WithoutCancel(ctx)); err != nil { // a command has no rounds
		m.Log.WarnContext(ctx, "say that the end of a session is on record: another replica will", "session", id, "error", err)
	}
	return nil
}

// EndWhere ends the open sessions that match, and returns how many.
func (m *Manager) EndWhere(ctx context.Context, match func(*tandem.Session) bool, reason tandem.EndReason) (int, error) {
	m.once.Do(m.init)
	open, err := m.Store.List(ctx, m.Clock.Now())
	if err != nil {
		return 0, err
	}
	var ids []string
	for i := range open {
		if match(&open[i].Session) {
			ids = append(ids, open[i].ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return m.end(ctx, Ending{IDs: ids, Reason: reason}, asTheyAre)
}

// asTheyAre is for endings that nobody asked for by administering.
func asTheyAre(e tandem.AuditEvent) tandem.AuditEvent { return e }

// end ends sessions in the store, forgets them here and records it, each with what
// caused it. Many are ended in parts, each recorded before the next is ended.
func (m *Manager) end(ctx context.Context, e Ending, caused func(tandem.AuditEvent) tandem.AuditEvent) (n int, err error) {
	m.once.Do(m.init)
	if len(e.IDs) <= MaxEnded {
		return m.endPart(ctx, e, caused)
	}
	for ids := range slices.Chunk(e.IDs, MaxEnded) {
		part := e
		part.IDs = ids
		ended, err := m.endPart(ctx, part, caused)
		if n += ended; err != nil {
			return n, err
		}
	}
	return n, nil
}

func (m *Manager) endPart(ctx context.Context, e Ending, caused func(tandem.AuditEvent) tandem.AuditEvent) (int, error) {
	e.Now = m.Clock.Now()
	ended, err := m.Store.End(ctx, e)
	if err != nil {
		return 0, err
	}
	m.dropAll(ended)
	events := m.closedEvents(ctx, ended)
	for i := range events {
		if events[i].Kind == tandem.AuditSessionClosed {
			events[i] = caused(events[i])
		}
	}
	return len(ended), m.record(context.WithoutCancel(ctx), events)
}

// Show returns a session, open or ended, with the addresses that it was used from: first
// the one that it was opened from.
func (m *Manager) Show(ctx context.Context, id string) (tandem.Session, []Seen, error) {
	m.once.Do(m.init)
	stored, err := m.Store.ByID(ctx, id)
	if err != nil {
		return tandem.Session{}, nil, err
	}
	seen, err := m.Store.ListSeen(ctx, id)
	home := Seen{id, stored.RemoteAddr, stored.OpenedAt}
	return m.upToDate([]Stored{stored})[0], append([]Seen{home}, seen...), err
}

// List returns the open sessions by slot.
func (m *Manager) List(ctx context.Context) ([]tandem.Session, error) {
	m.once.Do(m.init)
	stored, err := m.Store.List(ctx, m.Clock.Now())
	if err != nil {
		return nil, err
	}
	return m.upToDate(stored), nil
}

// Each are the sessions that the filter chooses: the open ones by slot or, with
// [Filter.All], the newest first.
func (m *Manager) Each(ctx context.Context, f Filter) iter.Seq2[tandem.Session, error] {
	m.once.Do(m.init)
	return paging.All(func(after *tandem.Session, limit int) ([]tandem.Session, error) {
		stored, err := m.Store.Page(ctx, f, after, limit, m.Clock.Now())
		return m.upToDate(stored), err
	})
}

// upToDate adds to what is stored the calls that are in memory only.
func (m *Manager) upToDate(stored []Stored) []tandem.Session {
	sessions := make([]tandem.Session, len(stored))
	for i, s := range stored {
		sessions[i] = s.Session
		if e := m.known(s.ID); e != nil && s.EndedAt.IsZero() {
			sessions[i].Requests += e.calls.Load() // other replicas' calls are in the store
			if last := e.lastCall(); last.After(s.LastRequestAt) {
				sessions[i].LastRequestAt = last
			}
		}
	}
	return sessions
}

// Usage is how the licence is used.
type Usage struct {
	// Slots is the licence, InUse how many of them are held.
	Slots, InUse int
	// User, Service and Reference count open sessions by kind.
	User, Service, Reference int
	// Reserved tells of each account with reserved slots.
	Reserved map[string]ReservedUsage
}

// ReservedUsage is how an account uses the slots reserved for it.
type ReservedUsage struct{ Slots, InUse int }

// Usage counts the sessions that are open now, on all replicas.
func (m *Manager) Usage(ctx context.Context) (Usage, error) {
	m.once.Do(m.init)
	counts, err := m.count(ctx)
	if err != nil {
		return Usage{}, err
	}
	licence := m.counts.Load()
	u := Usage{Slots: licence.Slots, Reserved: make(map[string]ReservedUsage, len(licence.Reserved))}
	for login, n := range licence.Reserved {
		u.Reserved[login] = ReservedUsage{Slots: n}
	}
	for _, c := range counts {
		u.InUse += c.N
		switch c.Kind {
		case tandem.SessionUser:
			u.User += c.N
		case tandem.SessionService:
			u.Service += c.N
		case tandem.SessionReference:
			u.Reference += c.N
		}
		if r, ok := u.Reserved[c.Reserved]; ok {
			r.InUse += c.N
			u.Reserved[c.Reserved] = r
		}
	}
	return u, nil
}

// count counts for one caller at a time: anybody may ask, and what signs people in needs
// the database's other readers.
func (m *Manager) count(ctx context.Context) ([]Count, error) {
	if err := m.counting.take(ctx); err != nil {
		return nil, err
	}
	defer m.counting.leave()
	return m.Store.Count(ctx, m.Clock.Now())
}
