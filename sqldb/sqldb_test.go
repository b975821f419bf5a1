package sqldb_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

const migration = "-- +goose Up\nCREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, size BIGINT NOT NULL);\n" +
	"CREATE TABLE replies (id TEXT NOT NULL PRIMARY KEY, note TEXT NOT NULL REFERENCES notes (id));\n-- +goose Down\nDROP TABLE replies;\nDROP TABLE notes;\n"

var schema = fstest.MapFS{"00001_notes.sql": {Data: []byte(migration)}}

// each runs the test on both engines, on a database with the two tables.
func each(t *testing.T, test func(t *testing.T, db *sqldb.DB, url string)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := datatest.URL(t, engine)
			db := open(t, url)
			if err := db.Migrate(t.Context(), schema, "version"); err != nil {
				t.Fatal(err)
			}
			test(t, db, url)
		})
	}
}

func open(t *testing.T, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, db *sqldb.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.Reader().QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNewerDatabaseIsLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		next := fstest.MapFS{
			"00001_notes.sql": schema["00001_notes.sql"],
			"00002_more.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE more (id TEXT);\n-- +goose Down\nDROP TABLE more;\n")},
		}
		if err := db.Migrate(t.Context(), next, "version"); err != nil {
			t.Fatal(err)
		}
		err := db.Migrate(t.Context(), schema, "version")
		if err == nil || !strings.Contains(err.Error(), "schema version 2, this program knows only 1") {
			t.Errorf("the older program said %v", err)
		}
		current, newest, err := db.Versions(t.Context(), schema, "version")
		if current != 2 || newest != 1 || err != nil {
			t.Errorf("versions %d and %d, %v", current, newest, err)
		}
		number(t, db, `SELECT count(*) FROM more`)
	})
}

func TestMigrationThatFailsLeavesNothingHalfDone(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		bad := fstest.MapFS{
			"00001_notes.sql": schema["00001_notes.sql"],
			"00002_bad.sql":   {Data: []byte("-- +goose Up\nCREATE TABLE half (id TEXT);\nINSERT INTO nowhere VALUES (1);\n-- +goose Down\nDROP TABLE half;\n")},
		}
		if err := db.Migrate(t.Context(), bad, "version"); err == nil {
			t.Fatal("a migration that fails was taken")
		}
		if current, _, err := db.Versions(t.Context(), schema, "version"); current != 1 || err != nil {
			t.Errorf("version %d, %v", current, err)
		}
		if err := db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM half`).Scan(new(int)); err == nil {
			t.Error("the table of the migration that failed is there")
		}
	})
}

func TestReplicasThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			migrations := fstest.MapFS{}
			for i := range 8 {
				migrations[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE step%d (id TEXT);\n-- +goose Down\nDROP TABLE step%d;\n", i, i)}
			}
			for range 4 { // they do not meet every time
				url := datatest.URL(t, engine)
				var wg sync.WaitGroup
				start := make(chan struct{})
				for i := range 6 {
					db := open(t, url)
					wg.Go(func() {
						<-start
						err := db.Migrate(t.Context(), migrations, "version")
						if err != nil {
							t.Errorf("replica %d: %v", i, err)
						}
					})
				}
				close(start)
				wg.Wait()
			}
		})
	}
}

// On PostgreSQL one holds the lock at a time, whichever pool it comes from; on
// SQLite there is nothing to hold.
func TestLock(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, url string) {
		fault := errors.New("refused")
		if err := db.Lock(t.Context(), "name", func(ctx context.Context) error { return fault }); !errors.Is(err, fault) {
			t.Errorf("the function's error became %v", err)
		}
		if db.Engine == sqldb.SQLite {
			return
		}
		other := open(t, url)
		err := db.Lock(t.Context(), "name", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := other.Lock(ctx, "name", func(ctx context.Context) error { t.Error("two hold the lock"); return nil }); err == nil {
				t.Error("the second was not told that it did not get the lock")
			}
			return other.Lock(t.Context(), "another name", func(ctx context.Context) error { return nil })
		})
		if err != nil {
			t.Error(err)
		}
		if err := other.Lock(t.Context(), "name", func(ctx context.Context) error { return nil }); err != nil {
			t.Errorf("after the first is done: %v", err)
		}
	})
}

func TestLockWithTheSmallestPool(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(t.Context(), datatest.URL(t, sqldb.PostgreSQL), sqldb.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := db.Lock(ctx, "fill", func(ctx context.Context) error { return db.Migrate(ctx, schema, "version") }); err != nil {
		t.Error(err)
	}
}

func TestContains(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		for i, text := range []string{"100% wool", "Sofia, София", "a_b", `back\slash`, "O'Neil"} {
			exec(t, db, `INSERT INTO notes (id, text, size) VALUES ($1, $2, $3)`, fmt.Sprint(i), text, len(text))
		}
		for part, want := range map[string]int{
			"": 5, "%": 1, "_": 1, `\`: 1, "'": 1, "wool": 1, "Wool": 0, "София": 1, "софия": 0, "0%": 1, "a%": 0, "' OR '1'='1": 0,
		} {
			if n := number(t, db, `SELECT count(*) FROM notes WHERE `+db.Contains("text", "$1"), part); n != want {
				t.Errorf("%q is in %d texts, want %d", part, n, want)
			}
		}
	})
}

func TestTextsCompareByteForByte(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		for _, id := range []string{"a", "B", "b", "A", "Я", "_"} {
			exec(t, db, `INSERT INTO notes (id, text, size) VALUES ($1, '', 0)`, id)
		}
		rows, err := db.Reader().QueryContext(t.Context(), `SELECT id FROM notes ORDER BY id`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := ""
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			got += id
		}
		if rows.Err() != nil || got != "AB_abЯ" {
			t.Errorf("ordered %q, %v", got, rows.Err())
		}
	})
}

func TestErrorsAreTold(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		insert := func(query string, args ...any) error {
			_, err := db.Writer().ExecContext(t.Context(), query, args...)
			return fmt.Errorf("wrapped: %w", err)
		}
		exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('1', '', 0)`)
		taken := insert(`INSERT INTO notes (id, text, size) VALUES ($1, '', 0)`, "1")
		orphan := insert(`INSERT INTO replies (id, note) VALUES ($1, $2)`, "1", "nobody")
		if !sqldb.IsUnique(taken) || sqldb.IsForeignKey(taken) {
			t.Errorf("a key that is taken: %v", taken)
		}
		if !sqldb.IsForeignKey(orphan) || sqldb.IsUnique(orphan) {
			t.Errorf("a row that is missing: %v", orphan)
		}
		err := db.Reader().QueryRowContext(t.Context(), `SELECT size FROM notes WHERE id = $1`, "2").Scan(new(int))
		if err = sqldb.NotFound(err, "there is no note %s", "2"); !errors.Is(err, tandem.ErrNotFound) || err.Error() != "there is no note 2" {
			t.Errorf("a row that is missing: %v", err)
		}
		if other := errors.New("other"); sqldb.NotFound(other, "x") != other || sqldb.NotFound(nil, "x") != nil {
			t.Error("NotFound changes other errors")
		}
	})
}

// Writers queue; none is told that the database is busy, and a transaction that
// fails, or whose caller has gone, leaves nothing.
func TestWritersQueue(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, url string) {
		exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('sum', '', 0)`)
		pools := []*sqldb.DB{db, open(t, url)}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				db := pools[i%2]
				err := db.Write(t.Context(), func(tx *sql.Tx) error {
					var n int
					if err := tx.QueryRowContext(t.Context(), `SELECT size FROM notes WHERE id = 'sum'`+db.ForUpdate()).Scan(&n); err != nil {
						return err
					}
					_, err := tx.ExecContext(t.Context(), `UPDATE notes SET size = $1 WHERE id = 'sum'`, n+1)
					return err
				})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := number(t, db, `SELECT size FROM notes WHERE id = 'sum'`); n != 20 {
			t.Errorf("20 writers counted to %d", n)
		}
		fault := errors.New("refused")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for want, ctx := range map[error]context.Context{fault: t.Context(), context.Canceled: ctx} {
			err := db.Write(ctx, func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, `DELETE FROM notes`); err != nil {
					return err
				}
				if want == fault {
					return fault
				}
				cancel()
				return nil
			})
			if !errors.Is(err, want) || number(t, db, `SELECT count(*) FROM notes`) != 1 {
				t.Errorf("a transaction that ends with %v: %v", want, err)
			}
		}
	})
}

// Of two transactions that wait each for the other PostgreSQL undoes one: it is run again,
// or its caller is told to come back.
func TestTransactionsThatWaitForEachOther(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, url string) {
		if db.Engine == sqldb.SQLite {
			return // where one writes at a time
		}
		exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('0', '', 0), ('1', '', 0)`)
		// together runs two that take the two rows, each in its own order, the first time
		// both at once.
		together := func(write func(context.Context, func(*sql.Tx) error) error) (errs [2]error) {
			var both, done sync.WaitGroup
			both.Add(2)
			for i := range errs {
				done.Go(func() {
					met := sync.OnceFunc(func() { both.Done(); both.Wait() })
					errs[i] = write(t.Context(), func(tx *sql.Tx) error {
						const count = `UPDATE notes SET size = size + 1 WHERE id = $1`
						if _, err := tx.ExecContext(t.Context(), count, fmt.Sprint(i)); err != nil {
							return err
						}
						met()
						_, err := tx.ExecContext(t.Context(), count, fmt.Sprint(1-i))
						return err
					})
				})
			}
			done.Wait()
			return errs
		}
		log := new(testkit.Buffer)
		db, err := sqldb.Open(t.Context(), url, sqldb.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if errs := together(db.WriteAgain); errs[0] != nil || errs[1] != nil || log.String() != "" {
			t.Errorf("again: %v, %v, and the log has %q", errs[0], errs[1], log.String())
		}
		errs := together(db.Write)
		if err := cmp.Or(errs[0], errs[1]); tandem.ErrorCode(err) != tandem.CodeUnavailable || errs[0] != nil && errs[1] != nil {
			t.Errorf("each once: %v, %v", errs[0], errs[1])
		}
		if told := strings.Count(log.String(), "level=WARN"); told != 1 {
			t.Errorf("of the one that was not run again the log has %q", log.String())
		}
		if n := number(t, db, `SELECT SUM(size) FROM notes`); n != 6 {
			t.Errorf("three did it to two rows: %d", n)
		}
	})
}

// What is undone each time it is run again tells its caller to come back, as a transaction
// that is run once does.
func TestWhatIsAlwaysUndoneTellsToComeBack(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		runs := 0
		err := db.Again(t.Context(), func() error { runs++; return &pgconn.PgError{Code: "40P01"} })
		if tandem.ErrorCode(err) != tandem.CodeUnavailable || !sqldb.IsDeadlock(err) || runs < 2 {
			t.Errorf("after %d runs: %v", runs, err)
		}
	})
}

// Who waits too long for its turn is told to come back, and nothing of it is done.
func TestWriterIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.SQLite)
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(*sql.Tx) error {
		err := db.Write(t.Context(), func(*sql.Tx) error { t.Error("two write"); return nil })
		if tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("the second was told %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Write(gone, func(*sql.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone was told %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A writing transaction of SQLite is alone from its beginning, also among
// processes: what it has read is still so when it writes.
func TestWriterOfSQLiteIsAlone(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.SQLite)
	one, other := open(t, url), open(t, url)
	if err := one.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	entered, result := make(chan struct{}), make(chan error, 1)
	err := one.Write(t.Context(), func(tx *sql.Tx) error {
		go func() {
			result <- other.Write(t.Context(), func(*sql.Tx) error { close(entered); return nil })
		}()
		select {
		case <-entered:
			t.Error("two processes are in a writing transaction")
		case <-time.After(50 * time.Millisecond): // it never comes
		}
		_, err := tx.ExecContext(t.Context(), `INSERT INTO notes (id, text, size) VALUES ('1', '', 0)`)
		return err
	})
	if err := errors.Join(err, <-result); err != nil {
		t.Error(err)
	}
}

func TestStatementsStayPrepared(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for _, prepare := range []func(context.Context, string) (*sql.Stmt, error){db.ReadStmt, db.WriteStmt} {
					a, errA := prepare(t.Context(), `SELECT count(*) FROM notes`)
					b, errB := prepare(t.Context(), `SELECT count(*) FROM notes`)
					if a != b || errA != nil || errB != nil {
						t.Errorf("prepared twice: %v, %v", errA, errB)
					}
				}
			})
		}
		wg.Wait()
		if _, err := db.ReadStmt(t.Context(), `SELECT nonsense FROM nowhere`); err == nil {
			t.Error("nonsense was prepared")
		}
	})
}

func TestReadersOfSQLiteDoNotWrite(t *testing.T) {
	t.Parallel()
	db := open(t, datatest.URL(t, sqldb.SQLite))
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Reader().ExecContext(t.Context(), `INSERT INTO notes (id, text, size) VALUES ('1', '', 0)`); err == nil {
		t.Error("a reader wrote")
	}
}

// A disk that is full: the writer is told, nothing is half written, what was
// there can be read, and with room again work goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	db := open(t, datatest.URL(t, sqldb.SQLite))
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('kept', '', 0)`)
	pages := number(t, db, `PRAGMA page_count`)
	exec(t, db, fmt.Sprint(`PRAGMA max_page_count = `, pages+2))
	fill := func(n int) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error {
			for i := range n {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO notes (id, text, size) VALUES ($1, $2, 0)`, fmt.Sprint(i), strings.Repeat("x", 1000)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := fill(100); tandem.ErrorCode(err) != tandem.CodeUnavailable || !strings.Contains(err.Error(), "full") {
		t.Errorf("a full disk was told as %v", err)
	}
	if n := number(t, db, `SELECT count(*) FROM notes`); n != 1 {
		t.Errorf("%d rows are left of a transaction that failed", n-1)
	}
	big := fstest.MapFS{
		"00001_notes.sql": schema["00001_notes.sql"],
		"00002_big.sql":   {Data: []byte("-- +goose Up\nCREATE TABLE big (id TEXT);\nINSERT INTO big SELECT hex(zeroblob(100000));\n-- +goose Down\nDROP TABLE big;\n")},
	}
	if err := db.Migrate(t.Context(), big, "version"); err == nil || !strings.Contains(err.Error(), "the disk is full; free some space") {
		t.Errorf("a migration on a full disk: %v", err)
	}
	if current, _, err := db.Versions(t.Context(), schema, "version"); current != 1 || err != nil {
		t.Errorf("version %d, %v", current, err)
	}
	exec(t, db, `PRAGMA max_page_count = 100000`)
	if err := fill(100); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if text := ""; db.Reader().QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&text) != nil || text != "ok" {
		t.Errorf("integrity: %q", text)
	}
}

func TestTimesAreMicroseconds(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.Unix(0, 1000).UTC(), time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC), time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := sqldb.Time(sqldb.Micros(at)); !got.Equal(at) || got.IsZero() != at.IsZero() {
			t.Errorf("%v became %v", at, got)
		}
	}
	abroad := time.Date(2026, 11, 24, 12, 0, 0, 0, time.FixedZone("", 7200))
	if got := sqldb.Time(sqldb.Micros(abroad)); !got.Equal(abroad) || got.Location() != time.UTC {
		t.Errorf("%v became %v", abroad, got)
	}
}

// Connections that lead to a server which cannot write any more are given up, all
// of them, and the next ones find the server that can; so are those that the
// server ended. Who is told so meanwhile is told to try again.
func TestConnectionsOfAnotherTimeAreGivenUp(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		if db.Engine == sqldb.SQLite {
			return
		}
		for name, statement := range map[string]string{
			"read-only": `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`,
			"ended":     `SELECT pg_terminate_backend(pg_backend_pid())`,
		} {
			var conns []*sql.Conn
			for range db.Writer().Stats().MaxOpenConnections {
				conn, err := db.Writer().Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
			}
			for _, conn := range conns {
				_, err := conn.ExecContext(t.Context(), statement)
				if code := tandem.ErrorCode(err); err != nil && code != tandem.CodeUnavailable {
					t.Errorf("%s: %v is %s", name, err, code)
				}
				conn.Close()
			}
			refused := 0
			for n := range 2 * len(conns) {
				_, err := db.Writer().ExecContext(t.Context(), `INSERT INTO notes (id, text, size) VALUES ($1, '', 0)`, fmt.Sprint(name, n))
				if tandem.ErrorCode(err) == tandem.CodeUnavailable {
					refused++
				} else if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if refused > 1 {
				t.Errorf("%s: %d writes were refused", name, refused)
			}
		}
	})
}

// What PostgreSQL is told to bound it bounds, and who hit the bound may try again.
func TestLimitsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	if err := open(t, url).Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	limits := sqldb.Limits{Statement: 300 * time.Millisecond, Lock: 200 * time.Millisecond, Idle: 100 * time.Millisecond}
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var silent, idle, count, helpers string
	err = db.Reader().QueryRowContext(t.Context(), `SELECT current_setting('tcp_user_timeout'), current_setting('tcp_keepalives_idle'),
		current_setting('tcp_keepalives_count'), current_setting('max_parallel_workers_per_gather')`).Scan(&silent, &idle, &count, &helpers)
	if helpers != "0" {
		t.Errorf("a statement takes %s cores more than one", helpers)
	}
	if silent != "10000" || idle != "5" || count != "2" || err != nil {
		t.Errorf("a machine that vanished is given up after %s ms, asked after %s, %s times (%v)", silent, idle, count, err)
	}
	exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('1', '', 0)`)
	lock := func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `SELECT 1 FROM notes FOR UPDATE`)
		return err
	}
	for name, f := range map[string]func() error{
		"a long command": func() error { _, err := db.Writer().ExecContext(t.Context(), `SELECT pg_sleep(30)`); return err },
		"a lock": func() error {
			return db.Write(t.Context(), func(tx *sql.Tx) error {
				if err := lock(tx); err != nil {
					return err
				}
				_, err := db.Writer().ExecContext(t.Context(), `UPDATE notes SET size = 1`)
				return err
			})
		},
		"a transaction in which nothing happens": func() error {
			return db.Write(t.Context(), func(tx *sql.Tx) error {
				if err := lock(tx); err != nil {
					return err
				}
				// It ends without us, which is how the lock becomes free.
				testkit.Eventually(t, "the lock is free", func() bool {
					_, err := db.Writer().ExecContext(t.Context(), `UPDATE notes SET size = 1`)
					return err == nil
				})
				return lock(tx)
			})
		},
	} {
		if err := f(); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a reading has made the log of SQLite grow to is given back after it.
func TestLogOfSQLiteIsTrimmed(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.SQLite)
	db := open(t, url)
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO notes (id, text, size) VALUES ('1', '', 0), ('2', '', 0)`)
	reading, err := db.Reader().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Rollback()
	if err := reading.QueryRowContext(t.Context(), `SELECT count(*) FROM notes`).Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for range 32 {
		exec(t, db, `UPDATE notes SET text = hex(randomblob(500000)) WHERE id = '1'`)
	}
	if grown := size(); grown < 24<<20 {
		t.Errorf("while somebody reads: %d bytes", grown)
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "what is beyond the usual size is given back", func() bool { return size() <= 16<<20 })
	var timeout int
	if err := db.Writer().QueryRowContext(t.Context(), `PRAGMA busy_timeout`).Scan(&timeout); err != nil || timeout != 10000 {
		t.Errorf("the writer's patience is %d ms, %v", timeout, err)
	}
}
