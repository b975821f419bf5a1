package testdb_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
)

func TestACopyIsOneTestsOwn(t *testing.T) {
	t.Parallel()
	var made atomic.Int32
	template := testdb.Template{Name: "testdb_notes", Make: func(ctx context.Context, url string) (string, error) {
		made.Add(1)
		db, err := sqldb.Open(ctx, url, sqldb.Options{})
		if err != nil {
			return "", err
		}
		if _, err := db.Writer().ExecContext(ctx, "CREATE TABLE notes (text TEXT NOT NULL)"); err != nil {
			return "", err
		}
		return `it's "there"`, db.Close()
	}}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			made.Store(0)
			for range 2 {
				url, note := template.Copy(t, engine)
				if note != `it's "there"` {
					t.Errorf("the note is %q", note)
				}
				db, err := sqldb.Open(t.Context(), url, sqldb.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.Writer().ExecContext(t.Context(), "INSERT INTO notes VALUES ('mine')"); err != nil {
					t.Fatal(err)
				}
				var n int
				if err := db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil || n != 1 {
					t.Errorf("%d rows are there, want the one of this test: %v", n, err)
				}
			}
			if n := made.Load(); n > 1 {
				t.Errorf("the template was made %d times", n)
			}
		})
	}
}
