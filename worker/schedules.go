package worker

import (
	"context"
	"database/sql"
	"fmt"
	"time"
	_ "time/tzdata" // schedules are read in named zones, also where the system has no database of them

	"github.com/robfig/cron/v3"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// firstSchedules are what a new worker starts with.
var firstSchedules = []internalapi.Schedule{
	{Name: "Stock sync", Kind: internalapi.JobSyncStock, Spec: "*/30 * * * *"},
	{Name: "Orders of last month", Kind: internalapi.JobExportOrders, Spec: "0 6 1 * *"},
}

// nextTime is the first time after t that the schedule names.
func nextTime(spec, zone string, t time.Time) (time.Time, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf("time zone %q is unknown", clip(zone))}
	}
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		return time.Time{}, &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf("schedule %q: %v", clip(spec), err)}
	}
	next := schedule.Next(t.In(location))
	if next.IsZero() {
		return time.Time{}, &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf("schedule %q names no time in the next five years", clip(spec))}
	}
	return next.UTC(), nil
}

// seedSchedules adds the first schedules to an empty table.
func (w *Worker) seedSchedules(ctx context.Context) error {
	return w.db.Lock(ctx, migrationTable, func() error {
		return w.db.Write(ctx, func(tx *sql.Tx) error {
			var n int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM schedules`).Scan(&n); err != nil || n > 0 {
				return err
			}
			for _, s := range firstSchedules {
				next, err := nextTime(s.Spec, w.config.TimeZone, w.now().Add(w.config.ScheduleDelay))
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(ctx, `INSERT INTO schedules (id, name, kind, spec, time_zone, paused, next_at, last_at, last_job)
					VALUES ($1, $2, $3, $4, $5, FALSE, $6, 0, '')`, newID(), s.Name, string(s.Kind), s.Spec, w.config.TimeZone, sqldb.Micros(next))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

const scheduleColumns = `id, name, kind, spec, time_zone, paused, next_at, last_at, last_job`

type schedule struct {
	internalapi.Schedule
	lastJob string
}

func scanSchedule(row scanner) (*schedule, error) {
	var s schedule
	var next, last int64
	if err := row.Scan(&s.ID, &s.Name, &s.Kind, &s.Spec, &s.TimeZone, &s.Paused, &next, &last, &s.lastJob); err != nil {
		return nil, err
	}
	s.LastAt = pointer(sqldb.Time(last))
	if !s.Paused {
		s.NextAt = pointer(sqldb.Time(next))
	}
	return &s, nil
}

func allSchedules(rows *sql.Rows, err error) ([]*schedule, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*schedule
	for rows.Next() {
		s, err := scanSchedule(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// delaySchedules moves what would start soon after the worker's own start.
// Times that passed while no worker ran are not made up for.
func (w *Worker) delaySchedules(ctx context.Context) error {
	earliest := w.now().Add(w.config.ScheduleDelay)
	return w.db.Write(ctx, func(tx *sql.Tx) error {
		early, err := allSchedules(tx.QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules
			WHERE paused = FALSE AND next_at < $1`+w.db.ForUpdate(), sqldb.Micros(earliest)))
		if err != nil {
			return err
		}
		for _, s := range early {
			if err := w.setNext(ctx, tx, s, earliest); err != nil {
				return err
			}
		}
		return nil
	})
}

// setNext gives a schedule its next time after t; one that has none is paused.
func (w *Worker) setNext(ctx context.Context, tx *sql.Tx, s *schedule, t time.Time) error {
	next, err := nextTime(s.Spec, s.TimeZone, t)
	unreadable := err != nil
	if unreadable {
		w.log.Error("a schedule cannot be read and is paused", "schedule", s.Name, "error", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET next_at = $1, paused = $2 WHERE id = $3`, sqldb.Micros(next), unreadable, s.ID)
	return err
}

// runSchedules queues the jobs of the schedules that are due: the job and the
// schedule's next time are one transaction.
func (w *Worker) runSchedules(ctx context.Context) error {
	now := w.now()
	var due int
	stmt, err := w.db.ReadStmt(ctx, `SELECT COUNT(*) FROM schedules WHERE paused = FALSE AND next_at <= $1`)
	if err != nil {
		return err
	}
	if err := stmt.QueryRowContext(ctx, sqldb.Micros(now)).Scan(&due); err != nil || due == 0 {
		return err
	}
	return w.db.Write(ctx, func(tx *sql.Tx) error {
		due, err := allSchedules(tx.QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules
			WHERE paused = FALSE AND next_at <= $1`+w.db.ForUpdate(), sqldb.Micros(now)))
		if err != nil {
			return err
		}
		for _, s := range due {
			if _, err := w.startScheduled(ctx, tx, s, "schedule: "+s.Name, nil); err != nil {
				return err
			}
			if err := w.setNext(ctx, tx, s, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *Worker) startScheduled(ctx context.Context, tx *sql.Tx, s *schedule, by string, behalf *onBehalf) (*job, error) {
	j := &job{kind: s.Kind, requestedBy: by, args: jobArgs{OnBehalf: behalf}}
	if s.Kind == internalapi.JobExportOrders {
		first := time.Date(w.now().Year(), w.now().Month(), 1, 0, 0, 0, 0, time.UTC)
		j.args.From = first.AddDate(0, -1, 0).Format(time.DateOnly)
		j.args.To = first.AddDate(0, 0, -1).Format(time.DateOnly)
		j.args.Format = formatXLSX
	}
	j, err := w.insertJob(ctx, tx, j)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET last_at = $1, last_job = $2 WHERE id = $3`, sqldb.Micros(w.now()), j.id, s.ID)
	return j, err
}

// schedules lists all, with the job that each started last.
func (w *Worker) schedules(ctx context.Context) ([]internalapi.Schedule, error) {
	all, err := allSchedules(w.db.Reader().QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules ORDER BY name, id`))
	if err != nil {
		return nil, err
	}
	out := make([]internalapi.Schedule, 0, len(all))
	for _, s := range all {
		one, err := w.withLastJob(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (w *Worker) withLastJob(ctx context.Context, s *schedule) (internalapi.Schedule, error) {
	if s.lastJob == "" {
		return s.Schedule, nil
	}
	j, err := w.job(ctx, s.lastJob)
	switch tandem.ErrorCode(err) {
	case "":
		wire := j.wire()
		s.LastJob = &wire
	case tandem.CodeNotFound: // deleted with age
	default:
		return s.Schedule, err
	}
	return s.Schedule, nil
}

// changeSchedule runs f on a schedule under its lock and returns it afterwards.
func (w *Worker) changeSchedule(ctx context.Context, id string, f func(*sql.Tx, *schedule) error) (internalapi.Schedule, error) {
	var s *schedule
	err := w.db.Write(ctx, func(tx *sql.Tx) error {
		read := func(lock string) (err error) {
			s, err = scanSchedule(tx.QueryRowContext(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE id = $1`+lock, id))
			return sqldb.NotFound(err, "there is no schedule %q", clip(id))
		}
		if err := read(w.db.ForUpdate()); err != nil {
			return err
		}
		if err := f(tx, s); err != nil {
			return err
		}
		return read("")
	})
	if err != nil {
		return internalapi.Schedule{}, err
	}
	return w.withLastJob(ctx, s)
}

func (w *Worker) pauseSchedule(ctx context.Context, id string) (internalapi.Schedule, error) {
	return w.changeSchedule(ctx, id, func(tx *sql.Tx, s *schedule) error {
		_, err := tx.ExecContext(ctx, `UPDATE schedules SET paused = TRUE WHERE id = $1`, id)
		return err
	})
}

func (w *Worker) resumeSchedule(ctx context.Context, id string) (internalapi.Schedule, error) {
	return w.changeSchedule(ctx, id, func(tx *sql.Tx, s *schedule) error {
		if !s.Paused {
			return nil
		}
		return w.setNext(ctx, tx, s, w.now())
	})
}

// runSchedule starts the schedule's job at once, paused or not.
func (w *Worker) runSchedule(ctx context.Context, id, by string, behalf *onBehalf) (*job, error) {
	var started *job
	_, err := w.changeSchedule(ctx, id, func(tx *sql.Tx, s *schedule) (err error) {
		started, err = w.startScheduled(ctx, tx, s, by, behalf)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.wake()
	return started, nil
}
