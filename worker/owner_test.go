package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/workertest"
)

// A job is its owner's and the administrators'. Others see that it ran, through
// every path that shows it, and nothing of what it is about; they cannot stop it.
func TestJobsHaveOwners(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Start(t, f, db, t.TempDir())
		ask := internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"}
		export, err := w.API.StartJob(t.Context(), f.Anna(), ask)
		if err != nil {
			t.Fatal(err)
		}
		w.Until(export.ID, internalapi.JobCompleted)
		upload := w.Until(w.Upload("nothing.csv", "a,b\n1,2\n").ID, internalapi.JobCompleted)
		for name, c := range map[string]struct {
			evidence string
			manage   bool
		}{"anna": {f.Anna(), true}, "eve": {f.Eve(), false}, "admin": {f.Admin(), true}} {
			for _, id := range []string{export.ID, upload.ID} {
				for path, j := range shownTo(t, w, c.evidence, id) {
					if j.ID != id || j.State != internalapi.JobCompleted || j.RequestedBy != "anna" || j.Progress != 100 {
						t.Errorf("%s: %s does not tell that the job ran: %+v", name, path, j)
					}
					if j.Manage != c.manage || (j.Result != nil) != c.manage || j.Note != "" || j.Error != "" {
						t.Errorf("%s: %s shows %+v, result %+v", name, path, j, j.Result)
					}
				}
				_, err := w.API.CancelJob(t.Context(), c.evidence, id)
				refused(t, name+" cancels", err, c.manage)
			}
			d, err := w.API.JobFile(t.Context(), c.evidence, export.ID)
			if refused(t, name+" downloads", err, c.manage); err == nil {
				d.Body.Close()
			}
			_, err = w.API.JobReport(t.Context(), c.evidence, upload.ID, internalapi.Page{})
			refused(t, name+" reads the report", err, c.manage)
		}
	})
}

// shownTo is the job by each path that shows it.
func shownTo(t *testing.T, w *workertest.Running, evidence, id string) map[string]internalapi.Job {
	t.Helper()
	shown := map[string]internalapi.Job{}
	keep := func(path string) func(internalapi.Job) error {
		return func(j internalapi.Job) error { shown[path] = j; return nil }
	}
	j, err := w.API.Job(t.Context(), evidence, id)
	if err == nil {
		_ = keep("the job")(j)
		err = w.API.JobEvents(t.Context(), evidence, id, keep("its events"))
	}
	page, err2 := w.API.Jobs(t.Context(), evidence, internalapi.JobQuery{})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, one := range page.Jobs {
		if one.ID == id {
			_ = keep("the list")(one)
		}
	}
	if len(shown) != 3 {
		t.Errorf("seen by %d paths: %v", len(shown), shown)
	}
	return shown
}

func refused(t *testing.T, what string, err error, allowed bool) {
	t.Helper()
	if allowed && err != nil || !allowed && tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("%s: %v, allowed: %t", what, err, allowed)
	}
}

// Who asks for a sync while somebody else's runs gets that one, and may follow it
// but not stop it; its owner may.
func TestNobodyStopsTheSyncOfAnother(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Serve(t, f, db, t.TempDir()) // nothing runs
		first := w.Sync()
		same, err := w.API.StartJob(t.Context(), f.Eve(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
		if err != nil || same.ID != first.ID || same.Manage || !first.Manage {
			t.Fatalf("%+v %v", same, err)
		}
		if _, err := w.API.CancelJob(t.Context(), f.Eve(), first.ID); tandem.ErrorCode(err) != tandem.CodeForbidden ||
			!strings.Contains(err.Error(), "only anna and administrators may stop it") {
			t.Errorf("eve: %v", err)
		}
		if j, err := w.API.CancelJob(t.Context(), f.Anna(), first.ID); err != nil || j.State != internalapi.JobCancelled {
			t.Errorf("anna: %+v %v", j, err)
		}
	})
}

// Schedules and what they start are the back end's own: everybody sees them, and
// administrators change them.
func TestSchedulesAreForAdministrators(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		w := workertest.Start(t, f, db, t.TempDir())
		all, err := w.API.Schedules(t.Context(), f.Eve())
		if err != nil || len(all) != 2 || all[1].Manage {
			t.Fatalf("%+v %v", all, err)
		}
		id := all[1].ID
		do := map[string]func(evidence string) error{
			"pause":  func(e string) error { _, err := w.API.PauseSchedule(t.Context(), e, id); return err },
			"resume": func(e string) error { _, err := w.API.ResumeSchedule(t.Context(), e, id); return err },
			"run":    func(e string) error { _, err := w.API.RunSchedule(t.Context(), e, id); return err },
			"edit": func(e string) error {
				_, err := w.API.EditSchedule(t.Context(), e, id, internalapi.ScheduleEdit{Spec: "0 3 * * *", TimeZone: "UTC"})
				return err
			},
			"edit badly": func(e string) error {
				_, err := w.API.EditSchedule(t.Context(), e, id, internalapi.ScheduleEdit{Spec: "never", TimeZone: "UTC"})
				if tandem.ErrorCode(err) == tandem.CodeInvalid {
					return nil
				}
				return err
			},
		}
		for name, f := range map[string]string{"eve": f.Eve(), "anna": f.Anna()} {
			for what, do := range do {
				refused(t, name+" "+what, do(f), false)
			}
		}
		if now, err := w.API.Schedules(t.Context(), f.Admin()); err != nil || now[1].Spec != all[1].Spec || now[1].Paused || !now[1].Manage || now[1].LastJob != nil {
			t.Errorf("after what was refused: %+v %v", now, err)
		}
		for what, do := range do {
			refused(t, "admin "+what, do(f.Admin()), true)
		}
		if _, err := db.Writer().ExecContext(t.Context(), `UPDATE schedules SET paused = FALSE, next_at = 1 WHERE id = $1`, all[0].ID); err != nil {
			t.Fatal(err)
		}
		refused(t, "wake", do["resume"](f.Admin()), true)
		var started internalapi.Job
		testkit.Eventually(t, "the schedule's job is done", func() bool {
			all, err := w.API.Schedules(t.Context(), f.Eve())
			if err != nil || all[0].LastJob == nil {
				return false
			}
			started = *all[0].LastJob
			return started.State == internalapi.JobCompleted
		})
		if started.Manage || started.Result != nil {
			t.Errorf("eve sees %+v", started)
		}
		_, err = w.API.JobFile(t.Context(), f.Anna(), started.ID)
		refused(t, "anna downloads what a schedule made", err, false)
	})
}

// One person cannot take all event streams, all uploads, or the disk.
func TestOnePersonDoesNotTakeAll(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	db := workertest.Open(t, sqldb.SQLite)
	w := workertest.Serve(t, f, db, t.TempDir()) // nothing runs
	j := w.Sync()
	open, cancel := context.WithCancel(t.Context())
	defer cancel()
	streams := make(chan error)
	for n := range 21 {
		first := make(chan struct{})
		go func() {
			streams <- w.API.JobEvents(open, f.Anna(), j.ID, func(internalapi.Job) error { close(first); return nil })
		}()
		if n < 20 {
			<-first
		}
	}
	if err := <-streams; tandem.ErrorCode(err) != tandem.CodeThrottled || !strings.Contains(err.Error(), "you have 20 pages open") {
		t.Errorf("one stream too many: %v", err)
	}
	seen := 0
	err := w.API.JobEvents(t.Context(), f.Eve(), j.ID, func(internalapi.Job) error { seen++; return internalapi.ErrStopEvents })
	if err != nil || seen != 1 {
		t.Errorf("a stream of somebody else: %d %v", seen, err)
	}
	cancel()
	for range 20 {
		<-streams
	}

	uploads := make(chan error)
	hanging, end := io.Pipe() // bodies that do not go on
	for range 2 {
		go func() {
			body := io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.csv\"\r\n\r\na,b\n"), hanging)
			_, err := w.API.Import(t.Context(), f.Anna(), "multipart/form-data; boundary=x", body)
			uploads <- err
		}()
	}
	testkit.Eventually(t, "two uploads are let in", func() bool {
		folders, err := os.ReadDir(filepath.Join(w.Dir, "files"))
		return err == nil && len(folders) == 2
	})
	contentType, body := workertest.Form(t, "a.csv", "x,y\n")
	if _, err := w.API.Import(t.Context(), f.Anna(), contentType, body); tandem.ErrorCode(err) != tandem.CodeThrottled ||
		!strings.Contains(err.Error(), "files of yours are being uploaded") {
		t.Errorf("one upload too many: %v", err)
	}
	end.CloseWithError(errors.New("broken off"))
	for range 2 {
		<-uploads
	}

	if _, err := w.API.CancelJob(t.Context(), f.Anna(), j.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().ExecContext(t.Context(), `UPDATE jobs SET disk = $1 WHERE id = $2`, jobs.MaxDisk-3, j.ID); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "more than the disk that one person has is refused", func() bool { // when the others have been let go
		contentType, body := workertest.Form(t, "a.csv", "x,y\n")
		_, err := w.API.Import(t.Context(), f.Anna(), contentType, body)
		return tandem.ErrorCode(err) == tandem.CodeTooLarge && strings.Contains(err.Error(), "1024 MB together")
	})
	contentType, body = workertest.Form(t, "a.csv", "x,y\n")
	if _, err := w.API.Import(t.Context(), f.Eve(), contentType, body); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	ask, err := json.Marshal(internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
	if err != nil {
		t.Fatal(err)
	}
	w = workertest.Start(t, f, db, w.Dir)
	status, text := w.Ask(http.MethodPost, internalapi.PathJobs, "right", f.Anna(), string(ask))
	var asked internalapi.Job
	if err := json.Unmarshal([]byte(text), &asked); err != nil || status != 200 {
		t.Fatal(status, text)
	}
	if failed := w.Until(asked.ID, internalapi.JobFailed); !strings.Contains(failed.Error, "there is no room for 1 MB more") {
		t.Errorf("an export for which there is no room: %+v", failed)
	}
}
