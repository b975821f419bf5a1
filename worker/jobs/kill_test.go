package jobs_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// What a job may wait for after its process was killed.
const (
	onReplica, afterRestart = 30 * time.Second, 10 * time.Second
)

// hanging lets an import stop at a given request of it, once.
type hanging struct {
	f *workertest.Fake

	lock    sync.Mutex
	imports int
	at      int         // the request that hangs; zero for none
	reached chan string // gets the instance of the worker that hangs
}

func (h *hanging) hang(at int) (reached chan string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.at, h.imports, h.reached = at, 0, make(chan string, 1)
	return h.reached
}

func (h *hanging) during(r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/Import") {
		return
	}
	h.lock.Lock()
	h.imports++
	wait, reached := h.imports == h.at, h.reached
	h.lock.Unlock()
	if wait {
		reached <- h.f.InstanceOf(r)
		<-r.Context().Done()
	}
}

// Three worker processes share one database; the one that runs an import is
// killed in the middle of it. Another one goes on, and every row is there once.
// Then the next one is killed, and the last; a new one takes over at its start.
func TestKillOneOfSeveral(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f := workertest.NewFake(t)
			h := &hanging{f: f}
			f.During = h.during
			address, dir := workerdb.URL(t, engine), t.TempDir()
			alive := []*workertest.Process{workertest.Spawn(t, f, address, dir), workertest.Spawn(t, f, address, dir), workertest.Spawn(t, f, address, dir)}
			for round, limit := range []time.Duration{onReplica, onReplica, afterRestart} {
				reached := h.hang(4) // prepared, 500, 500, and here
				file := companies(fmt.Sprint("R", round))
				contentType, body := workertest.Form(t, "customers.csv", file)
				j, err := alive[0].API.Import(t.Context(), f.Anna(), contentType, body)
				if err != nil {
					t.Fatal(err)
				}
				victim := <-reached
				h.hang(0)
				n := slices.IndexFunc(alive, func(p *workertest.Process) bool { return p.Instance == victim })
				alive[n].Kill()
				alive = slices.Delete(alive, n, n+1)
				if len(alive) == 0 {
					alive = append(alive, workertest.Spawn(t, f, address, dir))
				}
				killed := time.Now()
				testkit.Eventually(t, "the job ends elsewhere", func() bool {
					j, err = alive[0].API.Job(t.Context(), f.Anna(), j.ID)
					if err != nil {
						t.Fatal(err)
					}
					return j.State.Final()
				})
				took := time.Since(killed)
				t.Logf("round %d: ended %v after the kill; promised are %v", round, took.Round(time.Millisecond), limit)
				if s := j.Result.Steps[0]; j.State != internalapi.JobCompleted || j.Attempts != 2 || s.Rows != rows || s.Added+s.Unchanged != rows-2 || s.Refused != 2 {
					t.Errorf("round %d: %+v %+v", round, j, j.Result)
				}
				report, err := alive[0].API.JobReport(t.Context(), f.Anna(), j.ID, internalapi.Page{})
				if err != nil || report.Total != 2 {
					t.Errorf("round %d: report %+v %v", round, report, err)
				}
				f.With(func() {
					if want := (round+1)*(rows-2) + 1; len(f.Imported) != want {
						t.Errorf("round %d: %d objects, want %d", round, len(f.Imported), want)
					}
				})
			}
		})
	}
}

const rows = 1800

// companies is a file of customers, two of which the ERP refuses.
func companies(prefix string) string {
	var all strings.Builder
	all.WriteString("customerID,companyName,contactName,contactTitle,address,city,region,postalCode,country,phone,fax\n")
	for n := range rows {
		name := fmt.Sprint("Company ", n)
		if n == 5 || n == rows-5 {
			name = "please refuse"
		}
		fmt.Fprintf(&all, "%s%d,%s,,,,,NULL,,,,\n", prefix, n, name)
	}
	return all.String()
}
