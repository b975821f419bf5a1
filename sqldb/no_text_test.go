package sqldb_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// What is no text is its sender's fault on both engines, in whatever way it comes, and ends
// no transaction that has looked at nothing else.
func TestBytesThatAreNoText(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('a', 'á', 1)`)
		for _, text := range []string{"\x00", "a\x00b", "\xff", "á\xe1", "\xed\xa0\x80"} {
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				var n int
				stmt, err := tx.Prepare(`SELECT size FROM notes WHERE id = $1`)
				if err != nil {
					return err
				}
				for name, ask := range map[string]func() error{
					"a query":   func() error { return tx.QueryRow(`SELECT size FROM notes WHERE id = $1`, text).Scan(&n) },
					"a pointer": func() error { return tx.QueryRow(`SELECT size FROM notes WHERE id = $1`, &text).Scan(&n) },
					"a change":  func() error { _, err := tx.Exec(`UPDATE notes SET text = $1`, text); return err },
					"a new row": func() error {
						_, err := tx.Exec(`INSERT INTO notes (id, text, size) VALUES ($1, '', 0)`, text)
						return err
					},
					"one that is prepared": func() error { return stmt.QueryRow(text).Scan(&n) },
				} {
					if err := ask(); tandem.ErrorCode(err) != tandem.CodeInvalid || strings.Contains(err.Error(), "SQLSTATE") {
						t.Errorf("%s of %q: %v", name, text, err)
					}
				}
				return tx.QueryRow(`SELECT size FROM notes WHERE text = $1`, "á").Scan(&n)
			})
			if err != nil {
				t.Errorf("after %q: %v", text, err)
			}
		}
	})
}

// What PostgreSQL alone finds to be no text, such as an escape within JSON, is told alike.
func TestBytesThatPostgreSQLFindsToBeNoText(t *testing.T) {
	t.Parallel()
	db := open(t, datatest.URL(t, sqldb.PostgreSQL))
	type text string // which nobody looks into
	for query, value := range map[string]any{`SELECT $1::jsonb`: `"\u0000"`, `SELECT 'a' WHERE 'a' = $1`: text("\xff")} {
		var got string
		if err := db.Reader().QueryRowContext(t.Context(), query, value).Scan(&got); tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), "SQLSTATE 22") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
