package sqldb_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// told keeps what a log is told.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *told) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *told) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// Nobody who writes is told that the log cannot be moved into the file, and it grows
// until the disk is full: so whoever runs the instance is.
func TestALogThatCannotBeMovedIsTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.db")
	log := &told{}
	db, err := sqldb.Open(t.Context(), "sqlite:"+file, sqldb.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // the file is spoiled
	exec := func(query string) {
		t.Helper()
		if _, err := db.Writer().ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE t (x BLOB)`)
	// While somebody reads what was before, nothing later is moved.
	err = db.Snapshot(t.Context(), func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM t`).Scan(&n); err != nil {
			return err
		}
		exec(`INSERT INTO t VALUES (zeroblob(8000000))`)
		return os.Truncate(file+"-wal", 4096)
	})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the log is told", func() bool {
		return strings.Contains(log.String(), "cannot be moved into its file")
	})
}
