package jobs

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// files are the folders of the jobs. Names of files in them are the program's
// own.
type files struct {
	dir string
	log *slog.Logger

	lock    sync.Mutex
	cleaned time.Time
}

// A job's folder has one for what came and one for what the job made.
const partUpload, partExport = "upload", "export"

func (f *files) folder(id, part string) string { return filepath.Join(f.dir, id, part) }

// dropUploads deletes what a job was given; it is not needed once it ended.
func (f *files) dropUploads(id string) {
	if err := os.RemoveAll(f.folder(id, partUpload)); err != nil {
		f.log.Warn("uploaded files stay behind", "job", id, "error", err)
	}
	_ = os.Remove(filepath.Join(f.dir, id)) // stays while an export is in it
}

// due reports whether it is time to clean, and counts from now if so.
func (f *files) due(now time.Time) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	if now.Sub(f.cleaned) < cleanEvery {
		return false
	}
	f.cleaned = now
	return true
}

// OpenFile opens the file that a job made, and gives what people are told about
// it. Not found once its time is over.
func (j *Jobs) OpenFile(ctx context.Context, id string) (f *os.File, told internalapi.ResultFile, err error) {
	r, err := j.row(ctx, id)
	if err != nil {
		return nil, told, err
	}
	gone := tandem.Errorf(tandem.CodeNotFound, "the job has no file, or its time to download it is over; start the export again")
	result := r.wire().Result
	if r.file == "" || result == nil || result.File == nil || !j.clock.Now().Before(r.fileExpires) {
		return nil, told, gone
	}
	f, err = os.Open(filepath.Join(j.files.folder(r.id, partExport), filepath.Base(r.file)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, told, gone
	}
	return f, *result.File, err
}

// cleanEvery is how often old files and jobs are looked for.
const cleanEvery = time.Minute

// clean deletes exports that have expired, jobs that are old, and folders
// without a job. It does something once a minute.
func (j *Jobs) clean(ctx context.Context, engine func() error) error {
	now := j.clock.Now()
	if !j.files.due(now) {
		return nil
	}
	expired, err := j.ids(ctx, `SELECT id FROM jobs WHERE file <> '' AND file_expires_at <= $1 LIMIT 100`, sqldb.Micros(now))
	if err != nil {
		return err
	}
	for _, id := range expired {
		if err := os.RemoveAll(filepath.Join(j.files.dir, id)); err != nil {
			return err
		}
		if _, err := j.db.Writer().ExecContext(ctx, `UPDATE jobs SET file = '', version = version + 1 WHERE id = $1`, id); err != nil {
			return err
		}
	}
	old, err := j.ids(ctx, `SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < $1 AND file = '' LIMIT 100`,
		sqldb.Micros(now.Add(-j.config.KeepJobs)))
	if err != nil {
		return err
	}
	for _, id := range old {
		if _, err := j.db.Writer().ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, id); err != nil {
			return err
		}
	}
	if err := engine(); err != nil {
		return err
	}
	return j.cleanFolders(ctx, now)
}

// ids are the jobs that a query finds.
func (j *Jobs) ids(ctx context.Context, query string, args ...any) ([]string, error) {
	stmt, err := j.db.ReadStmt(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
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
func (j *Jobs) cleanFolders(ctx context.Context, now time.Time) error {
	entries, err := os.ReadDir(j.files.dir)
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
		ids, err := j.ids(ctx, `SELECT id FROM jobs WHERE id = $1`, e.Name())
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
