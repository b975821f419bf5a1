package jobs_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Two workers of one PostgreSQL, on machines that share no folder. What was given
// to one is imported by the other when that dies, whatever its encoding; what it
// makes is to be had at a third; and nothing is left behind.
func TestWorkersOfSeveralMachines(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	h := &hanging{f: f}
	f.During = h.during
	address := workerdb.URL(t, sqldb.PostgreSQL)
	one, other := workertest.Spawn(t, f, address, t.TempDir()), workertest.OpenURL(t, address)
	reached := h.hang(3) // prepared, 500, and here
	latin := strings.NewReplacer("Company 700,", "Caf\xe9 700,", "Company 1200,", "Caf\xe9 1200,").Replace(companies("M"))
	contentType, body := workertest.Form(t, "customers.csv", latin)
	j, err := one.API.Import(t.Context(), f.Anna(), contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	h.hang(0)
	second := workertest.Start(t, f, other, t.TempDir())
	one.Kill()
	j = second.Until(j.ID, internalapi.JobCompleted)
	if s := j.Result.Steps[0]; j.Attempts != 2 || s.Rows != rows || s.Added+s.Unchanged != rows-2 || s.Refused != 2 {
		t.Errorf("%+v %+v", j, j.Result)
	}
	third := workertest.Serve(t, f, workertest.OpenURL(t, address), t.TempDir())
	status, refused := third.Ask(http.MethodGet, internalapi.PathJob+j.ID+internalapi.TailFile, "right", f.Anna(), "")
	if status != http.StatusOK || int64(len(refused)) != j.Result.File.Size || strings.Count(refused, "please refuse") != 2 {
		t.Errorf("the refused rows at another worker: %d %q", status, refused)
	}
	var uploads, made int
	err = other.Reader().QueryRowContext(t.Context(), `SELECT COUNT(CASE WHEN part = 'upload' THEN 1 END), COUNT(CASE WHEN part = 'export' THEN 1 END)
		FROM job_files`).Scan(&uploads, &made)
	if err != nil || uploads != 0 || made != 1 {
		t.Errorf("%d pieces of uploads and %d of what was made stay: %v", uploads, made, err)
	}
	testkit.Eventually(t, "its own folder is empty", func() bool { return len(files(t, second.Dir)) == 0 })
	if left := files(t, third.Dir); len(left) != 0 {
		t.Errorf("the third has %v", left)
	}
}

// files are all files of the jobs in a worker's folder.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "files"), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}
