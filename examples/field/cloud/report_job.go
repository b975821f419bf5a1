package cloud

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/report"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

const (
	jobReport internalapi.JobKind = "field_report"
	// reportSchedule is the name of its schedule, and reportHour when that starts it.
	reportSchedule, reportHour = "Report of the day", 20
	// reportsCaughtUp is how many evenings before the present day are made up for.
	reportsCaughtUp = 7
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
			Scheduled: func(at time.Time) any { return reportArgs{Day: at.Format(time.DateOnly)} }}},
		schedules: []internalapi.Schedule{{Name: reportSchedule, Kind: jobReport, Spec: fmt.Sprintf("0 %d * * *", reportHour)}},
		run:       c.catchUpReports,
		clean:     c.cleanReports,
	}
}

// catchUpReports asks at the start for the reports of evenings on which nobody was there.
func (c *Cloud) catchUpReports(ctx context.Context) error {
	now := c.clock.Now().In(c.zone)
	for i := reportsCaughtUp; i >= 0; i-- {
		evening := c.evening(now.AddDate(0, 0, -i))
		if evening.After(now) {
			break
		}
		if err := c.catchUp(ctx, evening, now); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "the report of a missed evening cannot be asked for", "day", evening.Format(time.DateOnly), "error", err)
		}
	}
	return nil
}

// catchUp asks for the report of an evening that has none. Replicas that start together
// ask for the same job, and there is one.
func (c *Cloud) catchUp(ctx context.Context, evening, now time.Time) error {
	day := evening.Format(time.DateOnly)
	missed, err := c.store.missed(ctx, day, evening)
	if err != nil || !missed {
		return err
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("report/"+day+"/"+now.Format(time.DateOnly))) // on another day another attempt
	_, err = c.jobs.Submit(ctx, everything, jobs.Ask{ID: id.String(), Kind: jobReport, RequestedBy: "schedule: " + reportSchedule,
		Args: reportArgs{Day: day}})
	if sqldb.IsUnique(err) {
		return nil
	}
	return err
}

// missed reports whether a day has no report of its evening, and there was something to
// report before it ended: a service that is new has missed nothing.
func (s *store) missed(ctx context.Context, day string, evening time.Time) (bool, error) {
	var made, before int
	err := s.db.Reader().QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM reports WHERE day = $1 AND made_at >= $2),
		(SELECT COUNT(*) FROM reports WHERE day < $1) + (SELECT COUNT(*) FROM (SELECT 1 FROM commands WHERE received_at < $2 LIMIT 1) AS c)`,
		day, sqldb.Micros(evening)).Scan(&made, &before)
	return made == 0 && before > 0, err
}

func (c *Cloud) cleanReports(ctx context.Context) error {
	_, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM reports WHERE day < $1`, c.clock.Now().In(c.zone).AddDate(0, 0, -reportsKept).Format(time.DateOnly))
	return err
}

// makeReport makes the report of a day, or makes it anew. In the evening those before it come
// first that do not have what phones have brought since.
func (c *Cloud) makeReport(ctx context.Context, r *jobs.Run) error {
	var args reportArgs
	if err := r.Args(&args); err != nil {
		return err
	}
	day, err := time.ParseInLocation(time.DateOnly, args.Day, c.zone)
	if err != nil {
		return err
	}
	var faults []error
	if args.By == "" {
		faults = c.reportLate(ctx, day)
	}
	return errors.Join(append([]error{c.reportDay(ctx, day, args.By)}, faults...)...)
}

// reportLate makes the reports of late days. One that fails keeps back no other, and is late
// until it is made.
func (c *Cloud) reportLate(ctx context.Context, before time.Time) (faults []error) {
	late, err := c.lateDays(ctx, before)
	if err != nil {
		faults = append(faults, fmt.Errorf("which reports are late: %w", err))
	}
	for _, of := range late {
		if err := c.reportDay(ctx, of.day, of.by); err != nil {
			faults = append(faults, fmt.Errorf("the report of %s: %w", of.day.Format(time.DateOnly), err))
		}
	}
	return faults
}

// lateDay is a day whose report is made anew, for who had asked for it.
type lateDay struct {
	day time.Time
	by  string
}

// lateDays are the days before one, the earliest first, of which a visit was worked on after
// their report was made.
func (c *Cloud) lateDays(ctx context.Context, before time.Time) (late []lateDay, err error) {
	latest, err := c.store.latestWork(ctx, before.AddDate(0, 0, -reportsCaughtUp), c.zone)
	if err != nil {
		return nil, err
	}
	for i := keptDays + 1; i > 0; i-- {
		day := before.AddDate(0, 0, -i)
		made, by, err := c.store.reportMade(ctx, day.Format(time.DateOnly))
		if err != nil {
			return nil, err
		}
		if made > 0 && made <= latest[day.Format(time.DateOnly)] {
			late = append(late, lateDay{day, by})
		}
	}
	return late, nil
}

// latestWork is when the last command was booked of the visits of each day's report, in
// microseconds, of those booked since a time.
func (s *store) latestWork(ctx context.Context, since time.Time, zone *time.Location) (map[string]int64, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT v.content, MAX(c.final_at) FROM commands AS c JOIN visits AS v ON v.id = c.visit
		WHERE c.final_at >= $1 AND c.state = 'done' GROUP BY v.id, v.content`, sqldb.Micros(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	latest := map[string]int64{}
	for rows.Next() {
		var text string
		var at int64
		if err := rows.Scan(&text, &at); err != nil {
			return nil, err
		}
		var v struct{ StartTime *time.Time }
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, err
		}
		if v.StartTime != nil { // or no report has it
			day := v.StartTime.In(zone).Format(time.DateOnly)
			latest[day] = max(latest[day], at)
		}
	}
	return latest, rows.Err()
}

// reportMade is when the report of a day was made, in microseconds, and who asked for it; 0
// where there is none.
func (s *store) reportMade(ctx context.Context, day string) (at int64, by string, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT made_at, requested_by FROM reports WHERE day = $1`, day).Scan(&at, &by)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return at, by, err
}

// refusedEnd is where the report of a day ends with what was refused and that of the next day
// begins. The first of them that knows decides it, and it never moves again: what is refused
// is in one report, and none is in no report, however often they are made. Until then it is
// where the report of the day ends so far, and fixed is false; zero where there is none.
func (c *Cloud) refusedEnd(ctx context.Context, day time.Time) (end time.Time, fixed bool, err error) {
	of, err1 := c.store.report(ctx, day.Format(time.DateOnly))
	next, err2 := c.store.report(ctx, day.AddDate(0, 0, 1).Format(time.DateOnly))
	if err := errors.Join(err1, err2); err != nil {
		return time.Time{}, false, err
	}
	if of != nil {
		if end = of.RefusedUntil; end.IsZero() {
			end = earlier(of.MadeAt, day.AddDate(0, 0, 1))
		}
		if !end.Before(c.evening(day)) {
			return end, true, nil
		}
	}
	if next != nil && !next.RefusedSince.IsZero() {
		return next.RefusedSince, true, nil
	}
	return end, false, nil
}

// evening is when the report of a day is made.
func (c *Cloud) evening(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), reportHour, 0, 0, 0, c.zone)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// refusedIn is from when until when the report of a day that is made now has what was refused.
func (c *Cloud) refusedIn(ctx context.Context, day, now time.Time) (since, until time.Time, err error) {
	before := day.AddDate(0, 0, -1)
	since, _, err1 := c.refusedEnd(ctx, before)
	if since.IsZero() {
		since = c.evening(before)
	}
	until, fixed, err2 := c.refusedEnd(ctx, day)
	if !fixed {
		until = earlier(now, day.AddDate(0, 0, 1))
	}
	return since, until, errors.Join(err1, err2)
}

// reportDay makes and keeps the report of a day, for who asked.
func (c *Cloud) reportDay(ctx context.Context, from time.Time, by string) error {
	day := report.Day{Day: from.Format(time.DateOnly), Zone: c.config.TimeZone, MadeAt: c.clock.Now().UTC(), Visits: []report.Visit{}} // what ends from now on may be missing
	visits, err := c.visitsBetween(ctx, from, from.AddDate(0, 0, 1), "Void eq false")
	if err != nil {
		return err
	}
	day.More = len(visits) > maxVisits
	numbers := map[string]*report.Visit{}
	for i := range visits[:min(len(visits), maxVisits)] {
		day.Visits = append(day.Visits, visits[i].reported())
	}
	for i := range day.Visits {
		numbers[visits[i].ID] = &day.Visits[i]
	}
	if day.RefusedSince, day.RefusedUntil, err = c.refusedIn(ctx, from, day.MadeAt); err != nil {
		return err
	}
	if day.Refused, err = c.store.refused(ctx, day.RefusedSince, day.RefusedUntil, numbers); err != nil {
		return err
	}
	return c.store.keepReport(ctx, &day, by)
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
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT c.final_at, c.type, c.visit, c.answer, COALESCE(NULLIF(d.user_name, ''), d.login, ''), COALESCE(v.content, '')
		FROM commands AS c LEFT JOIN devices AS d ON d.user_id = c.user_id AND d.device = c.device LEFT JOIN visits AS v ON v.id = c.visit
		WHERE c.final_at >= $1 AND c.final_at < $2 AND c.state NOT IN ('accepted', 'done', 'held') ORDER BY c.final_at, c.id LIMIT $3`,
		sqldb.Micros(from), sqldb.Micros(until), maxRefused)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []report.Refused{}
	for rows.Next() {
		var at int64
		var of, text, kept string
		var one report.Refused
		if err := rows.Scan(&at, &one.Type, &of, &text, &one.Technician, &kept); err != nil {
			return nil, err
		}
		var final struct{ Answer wire.Answer }
		if err := json.Unmarshal([]byte(text), &final); err != nil {
			return nil, err
		}
		one.At, one.Word, one.Reason = sqldb.Time(at).UTC(), final.Answer.Error, final.Answer.Message
		v := visits[of]
		if v == nil && kept != "" { // of another day
			var copied visit
			if err := json.Unmarshal([]byte(kept), &copied); err != nil {
				return nil, err
			}
			told := copied.reported()
			v = &told
		}
		if v != nil {
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
