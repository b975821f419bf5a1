package jobs

import (
	"context"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Jobs per second that do nothing, for sixteen who each ask for the next one
// when theirs has been done: those of this package, and for yardsticks the
// engine alone, with the same four slots. It can be asked for that in two ways:
// by its queue with four workers, polled each 10 ms, or without a queue, with
// slots around it like ours.
func BenchmarkJobs(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine)+"/engine", func(b *testing.B) {
			var d *durable
			slots := make(chan struct{}, 4)
			done := newSignals()
			j := noops(b, engine, nil)
			alive, err := holdAlive(b.Context(), j.db, j.config.Dir, j.engine.executor)
			if err != nil {
				b.Fatal(err)
			}
			defer alive.release()
			d, err = openDurable(b.Context(), j.engine, alive, func(id string) error {
				slots <- struct{}{}
				defer func() { <-slots }()
				done.of(id) <- struct{}{}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			defer d.close(stopIn)
			measure(b, d, done, nil, func() (string, error) {
				id := NewID()
				done.of(id)
				return id, d.begin(id)
			})
		})
		b.Run(string(engine)+"/queue", func(b *testing.B) {
			done := newSignals()
			d, work, queue := queueAlone(b, noops(b, engine, nil), done)
			measure(b, d, done, nil, func() (string, error) {
				id := NewID()
				done.of(id)
				_, err := dbos.RunWorkflow(d.dbos, work, id, dbos.WithWorkflowID(id), dbos.WithQueue(queue))
				return id, err
			})
		})
		b.Run(string(engine)+"/jobs", func(b *testing.B) {
			done := newSignals()
			j := noops(b, engine, func(_ context.Context, r *Run) error {
				done.of(r.ID()) <- struct{}{}
				return nil
			})
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- j.Run(ctx) }()
			d := running(j)
			rest := func() ([]string, error) { return j.ids(ctx, unfinishedJobs) }
			measure(b, d, done, rest, func() (string, error) {
				ask := Ask{ID: NewID(), Kind: "nothing", RequestedBy: "anna"}
				done.of(ask.ID)
				_, err := j.Submit(ctx, everything, ask)
				return ask.ID, err
			})
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

// queueAlone is the engine with a queue of its own.
func queueAlone(b *testing.B, j *Jobs, done *signals) (*durable, dbos.Workflow[string, string], dbos.Queue) {
	b.Helper()
	config := configuration(j.engine)
	closePool, err := connect(b.Context(), j.engine, newRest(), &silent{}, &config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(closePool)
	engine, err := dbos.NewContext(context.Background(), config)
	if err != nil {
		b.Fatal(err)
	}
	work := func(_ dbos.Context, id string) (string, error) {
		done.of(id) <- struct{}{}
		return "", nil
	}
	dbos.RegisterWorkflow(engine, work, dbos.WithWorkflowName(workflowName))
	if err := dbos.Launch(engine); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { dbos.Shutdown(engine, stopIn) })
	queue, err := dbos.RegisterQueue(engine, "bench", dbos.WithQueueBasePollingInterval(10*time.Millisecond), dbos.WithWorkerConcurrency(4))
	if err != nil {
		b.Fatal(err)
	}
	return &durable{dbos: engine}, work, queue
}

// everything is the reach of an administrator.
func everything(string) bool { return true }

// running waits until the jobs are run.
func running(j *Jobs) *durable {
	for {
		j.engine.lock.Lock()
		d := j.engine.durable
		j.engine.lock.Unlock()
		if d != nil {
			return d
		}
		time.Sleep(time.Millisecond)
	}
}

func noops(b testing.TB, engine sqldb.Engine, run func(context.Context, *Run) error) *Jobs {
	b.Helper()
	return noopsAt(b, testdb.URL(b, engine), sqldb.Limits{}, run)
}

func noopsAt(b testing.TB, address string, limits sqldb.Limits, run func(context.Context, *Run) error) *Jobs {
	b.Helper()
	db, err := sqldb.Open(b.Context(), address, sqldb.Options{Limits: limits})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	j, err := New(b.Context(), Config{
		DB: db, Dir: b.TempDir(), Kinds: map[internalapi.JobKind]Kind{"nothing": {Run: run}}, TimeZone: "UTC", Concurrency: 4,
		KeepJobs: time.Hour, Log: slog.New(slog.DiscardHandler), Classify: func(error, int) Fault { return Fault{Message: "failed"} },
	})
	if err != nil {
		b.Fatal(err)
	}
	return j
}

// measure takes the time until the engine has written down the last end, and rest
// finds no job that has none.
func measure(b *testing.B, d *durable, done *signals, rest func() ([]string, error), begin func() (string, error)) {
	b.ResetTimer()
	before := cpu(b)
	var all sync.WaitGroup
	next := make(chan struct{})
	for range 16 {
		all.Go(func() {
			for range next {
				id, err := begin()
				if err != nil {
					b.Error(err)
					return
				}
				<-done.of(id)
			}
		})
	}
	for range b.N {
		next <- struct{}{}
	}
	close(next)
	all.Wait()
	for left := 1; left > 0; time.Sleep(time.Millisecond) {
		pending, err := d.list(dbos.WithFilterStatus(dbos.WorkflowStatusPending, dbos.WorkflowStatusEnqueued))
		if err != nil {
			b.Fatal(err)
		}
		left = len(pending)
		if rest == nil {
			continue
		}
		unfinished, err := rest()
		if err != nil {
			b.Fatal(err)
		}
		left += len(unfinished)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/job")
}

// cpu is what the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// signals tell of each job that it has been done.
type signals struct {
	lock sync.Mutex
	all  map[string]chan struct{}
}

func newSignals() *signals { return &signals{all: map[string]chan struct{}{}} }

func (s *signals) of(id string) chan struct{} {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.all[id] == nil {
		s.all[id] = make(chan struct{}, 1)
	}
	return s.all[id]
}
