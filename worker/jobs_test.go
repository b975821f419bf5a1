package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func product(n int, changed string) object {
	return object{
		"Id": id(n), "PartNumber": fmt.Sprintf("P%04d", n), "Name": object{"EN": fmt.Sprintf("Product %d", n)}, "Active": true,
		"AggregateLastUpdateTimeUtc": changed, "MeasurementUnit": object{"Code": "pcs"},
	}
}

func balance(n int, store, quantity string) object {
	return object{
		"QuantityBase": object{"Value": jsonNumber(quantity), "Unit": "pcs"}, "Product": object{"@odata.id": "General_Products_Products(" + id(n) + ")"},
		"Store": object{"Code": store},
	}
}

type jsonNumber string

func (n jsonNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func (f *fake) stock(products, balances []object) {
	f.with(func() {
		f.rows["General_Products_Products"], f.rows["Logistics_Inventory_CurrentBalances"] = products, balances
	})
}

func TestSyncPullsThenOnlyWhatChanged(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		var products []object
		for n := range 1100 {
			products = append(products, product(n, "2026-01-01T00:00:00Z"))
		}
		f.stock(products, []object{balance(1, "A", "2.5"), balance(1, "B", "-1"), balance(2, "A", "10")})
		w := start(t, f, db, t.TempDir())
		first := w.until(w.sync().ID, internalapi.JobCompleted)
		if s := first.Result.Steps; s[0].Rows != 1100 || s[0].Added != 1100 || s[1].Added != 3 || first.Progress != 100 || first.Attempts != 1 {
			t.Errorf("first sync: %+v", first)
		}
		page, err := w.api.Stock(t.Context(), f.anna(), internalapi.StockQuery{Search: "product 1", Page: internalapi.Page{Top: 2}})
		if err != nil || page.Total != 211 || !page.More || page.SyncedAt == nil {
			t.Fatalf("stock: %+v %v", page, err)
		}
		if r := page.Rows[0]; r.PartNumber != "P0001" || r.Quantity != "1.5" || r.Unit != "pcs" || len(r.Stores) != 2 || r.Stores[1].Quantity != "-1" {
			t.Errorf("stock row: %+v", r)
		}
		// One changes, one balance goes, and one product is deleted, which only
		// its absence tells.
		changed := product(7, "2026-02-01T00:00:00Z")
		changed["Name"] = object{"EN": "Renamed"}
		products[7] = changed
		f.stock(products[:1099], []object{balance(1, "A", "2.5"), balance(2, "A", "11")})
		second := w.until(w.sync().ID, internalapi.JobCompleted)
		if s := second.Result.Steps; s[0].Changed != 1 || s[0].Added != 0 || s[0].Removed != 0 || s[1].Changed != 1 || s[1].Removed != 1 || s[1].Unchanged != 1 {
			t.Errorf("second sync: %+v", s)
		}
		filter := ""
		f.with(func() {
			for _, r := range f.requests {
				if strings.HasSuffix(r.URL.Path, "General_Products_Products") {
					filter = r.URL.Query().Get("$filter")
				}
			}
		})
		if filter != "AggregateLastUpdateTimeUtc ge 2025-12-31T23:55:00.000Z" {
			t.Errorf("the second sync asks for %q", filter)
		}
	})
}

// A product that changes while the first page's successors are read is not
// lost: the watermark is never later than the beginning of the run.
func TestSyncLosesNoChangeDuringALongRun(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var clock atomic.Int64
	clock.Store(now.UnixMicro())
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }
	var products []object
	for n := range 1500 {
		products = append(products, product(n, "2025-01-01T00:00:00Z"))
	}
	f.stock(products, nil)
	var once sync.Once
	f.during = func(r *http.Request) {
		if r.URL.Query().Get("$skip") != "1000" {
			return
		}
		once.Do(func() { // the second page: an hour has passed, and page one has changed before page two did
			f.with(func() {
				late := product(3, stamp(now.Add(10*time.Minute)))
				late["Name"] = object{"EN": "Changed meanwhile"}
				f.rows["General_Products_Products"][3] = late
				f.rows["General_Products_Products"][1400] = product(1400, stamp(now.Add(time.Hour)))
			})
			clock.Store(now.Add(time.Hour).UnixMicro())
		})
	}
	w := start(t, f, open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) {
		c.Now = func() time.Time { return time.UnixMicro(clock.Load()) }
		c.ScheduleDelay = 100 * time.Hour
	})
	// The lease's clock jumped with it; whichever attempt ends the run counts.
	run := func() {
		j, err := w.api.StartJob(t.Context(), f.anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
		if err != nil {
			t.Fatal(err)
		}
		w.until(j.ID, internalapi.JobCompleted)
	}
	run()
	run()
	page, err := w.api.Stock(t.Context(), f.anna(), internalapi.StockQuery{Search: "changed MEANWHILE"})
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("the change is lost: %+v %v", page, err)
	}
}

func TestSyncStaysOne(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		w := serve(t, f, db, t.TempDir()) // nothing runs
		ids := make([]string, 20)
		var all sync.WaitGroup
		for n := range ids {
			all.Go(func() {
				j, err := w.api.StartJob(t.Context(), f.anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
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
		if j, err := w.api.CancelJob(t.Context(), f.anna(), ids[0]); err != nil || j.State != internalapi.JobCancelled {
			t.Errorf("cancel a waiting job: %+v %v", j, err)
		}
		if again := w.sync(); again.ID == ids[0] {
			t.Error("a cancelled sync is still the one")
		}
	})
}

func TestCancelInTheMiddle(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		f.stock([]object{product(1, "2026-01-01T00:00:00Z")}, nil)
		reached, ended := make(chan struct{}), make(chan struct{})
		var once sync.Once
		f.during = func(r *http.Request) {
			once.Do(func() { close(reached) })
			select {
			case <-r.Context().Done(): // the worker hung up
			case <-ended:
			}
		}
		defer close(ended)
		w := start(t, f, db, t.TempDir())
		j := w.sync()
		<-reached
		if _, err := w.api.CancelJob(t.Context(), f.anna(), j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.until(j.ID, internalapi.JobCancelled)
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
		set        func(f *fake, on bool)
	}{
		{"disabled", "paused: the application is disabled; next try at ", func(f *fake, on bool) { f.disabled = on }},
		{"no licence", "paused: no free licence; next try at ", func(f *fake, on bool) { f.full = on }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.with(func() { c.set(f, true) })
			w := start(t, f, open(t, sqldb.SQLite), t.TempDir())
			j := w.sync()
			eventually(t, "the job says why it waits", func() bool {
				got, err := w.api.Job(t.Context(), f.anna(), j.ID)
				return err == nil && got.State == internalapi.JobQueued && strings.HasPrefix(got.Note, c.note)
			})
			s, err := w.api.Status(t.Context(), f.anna())
			if err != nil || !strings.HasPrefix(c.note, s.Paused) || s.Paused == "" {
				t.Errorf("status: %+v %v", s, err)
			}
			f.with(func() { c.set(f, false) })
			w.until(j.ID, internalapi.JobCompleted)
			if s, err = w.api.Status(t.Context(), f.anna()); err != nil || s.Paused != "" {
				t.Errorf("status afterwards: %+v %v", s, err)
			}
		})
	}
}

// A job of a process that died goes on; one of a process that lives is left
// alone.
func TestJobsOfTheDeadGoOn(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		dir := t.TempDir()
		w := serve(t, f, db, dir)
		dead := w.sync()
		export, err := w.api.StartJob(t.Context(), f.anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		alive := export.ID
		lease := func(id, owner string, until time.Time) {
			_, err := db.Writer().ExecContext(t.Context(), `UPDATE jobs SET state = 'running', owner = $1, lease_until = $2, attempts = 1 WHERE id = $3`, owner, until.UnixMicro(), id)
			if err != nil {
				t.Fatal(err)
			}
		}
		lease(dead.ID, "another|1|x", time.Now().Add(-time.Second))
		lease(alive, "another|2|y", time.Now().Add(time.Hour))
		w = start(t, f, db, dir)
		if j := w.until(dead.ID, internalapi.JobCompleted); j.Attempts != 2 {
			t.Errorf("attempts: %+v", j)
		}
		if j, err := w.api.Job(t.Context(), f.anna(), alive); err != nil || j.State != internalapi.JobRunning || j.Attempts != 1 {
			t.Errorf("the job of a living worker: %+v %v", j, err)
		}
	})
}

// A worker that stops gives its job back, and the next one ends it.
func TestStopGivesJobsBack(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		reached := make(chan struct{})
		var once sync.Once
		hang := true
		f.during = func(r *http.Request) {
			wait := false
			f.with(func() { wait = hang })
			if wait {
				once.Do(func() { close(reached) })
				<-r.Context().Done()
			}
		}
		dir := t.TempDir()
		w := start(t, f, db, dir)
		j := w.sync()
		<-reached
		w.stop()
		got, err := w.api.Job(t.Context(), f.anna(), j.ID)
		if err != nil || got.State != internalapi.JobQueued || got.Note != "the worker stopped; the job goes on" {
			t.Errorf("after the stop: %+v %v", got, err)
		}
		f.with(func() { hang = false })
		w = start(t, f, db, dir)
		if got := w.until(j.ID, internalapi.JobCompleted); got.Attempts != 2 {
			t.Errorf("attempts: %+v", got)
		}
	})
}

// Two workers on one database run each job once.
func TestReplicasShareTheQueue(t *testing.T) {
	t.Parallel()
	address := datatest.URL(t, sqldb.PostgreSQL)
	f := newFake(t)
	dir := t.TempDir()
	one := start(t, f, openURL(t, address), dir, func(c *worker.Config) { c.ServiceInstance = "one" })
	start(t, f, openURL(t, address), dir, func(c *worker.Config) { c.ServiceInstance = "two" })
	var ids []string
	for range 20 {
		j, err := one.api.StartJob(t.Context(), f.anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	for _, id := range ids {
		if j := one.until(id, internalapi.JobCompleted); j.Attempts != 1 {
			t.Errorf("run twice: %+v", j)
		}
	}
}

func TestSchedules(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		began := time.Now()
		w := start(t, f, db, t.TempDir())
		all, err := w.api.Schedules(t.Context(), f.anna())
		if err != nil || len(all) != 2 || all[1].Name != "Stock sync" {
			t.Fatalf("schedules: %+v %v", all, err)
		}
		for _, s := range all {
			if s.NextAt == nil || s.NextAt.Before(began.Add(10*time.Minute)) {
				t.Errorf("%s starts a job at %v, within ten minutes of the start", s.Name, s.NextAt)
			}
		}
		s := all[1]
		if s, err = w.api.PauseSchedule(t.Context(), f.anna(), s.ID); err != nil || !s.Paused || s.NextAt != nil {
			t.Errorf("paused: %+v %v", s, err)
		}
		due := func() {
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE schedules SET next_at = 1 WHERE id = $1`, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		due()
		j, err := w.api.RunSchedule(t.Context(), f.anna(), s.ID) // also while it is paused
		if err != nil {
			t.Fatal(err)
		}
		if j = w.until(j.ID, internalapi.JobCompleted); j.RequestedBy != "anna" {
			t.Errorf("run now: %+v", j)
		}
		jobs, err := w.api.Jobs(t.Context(), f.anna(), internalapi.Page{})
		if err != nil || len(jobs.Jobs) != 1 {
			t.Errorf("a paused schedule started a job: %+v %v", jobs, err)
		}
		if s, err = w.api.ResumeSchedule(t.Context(), f.anna(), s.ID); err != nil || s.Paused || s.NextAt == nil || s.NextAt.Before(began) || s.LastJob == nil || s.LastJob.ID != j.ID {
			t.Errorf("resumed: %+v %v", s, err)
		}
		due()
		eventually(t, "the schedule starts a job", func() bool {
			jobs, err := w.api.Jobs(t.Context(), f.anna(), internalapi.Page{})
			return err == nil && len(jobs.Jobs) == 2 && jobs.Jobs[0].RequestedBy == "schedule: Stock sync"
		})
		all, err = w.api.Schedules(t.Context(), f.anna())
		if err != nil || all[1].NextAt == nil || !all[1].NextAt.After(began) {
			t.Errorf("after it ran: %+v %v", all, err)
		}
		if _, err := w.api.PauseSchedule(t.Context(), f.anna(), "nothing"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("a schedule that is not there: %v", err)
		}
	})
}

// Schedules that were due while no worker ran are not made up for, and a fresh
// worker makes no call by itself.
func TestAFreshWorkerIsSilent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	db := open(t, sqldb.SQLite)
	w := serve(t, f, db, t.TempDir())
	if _, err := db.Writer().Exec(`UPDATE schedules SET next_at = 1, spec = '* * * * *'`); err != nil {
		t.Fatal(err)
	}
	w = start(t, f, db, w.dir)
	all, err := w.api.Schedules(t.Context(), f.anna())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the schedules are moved", func() bool {
		all, err = w.api.Schedules(t.Context(), f.anna())
		return err == nil && all[0].NextAt.After(time.Now().Add(9*time.Minute)) && all[1].NextAt.After(time.Now().Add(9*time.Minute))
	})
	s, err := w.api.Status(t.Context(), "")
	if err != nil || s.Tokens != 0 || s.JobsQueued+s.JobsRunning != 0 {
		t.Errorf("status: %+v %v", s, err)
	}
	f.with(func() {
		if len(f.requests) > 0 || f.serial > 0 {
			t.Errorf("calls at the start: %d, tokens %d", len(f.requests), f.serial)
		}
	})
}

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, f *fake, db *sqldb.DB) {
		f.stock([]object{product(1, "2026-01-01T00:00:00Z")}, nil)
		gate := make(chan struct{})
		f.during = func(r *http.Request) {
			select {
			case <-gate:
			case <-r.Context().Done():
			}
		}
		w := start(t, f, db, t.TempDir())
		j := w.sync()
		var states []internalapi.JobState
		last := -1
		err := w.api.JobEvents(t.Context(), f.anna(), j.ID, func(j internalapi.Job) error {
			if len(states) == 0 || states[len(states)-1] != j.State {
				states = append(states, j.State)
			}
			if j.Progress < last {
				t.Errorf("progress falls from %d to %d", last, j.Progress)
			}
			last = j.Progress
			if j.State == internalapi.JobRunning && j.Progress > 0 {
				select {
				case <-gate:
				default:
					close(gate)
				}
			}
			return nil
		})
		if err != nil || states[len(states)-1] != internalapi.JobCompleted || last != 100 {
			t.Errorf("states %v, progress %d, %v", states, last, err)
		}
		// A job that has ended: one event, and the end.
		n := 0
		if err := w.api.JobEvents(t.Context(), f.anna(), j.ID, func(internalapi.Job) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("events of an ended job: %d %v", n, err)
		}
	})
}

// I8: a stream lives no longer than the evidence it was opened with.
func TestI8_EventsEndWithTheEvidence(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := serve(t, f, open(t, sqldb.SQLite), t.TempDir())
	j := w.sync()
	brief := f.idToken(object{"exp": time.Now().Add(2 * time.Second).Unix()})
	n := 0
	err := w.api.JobEvents(t.Context(), brief, j.ID, func(internalapi.Job) error { n++; return nil })
	if err == nil || n != 1 {
		t.Errorf("events: %d %v", n, err)
	}
}
