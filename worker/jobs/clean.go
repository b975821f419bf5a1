package jobs

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/hybridapps/tandem/sqldb"
)

// cleaned is how many exports and how many jobs one time of cleaning deletes.
const cleaned = 1000

// cleanEvery is how often old files and jobs are looked for.
const cleanEvery = time.Minute

// cleanTerm is how long others wait for one that stands still while it cleans.
const cleanTerm = time.Minute

// keepCleaning deletes what is old, again and again until ctx ends. That may take many
// minutes, in which nothing else waits for it. One worker of the database does it at a
// time; another one comes next.
func (e *engine) keepCleaning(ctx context.Context, d *durable) {
	lead := &sqldb.Lead{Leases: sqldb.NewLeases(e.db, "job_leases"), Name: "clean", Holder: e.executor, Term: cleanTerm}
	for cleaned := (time.Time{}); ctx.Err() == nil; pause(ctx, lookEvery) {
		now := e.clock.Now()
		if now.Sub(cleaned) < cleanEvery {
			continue
		}
		err := lead.Run(ctx, func(ctx context.Context) error {
			cleaned = now
			return e.jobs.clean(ctx, now, func() error { return e.clean(ctx, d) })
		})
		if cleaned.Equal(now) {
			err = errors.Join(err, lead.Release(ctx))
		}
		if err != nil && ctx.Err() == nil {
			e.log.Error("the worker cannot delete old files and jobs", "error", err)
		}
	}
}

// clean deletes exports that have expired, jobs that are old, and folders
// without a job.
func (j *Jobs) clean(ctx context.Context, now time.Time, engine func() error) error {
	if err := j.cleanExports(ctx, now); err != nil {
		return err
	}
	if err := j.cleanJobs(ctx, now.Add(-j.config.KeepJobs)); err != nil {
		return err
	}
	if err := engine(); err != nil {
		return err
	}
	if j.files.shared != nil {
		if err := j.files.shared.clean(ctx, sqldb.Micros(now.Add(-leftAfter))); err != nil {
			return err
		}
	}
	return j.cleanFolders(ctx, now)
}

func (j *Jobs) cleanExports(ctx context.Context, now time.Time) error {
	expired, err := j.ids(ctx, `SELECT id FROM jobs WHERE file <> '' AND file_expires_at <= $1 LIMIT $2`, sqldb.Micros(now), cleaned)
	if err != nil {
		return err
	}
	for _, id := range expired {
		if err := j.files.drop(ctx, id); err != nil {
			return err
		}
		if _, err := j.db.Writer().ExecContext(ctx, `UPDATE jobs SET file = '', disk = 0, version = version + 1 WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// cleanJobs deletes the jobs that ended before the time, the oldest first: their
// ids grow with time, so that younger ones are not looked at.
func (j *Jobs) cleanJobs(ctx context.Context, before time.Time) error {
	old, err := j.ids(ctx, `SELECT id FROM jobs WHERE id < $1 AND finished_at > 0 AND finished_at < $2 AND file = '' ORDER BY id LIMIT $3`,
		sqldb.FirstID(before), sqldb.Micros(before), cleaned)
	if err != nil {
		return err
	}
	for _, id := range old {
		// A long report goes in parts, so that no other job waits for it.
		_, err := j.db.Purge(ctx, sqldb.Purge{Table: "job_report", Column: "place", Before: int64(math.MaxInt64), And: `job_id = $4`, Args: []any{id}})
		if err != nil {
			return err
		}
		if _, err := j.db.Writer().ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// leftAfter is how old files without a job are when they count as left behind.
const leftAfter = time.Hour

// cleanFolders deletes what an upload left behind that was cut off before its
// job was written down, and an attempt whose worker died.
func (j *Jobs) cleanFolders(ctx context.Context, now time.Time) error {
	entries, err := os.ReadDir(j.files.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(info.ModTime()) < leftAfter {
			continue
		}
		if err != nil {
			return err
		}
		ids, err := j.ids(ctx, `SELECT id FROM jobs WHERE id = $1 OR id || '.' || attempts = $1 AND state = 'running'`, e.Name())
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			if err := os.RemoveAll(filepath.Join(j.files.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// clean deletes what the durable engine keeps of jobs that have ended: all that
// anybody asks about them is in our rows.
func (e *engine) clean(ctx context.Context, d *durable) error {
	if d.rest.woken() == d.cleaned.Load() {
		return nil // there has been no job since
	}
	woken := d.rest.wake()
	known, err := d.some()
	if err != nil {
		return err
	}
	if len(known) == 0 {
		d.cleaned.Store(woken)
		return nil
	}
	unfinished, err := e.jobs.ids(ctx, unfinishedJobs) // later, so that a new one is in it
	if err != nil {
		return err
	}
	return d.remove(slices.DeleteFunc(known, func(id string) bool {
		return slices.Contains(unfinished, id) || e.has(id)
	}))
}

// some are the oldest of the jobs that the engine knows, a thousand of them.
func (d *durable) some() ([]string, error) {
	known, err := d.list(dbos.WithFilterLimit(1000))
	return ids(known), err
}
