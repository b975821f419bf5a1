package jobs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Jobs that run alone run in the order in which they were asked for, also when an
// earlier one must be tried again, and those that wait say for what.
func TestAloneInOrder(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			var lock sync.Mutex
			var order []string
			gate := make(chan struct{})
			j := noops(t, engine, nil)
			j.config.Kinds["nothing"] = Kind{Alone: true, Run: func(ctx context.Context, r *Run) error {
				lock.Lock()
				order = append(order, r.row.requestedBy)
				lock.Unlock()
				select {
				case <-gate:
				case <-ctx.Done():
				}
				if r.row.requestedBy == "anna" && r.row.attempts == 1 {
					return errors.New("once more")
				}
				return nil
			}}
			j.config.Classify = func(error, int) Fault { return Fault{Wait: 300 * time.Millisecond, Reason: "once more"} }
			var ids []string
			who := []string{"anna", "eve", "ben", "carl"}
			for _, login := range who { // nothing runs yet
				job, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: login})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, job.ID)
			}
			ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
			ended := make(chan error, 1)
			go func() { ended <- j.Run(ctx) }()
			for i, note := range []string{
				1: "waits until the one that anna asked for has ended",
				2: "waits until the one that anna asked for has ended, and 1 more",
				3: "waits until the one that anna asked for has ended, and 2 more",
			} {
				testkit.Eventually(t, "job "+who[i]+" says what it waits for", func() bool {
					job, err := j.Job(t.Context(), everything, ids[i])
					return err == nil && job.Note == note
				})
			}
			close(gate)
			testkit.Eventually(t, "all have ended", func() bool {
				job, err := j.Job(t.Context(), everything, ids[3])
				return err == nil && job.State == internalapi.JobCompleted && job.Note == ""
			})
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if want := []string{"anna", "anna", "eve", "ben", "carl"}; !slices.Equal(order, want) {
				t.Errorf("they ran as %v, want %v", order, want)
			}
		})
	}
}
