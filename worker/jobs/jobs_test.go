package jobs_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
)

func TestSyncStaysOne(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Serve(t, f, db, t.TempDir()) // nothing runs
		ids := make([]string, 20)
		var all sync.WaitGroup
		for n := range ids {
			all.Go(func() {
				j, err := w.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
				if err != nil {
					t.Error(err)
				}
				ids[n] = j.ID
			})
		}
		all.Wait()
		for _, got := range ids {
			if got != ids[0] {
				t.Fatalf("two syncs wait: %v", ids)
			}
		}
		if j, err := w.API.CancelJob(t.Context(), f.Anna(), ids[0]); err != nil || j.State != internalapi.JobCancelled {
			t.Errorf("cancel a waiting job: %+v %v", j, err)
		}
		if again := w.Sync(); again.ID == ids[0] {
			t.Error("a cancelled sync is still the one")
		}
	})
}

func TestCancelInTheMiddle(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		f.Stock([]object{workertest.Product(1, "2026-01-01T00:00:00Z")}, nil)
		reached, ended := make(chan struct{}), make(chan struct{})
		var once sync.Once
		f.During = func(r *http.Request) {
			once.Do(func() { close(reached) })
			select {
			case <-r.Context().Done(): // the worker hung up
			case <-ended:
			}
		}
		defer close(ended)
		w := workertest.Start(t, f, db, t.TempDir())
		j := w.Sync()
		<-reached
		if _, err := w.API.CancelJob(t.Context(), f.Anna(), j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.Until(j.ID, internalapi.JobCancelled)
		if j.FinishedAt == nil || j.Note != "" {
			t.Errorf("%+v", j)
		}
	})
}

// A11: while the application is disabled jobs wait and say so; they go on by
// themselves when it is enabled again.
func TestA11_DisabledApplicationPausesJobs(t *testing.T) {
	for _, c := range []struct {
		name, note string
		set        func(f *workertest.Fake, on bool)
	}{
		{"disabled", "paused: the application is disabled; next try at ", func(f *workertest.Fake, on bool) { f.Disabled = on }},
		{"no licence", "paused: no free licence; next try at ", func(f *workertest.Fake, on bool) { f.Full = on }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := workertest.NewFake(t)
			f.Stock([]object{workertest.Product(1, "2026-01-01T00:00:00Z")}, nil)
			gate := make(chan struct{})
			f.During = func(*http.Request) { <-gate }
			w := workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
			j := w.Sync()
			f.With(func() { c.set(f, true) })
			close(gate)
			var s internalapi.Status
			testkit.Eventually(t, "the status says why nothing is done", func() bool {
				var err error
				s, err = w.API.Status(t.Context(), f.Anna())
				return err == nil && s.Paused != ""
			})
			if !strings.HasPrefix(c.note, s.Paused) {
				t.Errorf("status: %+v", s)
			}
			f.With(func() { c.set(f, false) })
			testkit.Eventually(t, "the job says why it waited", func() bool {
				got, err := w.API.Job(t.Context(), f.Anna(), j.ID)
				return err == nil && (got.State != internalapi.JobQueued || strings.HasPrefix(got.Note, c.note))
			})
			w.Until(j.ID, internalapi.JobCompleted)
			if s, err := w.API.Status(t.Context(), f.Anna()); err != nil || s.Paused != "" {
				t.Errorf("status afterwards: %+v %v", s, err)
			}
		})
	}
}

// A job of a process that lives is left alone, by those that start beside it
// too.
func TestJobsOfTheLivingAreLeftAlone(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		reached, gate := make(chan struct{}), make(chan struct{})
		var once sync.Once
		f.During = func(r *http.Request) {
			once.Do(func() { close(reached) })
			select {
			case <-gate:
			case <-r.Context().Done():
			}
		}
		w := workertest.Start(t, f, db, t.TempDir())
		j := w.Sync()
		<-reached
		other := workertest.Start(t, f, workertest.OpenURL(t, db.URL()), w.Dir)
		e, err := other.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the other one works", func() bool {
			got, err := other.API.Job(t.Context(), f.Anna(), e.ID)
			return err == nil && got.State == internalapi.JobRunning
		})
		if got, err := other.API.Job(t.Context(), f.Anna(), j.ID); err != nil || got.State != internalapi.JobRunning || got.Attempts != 1 {
			t.Errorf("the job of a living worker: %+v %v", got, err)
		}
		close(gate)
		for _, id := range []string{j.ID, e.ID} {
			if got := w.Until(id, internalapi.JobCompleted); got.Attempts != 1 {
				t.Errorf("run twice: %+v", got)
			}
		}
	})
}

// A worker that stops gives its job back, and the next one ends it.
func TestStopGivesJobsBack(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		reached := make(chan struct{})
		var once sync.Once
		hang := true
		f.During = func(r *http.Request) {
			wait := false
			f.With(func() { wait = hang })
			if wait {
				once.Do(func() { close(reached) })
				<-r.Context().Done()
			}
		}
		dir := t.TempDir()
		w := workertest.Start(t, f, db, dir)
		j := w.Sync()
		<-reached
		w.Stop()
		got, err := w.API.Job(t.Context(), f.Anna(), j.ID)
		if err != nil || got.State != internalapi.JobQueued || got.Note != "the worker stopped; the job goes on" {
			t.Errorf("after the stop: %+v %v", got, err)
		}
		f.With(func() { hang = false })
		w = workertest.Start(t, f, db, dir)
		if got := w.Until(j.ID, internalapi.JobCompleted); got.Attempts != 2 {
			t.Errorf("attempts: %+v", got)
		}
	})
}

// Two workers on one database run each job once.
func TestReplicasShareTheQueue(t *testing.T) {
	t.Parallel()
	address := workerdb.URL(t, sqldb.PostgreSQL)
	f := workertest.NewFake(t)
	dir := t.TempDir()
	one := workertest.Start(t, f, workertest.OpenURL(t, address), dir, func(c *worker.Config) { c.ServiceInstance = "one" })
	workertest.Start(t, f, workertest.OpenURL(t, address), dir, func(c *worker.Config) { c.ServiceInstance = "two" })
	var ids []string
	for range 20 {
		j, err := one.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	for _, id := range ids {
		if j := one.Until(id, internalapi.JobCompleted); j.Attempts != 1 {
			t.Errorf("run twice: %+v", j)
		}
	}
}

func TestSchedules(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		began := time.Now()
		w := workertest.Start(t, f, db, t.TempDir())
		all, err := w.API.Schedules(t.Context(), f.Admin())
		if err != nil || len(all) != 2 || all[1].Name != "Stock sync" {
			t.Fatalf("schedules: %+v %v", all, err)
		}
		for _, s := range all {
			if s.NextAt == nil || s.NextAt.Before(began.Add(10*time.Minute)) {
				t.Errorf("%s starts a job at %v, within ten minutes of the start", s.Name, s.NextAt)
			}
		}
		s := all[1]
		if s, err = w.API.PauseSchedule(t.Context(), f.Admin(), s.ID); err != nil || !s.Paused || s.NextAt != nil {
			t.Errorf("paused: %+v %v", s, err)
		}
		due := func() {
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE schedules SET next_at = 1 WHERE id = $1`, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		due()
		j, err := w.API.RunSchedule(t.Context(), f.Admin(), s.ID) // also while it is paused
		if err != nil {
			t.Fatal(err)
		}
		if j = w.Until(j.ID, internalapi.JobCompleted); j.RequestedBy != "admin" {
			t.Errorf("run now: %+v", j)
		}
		jobs, err := w.API.Jobs(t.Context(), f.Admin(), internalapi.JobQuery{})
		if err != nil || len(jobs.Jobs) != 1 {
			t.Errorf("a paused schedule started a job: %+v %v", jobs, err)
		}
		if s, err = w.API.ResumeSchedule(t.Context(), f.Admin(), s.ID); err != nil || s.Paused || s.NextAt == nil || s.NextAt.Before(began) || s.LastJob == nil || s.LastJob.ID != j.ID {
			t.Errorf("resumed: %+v %v", s, err)
		}
		due()
		testkit.Eventually(t, "the schedule starts a job", func() bool {
			jobs, err := w.API.Jobs(t.Context(), f.Admin(), internalapi.JobQuery{})
			return err == nil && len(jobs.Jobs) == 2 && jobs.Jobs[0].RequestedBy == "schedule: Stock sync"
		})
		all, err = w.API.Schedules(t.Context(), f.Admin())
		if err != nil || all[1].NextAt == nil || !all[1].NextAt.After(began) {
			t.Errorf("after it ran: %+v %v", all, err)
		}
		if _, err := w.API.PauseSchedule(t.Context(), f.Admin(), "nothing"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("a schedule that is not there: %v", err)
		}
	})
}

// The month before is that of the schedule's zone: at six in the morning of the
// first of December in Auckland it is still November in Greenwich.
func TestTheMonthIsOfTheSchedulesZone(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		at := time.Date(2026, 11, 30, 17, 0, 0, 0, time.UTC)
		w := workertest.Start(t, f, db, t.TempDir(), func(c *worker.Config) { c.Clock = func() time.Time { return at } })
		all, err := w.API.Schedules(t.Context(), f.Admin())
		if err != nil || all[0].Name != "Orders of last month" {
			t.Fatalf("schedules: %+v %v", all, err)
		}
		for zone, want := range map[string]string{
			"Pacific/Auckland": "orders-2026-11-01-2026-11-30.xlsx", "UTC": "orders-2026-10-01-2026-10-31.xlsx", "America/New_York": "orders-2026-10-01-2026-10-31.xlsx",
		} {
			if _, err := w.API.EditSchedule(t.Context(), f.Admin(), all[0].ID, internalapi.ScheduleEdit{Spec: "0 6 1 * *", TimeZone: zone}); err != nil {
				t.Fatal(err)
			}
			j, err := w.API.RunSchedule(t.Context(), f.Admin(), all[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			w.Until(j.ID, internalapi.JobCompleted)
			if j, err = w.API.Job(t.Context(), f.Admin(), j.ID); err != nil || j.Result.File.Name != want {
				t.Errorf("%s: %+v, want %s, %v", zone, j.Result, want, err)
			}
		}
	})
}

// A schedule gets another time, told in words; what cannot be read is refused,
// and changes nothing.
func TestEditSchedule(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Start(t, f, db, t.TempDir())
		all, err := w.API.Schedules(t.Context(), f.Admin())
		if err != nil || all[1].Words != "every 30 minutes, UTC" {
			t.Fatalf("schedules: %+v %v", all, err)
		}
		id := all[1].ID
		s, err := w.API.EditSchedule(t.Context(), f.Admin(), id, internalapi.ScheduleEdit{Spec: "0 2 * * *", TimeZone: "Europe/Sofia"})
		if err != nil || s.Words != "every day at 02:00, Europe/Sofia" || s.Paused || s.NextAt == nil {
			t.Fatalf("edited: %+v %v", s, err)
		}
		sofia, err := time.LoadLocation("Europe/Sofia")
		if err != nil {
			t.Fatal(err)
		}
		if at := s.NextAt.In(sofia); at.Hour() != 2 || at.Minute() != 0 || time.Until(at) > 25*time.Hour || time.Until(at) < 0 {
			t.Errorf("next at %v", at)
		}
		for _, bad := range []internalapi.ScheduleEdit{
			{Spec: "", TimeZone: "UTC"}, {Spec: "* * *", TimeZone: "UTC"}, {Spec: "0 2 30 2 *", TimeZone: "UTC"}, {Spec: "0 2 * * *", TimeZone: "Mars"},
			{Spec: "CRON_TZ=UTC 0 2 * * *", TimeZone: "UTC"}, {Spec: "@every 1s", TimeZone: "UTC"}, {Spec: "0 2 * * *", TimeZone: "Local"}, {Spec: "0 2 * * *"},
		} {
			if s, err := w.API.EditSchedule(t.Context(), f.Admin(), id, bad); tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("%+v: %+v %v", bad, s, err)
			}
		}
		if _, err := w.API.PauseSchedule(t.Context(), f.Admin(), id); err != nil {
			t.Fatal(err)
		}
		if s, err = w.API.EditSchedule(t.Context(), f.Admin(), id, internalapi.ScheduleEdit{Spec: "* * * * *", TimeZone: "UTC"}); err != nil || !s.Paused || s.NextAt != nil {
			t.Errorf("edited while it is paused: %+v %v", s, err)
		}
		if _, err := w.API.EditSchedule(t.Context(), f.Admin(), "nothing", internalapi.ScheduleEdit{Spec: "* * * * *", TimeZone: "UTC"}); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("a schedule that is not there: %v", err)
		}
	})
}

// Schedules that were due while no worker ran are not made up for, and a fresh
// worker makes no call by itself.
func TestAFreshWorkerIsSilent(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	db := workertest.Open(t, sqldb.SQLite)
	w := workertest.Serve(t, f, db, t.TempDir())
	if _, err := db.Writer().Exec(`UPDATE schedules SET next_at = 1, spec = '* * * * *'`); err != nil {
		t.Fatal(err)
	}
	w = workertest.Start(t, f, db, w.Dir)
	testkit.Eventually(t, "the schedules are moved", func() bool {
		var first int64
		err := db.Reader().QueryRow(`SELECT MIN(next_at) FROM schedules`).Scan(&first)
		return err == nil && sqldb.Time(first).After(time.Now().Add(9*time.Minute))
	})
	s, err := w.API.Status(t.Context(), "")
	if err != nil || s.Tokens != 0 || s.JobsQueued+s.JobsRunning != 0 {
		t.Errorf("status: %+v %v", s, err)
	}
	f.With(func() {
		if len(f.Requests) > 0 || f.Serial > 0 {
			t.Errorf("calls at the start: %d, tokens %d", len(f.Requests), f.Serial)
		}
	})
}

// A worker that starts among others takes away no time of a schedule: what is due
// within ten minutes, or was a moment ago, comes once, later.
func TestAStartSkipsNoTime(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Serve(t, f, db, t.TempDir())
		soon := time.Now().Add(time.Minute)
		for name, at := range map[string]time.Time{"Stock sync": soon, "Orders of last month": time.Now().Add(-time.Minute)} {
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE schedules SET next_at = $1, spec = '0 6 1 1 *' WHERE name = $2`, sqldb.Micros(at), name); err != nil {
				t.Fatal(err)
			}
		}
		w = workertest.Start(t, f, db, w.Dir)
		testkit.Eventually(t, "both are postponed by minutes, not by a year", func() bool {
			all, err := w.API.Schedules(t.Context(), f.Admin())
			if err != nil {
				t.Fatal(err)
			}
			ok := true
			for _, one := range all {
				ok = ok && one.NextAt.After(soon) && one.NextAt.Before(soon.Add(24*time.Hour))
			}
			return ok
		})
	})
}
