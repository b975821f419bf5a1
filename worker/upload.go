package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

// serveImport takes uploaded files to disk, part by part, and queues the import
// of them.
func (w *Worker) serveImport(rw http.ResponseWriter, r *http.Request, p *person) error {
	select {
	case w.uploads <- struct{}{}:
		defer func() { <-w.uploads }()
	default:
		return &tandem.Error{Code: tandem.CodeThrottled, Message: "other files are being uploaded right now; try again in a moment"}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return invalid("an import is uploaded as multipart/form-data")
	}
	control := http.NewResponseController(rw)
	_ = control.SetReadDeadline(time.Now().Add(transferIn))
	_ = control.SetWriteDeadline(time.Now().Add(transferIn + answerIn))
	// The parts' headers come on top of the files.
	body := timely{r.Context().Err, http.MaxBytesReader(rw, r.Body, internalapi.MaxUpload+1<<20)}
	j := &job{id: newID(), kind: internalapi.JobImport, requestedBy: p.Login, args: jobArgs{OnBehalf: p.behalf()}}
	err = w.store(multipart.NewReader(body, params["boundary"]), j)
	var queued *job
	if err == nil {
		queued, err = w.addJob(r.Context(), j)
	}
	if err != nil {
		w.dropUploads(j.id)
		return err
	}
	return ok(rw, queued.wire())
}

// timely ends a body that comes too slowly: a server may give each read of a
// body new time, and an upload keeps others out.
type timely struct {
	expired func() error
	body    io.Reader
}

// Read implements io.Reader.
func (t timely) Read(b []byte) (int, error) {
	if err := t.expired(); err != nil {
		return 0, err
	}
	return t.body.Read(b)
}

// store writes the parts with a file name into the job's folder.
func (w *Worker) store(parts *multipart.Reader, j *job) error {
	dir := w.jobDir(j.id, "upload")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	left := int64(internalapi.MaxUpload)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return uploadError(err)
		}
		if n >= 10*internalapi.MaxUploadFiles {
			return invalid("the form has too many fields")
		}
		name := fileName(part)
		if name == "" {
			continue
		}
		if len(j.args.Files) == internalapi.MaxUploadFiles {
			return &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf("more than %d files; upload them in several imports", internalapi.MaxUploadFiles)}
		}
		f := uploadedFile{Name: name, Stored: fmt.Sprintf("%03d.csv", len(j.args.Files)+1)}
		if f.Size, err = copyFile(filepath.Join(dir, f.Stored), part, left); err != nil {
			return err
		}
		left -= f.Size
		j.args.Files = append(j.args.Files, f)
	}
	if len(j.args.Files) == 0 {
		return invalid("no file came; choose the CSV files to import")
	}
	return nil
}

// fileName is the base name of an uploaded file, for showing and matching only.
func fileName(part *multipart.Part) string {
	name := part.FileName()
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if !utf8.ValidString(name) || len(name) > 255 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return "(unreadable name)"
	}
	return name
}

func copyFile(to string, from io.Reader, left int64) (int64, error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(from, left+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return n, uploadError(err) // bare, so that its words are shown
	}
	if n > left {
		return n, &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf("the files have more than %d MB together; upload them in several imports", internalapi.MaxUpload>>20)}
	}
	return n, nil
}

func uploadError(err error) error {
	var tooBig *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooBig):
		return &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf("the files have more than %d MB together; upload them in several imports", internalapi.MaxUpload>>20)}
	case errors.Is(err, context.DeadlineExceeded):
		return &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf("the upload took more than %.0f minutes; upload fewer files at a time", transferIn.Minutes())}
	case errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "multipart:"):
		return invalid("the upload was cut off or is not multipart/form-data")
	}
	return err
}
