package data_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// A licence that moves all sessions takes them in the order of their ids, as those do that
// touch them: where it waits for the first it has none that the other will want.
func TestALicenceMovesSessionsInOneOrder(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.PostgreSQL)
	s := data.NewSessions(db)
	relicense := func(l tandem.Licence) error { _, err := s.SetLicence(t.Context(), l, noon); return err }
	must(t, relicense(tandem.Licence{Slots: 9}))
	ids := []string{"c", "b", "a"}
	for _, id := range ids { // against the order
		_, err := s.Open(t.Context(), session.Opening{Idle: time.Minute, Session: tandem.Session{ID: id, Key: id, User: "anna", OpenedAt: noon, LastRequestAt: noon}})
		must(t, err)
	}
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	must(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `UPDATE sessions SET requests = requests + 1 WHERE id = 'a'`)
	must(t, err)
	moved := make(chan error, 1)
	go func() { moved <- relicense(tandem.Licence{Slots: 9, Reserved: map[string]int{"anna": 3}}) }()
	testkit.Eventually(t, "the licence waits for the first", func() bool { return waiting(t, db) > 0 })
	free, err := sqldb.List[string](tx.QueryContext(t.Context(), `SELECT id FROM sessions ORDER BY id FOR UPDATE SKIP LOCKED`))
	slices.Reverse(ids)
	if err != nil || !slices.Equal(free, ids) {
		t.Errorf("while the licence waits only %q are free, %v", free, err)
	}
	must(t, tx.Commit())
	must(t, <-moved)
}
