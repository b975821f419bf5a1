package worker_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
)

func TestEvents(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		f.Stock([]object{workertest.Product(1, "2026-01-01T00:00:00Z")}, nil)
		gate := make(chan struct{})
		f.During = func(r *http.Request) {
			select {
			case <-gate:
			case <-r.Context().Done():
			}
		}
		w := workertest.Start(t, f, db, t.TempDir())
		j := w.Sync()
		var states []internalapi.JobState
		last := -1
		err := w.API.JobEvents(t.Context(), f.Anna(), j.ID, func(j internalapi.Job) error {
			if len(states) == 0 || states[len(states)-1] != j.State {
				states = append(states, j.State)
			}
			if j.Progress < last {
				t.Errorf("progress falls from %d to %d", last, j.Progress)
			}
			last = j.Progress
			if j.State == internalapi.JobRunning && j.Progress > 0 {
				select {
				case <-gate:
				default:
					close(gate)
				}
			}
			return nil
		})
		if err != nil || states[len(states)-1] != internalapi.JobCompleted || last != 100 {
			t.Errorf("states %v, progress %d, %v", states, last, err)
		}
		// A job that has ended: one event, and the end.
		n := 0
		if err := w.API.JobEvents(t.Context(), f.Anna(), j.ID, func(internalapi.Job) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("events of an ended job: %d %v", n, err)
		}
	})
}

// I8: a stream lives no longer than the evidence it was opened with.
func TestI8_EventsEndWithTheEvidence(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	j := w.Sync()
	brief := f.IDToken(object{"exp": time.Now().Add(5 * time.Second).Unix()})
	n := 0
	err := w.API.JobEvents(t.Context(), brief, j.ID, func(internalapi.Job) error { n++; return nil })
	if err == nil || n != 1 {
		t.Errorf("events: %d %v", n, err)
	}
}
