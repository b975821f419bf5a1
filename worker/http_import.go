package worker

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer"
	"github.com/hybridapps/tandem/worker/jobs"
)

// serveImport takes uploaded files to disk, part by part, and queues the import
// of them.
func (w *Worker) serveImport(rw http.ResponseWriter, r *http.Request, p *person) error {
	giveBack, err := w.takeUpload(rw, p)
	if err != nil {
		return err
	}
	defer giveBack()
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return invalid("an import is uploaded as multipart/form-data")
	}
	// The parts' headers come on top of the files.
	body := timely{r.Context().Err, http.MaxBytesReader(rw, r.Body, internalapi.MaxUpload+1<<20)}
	ask := jobs.Ask{ID: jobs.NewID(), Kind: internalapi.JobImport, RequestedBy: p.Login, Asker: p.asker()}
	var queued internalapi.Job
	files, err := importer.Store(multipart.NewReader(body, params["boundary"]), w.jobs.Folder(ask.ID))
	if err == nil {
		ask.Args, ask.Disk = files, files.Size()
		queued, err = w.jobs.Submit(r.Context(), p.reach, ask)
	}
	if err != nil {
		w.jobs.Forget(r.Context(), ask.ID)
		return err
	}
	return ok(rw, queued)
}

// takeUpload gives the person a place among those who send files, and their file the time
// that it takes.
func (w *Worker) takeUpload(rw http.ResponseWriter, p *person) (giveBack func(), err error) {
	giveBack, outcome := w.uploads.Take(p.UserID)
	switch outcome {
	case quota.AllTaken:
		return nil, tandem.Errorf(tandem.CodeThrottled, "other files are being uploaded right now; try again in a moment")
	case quota.EachTaken:
		return nil, tandem.Errorf(tandem.CodeThrottled, "files of yours are being uploaded already; wait until they are here")
	}
	control := http.NewResponseController(rw)
	_ = control.SetReadDeadline(tandem.SystemTime().Add(transferIn))
	_ = control.SetWriteDeadline(tandem.SystemTime().Add(transferIn + respondIn))
	return giveBack, nil
}

// servePlan tells which files the mapping knows.
func (w *Worker) servePlan(rw http.ResponseWriter, _ *http.Request, _ *person) error {
	return ok(rw, w.importer.Plan())
}

// timely ends what is read when its time is over, or that of its person. A
// server may give each read of a body new time, and an upload keeps others out.
type timely struct {
	expired func() error
	body    io.Reader
}

// seekable is a file that is read so.
type seekable struct {
	timely
	io.Seeker
}

// Read implements io.Reader.
func (t timely) Read(b []byte) (int, error) {
	if err := t.expired(); err != nil {
		return 0, err
	}
	return t.body.Read(b)
}
