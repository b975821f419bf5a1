package jobs

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// files are the files of the jobs. On SQLite they are in the folder, which all
// workers of the database share. On PostgreSQL they are in the database, and the
// folder has only what this worker reads or makes at the moment. Names of files
// are the program's own.
type files struct {
	dir string
	log *slog.Logger
	// shared is nil on SQLite.
	shared *pieces
}

// File is a file that a job made.
type File interface {
	io.ReadSeeker
	io.Closer
}

// A job's folder has one for what came and one for what the job made.
const partUpload, partExport = "upload", "export"

func (f *files) folder(id, part string) string { return filepath.Join(f.dir, id, part) }

// share takes what a job was given to where the other workers have it, too, and says
// whether there is anything.
func (f *files) share(ctx context.Context, id string, now time.Time) (given bool, err error) {
	if f.shared == nil {
		return false, nil
	}
	entries, err := os.ReadDir(f.folder(id, partUpload))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, entry := range entries {
		if err == nil {
			err = f.shared.put(f.shared.write(ctx), id, partUpload, filepath.Join(f.folder(id, partUpload), entry.Name()), sqldb.Micros(now))
		}
	}
	if err != nil {
		return false, err
	}
	return len(entries) > 0, os.RemoveAll(filepath.Join(f.dir, id))
}

// dropUploads deletes what a job was given; it is not needed once it ended. shared
// says that there may be something of it in the database.
func (f *files) dropUploads(ctx context.Context, id string, shared bool) {
	err := os.RemoveAll(f.folder(id, partUpload))
	if f.shared != nil && shared {
		err = errors.Join(err, f.shared.drop(ctx, id, partUpload))
	}
	if err != nil {
		f.log.Warn("uploaded files stay behind for some minutes", "job", id, "error", err)
	}
	_ = os.Remove(filepath.Join(f.dir, id)) // stays while an export is in it
}

// drop deletes all files of a job.
func (f *files) drop(ctx context.Context, id string) error {
	if f.shared != nil {
		if err := f.shared.drop(ctx, id, ""); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(f.dir, id))
}

// open opens a file that a job made; [fs.ErrNotExist] where there is none.
func (f *files) open(ctx context.Context, id, name string, size int64) (File, error) {
	if f.shared != nil {
		file, err := f.shared.open(ctx, id, partExport, name, size)
		if !errors.Is(err, sql.ErrNoRows) {
			return file, err
		} // one of an older program is in the folder
	}
	return os.Open(filepath.Join(f.folder(id, partExport), filepath.Base(name)))
}

// OpenBeside opens a file that a job kept beside the one that it made: [fs.ErrNotExist]
// where there is none.
func (j *Jobs) OpenBeside(ctx context.Context, id, name string) (io.ReadCloser, error) {
	if j.files.shared != nil {
		file, err := j.files.shared.open(ctx, id, partExport, name, math.MaxInt64)
		if !errors.Is(err, sql.ErrNoRows) {
			return file, err
		}
	}
	return os.Open(filepath.Join(j.files.folder(id, partExport), filepath.Base(name)))
}

// OpenFile opens the file that a job made, and gives what people are told about
// it. Not found once its time is over.
func (j *Jobs) OpenFile(ctx context.Context, reach Reach, id string) (f File, told internalapi.ResultFile, err error) {
	r, err := j.reached(ctx, reach, id, "have its file")
	if err != nil {
		return nil, told, err
	}
	gone := tandem.Errorf(tandem.CodeNotFound, "the job has no file, or its time to download it is over; start the export again")
	result := r.wire().Result
	if r.file == "" || result == nil || result.File == nil || !j.clock.Now().Before(r.fileExpires) {
		return nil, told, gone
	}
	f, err = j.files.open(ctx, r.id, r.file, result.File.Size)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, told, gone
	}
	return f, *result.File, err
}
