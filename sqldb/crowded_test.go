package sqldb_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// limited is a database of PostgreSQL for a role that may have n connections.
func limited(t *testing.T, n int) (admin *sqldb.DB, address string) {
	t.Helper()
	at := datatest.URL(t, sqldb.PostgreSQL)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	admin = open(t, at)
	role := "role_" + strings.ToLower(rand.Text()[:16])
	exec(t, admin, fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'few' CONNECTION LIMIT %d`, role, n))
	exec(t, admin, fmt.Sprintf(`GRANT ALL ON SCHEMA %s TO %s`, u.Query().Get("search_path"), role))
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY `, `DROP ROLE `} {
			if _, err := admin.Writer().ExecContext(context.Background(), statement+role); err != nil {
				t.Error(err)
			}
		}
	})
	u.User = url.UserPassword(role, "few")
	return admin, u.String()
}

// Where the server gives fewer connections than the pool may have, everybody is
// served over those that there are.
func TestPoolLivesWithTheConnectionsThatThereAre(t *testing.T) {
	t.Parallel()
	_, address := limited(t, 3)
	db, err := sqldb.Open(t.Context(), address, sqldb.Options{MaxConns: 16, Patience: testkit.Patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for who := range 24 {
		all.Go(func() {
			for n := range 10 {
				id := fmt.Sprint(who, " ", n)
				err := db.Write(t.Context(), func(tx *sql.Tx) error {
					_, err := tx.ExecContext(t.Context(), `INSERT INTO notes (id, text, size) VALUES ($1, '', 0)`, id)
					return err
				})
				stmt, prepareErr := db.ReadStmt(t.Context(), `SELECT id FROM notes WHERE id = $1`)
				if err != nil || prepareErr != nil {
					t.Error(err, prepareErr)
					return
				}
				var got string
				if err := stmt.QueryRowContext(t.Context(), id).Scan(&got); err != nil || got != id {
					t.Errorf("%s was read as %q: %v", id, got, err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := number(t, db, `SELECT count(*) FROM notes`); n != 240 {
		t.Errorf("%d rows", n)
	}
}

// Who asks for a connection when the server has none to give gets the first that
// comes back to the pool, also when nobody else ever ends one.
func TestCrowdedServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	_, address := limited(t, 2)
	db, err := sqldb.Open(t.Context(), address, sqldb.Options{MaxConns: 8, Patience: testkit.Patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held := hold(t, db, 2)
	for range 2 {
		answered := make(chan error, 1)
		go func() {
			_, err := db.Writer().ExecContext(t.Context(), `SELECT 1`)
			answered <- err
		}()
		testkit.Eventually(t, "somebody waits", func() bool { return db.Writer().Stats().OpenConnections > 2 || db.Writer().Stats().WaitCount > 0 })
		held[0].Close()
		if err := <-answered; err != nil {
			t.Error(err)
		}
		held = append(held[1:], hold(t, db, 1)...)
	}

	// All are somebody else's: the wait has an end, and the start waits, too.
	// On a busy machine the time may be over before the server has said no once.
	impatient, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := sqldb.Open(impatient, address, sqldb.Options{}); err == nil ||
		!strings.Contains(err.Error(), "too many connections") && !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("beside a crowd: %v", err)
	}
	held[0].Close()
	held[1].Close()
	db.Close()
	other, err := sqldb.Open(t.Context(), address, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	hold(t, other, 1)
	db, err = sqldb.Open(t.Context(), address, sqldb.Options{Patience: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	last := hold(t, other, 1)
	if _, err := db.Writer().ExecContext(t.Context(), `SELECT 1`); tandem.ErrorCode(err) != tandem.CodeUnavailable {
		t.Errorf("without any connection: %v", err)
	}
	if err := last[0].Raw(func(any) error { return driver.ErrBadConn }); err == nil {
		t.Error("the connection is still there")
	}
	testkit.Eventually(t, "a connection again", func() bool {
		_, err := db.Writer().ExecContext(t.Context(), `SELECT 1`)
		return err == nil
	})
}

func hold(t *testing.T, db *sqldb.DB, n int) (held []*sql.Conn) {
	t.Helper()
	for range n {
		conn, err := db.Writer().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		held = append(held, conn)
	}
	return held
}
