package data_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// fillAssertions makes n rows whose expiry is their number.
func fillAssertions(t *testing.T, db *sqldb.DB, n int) {
	t.Helper()
	form := map[sqldb.Engine]string{sqldb.SQLite: `(X'%08x', %d)`, sqldb.PostgreSQL: `('\x%08x', %d)`}[db.Engine]
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf(form, i, i/2))
	}
	_, err := db.Writer().ExecContext(t.Context(), `INSERT INTO client_assertions (id, expires_at) VALUES `+strings.Join(rows, ", "))
	must(t, err)
}

func countOf(t *testing.T, q interface {
	QueryRow(query string, args ...any) *sql.Row
}, table string) (n int) {
	t.Helper()
	must(t, q.QueryRow(`SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

// Who writes while a purge is under way has turns: it sees a part of the rows
// gone and the others not yet. What the condition leaves out stays.
func TestPurgeGoesInParts(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const all, gone = 8000, 7000
		fillAssertions(t, db, all)
		var deleted int64
		done := make(chan error, 1)
		go func() {
			var err error
			deleted, err = db.Purge(t.Context(), sqldb.Purge{
				Table: "client_assertions", Column: "expires_at", Before: int64(gone / 2), And: `expires_at <> $4`, Args: []any{3},
			})
			done <- err
		}()
		between := false
		for {
			select {
			case err := <-done:
				must(t, err)
				if left := countOf(t, db.Reader(), "client_assertions"); deleted != gone-2 || left != all-gone+2 {
					t.Errorf("%d rows were deleted, %d are left", deleted, left)
				}
				if !between {
					t.Error("nobody wrote while the purge went on")
				}
				return
			default:
			}
			must(t, db.Write(t.Context(), func(tx *sql.Tx) error {
				n := countOf(t, tx, "client_assertions")
				between = between || n < all && n > all-gone+2
				return nil
			}))
		}
	})
}

// Every purge finds its rows by an index, however many there are that stay.
func TestPurgesFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	for _, p := range data.Purges {
		plan := planOf(t, db, strings.ReplaceAll(p.Find("rowid"), "$4", "$1"))
		if !strings.HasPrefix(plan, "SEARCH "+p.Table+" USING") || strings.Count(plan, "\n") > 1 {
			t.Errorf("%s by %s: %s", p.Table, p.Column, plan)
		}
	}
}
