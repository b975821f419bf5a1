package worker

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Each job has a folder files/JOB, with upload/ for what came and export/ for
// what it made. Names of files in it are the program's own.

func (w *Worker) jobDir(id, part string) string { return filepath.Join(w.files, id, part) }

// dropUploads deletes what a job was given; it is not needed once it ended.
func (w *Worker) dropUploads(id string) {
	if err := os.RemoveAll(w.jobDir(id, "upload")); err != nil {
		w.log.Warn("uploaded files stay behind", "job", id, "error", err)
	}
	_ = os.Remove(filepath.Join(w.files, id)) // stays while an export is in it
}

// cleanEvery is how often old files and jobs are looked for.
const cleanEvery = time.Minute

// clean deletes exports that have expired, jobs that are old, and folders
// without a job. It does something once a minute.
func (w *Worker) clean(ctx context.Context) error {
	now := w.now()
	if w.facts.cleanedWithin(now, cleanEvery) {
		return nil
	}
	expired, err := w.jobIDs(ctx, `SELECT id FROM jobs WHERE file <> '' AND file_expires_at <= $1 LIMIT 100`, sqldb.Micros(now))
	if err != nil {
		return err
	}
	for _, id := range expired {
		if err := os.RemoveAll(filepath.Join(w.files, id)); err != nil {
			return err
		}
		if _, err := w.db.Writer().ExecContext(ctx, `UPDATE jobs SET file = '', version = version + 1 WHERE id = $1`, id); err != nil {
			return err
		}
	}
	old, err := w.jobIDs(ctx, `SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < $1 AND file = '' LIMIT 100`, sqldb.Micros(now.Add(-w.config.KeepJobs)))
	if err != nil {
		return err
	}
	for _, id := range old {
		if _, err := w.db.Writer().ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return w.cleanFolders(ctx, now)
}

func (w *Worker) jobIDs(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := w.db.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// cleanFolders deletes what an upload left behind that was cut off before its
// job was written down.
func (w *Worker) cleanFolders(ctx context.Context, now time.Time) error {
	entries, err := os.ReadDir(w.files)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(info.ModTime()) < time.Hour {
			continue
		}
		if err != nil {
			return err
		}
		ids, err := w.jobIDs(ctx, `SELECT id FROM jobs WHERE id = $1`, e.Name())
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			if err := os.RemoveAll(filepath.Join(w.files, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
