package jobs_test

import (
	"testing"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
)

// A worker that is told to stop in the middle of a job gives it back: another one goes on
// with it at its next look, although the process of the first is still there.
func TestStoppedWorkerGivesItsJobBack(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		h := &hanging{f: f}
		f.During = h.during
		dir := t.TempDir()
		one := workertest.Start(t, f, db, dir)
		reached := h.hang(3) // prepared, 500, and here
		j := one.Upload("customers.csv", companies("S"))
		<-reached
		h.hang(0)
		other := workertest.Start(t, f, workertest.OpenURL(t, db.URL()), dir)
		one.Stop()
		j = other.Until(j.ID, internalapi.JobCompleted)
		if s := j.Result.Steps[0]; j.Attempts != 2 || s.Rows != rows || s.Added+s.Unchanged != rows-2 || s.Refused != 2 {
			t.Errorf("%+v %+v", j, j.Result)
		}
	})
}
