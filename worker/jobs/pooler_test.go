package jobs_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Which workers live is told by locks of PostgreSQL's sessions, which a pooler hands from one
// to the other: a living one would be taken for dead.
func TestJobsRefuseAPooler(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(t.Context(), testdb.Pooled(t, workerdb.URL(t, sqldb.PostgreSQL)), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = jobs.New(t.Context(), jobs.Config{DB: db, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Clock: time.Now})
	if err == nil || !strings.Contains(err.Error(), "the server itself") {
		t.Errorf("through a pooler: %v", err)
	}
}
