package cloud

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/report"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

const (
	jobReport internalapi.JobKind = "field_report"
	// reportsKept is for how long reports can be read, in days.
	reportsKept = 90
	// maxRefused is how many refused commands a report has.
	maxRefused = 1000
	// reportsWaiting is how many reports people may ask for at once.
	reportsWaiting = 10
)

// reportArgs say which day a job reports.
type reportArgs struct {
	Day string `json:"day"`
	// By is the login of who asked; empty for the schedule.
	By string `json:"by"`
}

func (c *Cloud) reportsPart() part {
	return part{
		routes: func(on routes) {
			on.handle("GET", "reports", c.listReports)
			on.handle("POST", "reports", c.askReport)
			on.handle("GET", "reports/{file}", c.serveReport)
		},
		kinds: map[internalapi.JobKind]jobs.Kind{jobReport: {Run: c.makeReport, Alone: true, MaxWaiting: reportsWaiting,
			Scheduled: func(now time.Time) any { return reportArgs{Day: reportedAt(now)} }}},
		schedules: []internalapi.Schedule{{Name: "Report of the day", Kind: jobReport, Spec: "0 20 * * *"}},
		clean:     c.cleanReports,
	}
}

// reportedAt is the day that a report is of which is made at a time: one that comes late,
// because nobody was there in the evening, is of the day before.
func reportedAt(now time.Time) string {
	if now.Hour() < 12 {
		now = now.AddDate(0, 0, -1)
	}
	return now.Format(time.DateOnly)
}

func (c *Cloud) cleanReports(ctx context.Context) error {
	_, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM reports WHERE day < $1`, c.clock.Now().In(c.zone).AddDate(0, 0, -reportsKept).Format(time.DateOnly))
	return err
}

// makeReport makes the report of a day, or makes it anew.
func (c *Cloud) makeReport(ctx context.Context, r *jobs.Run) error {
	var args reportArgs
	if err := r.Args(&args); err != nil {
		return err
	}
	from, err := time.ParseInLocation(time.DateOnly, args.Day, c.zone)
	if err != nil {
		return err
	}
	until := from.AddDate(0, 0, 1)
	visits, err := c.visitsBetween(ctx, from, until, "Void eq false")
	if err != nil {
		return err
	}
	day := report.Day{Day: args.Day, Zone: c.config.TimeZone, MadeAt: c.clock.Now().UTC(), More: len(visits) > maxVisits, Visits: []report.Visit{}}
	numbers := map[string]*report.Visit{}
	for i := range visits[:min(len(visits), maxVisits)] {
		day.Visits = append(day.Visits, visits[i].reported())
	}
	for i := range day.Visits {
		numbers[visits[i].ID] = &day.Visits[i]
	}
	if day.Refused, err = c.store.refused(ctx, from, until, numbers); err != nil {
		return err
	}
	return c.store.keepReport(ctx, &day, args.By)
}

// reported is the visit as a report has it.
func (v *visit) reported() report.Visit {
	out := report.Visit{Number: v.DocumentNo, Subject: v.Subject, Done: v.from(stateReleased), Status: client.Text{"EN": v.status()}}
	if v.UserStatus != nil {
		out.Status = v.UserStatus.UserStatusName
	}
	if p := v.ResponsibleParty; p != nil {
		out.Technician = report.Party{ID: p.ID, Name: p.PartyName}
	}
	if v.Customer != nil {
		out.Customer.ID = v.Customer.ID
		if v.Customer.Party != nil {
			out.Customer.Name = v.Customer.Party.PartyName
		}
	}
	if v.StartTime != nil {
		out.Start = *v.StartTime
	}
	if v.EndTime != nil {
		out.End = *v.EndTime
	}
	if v.PlannedDurationMinutes != nil {
		out.Planned = *v.PlannedDurationMinutes
	}
	for i := range v.Services {
		l := &v.Services[i]
		out.Services = append(out.Services, report.Line{Name: client.Text{"EN": l.ServiceName}, Quantity: l.Quantity.Value, Unit: l.Quantity.Unit})
	}
	for i := range v.Materials {
		l := &v.Materials[i]
		line := report.Line{Quantity: l.Quantity.Value, Unit: l.Quantity.Unit}
		if l.Product != nil {
			line.Name = l.Product.Name
		}
		out.Materials = append(out.Materials, line)
	}
	return out
}

// refused are the commands that were refused in a time, the earliest first.
func (s *store) refused(ctx context.Context, from, until time.Time, visits map[string]*report.Visit) ([]report.Refused, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT c.final_at, c.type, c.visit, c.answer, COALESCE(NULLIF(d.user_name, ''), d.login, '')
		FROM commands AS c LEFT JOIN devices AS d ON d.user_id = c.user_id AND d.device = c.device
		WHERE c.final_at >= $1 AND c.final_at < $2 AND c.state NOT IN ('accepted', 'done') ORDER BY c.final_at, c.id LIMIT $3`,
		sqldb.Micros(from), sqldb.Micros(until), maxRefused)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []report.Refused{}
	for rows.Next() {
		var at int64
		var visit, text string
		var one report.Refused
		if err := rows.Scan(&at, &one.Type, &visit, &text, &one.Technician); err != nil {
			return nil, err
		}
		var final struct{ Answer wire.Answer }
		if err := json.Unmarshal([]byte(text), &final); err != nil {
			return nil, err
		}
		one.At, one.Word, one.Reason = sqldb.Time(at).UTC(), final.Answer.Error, final.Answer.Message
		if v := visits[visit]; v != nil {
			one.Visit, one.Customer = v.Number, v.Customer.Name
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func (s *store) keepReport(ctx context.Context, d *report.Day, by string) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	t := d.Totals("en")
	_, err = s.db.Writer().ExecContext(ctx, `INSERT INTO reports (day, made_at, requested_by, visits, done, refused, content) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (day) DO UPDATE SET made_at = excluded.made_at, requested_by = excluded.requested_by, visits = excluded.visits, done = excluded.done,
			refused = excluded.refused, content = excluded.content`,
		d.Day, sqldb.Micros(d.MadeAt), by, t.Visits, t.Done, len(d.Refused), string(text))
	return err
}
