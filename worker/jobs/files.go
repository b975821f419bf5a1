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

// OpenFile opens the file that a job made, and gives what people are told about
// it. Not found once its time is over.
func (j *Jobs) OpenFile(ctx context.Context, reach Reach, id string) (f *os.File, told internalapi.ResultFile, err error) {
	r, err := j.reached(ctx, reach, id, "have its file")
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
