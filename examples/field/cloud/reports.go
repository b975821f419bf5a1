package cloud

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/report"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

// maxReportBody bounds the request for a report, in bytes.
const maxReportBody = 1 << 10

// office refuses who is neither in the office's group nor an administrator: reports have
// the work of everybody in them.
func (c *Cloud) office(ctx context.Context, who *client.Caller) error {
	in, err := c.inOffice(ctx, who)
	if err == nil && !in {
		err = problem(http.StatusForbidden, wire.Forbidden, wire.OfficeOnly, wire.Args{"group": c.config.Office})
	}
	return err
}

func (c *Cloud) listReports(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	if err := c.office(r.Context(), who); err != nil {
		return err
	}
	all, err := c.store.reports(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, all)
	return nil
}

// askReport has the report of a day made, or made anew: "Run report now".
func (c *Cloud) askReport(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	if err := c.office(r.Context(), who); err != nil {
		return err
	}
	var ask wire.ReportAsk
	if err := readJSON(w, r, maxReportBody, &ask); err != nil {
		return err
	}
	now := c.clock.Now().In(c.zone)
	today, oldest := now.Format(time.DateOnly), now.AddDate(0, 0, -reportsKept).Format(time.DateOnly)
	if ask.Day == "" {
		ask.Day = today
	}
	if _, err := time.Parse(time.DateOnly, ask.Day); err != nil || ask.Day > today || ask.Day < oldest {
		return problem(http.StatusBadRequest, wire.Invalid, wire.ReportDay, wire.Args{"today": today, "oldest": oldest})
	}
	_, err := c.jobs.Submit(r.Context(), everything, jobs.Ask{Kind: jobReport, RequestedBy: who.Subject, Args: reportArgs{Day: ask.Day, By: who.Subject},
		Asker: &jobs.Asker{UserID: who.UserID, Login: who.Subject, SignInID: who.SignInID, IssuedAt: who.IssuedAt}})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, ask)
	return nil
}

// serveReport answers with a report as PDF or CSV, in the language of who reads it.
func (c *Cloud) serveReport(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	if err := c.office(r.Context(), who); err != nil {
		return err
	}
	file := r.PathValue("file")
	day, format, _ := strings.Cut(file, ".")
	types := map[string]string{"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}
	d, err := c.store.report(r.Context(), day)
	if err != nil {
		return err
	}
	if types[format] == "" || d == nil {
		return problem(http.StatusNotFound, wire.NotFound, wire.NoReport, nil)
	}
	var out bytes.Buffer
	if format == "pdf" {
		err = d.PDF(&out, languageOf(r))
	} else {
		err = d.CSV(&out, languageOf(r))
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", types[format])
	h.Set("Content-Disposition", `attachment; filename="visits-`+d.Day+"."+format+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	_, _ = out.WriteTo(w) // who has gone away cannot be told
	return nil
}

func (s *store) reports(ctx context.Context) ([]wire.Report, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT day, made_at, requested_by, visits, done, refused FROM reports ORDER BY day DESC LIMIT $1`, reportsKept+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []wire.Report{}
	for rows.Next() {
		var one wire.Report
		var at int64
		if err := rows.Scan(&one.Day, &at, &one.RequestedBy, &one.Visits, &one.Done, &one.Refused); err != nil {
			return nil, err
		}
		one.MadeAt = sqldb.Time(at).UTC()
		all = append(all, one)
	}
	return all, rows.Err()
}

// report is the report of a day; nil where there is none.
func (s *store) report(ctx context.Context, day string) (*report.Day, error) {
	var text string
	err := s.db.Reader().QueryRowContext(ctx, `SELECT content FROM reports WHERE day = $1`, day).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &report.Day{}
	return d, json.Unmarshal([]byte(text), d)
}
