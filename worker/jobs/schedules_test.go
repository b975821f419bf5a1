package jobs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// A worker that is started again every few minutes postpones what the others would
// start, but not for ever: neither this time nor the next.
func TestWorkersThatStartOverAndOverStopNoSchedule(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const delay, pause = 10 * time.Minute, 4 * time.Minute
			j := noops(t, engine, func(context.Context, *Run) error { return nil })
			clock := testkit.NewClock() // noon
			s, ctx := j.Schedules, t.Context()
			s.clock, j.config.ScheduleDelay = clock.Now, delay
			if _, err := j.db.Writer().ExecContext(ctx, `INSERT INTO schedules (id, name, kind, spec, time_zone, paused, next_at, last_at, last_job)
				VALUES ('a', 'a', 'nothing', '5 * * * *', 'UTC', FALSE, $1, 0, '')`, sqldb.Micros(clock.Now().Add(5*time.Minute))); err != nil {
				t.Fatal(err)
			}
			next := func() (at int64) {
				if err := j.db.Reader().QueryRowContext(ctx, `SELECT next_at FROM schedules`).Scan(&at); err != nil {
					t.Fatal(err)
				}
				return at
			}
			for hour := range 2 {
				due := time.Date(2026, 11, 24, 12+hour, 5, 0, 0, time.UTC)
				for sqldb.Time(next()).Before(due.Add(30 * time.Minute)) {
					if clock.Now().After(due.Add(2*delay + pause)) {
						t.Fatalf("what was due at %v has not begun at %v", due, clock.Now())
					}
					if err := s.delay(ctx); err != nil {
						t.Fatal(err)
					}
					if at := sqldb.Time(next()); at.After(due.Add(2*delay)) && at.Before(due.Add(time.Hour)) {
						t.Errorf("due at %v, postponed until %v", due, at)
					}
					clock.Advance(pause)
					if err := s.start(ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// What a schedule should have started while no worker ran is started once by the next one
// where the kind wants that, with the arguments of the time that the schedule named; for
// other kinds it is left out.
func TestAStartThatWasMissedIsMadeUpForOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j := noops(t, engine, func(context.Context, *Run) error { return nil })
			clock := testkit.NewClock()
			s, ctx := j.Schedules, t.Context()
			s.clock, j.config.ScheduleDelay = clock.Now, 10*time.Minute
			missed := clock.Now().Add(-50 * time.Hour).Truncate(time.Minute)
			args := func(at time.Time) any { return map[string]string{"of": at.Format(time.RFC3339)} }
			j.config.Kinds["monthly"] = Kind{Run: j.config.Kinds["nothing"].Run, CatchUp: true, Scheduled: args}
			j.config.Kinds["often"] = Kind{Run: j.config.Kinds["nothing"].Run, Scheduled: args}
			for _, kind := range []string{"monthly", "often"} {
				if _, err := j.db.Writer().ExecContext(ctx, `INSERT INTO schedules (id, name, kind, spec, time_zone, paused, next_at, last_at, last_job)
					VALUES ($1, $1, $1, '0 6 1 1 *', 'Europe/Sofia', FALSE, $2, 0, '')`, kind, sqldb.Micros(missed)); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				if err := s.delay(ctx); err != nil {
					t.Fatal(err)
				}
				clock.Advance(11 * time.Minute)
				if err := s.start(ctx); err != nil {
					t.Fatal(err)
				}
			}
			rows, err := j.db.Reader().QueryContext(ctx, `SELECT kind, args FROM jobs`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			zone, err := time.LoadLocation("Europe/Sofia")
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for rows.Next() {
				var kind, text string
				if err := rows.Scan(&kind, &text); err != nil {
					t.Fatal(err)
				}
				all = append(all, kind+" "+text)
			}
			if len(all) != 1 || !strings.HasPrefix(all[0], "monthly ") || !strings.Contains(all[0], missed.In(zone).Format(time.RFC3339)) {
				t.Errorf("%q, of %v", all, missed)
			}
		})
	}
}

// The clock on the wall is put forward and back: what a schedule names then is neither left
// out nor done twice, and one of every hour goes on with each.
func TestSchedulesWhenTheClockIsPutForwardAndBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, zone, after, want string }{
		{"0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 03:00 +02:00, 03-30 02:00 +02:00"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 03:00 +02:00, 03-30 02:30 +02:00"},
		{"0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "03-29 03:00 +02:00, 03-30 02:00 +02:00"},
		{"0 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "10-25 02:00 +02:00, 10-26 02:00 +01:00"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "10-26 02:30 +01:00, 10-27 02:30 +01:00"}, // the second 02:10
		{"*/30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "10-25 02:00 +02:00, 10-25 02:30 +02:00, 10-26 02:00 +01:00"},
		{"0 3 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "10-25 03:00 +01:00, 10-26 03:00 +01:00"},
		{"0 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "10-25 02:00 +01:00, 10-25 03:00 +01:00"},
		{"30 */1 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "03-29 01:30 +01:00, 03-29 03:30 +02:00"},
		{"@daily", "America/Havana", "2026-03-07T12:00:00Z", "03-08 01:00 -04:00, 03-09 00:00 -04:00"},
		{"0 0 * * *", "America/Havana", "2026-10-31T12:00:00Z", "11-01 00:00 -04:00, 11-02 00:00 -05:00"},
		{"0 6 1 * *", "Europe/Sofia", "2026-11-24T12:00:00Z", "12-01 06:00 +02:00, 01-01 06:00 +02:00"},
		{"15 4 * * *", "UTC", "2026-03-28T12:00:00Z", "03-29 04:15 Z, 03-30 04:15 Z"},
		{"0 9 * * *", "Pacific/Kiritimati", "2026-03-28T12:00:00Z", "03-29 09:00 +14:00, 03-30 09:00 +14:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range strings.Count(c.want, ",") + 1 {
			if at, err = nextTime(c.spec, c.zone, at); err != nil {
				t.Fatal(err)
			}
			got = append(got, at.In(zone).Format("01-02 15:04 Z07:00"))
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s in %s after %s: %s, want %s", c.spec, c.zone, c.after, all, c.want)
		}
	}
	if _, err := nextTime("0 2 30 2 *", "Europe/Berlin", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("the 30th of February is a time")
	}
}
