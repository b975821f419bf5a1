package webapp

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/internalapi"
)

// Jobs run in the back end; these pages ask for them and show them.

const (
	jobsPage   = 25
	reportPage = 50
)

func (a *App) jobs(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	d := jobsData{
		sorting: v.sortedBy("-created", by("Job", "kind"), by("State", "state"), by("Asked by", "requested_by"), newestFirst("Started", "created"),
			sortable{Text: "Took", Right: true}),
		period: v.period(),
	}
	d.Orders = d.choices("", "Newest first", "created", "Oldest first", "kind", "By job", "state", "By state", "requested_by", "By person")
	q := internalapi.JobQuery{Page: internalapi.Page{Skip: v.skip(), Top: jobsPage}, Sort: d.Sort}
	q.From, q.Until = d.times(readerOf(v.r).location())
	got, err := a.worker.Jobs(v.ctx(), token, q)
	if err != nil {
		return err
	}
	d.Jobs, d.Pager = got.Jobs, newPager(v.r.URL, q.Skip, len(got.Jobs), jobsPage, 0, got.More)
	return v.show(http.StatusOK, "jobs", "Jobs", d)
}

type jobsData struct {
	sorting
	period
	Orders []sortChoice
	Jobs   []internalapi.Job
	Pager  pager
}

func jobPath(id string) string { return "/jobs/" + url.PathEscape(id) }

func (a *App) syncStock(v *visit) error {
	return a.startJob(v, internalapi.NewJob{Kind: internalapi.JobSyncStock})
}

func (a *App) startJob(v *visit, job internalapi.NewJob) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	started, err := a.worker.StartJob(v.ctx(), token, job)
	if err != nil {
		return err
	}
	return v.redirect(jobPath(started.ID))
}

func (a *App) cancelJob(v *visit) error {
	path := jobPath(v.r.PathValue("id"))
	asked, err := v.ask(question{
		Heading: "Cancel the job?", Button: "Yes, cancel it", Action: path + "/cancel", Back: path,
		Text: "What it has done so far stays. It cannot go on afterwards: a new job would begin at the beginning.",
	})
	if asked || err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	if _, err := a.worker.CancelJob(v.ctx(), token, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.redirect(jobPath(v.r.PathValue("id")))
}

// jobJSON is a job for scripts.
type jobJSON struct {
	ID       string                 `json:"id"`
	Kind     internalapi.JobKind    `json:"kind"`
	State    internalapi.JobState   `json:"state"`
	Progress int                    `json:"progress"`
	Note     string                 `json:"note"`
	Result   *internalapi.JobResult `json:"result"`
	Error    *string                `json:"error"`
}

func jsonOf(j internalapi.Job) jobJSON {
	out := jobJSON{ID: j.ID, Kind: j.Kind, State: j.State, Progress: j.Progress, Note: j.Note, Result: j.Result}
	if j.Error != "" {
		out.Error = &j.Error
	}
	return out
}

type jobData struct {
	Job    internalapi.Job
	Report internalapi.ReportPage
	Pager  pager
	Once   string
}

// job shows a job as a page, as the page's live part, or as JSON.
func (a *App) job(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	v.w.Header().Set("Vary", "Accept")
	job, err := a.worker.Job(v.ctx(), token, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if wantsJSON(v.r) {
		internalapi.WriteJSON(v.w, http.StatusOK, jsonOf(job))
		return nil
	}
	d := jobData{Job: job, Once: v.session.FormToken()}
	if job.Kind == internalapi.JobImport && job.Manage {
		skip := v.skip()
		if d.Report, err = a.worker.JobReport(v.ctx(), token, job.ID, internalapi.Page{Skip: skip, Top: reportPage}); err != nil {
			return err
		}
		d.Pager = newPager(v.r.URL, skip, len(d.Report.Rows), reportPage, d.Report.Total, d.Report.More)
	}
	if v.r.URL.Query().Has("fragment") {
		a.render(v.w, v.r, http.StatusOK, "job", "job", d)
		return nil
	}
	p := page{Title: jobName(job.Kind), D: d}
	if !job.State.Final() {
		p.Refresh = "2"
	}
	return v.showPage(http.StatusOK, "job", p)
}

// jobFile hands the file that a job made through, as it comes.
func (a *App) jobFile(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	file, err := a.worker.JobFile(v.ctx(), token, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	defer file.Body.Close()
	v.extend(30 * time.Minute)
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if mediaType, _, err := mime.ParseMediaType(file.MediaType); err == nil && downloadable[mediaType] {
		h.Set("Content-Type", file.MediaType)
	}
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	if file.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(file.Size, 10))
	}
	if _, err := io.Copy(v.w, file.Body); err != nil {
		a.log.WarnContext(v.ctx(), "download broke off", "job", v.r.PathValue("id"), "error", err)
		panic(http.ErrAbortHandler) // so that the browser sees it, too
	}
	return nil
}

var downloadable = map[string]bool{"text/csv": true, "application/zip": true, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": true}

const stockPage = 50

type stockData struct {
	internalapi.StockPage
	sorting
	Orders []sortChoice
	Search string
	Pager  pager
}

// stock shows what the worker has synced, not the ERP itself.
func (a *App) stock(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	order := v.sortedBy("part_number", by("Product", "name"), newestFirst("In stock", "quantity").right(), by("Part number", "part_number"), sortable{Text: "Stores"})
	q := internalapi.StockQuery{
		Page: internalapi.Page{Skip: v.skip(), Top: stockPage}, Search: v.query("q", internalapi.MaxSearch), Sort: order.Sort,
	}
	got, err := a.worker.Stock(v.ctx(), token, q)
	if err != nil {
		return err
	}
	pages := newPager(v.r.URL, q.Skip, len(got.Rows), stockPage, got.Total, got.More)
	return v.show(http.StatusOK, "stock", "Stock", stockData{got, order, order.choices("", "By part number", "name", "By name", "-quantity", "Most first", "quantity", "Least first"), q.Search, pages})
}

type exportData struct {
	From, To, Format, Fault string
	// Kept says that the form came when its person was not signed in any more.
	Kept bool
}

func exportOf(p url.Values) exportData {
	return exportData{From: p.Get("from"), To: p.Get("to"), Format: p.Get("format")}
}

// exports refuses who may not read orders: the back end would read them for them.
func (v *visit) exports() error {
	if v.may(setOrders).Read {
		return nil
	}
	return forbidden("An export has orders, which your account may not read. An administrator can put it into a group that may.")
}

func (a *App) exportForm(v *visit) error {
	if err := v.exports(); err != nil {
		return err
	}
	now := a.clock.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return v.show(http.StatusOK, "export", "Export", exportData{
		From: first.Format(time.DateOnly), To: now.Format(time.DateOnly), Format: "csv"})
}

func (a *App) exportOrders(v *visit) error {
	if err := v.exports(); err != nil {
		return err
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	d := exportOf(v.r.PostForm)
	from, err1 := time.Parse(time.DateOnly, d.From)
	to, err2 := time.Parse(time.DateOnly, d.To)
	switch {
	case err1 != nil || err2 != nil:
		d.Fault = "Give both days, like 2026-01-31."
	case to.Before(from):
		d.Fault = "The last day is before the first one."
	case d.Format != "csv" && d.Format != "xlsx":
		d.Fault = "Choose CSV or Excel."
	}
	status := http.StatusUnprocessableEntity
	if d.Fault == "" {
		err := a.startJob(v, internalapi.NewJob{Kind: internalapi.JobExportOrders, From: d.From, To: d.To, Format: d.Format})
		ok := err != nil
		if ok {
			d.Fault, status, ok = a.formFault(v, err)
		}
		if !ok {
			return err
		}
	}
	return v.show(status, "export", "Export", d)
}
