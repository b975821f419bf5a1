package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

func writable(db *sqldb.DB) *sqldb.Writable {
	return sqldb.NewWritable(db, `INSERT INTO notes (id, text, size) VALUES ($1, $2, 0)`, `DELETE FROM notes WHERE id = $1`)
}

// While writing hangs who asks shares one answer, and who goes is not kept.
func TestWritingThatHangsIsAskedForOnce(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, url string) {
		w := writable(db)
		other := open(t, url) // another process
		err := other.Write(t.Context(), func(tx *sql.Tx) error {
			if other.Engine == sqldb.PostgreSQL {
				if _, err := tx.ExecContext(t.Context(), `LOCK TABLE notes IN EXCLUSIVE MODE`); err != nil {
					return err
				}
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if err := w.Ask(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("who has gone was told %v", err)
			}
			var told [5]error
			var all sync.WaitGroup
			for i := range told {
				all.Go(func() { told[i] = w.Ask(t.Context()) })
			}
			all.Wait()
			for _, err := range told {
				if err == nil || err != told[0] {
					t.Errorf("one was told %v, another one %v", told[0], err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := writable(db).Ask(t.Context()); err != nil {
			t.Errorf("after that: %v", err)
		}
		if n := number(t, db, `SELECT count(*) FROM notes`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A program that writes for long itself can answer: it takes the turn of who asks.
func TestWritingForLongIsNoFault(t *testing.T) {
	t.Parallel()
	db := open(t, datatest.URL(t, sqldb.SQLite))
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	err := db.Write(t.Context(), func(*sql.Tx) error { return writable(db).Ask(t.Context()) })
	if err != nil {
		t.Error(err)
	}
}
