package jobs_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// PostgreSQL is restarted while a job runs: all connections are cut at once, ours,
// the engine's and the one of the sign of life. The job ends, its rows are there
// once, and the worker goes on with the next one.
func TestConnectionsAreCut(t *testing.T) {
	t.Parallel()
	address := workerdb.URL(t, sqldb.PostgreSQL)
	f := workertest.NewFake(t)
	h := &pausing{reached: make(chan struct{}), gate: make(chan struct{})}
	f.During = h.during
	w := workertest.Start(t, f, workertest.OpenURL(t, address), t.TempDir())
	server := workertest.OpenURL(t, address)
	cut := func() {
		t.Helper()
		var n int
		err := server.Reader().QueryRowContext(t.Context(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil || n == 0 {
			t.Fatalf("%d connections were cut, %v", n, err)
		}
	}
	j := w.Upload("customers.csv", companies("C"))
	<-h.reached
	cut()
	close(h.gate)
	ends := func(id string) (j internalapi.Job) {
		testkit.Eventually(t, "the job ends", func() (final bool) {
			got, err := w.API.Job(t.Context(), f.Anna(), id)
			j = got
			return err == nil && j.State.Final()
		})
		return j
	}
	if j = ends(j.ID); j.State != internalapi.JobCompleted || j.Attempts > 2 || j.Result.Steps[0].Added+j.Result.Steps[0].Unchanged != rows-2 {
		t.Errorf("%+v %+v", j, j.Result)
	}
	f.With(func() {
		if len(f.Imported) != rows-2+1 {
			t.Errorf("%d objects, want %d", len(f.Imported), rows-1)
		}
	})
	cut() // with nothing to do
	var next internalapi.Job
	testkit.Eventually(t, "another job is taken", func() bool {
		var err error
		next, err = w.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
		return err == nil
	})
	if next = ends(next.ID); next.State != internalapi.JobCompleted {
		t.Errorf("afterwards: %+v", next)
	}
}

// pausing lets the third Import of a job wait.
type pausing struct {
	reached, gate chan struct{}

	lock    sync.Mutex
	imports int
}

func (p *pausing) during(r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/Import") {
		return
	}
	p.lock.Lock()
	p.imports++
	third := p.imports == 3
	p.lock.Unlock()
	if third {
		close(p.reached)
		<-p.gate
	}
}
