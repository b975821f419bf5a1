package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
)

// The engine rests some time after the last wake, is woken at once, and no
// question of its own waits for ever, nor after its context has ended.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRest()
		waits := func(ctx context.Context) time.Duration {
			begun := time.Now()
			r.wait(ctx)
			return time.Since(begun)
		}
		time.Sleep(time.Hour)
		if waited := waits(t.Context()); waited != 0 {
			t.Errorf("waited %v before the first wake", waited)
		}
		r.wake()
		time.Sleep(restAfter - time.Second)
		r.wake()
		time.Sleep(restAfter - time.Second)
		if waited := waits(t.Context()); waited != 0 {
			t.Errorf("waited %v within the second wake", waited)
		}
		time.Sleep(2 * time.Second)
		time.AfterFunc(time.Second, func() { r.wake() })
		if waited := waits(t.Context()); waited != time.Second {
			t.Errorf("waited %v for a wake in a second", waited)
		}
		time.Sleep(restAfter + time.Second)
		if waited := waits(t.Context()); waited != maxRest {
			t.Errorf("waited %v where nobody wakes it", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if waited := waits(ctx); waited != time.Second {
			t.Errorf("waited %v with a second to live", waited)
		}
	})
}

// An engine that rests is woken by each kind of work: a job that is asked for here,
// one that was written down elsewhere and begun nowhere, and one of a process that
// is gone. With none it stays at rest.
func TestWorkWakesTheEngine(t *testing.T) {
	onEach(t, func(context.Context, *Run) error { return nil },
		func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
			d, e := running(j), j.engine
			alive, err := holdAlive(t.Context(), j.db, j.config.Dir, newEngine(j).executor)
			if err != nil {
				t.Fatal(err)
			}
			defer alive.release()
			sleep := func() { d.rest.begin(d.rest.woken()) }
			written := func() string {
				t.Helper()
				r, err := j.insert(t.Context(), nil, Ask{Kind: "nothing", RequestedBy: "anna"}, unbounded())
				if err != nil {
					t.Fatal(err)
				}
				return r.id
			}
			orphan := func() string {
				t.Helper()
				id, dead := written(), newEngine(j)
				alive, err := holdAlive(t.Context(), j.db, j.config.Dir, dead.executor)
				if err != nil {
					t.Fatal(err)
				}
				defer alive.release()
				gone, err := openDurable(t.Context(), dead, alive, func(string) error { return errStopping })
				if err == nil {
					err = gone.begin(id)
				}
				if err == nil {
					err = gone.close(stopIn)
				}
				if err != nil {
					t.Fatal(err)
				}
				return id
			}
			for what, work := range map[string]func() string{"asked for": submit, "written": written, "of a process that is gone": orphan} {
				sleep()
				id := work()
				if err := e.adopt(t.Context(), d, alive); err != nil { // what a look does
					t.Fatalf("a job %s: %v", what, err)
				}
				testkit.Eventually(t, "the job "+what+" is done", func() bool {
					e.wake()
					job, err := j.Job(t.Context(), everything, id)
					return err == nil && job.State == internalapi.JobCompleted
				})
			}
			testkit.Eventually(t, "nothing is left to clean", func() bool {
				if err := e.clean(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				return d.rest.woken() == d.cleaned.Load()
			})
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
}
