package jobs

import (
	"context"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// What the engine keeps of jobs goes when they have ended, so that its tables do
// not grow; what is not finished stays, also when nobody has it.
func TestEngineForgetsWhatHasEnded(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			gate := make(chan struct{})
			j := noops(t, engine, func(ctx context.Context, r *Run) error {
				if r.row.requestedBy != "waiting" {
					return nil
				}
				select {
				case <-gate:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
			ended := make(chan error, 1)
			go func() { ended <- j.Run(ctx) }()
			d := running(j)
			submit := func(by string) string {
				t.Helper()
				job, err := j.Submit(ctx, everything, Ask{Kind: "nothing", RequestedBy: by})
				if err != nil {
					t.Fatal(err)
				}
				return job.ID
			}
			left := func() []string {
				t.Helper()
				if err := j.engine.clean(ctx, d); err != nil {
					t.Fatal(err)
				}
				known, err := d.some()
				if err != nil {
					t.Fatal(err)
				}
				return known
			}
			waiting := submit("waiting")
			for range 10 {
				submit("anna")
			}
			testkit.Eventually(t, "only what waits is known", func() bool {
				known := left()
				return len(known) == 1 && known[0] == waiting
			})
			close(gate)
			testkit.Eventually(t, "nothing is known", func() bool { return len(left()) == 0 })
			if job, err := j.Job(ctx, everything, waiting); err != nil || job.State != internalapi.JobCompleted || job.Attempts != 1 {
				t.Errorf("%+v %v", job, err)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
