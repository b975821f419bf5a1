package worker_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/workertest"
)

// I6: whose sign-in has ended is served on no path; nor is anybody while the
// identity server cannot be asked, but then nobody is told to sign in again.
func TestI6_EvidenceMustLive(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	anna, paul := f.Anna(), f.Paul()
	everywhere := func(anna, paul string, want int, says string) {
		t.Helper()
		for _, e := range endpoints {
			evidence := anna
			if e.external {
				evidence = paul
			}
			if status, text := w.Ask(e.method, e.path, "right", evidence, ""); status != want || !strings.Contains(text, says) {
				t.Errorf("%s %s: %d %s, want %d", e.method, e.path, status, text, want)
			}
		}
	}
	f.With(func() { f.Mute = true })
	everywhere(anna, paul, 503, "cannot be checked right now")
	f.With(func() { f.Mute, f.Disabled = false, true })
	for _, e := range endpoints { // a question that was asked before may still be under way
		evidence := anna
		if e.external {
			evidence = paul
		}
		testkit.Eventually(t, "the identity server tells", func() bool {
			_, text := w.Ask(e.method, e.path, "right", evidence, "")
			return !strings.Contains(text, "cannot be checked right now")
		})
	}
	everywhere(anna, paul, 503, "the application is disabled")
	if status, text := w.Ask("GET", internalapi.PathStatus, "right", anna, ""); status != 200 {
		t.Errorf("the status: %d %s", status, text)
	}
	f.With(func() { f.Disabled, f.Ended["sid-anna"], f.SignedOut["sid-paul"] = false, true, true })
	testkit.Eventually(t, "the identity server answers again", func() bool {
		status, _ := w.Ask("GET", internalapi.PathJobs, "right", anna, "")
		return status != 503
	})
	everywhere(anna, paul, 401, "sign in again")
	f.With(func() {
		if len(f.Requests) > 0 {
			t.Errorf("%d calls of the API for evidence that is dead", len(f.Requests))
		}
	})
}

// Those who come at the same time share one question, and its answer is kept
// for a moment.
func TestQuestionsAboutEvidenceAreShared(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	anna := f.Anna()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if status, text := w.Ask("GET", internalapi.PathJobs, "right", anna, ""); status != 200 {
				t.Error(status, text)
			}
		})
	}
	all.Wait()
	f.With(func() {
		if f.Questions > 5 {
			t.Errorf("%d questions for 20 requests at once", f.Questions)
		}
	})
}

// A provider that cannot tell is refused with what to do about it, unless the
// operator has chosen to believe ID tokens for their lifetime.
func TestProviderThatCannotTell(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	f.Silent = true
	db := workertest.Open(t, sqldb.SQLite)
	w := workertest.Serve(t, f, db, t.TempDir())
	if _, err := w.API.Jobs(t.Context(), f.Anna(), internalapi.JobQuery{}); tandem.ErrorCode(err) != tandem.CodeUnavailable {
		t.Errorf("without a choice: %v", err)
	}
	w = workertest.Serve(t, f, db, w.Dir, func(c *worker.Config) { c.EvidenceForItsLife = true })
	if _, err := w.API.Jobs(t.Context(), f.Anna(), internalapi.JobQuery{}); err != nil {
		t.Errorf("by choice: %v", err)
	}
	f.With(func() {
		if f.Questions > 0 {
			t.Errorf("%d questions to a provider that has no answer", f.Questions)
		}
	})
}

// What goes on for a person ends with their right: a running job, the stream of
// its events, and who only signed out keeps what they asked for.
func TestI6_WorkEndsWithThePerson(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		f.Stock([]object{workertest.Product(1, "2026-01-01T00:00:00Z")}, nil)
		reached := make(chan struct{}, 100)
		gate := make(chan struct{})
		f.During = func(r *http.Request) {
			reached <- struct{}{}
			select {
			case <-gate:
			case <-r.Context().Done(): // the worker hung up
			}
		}
		w := workertest.Start(t, f, db, t.TempDir())
		admin := f.IDToken(object{"sub": "admin", "id": workertest.ID(8), "sid": "sid-admin", "is_admin": true})
		eve := f.IDToken(object{"sub": "eve", "id": workertest.ID(7), "sid": "sid-eve"})
		j, err := w.API.StartJob(t.Context(), eve, internalapi.NewJob{Kind: internalapi.JobSyncStock})
		if err != nil {
			t.Fatal(err)
		}
		<-reached
		streamed := make(chan error, 1)
		go func() {
			streamed <- w.API.JobEvents(t.Context(), eve, j.ID, func(internalapi.Job) error { return nil })
		}()
		f.With(func() { f.SignedOut["sid-eve"] = true })
		if err := <-streamed; err == nil {
			t.Error("the stream of somebody who has signed out came to a good end")
		}
		if got, err := w.API.Job(t.Context(), admin, j.ID); err != nil || got.State != internalapi.JobRunning {
			t.Errorf("after a sign-out: %+v %v", got, err)
		}
		f.With(func() { f.Ended["sid-eve"] = true })
		testkit.Eventually(t, "the job ends", func() bool {
			got, err := w.API.Job(t.Context(), admin, j.ID)
			return err == nil && got.State == internalapi.JobFailed && strings.Contains(fmt.Sprint(got.Error), "eve, who asked for this")
		})
		close(gate)
	})
}
