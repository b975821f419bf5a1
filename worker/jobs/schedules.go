package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"strings"
	"time"
	_ "time/tzdata" // schedules are read in named zones, also where the system has no database of them

	"github.com/robfig/cron/v3"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Schedules start jobs at set times. They are rows too: cron text, time zone,
// whether paused, and the next time.
type Schedules struct {
	jobs   *Jobs
	config *Config
	db     *sqldb.DB
	clock  tandem.Clock
}

// nextTime is the first time after t that the schedule names.
func nextTime(spec, zone string, t time.Time) (time.Time, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, tandem.Errorf(tandem.CodeInvalid, "time zone %q is unknown", tandem.Clip(zone, 60))
	}
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		return time.Time{}, tandem.Errorf(tandem.CodeInvalid, "schedule %q: %v", tandem.Clip(spec, 60), err)
	}
	var next time.Time
	if byTheHour(spec) {
		next = schedule.Next(t.In(location))
	} else {
		next = nextOnTheWall(schedule, t.In(location))
	}
	if next.IsZero() {
		return time.Time{}, tandem.Errorf(tandem.CodeInvalid, "schedule %q names no time in the next five years", tandem.Clip(spec, 60))
	}
	return next.UTC(), nil
}

// seed adds the first schedules to an empty table.
func (s *Schedules) seed(ctx context.Context) error {
	return s.db.Lock(ctx, SchemaTable, func(ctx context.Context) error {
		return s.db.Write(ctx, func(tx *sql.Tx) error {
			var n int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM schedules`).Scan(&n); err != nil || n > 0 {
				return err
			}
			for _, one := range s.config.Schedules {
				next, err := nextTime(one.Spec, s.config.TimeZone, s.clock.Now().Add(s.config.ScheduleDelay))
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(ctx, `INSERT INTO schedules (id, name, kind, spec, time_zone, paused, next_at, last_at, last_job)
					VALUES ($1, $2, $3, $4, $5, FALSE, $6, 0, '')`, NewID(), one.Name, string(one.Kind), one.Spec, s.config.TimeZone, sqldb.Micros(next))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

const scheduleColumns = `id, name, kind, spec, time_zone, paused, next_at, due_at, last_at, last_job`

type schedule struct {
	internalapi.Schedule
	lastJob string
	// due is the time that the schedule named, however much its start was postponed.
	due time.Time
}

func scanSchedule(row interface{ Scan(...any) error }) (*schedule, error) {
	var one schedule
	var next, due, last int64
	if err := row.Scan(&one.ID, &one.Name, &one.Kind, &one.Spec, &one.TimeZone, &one.Paused, &next, &due, &last, &one.lastJob); err != nil {
		return nil, err
	}
	one.due = sqldb.Time(cmp.Or(due, next))
	one.Words = Words(one.Spec, one.TimeZone)
	one.LastAt = internalapi.When(sqldb.Time(last))
	if !one.Paused {
		one.NextAt = internalapi.When(sqldb.Time(next))
	}
	return &one, nil
}

func allSchedules(rows *sql.Rows, err error) ([]*schedule, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*schedule
	for rows.Next() {
		one, err := scanSchedule(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// delay postpones what would start soon after the worker's own start, and what
// was due shortly before it: another worker may just have been about to start it.
// Times that passed longer ago, while no worker ran, are not made up for, but the first
// one of a kind that catches up. No time is postponed by more than twice the delay: a
// worker that is started over and over stops no schedule.
func (s *Schedules) delay(ctx context.Context) error {
	now := s.clock.Now()
	earliest, missed := now.Add(s.config.ScheduleDelay), now.Add(-s.config.ScheduleDelay)
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		early, err := allSchedules(tx.QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules
			WHERE paused = FALSE AND next_at < $1`+s.db.ForUpdate(), sqldb.Micros(earliest)))
		if err != nil {
			return err
		}
		for _, one := range early {
			if one.NextAt == nil || one.NextAt.Before(missed) && !s.config.Kinds[one.Kind].CatchUp {
				err = s.setNext(ctx, tx, one, earliest)
			} else {
				_, err = tx.ExecContext(ctx, `UPDATE schedules SET due_at = CASE WHEN due_at = 0 THEN next_at ELSE due_at END,
					next_at = CASE WHEN due_at > 0 AND due_at + $1 < $2 THEN due_at + $1 ELSE $2 END WHERE id = $3`,
					(2 * s.config.ScheduleDelay).Microseconds(), sqldb.Micros(earliest), one.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// setNext gives a schedule its next time after t; one that has none is paused.
func (s *Schedules) setNext(ctx context.Context, tx *sql.Tx, one *schedule, t time.Time) error {
	next, err := nextTime(one.Spec, one.TimeZone, t)
	unreadable := err != nil
	if unreadable {
		s.config.Log.Error("a schedule cannot be read and is paused", "schedule", one.Name, "error", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET next_at = $1, due_at = 0, paused = $2 WHERE id = $3`, sqldb.Micros(next), unreadable, one.ID)
	return err
}

// start queues the jobs of the schedules that are due: the job and the
// schedule's next time are one transaction.
func (s *Schedules) start(ctx context.Context) error {
	now := s.clock.Now()
	var due int
	stmt, err := s.db.ReadStmt(ctx, `SELECT COUNT(*) FROM schedules WHERE paused = FALSE AND next_at <= $1`)
	if err != nil {
		return err
	}
	if err := stmt.QueryRowContext(ctx, sqldb.Micros(now)).Scan(&due); err != nil || due == 0 {
		return err
	}
	var started []*row
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		due, err := allSchedules(tx.QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules
			WHERE paused = FALSE AND next_at <= $1`+s.db.ForUpdate(), sqldb.Micros(now)))
		if err != nil {
			return err
		}
		for _, one := range due {
			r, err := s.startOne(ctx, tx, one, one.due, "schedule: "+one.Name, nil)
			if err != nil {
				return err
			}
			started = append(started, r)
			if err := s.setNext(ctx, tx, one, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range started {
		s.jobs.engine.begin(r.id)
	}
	return nil
}

// soonest is how long it is until a schedule is due; an hour where there is
// none.
func (s *Schedules) soonest(ctx context.Context) (time.Duration, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT COALESCE(MIN(next_at), 0) FROM schedules WHERE paused = FALSE`)
	if err != nil {
		return 0, err
	}
	var next int64
	if err := stmt.QueryRowContext(ctx).Scan(&next); err != nil || next == 0 {
		return time.Hour, err
	}
	return sqldb.Time(next).Sub(s.clock.Now()), nil
}

// startOne queues the schedule's job, that of a time.
func (s *Schedules) startOne(ctx context.Context, tx *sql.Tx, one *schedule, of time.Time, by string, asker *Asker) (*row, error) {
	ask := Ask{Kind: one.Kind, RequestedBy: by, Asker: asker}
	if arguments := s.config.Kinds[one.Kind].Scheduled; arguments != nil {
		location, err := time.LoadLocation(one.TimeZone)
		if err != nil {
			location = time.UTC // the schedule is paused with this, see setNext
		}
		ask.Args = arguments(of.In(location))
	}
	r, err := s.jobs.insert(ctx, tx, ask, unbounded())
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET last_at = $1, last_job = $2 WHERE id = $3`, sqldb.Micros(s.clock.Now()), r.id, one.ID)
	return r, err
}

// List gives all schedules by name, with the job that each started last.
func (s *Schedules) List(ctx context.Context, reach Reach) ([]internalapi.Schedule, error) {
	all, err := allSchedules(s.db.Reader().QueryContext(ctx, `SELECT `+scheduleColumns+` FROM schedules ORDER BY name, id`))
	if err != nil {
		return nil, err
	}
	out := make([]internalapi.Schedule, 0, len(all))
	for _, one := range all {
		told, err := s.shown(ctx, reach, one)
		if err != nil {
			return nil, err
		}
		out = append(out, told)
	}
	return out, nil
}

// shown is the schedule as the caller may see it, with the job that it started
// last.
func (s *Schedules) shown(ctx context.Context, reach Reach, one *schedule) (internalapi.Schedule, error) {
	one.Manage = reach(ownerOfSchedules)
	if one.lastJob == "" {
		return one.Schedule, nil
	}
	j, err := s.jobs.Job(ctx, reach, one.lastJob)
	switch tandem.ErrorCode(err) {
	case "":
		one.LastJob = &j
	case tandem.CodeNotFound: // deleted with age
	default:
		return one.Schedule, err
	}
	return one.Schedule, nil
}

// ownerOfSchedules is who may change them: they are all the worker's own.
const ownerOfSchedules = ""

// change runs f on a schedule under its lock and returns it afterwards.
func (s *Schedules) change(ctx context.Context, reach Reach, id string, f func(*sql.Tx, *schedule) error) (internalapi.Schedule, error) {
	var one *schedule
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		read := func(lock string) (err error) {
			one, err = scanSchedule(tx.QueryRowContext(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE id = $1`+lock, id))
			return sqldb.NotFound(err, "there is no schedule %q", tandem.Clip(id, 60))
		}
		if err := read(s.db.ForUpdate()); err != nil {
			return err
		}
		if !reach(ownerOfSchedules) {
			return tandem.Errorf(tandem.CodeForbidden, "schedules belong to the back end: only administrators may change or run them")
		}
		if err := f(tx, one); err != nil {
			return err
		}
		return read("")
	})
	if err != nil {
		return internalapi.Schedule{}, err
	}
	s.jobs.engine.wake()
	return s.shown(ctx, reach, one)
}

// Pause stops a schedule from starting jobs until it is resumed.
func (s *Schedules) Pause(ctx context.Context, reach Reach, id string) (internalapi.Schedule, error) {
	return s.change(ctx, reach, id, func(tx *sql.Tx, one *schedule) error {
		_, err := tx.ExecContext(ctx, `UPDATE schedules SET paused = TRUE WHERE id = $1`, id)
		return err
	})
}

// Resume lets a paused schedule go on with its next time; times that passed
// while it was paused are not made up for.
func (s *Schedules) Resume(ctx context.Context, reach Reach, id string) (internalapi.Schedule, error) {
	return s.change(ctx, reach, id, func(tx *sql.Tx, one *schedule) error {
		if !one.Paused {
			return nil
		}
		return s.setNext(ctx, tx, one, s.clock.Now())
	})
}

// Edit gives a schedule another time; its next time is counted anew. It stays
// paused if it is.
func (s *Schedules) Edit(ctx context.Context, reach Reach, id string, edit internalapi.ScheduleEdit) (internalapi.Schedule, error) {
	return s.change(ctx, reach, id, func(tx *sql.Tx, _ *schedule) error {
		next, err := s.nextOf(edit)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE schedules SET spec = $1, time_zone = $2, next_at = $3, due_at = 0 WHERE id = $4`,
			edit.Spec, edit.TimeZone, sqldb.Micros(next), id)
		return err
	})
}

// nextOf is the first time that a schedule names which a person has written.
func (s *Schedules) nextOf(edit internalapi.ScheduleEdit) (time.Time, error) {
	if _, named := cronNames[edit.Spec]; !named && (len(strings.Fields(edit.Spec)) != 5 || strings.Contains(edit.Spec, "=")) {
		return time.Time{}, tandem.Errorf(tandem.CodeInvalid,
			"schedule %q: write the five fields of cron: minute, hour, day, month, day of week, such as 0 2 * * *", tandem.Clip(edit.Spec, 60))
	}
	if edit.TimeZone == "" || edit.TimeZone == "Local" {
		return time.Time{}, tandem.Errorf(tandem.CodeInvalid, "a time zone is missing; use a name like Europe/Sofia")
	}
	return nextTime(edit.Spec, edit.TimeZone, s.clock.Now())
}

// RunNow starts the schedule's job at once, paused or not.
func (s *Schedules) RunNow(ctx context.Context, reach Reach, id, by string, asker *Asker) (internalapi.Job, error) {
	var started *row
	_, err := s.change(ctx, reach, id, func(tx *sql.Tx, one *schedule) (err error) {
		started, err = s.startOne(ctx, tx, one, s.clock.Now(), by, asker)
		return err
	})
	if err != nil {
		return internalapi.Job{}, err
	}
	s.jobs.engine.begin(started.id)
	return started.shown(reach), nil
}
