package session_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hybridapps/tandem/session"
)

// The addresses of a session are known on every replica, eight at most, and who closed it
// is, too.
func TestWhereASessionWasUsedFrom(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.replica(3, nil), w.replica(3, nil)
		anna := w.call(a, user("anna", "sid"))
		w.sync(a)
		w.sync(b)
		from := func(m *session.Manager, address string) {
			t.Helper()
			if _, err := m.Acquire(t.Context(), user("anna", "sid"), address); err != nil {
				t.Error(err)
			}
		}
		from(b, home)
		for range 3 {
			from(a, "192.0.2.7")
			from(b, "192.0.2.8")
			from(b, "192.0.2.7")
		}
		w.sync(a)
		w.sync(b)
		addresses := func() (all []string) {
			t.Helper()
			_, seen, err := a.Show(t.Context(), anna.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seen {
				all = append(all, s.Address)
			}
			return all
		}
		if got := addresses(); len(got) != 3 || got[0] != home || !slices.Contains(got, "192.0.2.7") || !slices.Contains(got, "192.0.2.8") {
			t.Errorf("used from %v", got)
		}
		for i := range 20 {
			from(a, fmt.Sprint("198.51.100.", i))
			from(b, fmt.Sprint("203.0.113.", i))
		}
		w.sync(a)
		w.sync(b)
		if got := addresses(); len(got) != session.MaxAddresses {
			t.Errorf("%d addresses: %v", len(got), got)
		}
		if err := b.Close(t.Context(), by, anna.ID, "maintenance"); err != nil {
			t.Fatal(err)
		}
		if s, _, err := a.Show(t.Context(), anna.ID); err != nil || s.ClosedBy != by.Login {
			t.Errorf("closed by %q, %v", s.ClosedBy, err)
		}
		if _, _, err := a.Show(t.Context(), "never was"); err == nil {
			t.Error("a session that never was is shown")
		}
	})
}
