package jobs

import (
	"context"
	"maps"
	"slices"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// adopt begins the jobs that no process has: because that died, or because the
// one that took the request came no further than writing it down.
func (e *engine) adopt(ctx context.Context, d *durable, alive alive) error {
	held, err := e.jobs.holders(ctx)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		d.rest.wake()
	}
	maps.DeleteFunc(held, func(id, by string) bool { return e.has(id) })
	if len(held) == 0 {
		return nil
	}
	return d.adopt(held, e.executor, func(executor string, f func() error) error { return alive.whenGone(ctx, executor, f) })
}

// adopt begins those of the unfinished jobs that no living process has: neither as a
// workflow nor in its hand, as held says. self is this process; whenGone runs a
// function if another one is gone, and keeps others from doing the same.
func (d *durable) adopt(held map[string]string, self string, whenGone func(executor string, f func() error) error) error {
	known, err := d.list(dbos.WithFilterWorkflowIDs(slices.Collect(maps.Keys(held))...))
	if err != nil {
		return err
	}
	executors, found := map[string]bool{}, map[string]bool{}
	for _, w := range known {
		switch w.Status {
		case dbos.WorkflowStatusPending:
			found[w.ID], executors[w.ExecutorID] = true, true
		case dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed:
			found[w.ID] = true // on its way to a process
		default:
			// How a job ended is told by our row, which has no end: it may come
			// from a backup.
			if err := d.remove([]string{w.ID}); err != nil {
				return err
			}
		}
	}
	delete(executors, self)
	for executor := range executors {
		if err := whenGone(executor, func() error { return d.resume(executor) }); err != nil {
			return err
		}
	}
	for id, by := range held {
		begin := func() error { return d.begin(id) }
		switch {
		case found[id]:
		case by == "" || by == self:
			err = begin()
		default:
			err = whenGone(by, begin)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resume queues the workflows of a process that is gone; living ones take them
// within a second.
func (d *durable) resume(executor string) error {
	orphans, err := d.list(dbos.WithFilterExecutorIDs(executor), dbos.WithFilterStatus(dbos.WorkflowStatusPending))
	if err != nil || len(orphans) == 0 {
		return err
	}
	within, cancel := d.bounded()
	defer cancel()
	_, err = dbos.ResumeWorkflows[string](within, ids(orphans))
	return err
}
