package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// A server that hangs and closes nothing holds nobody for ever, whatever it was asked last:
// also the words that begin and end a transaction, and the question whether a connection that
// was idle is still one. Who comes next gets another connection.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	errUndo := errors.New("undo it")
	write := func(after error) func(context.Context, *sqldb.DB, func()) error {
		return func(ctx context.Context, db *sqldb.DB, hang func()) error {
			return db.Write(ctx, func(tx *sql.Tx) error { hang(); return after })
		}
	}
	for what, do := range map[string]func(ctx context.Context, db *sqldb.DB, hang func()) error{
		"begin": func(ctx context.Context, db *sqldb.DB, hang func()) error {
			hang()
			return db.Write(ctx, func(*sql.Tx) error { return nil })
		},
		"commit":   write(nil),
		"rollback": write(errUndo),
		"an idle connection": func(ctx context.Context, db *sqldb.DB, hang func()) error {
			time.Sleep(1100 * time.Millisecond) // what is idle for a second is asked
			hang()
			_, err := db.Writer().ExecContext(ctx, `SELECT 1`)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := testkit.NewWire(t, datatest.URL(t, sqldb.PostgreSQL))
			db, err := sqldb.Open(t.Context(), w.URL, sqldb.Options{MaxConns: 2, Limits: sqldb.Limits{Statement: 3 * time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Cut(); db.Close() })
			exec(t, db, `SELECT 1`)
			exec(t, db, `SELECT 1`) // it has been asked just now
			done := make(chan error, 1)
			go func() { done <- do(t.Context(), db, w.Hold) }()
			select {
			case err := <-done:
				switch {
				case (what == "an idle connection" || what == "begin") && err == nil: // it was idle, and another one was got
				case what == "rollback" && errors.Is(err, errUndo):
				case tandem.ErrorCode(err) != tandem.CodeUnavailable || errors.Is(err, context.Canceled): // nobody has gone
					t.Errorf("who waited was told %v", err)
				}
			case <-time.After(testkit.Patience):
				t.Fatal("it is waited for without end")
			}
			testkit.Eventually(t, "the next one gets another connection", func() bool {
				_, err := db.Writer().ExecContext(t.Context(), `SELECT 1`)
				return err == nil
			})
		})
	}
}
