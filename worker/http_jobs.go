package worker

import (
	"context"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

func (w *Worker) serveJobs(rw http.ResponseWriter, r *http.Request, _ *person) error {
	p, err := page(r)
	if err != nil {
		return err
	}
	jobs, err := w.jobs(r.Context(), p)
	if err != nil {
		return err
	}
	return ok(rw, jobs)
}

func (w *Worker) serveStart(rw http.ResponseWriter, r *http.Request, p *person) error {
	var ask internalapi.NewJob
	if err := readJSON(r, &ask); err != nil {
		return err
	}
	j := &job{kind: ask.Kind, requestedBy: p.Login, args: jobArgs{OnBehalf: p.behalf()}}
	switch ask.Kind {
	case internalapi.JobSyncStock:
		if ask.From+ask.To+ask.Format != "" {
			return invalid("a stock sync has neither from, to nor format")
		}
	case internalapi.JobExportOrders:
		if err := checkExport(&ask); err != nil {
			return err
		}
		j.args.From, j.args.To, j.args.Format = ask.From, ask.To, ask.Format
	case internalapi.JobImport:
		return invalid("an import is started by uploading its files")
	default:
		return invalid("there is no job of the kind %q; use %s or %s", clip(string(ask.Kind)), internalapi.JobSyncStock, internalapi.JobExportOrders)
	}
	j, err := w.addJob(r.Context(), j)
	if err != nil {
		return err
	}
	return ok(rw, j.wire())
}

func (w *Worker) serveJob(rw http.ResponseWriter, r *http.Request, _ *person) error {
	j, err := w.job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(rw, j.wire())
}

func (w *Worker) serveCancel(rw http.ResponseWriter, r *http.Request, _ *person) error {
	j, err := w.cancelJob(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(rw, j.wire())
}

// serveFile sends what a job made.
func (w *Worker) serveFile(rw http.ResponseWriter, r *http.Request, _ *person) error {
	j, err := w.job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	wire := j.wire()
	gone := &tandem.Error{Code: tandem.CodeNotFound, Message: "the job has no file, or its time to download it is over; start the export again"}
	if j.file == "" || wire.Result == nil || wire.Result.File == nil || !w.now().Before(j.fileExpires) {
		return gone
	}
	f, err := os.Open(filepath.Join(w.jobDir(j.id, "export"), filepath.Base(j.file)))
	if os.IsNotExist(err) {
		return gone
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// A server's own time limits are for small answers.
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(transferIn))
	h := rw.Header()
	h.Set("Content-Type", wire.Result.File.MediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": wire.Result.File.Name}))
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(rw, r, "", time.Time{}, f)
	return nil
}

func (w *Worker) serveSchedules(rw http.ResponseWriter, r *http.Request, _ *person) error {
	all, err := w.schedules(r.Context())
	if err != nil {
		return err
	}
	return ok(rw, all)
}

func (w *Worker) schedule(do func(context.Context, string) (internalapi.Schedule, error)) handlerFunc {
	return func(rw http.ResponseWriter, r *http.Request, _ *person) error {
		s, err := do(r.Context(), r.PathValue("id"))
		if err != nil {
			return err
		}
		return ok(rw, s)
	}
}

func (w *Worker) serveRunSchedule(rw http.ResponseWriter, r *http.Request, p *person) error {
	j, err := w.runSchedule(r.Context(), r.PathValue("id"), p.Login, p.behalf())
	if err != nil {
		return err
	}
	return ok(rw, j.wire())
}
