package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// oneObject is a row that files hang on.
func (w *house) oneObject(t testing.TB) string {
	t.Helper()
	w.post(t, visit(0, ""))
	return w.dataObjectOf(t, visits+"("+row(kindVisit, 0)+")")
}

// counted is the number that a query gives.
func counted(t *testing.T, db *sqldb.DB, query string) (n int64) {
	t.Helper()
	if err := db.Reader().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFilesAreLookedThroughByAReader: where every file is named nothing is written, and
// whoever writes meanwhile is not waited for; what no row names is found among them.
func TestFilesAreLookedThroughByAReader(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		object := w.oneObject(t)
		const many = `WITH RECURSIVE n (i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 101300) `
		w.sql(t, `INSERT INTO erp_file_contents (id, begun_at) `+many+`SELECT 'c' || i, 1 FROM n`)
		w.sql(t, `INSERT INTO erp_object_files (id, file_name, file_name_text, access_permission, content_location, creation_time_utc, update_time_utc, content_id, object)
			`+many+`SELECT 'f' || i, 'f', 'f', 0, 0, 1, 1, 'c' || i, CAST($1 AS TEXT) FROM n`, object)
		purger, now := data.NewERP(db, erpModel), houseNow
		purger.Clock = func() time.Time { return now }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // who does wait for the writer waits for ever
		defer cancel()
		purge := func(want int64) {
			t.Helper()
			if files, err := purger.PurgeFiles(ctx); err != nil || files != want {
				t.Errorf("%d files of %d were deleted: %v", files, want, err)
			}
		}
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if db.Engine == sqldb.PostgreSQL {
			if _, err := tx.ExecContext(t.Context(), `LOCK TABLE erp_file_contents IN EXCLUSIVE MODE`); err != nil {
				t.Fatal(err)
			}
		}
		purge(0)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		w.sql(t, `DELETE FROM erp_object_files WHERE content_id LIKE 'c1011%'`)
		purge(0)
		if n := counted(t, db, `SELECT COUNT(*) FROM erp_file_contents WHERE unnamed_at > 0`); n != 100 {
			t.Errorf("%d were found", n)
		}
		now = now.Add(time.Hour)
		purge(100)
		purge(0)
		if n := counted(t, db, `SELECT COUNT(*) FROM erp_file_contents`); n != 1201 {
			t.Errorf("%d are left", n)
		}
	})
}

// TestALargeFileIsDeletedInParts: what was deleted before a failure stays so, and the rest
// goes the next time.
func TestALargeFileIsDeletedInParts(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.sql(t, `INSERT INTO erp_file_contents (id, begun_at, unnamed_at) VALUES ('large', 1, 1000)`)
		w.sql(t, `INSERT INTO erp_file_parts (content, number, bytes) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
			SELECT 'large', i, CAST('b' AS BYTEA) FROM n`)
		w.sql(t, `CREATE TABLE pins (content TEXT, number BIGINT, FOREIGN KEY (content, number) REFERENCES erp_file_parts (content, number))`)
		w.sql(t, `INSERT INTO pins (content, number) VALUES ('large', 900)`)
		purger := data.NewERP(db, erpModel)
		purger.Clock = func() time.Time { return houseNow }
		if files, err := purger.PurgeFiles(t.Context()); err == nil || files != 0 {
			t.Errorf("with a part that cannot be deleted: %d files, %v", files, err)
		}
		if n := counted(t, db, `SELECT COUNT(*) FROM erp_file_parts`); n == 0 || n >= 1000 {
			t.Errorf("%d parts are left", n)
		}
		w.sql(t, `DROP TABLE pins`)
		if files, err := purger.PurgeFiles(t.Context()); err != nil || files != 1 {
			t.Errorf("then %d files, %v", files, err)
		}
		if n := counted(t, db, `SELECT (SELECT COUNT(*) FROM erp_file_parts) + (SELECT COUNT(*) FROM erp_file_contents)`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// TestAPurgeOfFilesKeepsOneStatement: of each text that is asked, what was prepared stays,
// however many files there are each time.
func TestAPurgeOfFilesKeepsOneStatement(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		purger := data.NewERP(db, erpModel)
		purger.Clock = func() time.Time { return houseNow }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if db.Engine == sqldb.PostgreSQL {
			db.Writer().SetMaxOpenConns(1) // which knows all
		}
		for _, n := range []int64{1, 2, 3, 100, 250} {
			w.sql(t, fmt.Sprintf(`INSERT INTO erp_file_contents (id, begun_at, unnamed_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				SELECT 'c' || i, 1, 1000 FROM n`, n))
			w.sql(t, `INSERT INTO erp_file_parts (content, number, bytes) SELECT id, 0, CAST('b' AS BYTEA) FROM erp_file_contents`)
			if files, err := purger.PurgeFiles(ctx); err != nil || files != n {
				t.Errorf("%d files of %d were deleted: %v", files, n, err)
			}
		}
		if n := counted(t, db, `SELECT (SELECT COUNT(*) FROM erp_file_parts) + (SELECT COUNT(*) FROM erp_file_contents)`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if db.Engine == sqldb.SQLite {
			return // where nobody can ask
		}
		if n := counted(t, db, `SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE '%DELETE FROM erp_file_parts%' AND statement NOT LIKE '%pg_prepared%'`); n != 1 {
			t.Errorf("%d texts that delete parts are prepared", n)
		}
	})
}

// during does something when half of the bytes were sent.
type during struct {
	io.Reader
	half int
	do   func()
}

func (d *during) Read(b []byte) (int, error) {
	n, err := d.Reader.Read(b[:min(len(b), 32<<10)])
	if d.half -= n; d.half <= 0 && d.do != nil {
		d.do()
		d.do = nil
	}
	return n, err
}

// TestASlowSenderLosesNothingUnsaid: a file that takes hours to send is stored whole, or
// the sender is told; no row names bytes that are not there.
func TestASlowSenderLosesNothingUnsaid(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, file(0, w.oneObject(t), ""))
		now := houseNow
		w.store.Clock = func() time.Time { return now }
		purger := data.NewERP(db, erpModel)
		purger.Clock = func() time.Time { return now }
		purge := func() {
			now = now.Add(61 * time.Minute)
			if _, err := purger.PurgeFiles(t.Context()); err != nil {
				t.Error(err)
			}
		}
		content := picture(100 << 10) // one part, which is stored at the end
		for _, c := range []struct {
			purges, status int
		}{{2, 503}, {1, 204}} {
			answer := w.put(t, fileAt(0)+bytesOf, &during{bytes.NewReader(content), 50 << 10, func() {
				for range c.purges {
					purge()
				}
			}})
			if answer.Code != c.status {
				t.Errorf("%d purges while it was sent: %d %s", c.purges, answer.Code, answer.Body)
			}
			purge()
			purge()
			r, got := call(t, w.h, "GET", fileAt(0)+bytesOf, "")
			if c.status == 204 && (r.StatusCode != 200 || got != string(content)) || c.status != 204 && r.StatusCode != 204 && r.StatusCode != 404 {
				t.Errorf("%d purges while it was sent: then %d, %d bytes", c.purges, r.StatusCode, len(got))
			}
		}
	})
}
