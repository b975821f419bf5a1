package worker

import (
	"context"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/export"
	"github.com/hybridapps/tandem/worker/jobs"
)

func (w *Worker) serveJobs(rw http.ResponseWriter, r *http.Request, who *person) error {
	p, err := page(r)
	if err != nil {
		return err
	}
	q := internalapi.JobQuery{Page: p, Sort: r.URL.Query().Get("sort")}
	for name, to := range map[string]*time.Time{"from": &q.From, "until": &q.Until} {
		if text := r.URL.Query().Get(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return invalid("%s must be a time like 2026-01-31T00:00:00Z", name)
			}
		}
	}
	all, err := w.jobs.List(r.Context(), who.reach, q)
	if err != nil {
		return err
	}
	return ok(rw, all)
}

func (w *Worker) serveStart(rw http.ResponseWriter, r *http.Request, p *person) error {
	var ask internalapi.NewJob
	if err := readJSON(r, &ask); err != nil {
		return err
	}
	var args any
	switch ask.Kind {
	case internalapi.JobSyncStock:
		if ask.From+ask.To+ask.Format != "" {
			return invalid("a stock sync has neither from, to nor format")
		}
	case internalapi.JobExportOrders:
		period := export.Args{From: ask.From, To: ask.To, Format: ask.Format}
		if err := period.Check(); err != nil {
			return err
		}
		args = period
	case internalapi.JobImport:
		return invalid("an import is started by uploading its files")
	default:
		return invalid("there is no job of the kind %q; use %s or %s",
			tandem.Clip(string(ask.Kind), 60), internalapi.JobSyncStock, internalapi.JobExportOrders)
	}
	j, err := w.jobs.Submit(r.Context(), p.reach, jobs.Ask{Kind: ask.Kind, RequestedBy: p.Login, Asker: p.asker(), Args: args})
	if err != nil {
		return err
	}
	return ok(rw, j)
}

func (w *Worker) serveJob(rw http.ResponseWriter, r *http.Request, p *person) error {
	j, err := w.jobs.Job(r.Context(), p.reach, r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(rw, j)
}

func (w *Worker) serveCancel(rw http.ResponseWriter, r *http.Request, p *person) error {
	j, err := w.jobs.Cancel(r.Context(), p.reach, r.PathValue("id"))
	if err != nil {
		return err
	}
	return ok(rw, j)
}

// serveReport is a page of an import's report.
func (w *Worker) serveReport(rw http.ResponseWriter, r *http.Request, who *person) error {
	p, err := page(r)
	if err != nil {
		return err
	}
	report, err := w.jobs.Report(r.Context(), who.reach, r.PathValue("id"), p)
	if err != nil {
		return err
	}
	return ok(rw, report)
}

// serveFile sends what a job made.
func (w *Worker) serveFile(rw http.ResponseWriter, r *http.Request, p *person) error {
	f, told, err := w.jobs.OpenFile(r.Context(), p.reach, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.mayHave(r.Context(), p, r.PathValue("id")); err != nil {
		return err
	}
	// A server's own time limits are for small responses.
	_ = http.NewResponseController(rw).SetWriteDeadline(tandem.SystemTime().Add(transferIn))
	h := rw.Header()
	h.Set("Content-Type", told.MediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": told.Name}))
	h.Set("Content-Length", strconv.FormatInt(told.Size, 10))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(rw, r, "", time.Time{}, seekable{timely{r.Context().Err, f}, f})
	return nil
}

// mayHave refuses the file of an export to somebody who is not shown all that is in it at
// this time. The lines that an import refused are those that the same person has given.
func (w *Worker) mayHave(ctx context.Context, p *person, id string) error {
	j, err := w.jobs.Job(ctx, p.reach, id)
	if err != nil || j.Kind != internalapi.JobExportOrders {
		return err
	}
	seen, err := w.jobs.OpenBeside(ctx, id, export.NoteName)
	if errors.Is(err, fs.ErrNotExist) { // made by an older program, or expired just now
		return tandem.Errorf(tandem.CodeNotFound, "it is not known any more what is in the export; start the export again")
	}
	if err != nil {
		return err
	}
	defer seen.Close()
	err = w.export.MayHave(client.NarrowedTo(ctx, p.IDToken), seen)
	if tandem.ErrorCode(err) == tandem.CodeForbidden && !errors.Is(err, export.ErrShowsMore) && !cannotBeAsked(err) {
		return tandem.Errorf(tandem.CodeForbidden, "you may not have the export: the ERP does not let you read orders")
	}
	return err
}

func (w *Worker) serveSchedules(rw http.ResponseWriter, r *http.Request, p *person) error {
	all, err := w.jobs.Schedules.List(r.Context(), p.reach)
	if err != nil {
		return err
	}
	return ok(rw, all)
}

func (w *Worker) schedule(do func(context.Context, jobs.Reach, string) (internalapi.Schedule, error)) handlerFunc {
	return func(rw http.ResponseWriter, r *http.Request, p *person) error {
		s, err := do(r.Context(), p.reach, r.PathValue("id"))
		if err != nil {
			return err
		}
		return ok(rw, s)
	}
}

func (w *Worker) serveEditSchedule(rw http.ResponseWriter, r *http.Request, p *person) error {
	var edit internalapi.ScheduleEdit
	if err := readJSON(r, &edit); err != nil {
		return err
	}
	s, err := w.jobs.Schedules.Edit(r.Context(), p.reach, r.PathValue("id"), edit)
	if err != nil {
		return err
	}
	return ok(rw, s)
}

func (w *Worker) serveRunSchedule(rw http.ResponseWriter, r *http.Request, p *person) error {
	j, err := w.jobs.Schedules.RunNow(r.Context(), p.reach, r.PathValue("id"), p.Login, p.asker())
	if err != nil {
		return err
	}
	return ok(rw, j)
}
