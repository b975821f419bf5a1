package jobs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
)

// workflow is the state of a job's workflow; empty where the engine has none.
func workflow(t *testing.T, j *Jobs, id string) dbos.WorkflowStatusType {
	t.Helper()
	j.engine.lock.Lock()
	d := j.engine.durable
	j.engine.lock.Unlock()
	known, err := d.list(dbos.WithFilterWorkflowIDs(id))
	if err != nil {
		t.Fatal(err)
	}
	if len(known) == 0 {
		return ""
	}
	return known[0].Status
}

func is(t *testing.T, j *Jobs, id string, state internalapi.JobState, attempts int) {
	t.Helper()
	testkit.Eventually(t, "the job is "+string(state), func() bool {
		job, err := j.Job(t.Context(), everything, id)
		return err == nil && job.State == state && job.Attempts == attempts
	})
}

// A job that is soon over is nothing that the engine has to remember; one that goes
// on is, and it is still one attempt.
func TestJobsAreInTheHandAtFirst(t *testing.T) {
	goOn := make(chan struct{})
	onEach(t, func(ctx context.Context, r *Run) error {
		var args struct{ Long bool }
		if err := r.Args(&args); err != nil || !args.Long {
			return err
		}
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
		begun := time.Now()
		short := submit()
		is(t, j, short, internalapi.JobCompleted, 1)
		if w := workflow(t, j, short); w != "" && time.Since(begun) < handOverAfter {
			t.Errorf("the engine was told of a short job: %s", w)
		}
		job, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: "anna", Args: map[string]bool{"long": true}})
		if err != nil {
			t.Fatal(err)
		}
		is(t, j, job.ID, internalapi.JobRunning, 1)
		testkit.Eventually(t, "the engine has it, too", func() bool { return workflow(t, j, job.ID) == dbos.WorkflowStatusPending })
		// A person stops one of them.
		other, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: "anna", Args: map[string]bool{"long": true}})
		if err != nil {
			t.Fatal(err)
		}
		is(t, j, other.ID, internalapi.JobRunning, 1)
		if _, err := j.Cancel(t.Context(), everything, other.ID); err != nil {
			t.Fatal(err)
		}
		is(t, j, other.ID, internalapi.JobCancelled, 1)
		goOn <- struct{}{}
		is(t, j, job.ID, internalapi.JobCompleted, 1)
		testkit.Eventually(t, "the engine knows of the end", func() bool { return workflow(t, j, job.ID) != dbos.WorkflowStatusPending })
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Who asks twice with one id is refused, and the job that has it goes on as it did: it
// is one attempt, and can be stopped.
func TestOneIdIsAskedForTwice(t *testing.T) {
	onEach(t, func(ctx context.Context, _ *Run) error {
		<-ctx.Done()
		return ctx.Err()
	}, func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
		id := submit()
		is(t, j, id, internalapi.JobRunning, 1)
		if _, err := j.Submit(t.Context(), everything, Ask{ID: id, Kind: "nothing", RequestedBy: "anna"}); err == nil {
			t.Error("it was taken twice")
		}
		if _, err := j.Cancel(t.Context(), everything, id); err != nil {
			t.Fatal(err)
		}
		is(t, j, id, internalapi.JobCancelled, 1)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// More jobs than slots wait in the hand, each is done once, and one that is cancelled
// there is never begun.
func TestJobsWaitInTheHand(t *testing.T) {
	onEach(t, func(ctx context.Context, r *Run) error {
		if r.row.requestedBy == "nobody" {
			t.Error("a cancelled job was begun")
		}
		if r.row.requestedBy != "blocker" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}, func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
		ask := func(by string) string {
			t.Helper()
			job, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: by})
			if err != nil || job.State != internalapi.JobQueued {
				t.Fatalf("%+v %v", job, err)
			}
			return job.ID
		}
		var blockers, waiting []string
		for range cap(j.engine.slots) {
			blockers = append(blockers, ask("blocker"))
		}
		for _, id := range blockers {
			is(t, j, id, internalapi.JobRunning, 1)
		}
		gone := ask("nobody")
		for range 20 {
			waiting = append(waiting, submit())
		}
		for _, id := range append([]string{gone}, blockers...) {
			if _, err := j.Cancel(t.Context(), everything, id); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range waiting {
			is(t, j, id, internalapi.JobCompleted, 1)
		}
		is(t, j, gone, internalapi.JobCancelled, 0)
		testkit.Eventually(t, "nothing is in the hand", func() bool {
			j.engine.lock.Lock()
			defer j.engine.lock.Unlock()
			return len(j.engine.here) == 0
		})
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What was in the hand of a process that is gone is begun by another one; what is in
// the hand of a living one is left there.
func TestHandOfAnother(t *testing.T) {
	onEach(t, func(context.Context, *Run) error { return nil }, func(t *testing.T, j *Jobs, _ func() string, stop func() error) {
		other := uuid.Must(uuid.NewV7()).String()
		alive, err := holdAlive(t.Context(), j.db, j.config.Dir, other)
		if err != nil {
			t.Fatal(err)
		}
		r, err := j.insert(t.Context(), nil, Ask{Kind: "nothing", RequestedBy: "anna", heldBy: other}, unbounded())
		if err != nil {
			t.Fatal(err)
		}
		j.engine.lock.Lock()
		d := j.engine.durable
		j.engine.lock.Unlock()
		mine, err := holdAlive(t.Context(), j.db, j.config.Dir, uuid.Must(uuid.NewV7()).String())
		if err != nil {
			t.Fatal(err)
		}
		defer mine.release()
		for range 3 {
			if err := j.engine.adopt(t.Context(), d, mine); err != nil {
				t.Fatal(err)
			}
		}
		if w := workflow(t, j, r.id); w != "" {
			t.Errorf("a job in the hand of a living process was taken: %s", w)
		}
		is(t, j, r.id, internalapi.JobQueued, 0)
		alive.release()
		j.engine.wake()
		is(t, j, r.id, internalapi.JobCompleted, 1)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What fails at first and is worth another try goes on as a workflow.
func TestHandThatHasToWait(t *testing.T) {
	onEach(t, func(_ context.Context, r *Run) error {
		if r.row.attempts == 1 {
			return databaseError{errors.New("gone for a moment")}
		}
		return nil
	}, func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
		is(t, j, submit(), internalapi.JobCompleted, 2)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
