package jobs

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// The processes of PostgreSQL that serve a worker hang, and close nothing: it parts with
// them, and goes on over other connections, the engine's too.
func TestConnectionsThatHang(t *testing.T) {
	t.Parallel()
	address := testdb.URL(t, sqldb.PostgreSQL)
	w := testkit.NewWire(t, address)
	nothing := func(context.Context, *Run) error { return nil }
	j := noopsAt(t, w.URL, sqldb.Limits{Statement: time.Second}, nothing)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	running(j)
	other := noopsAt(t, address, sqldb.Limits{}, nothing)
	left := func() string {
		t.Helper()
		r, err := other.insert(t.Context(), nil, Ask{Kind: "nothing", RequestedBy: "anna"}, unbounded())
		if err != nil {
			t.Fatal(err)
		}
		return r.id
	}
	is(t, other, left(), internalapi.JobCompleted, 1)
	w.Hold()
	is(t, other, left(), internalapi.JobCompleted, 1)
	cancel()
	<-ended // with an error or not: some may still hang
}

// While nothing can be begun because the engine's database stands still, a worker goes on
// with what else it looks for: who cancels a job at another one is heard.
func TestLookGoesOnWhileTheEngineStandsStill(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	j := noops(t, sqldb.SQLite, func(ctx context.Context, r *Run) error {
		if r.row.requestedBy == "boris" {
			return nil
		}
		close(began)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), errCancelled) {
			t.Errorf("it ended because of %v", context.Cause(ctx))
		}
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	running(j)
	job, err := j.Submit(ctx, everything, Ask{Kind: "nothing", RequestedBy: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	<-began
	other, err := sql.Open("sqlite", "file:"+filepath.Join(j.config.Dir, "engine.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// What nobody has begun, and what another process does that is asked to cancel.
	if _, err := j.insert(ctx, nil, Ask{Kind: "nothing", RequestedBy: "boris"}, unbounded()); err != nil {
		t.Fatal(err)
	}
	j.engine.wake()
	if _, err := j.db.Writer().ExecContext(ctx, `UPDATE jobs SET cancelling = TRUE WHERE id = $1`, job.ID); err != nil {
		t.Fatal(err)
	}
	is(t, j, job.ID, internalapi.JobCancelled, 1)
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
