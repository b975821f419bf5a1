package worker_test

import (
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
)

// A page of the portal that met a disabled application leaves no trace in the
// status, and what a job has left goes with the next success of whoever.
func TestStatusIsNotPausedAfterASuccess(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	f.Rows["Crm_Sales_CustomerExternalAccess"] = []object{workertest.AccessRow(workertest.PaulID, workertest.Mine, "Owner", nil, true)}
	paused := func(w *workertest.Running) string {
		t.Helper()
		s, err := w.API.Status(t.Context(), f.Anna())
		if err != nil {
			t.Fatal(err)
		}
		return s.Paused
	}
	page := func(w *workertest.Running) error {
		_, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{})
		return err
	}
	disable := func(yes bool) { f.With(func() { f.Disabled = yes }) }
	db := workertest.Open(t, sqldb.SQLite)
	w := workertest.Serve(t, f, db, t.TempDir()) // no job runs
	disable(true)
	if err := page(w); tandem.ErrorCode(err) != tandem.CodeUnavailable {
		t.Fatalf("a page while the application is disabled: %v", err)
	}
	disable(false)
	if err := page(w); err != nil {
		t.Fatal(err)
	}
	if reason := paused(w); reason != "" {
		t.Errorf("after a page in between: %q", reason)
	}
	// A job says why it waits, and is cancelled; the next page clears it.
	full := func(yes bool) { f.With(func() { f.Full = yes }) }
	w = workertest.Start(t, f, db, w.Dir)
	full(true)
	j := w.Sync()
	testkit.Eventually(t, "the status says why", func() bool { return paused(w) != "" })
	if _, err := w.API.CancelJob(t.Context(), f.Anna(), j.ID); err != nil {
		t.Fatal(err)
	}
	full(false)
	testkit.Eventually(t, "a page works again", func() bool { return page(w) == nil })
	if reason := paused(w); reason != "" {
		t.Errorf("after the next success: %q", reason)
	}
}
