package webapp

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
)

// maxUploadBody is the files and what a form adds around them.
const maxUploadBody = internalapi.MaxUpload + 1<<20

// planPatience is how long the form waits for the worker to say which files it
// knows: it can do without.
const planPatience = 2 * time.Second

type importData struct {
	Fault                  string
	MaxFiles, MaxMegabytes int
	// Plan is what the worker's mapping knows; empty while the worker does not
	// answer.
	Plan internalapi.ImportPlan
}

func (a *App) importForm(v *visit) error { return a.importPage(v, http.StatusOK, "") }

func (a *App) importPage(v *visit, status int, fault string) error {
	d := importData{Fault: fault, MaxFiles: internalapi.MaxUploadFiles, MaxMegabytes: internalapi.MaxUpload >> 20}
	if token, err := v.evidence(); err == nil {
		ctx, cancel := context.WithTimeout(v.ctx(), planPatience)
		defer cancel()
		if d.Plan, err = a.worker.ImportPlan(ctx, token); err != nil {
			a.log.WarnContext(v.ctx(), "the files of an import cannot be listed", "error", err)
		}
	}
	return v.show(status, "import", "Import", d)
}

// importTemplate is an empty file with the columns that the mapping uses.
func (a *App) importTemplate(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	plan, err := a.worker.ImportPlan(v.ctx(), token)
	if err != nil {
		return err
	}
	for _, file := range plan.Files {
		if file.Name != v.r.PathValue("file") {
			continue
		}
		h := v.w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
		_, err := io.WriteString(v.w, templateOf(file))
		return err
	}
	return tandem.Errorf(tandem.CodeNotFound, "The mapping knows no file of this name.")
}

// templateOf is the header line. A byte order mark tells spreadsheets that what is
// typed below it is UTF-8.
func templateOf(file internalapi.ImportFile) string {
	cells := make([]string, len(file.Columns))
	for i, column := range file.Columns {
		if cells[i] = column; strings.ContainsAny(column, "\"\r\n"+file.Separator) {
			cells[i] = `"` + strings.ReplaceAll(column, `"`, `""`) + `"`
		}
	}
	return "\ufeff" + strings.Join(cells, file.Separator) + "\r\n"
}

// importFiles hands the browser's form on to the worker as it comes: neither
// memory nor disk of the web app holds the files.
func (a *App) importFiles(v *visit) error {
	body := &uploadBody{r: v.r.Body, left: maxUploadBody, drainable: maxUploadBody / 2}
	giveBack, outcome := a.uploads.Take(v.who.UserID)
	if outcome != quota.Taken {
		body.drain()
		return a.importPage(v, http.StatusTooManyRequests, "Other files are being sent right now. Wait until they are there, then send these.")
	}
	defer giveBack()
	contentType := v.r.Header.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		return a.importPage(v, http.StatusBadRequest, "Choose the files with the form below.")
	}
	tooLarge := fmt.Sprintf("The files are larger than %d MB together. Send fewer at a time.", internalapi.MaxUpload>>20)
	v.extend(15 * time.Minute)
	if v.r.ContentLength > maxUploadBody {
		body.drain()
		return a.importPage(v, http.StatusRequestEntityTooLarge, tooLarge)
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	job, err := a.worker.Import(v.ctx(), token, contentType, body)
	if body.exceeded.Load() {
		err = tandem.Errorf(tandem.CodeTooLarge, "%s", tooLarge)
	}
	if err != nil {
		body.drain()
	}
	switch code, message := codeOf(err); {
	case err == nil:
		return v.redirect(jobPath(job.ID))
	case code == tandem.CodeTooLarge || code == tandem.CodeInvalid || code == tandem.CodeRule || code == tandem.CodeThrottled:
		return a.importPage(v, code.Status(), message)
	}
	return err
}

// uploadBody is a body with a limit that remembers whether it was exceeded. The
// transport may still be reading when the worker's response is there.
type uploadBody struct {
	exceeded atomic.Bool

	reading sync.Mutex
	r       io.Reader
	left    int64
	drained bool
	// drainable is how much of what is not taken is read, and thrown away.
	drainable int64
}

// Read implements io.Reader.
func (b *uploadBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.drained || b.exceeded.Load() {
		return 0, tandem.Errorf(tandem.CodeTooLarge, "the upload is too large")
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.exceeded.Store(true)
		return 0, tandem.Errorf(tandem.CodeTooLarge, "the upload is too large")
	}
	return n, err
}

// drain reads some of the rest, and leaves nothing to the transport: a browser
// shows the response only after it has sent its form. One that sends on and on is
// cut off.
func (b *uploadBody) drain() {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.drained {
		return
	}
	b.drained = true
	_, _ = io.CopyN(io.Discard, b.r, b.drainable)
}
