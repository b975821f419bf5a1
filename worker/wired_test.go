package worker_test

import (
	"context"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// importInto uploads the Northwind files to the worker of a running system and
// waits for the job.
func importInto(t testing.TB, api *internalapi.Client, evidence string) internalapi.Job {
	t.Helper()
	r, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		var err error
		for _, name := range northwindtest.Files(t) {
			var text []byte
			var part io.Writer
			if text, err = os.ReadFile(name); err != nil {
				break
			}
			if part, err = m.CreateFormFile("files", filepath.Base(name)); err != nil {
				break
			}
			if _, err = part.Write(text); err != nil {
				break
			}
		}
		if err == nil {
			err = m.Close()
		}
		w.CloseWithError(err)
	}()
	j, err := api.Import(t.Context(), evidence, m.FormDataContentType(), r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := api.JobEvents(ctx, evidence, j.ID, func(seen internalapi.Job) error { j = seen; return nil }); err != nil {
		t.Fatal(err)
	}
	if j.State != internalapi.JobCompleted {
		t.Fatalf("%+v", j)
	}
	return j
}

// The whole against a real instance: its rules, its $metadata and its filters
// are those that the fake only resembles.
func TestWorkerWithARealInstance(t *testing.T) {
	t.Parallel()
	h := tandemtest.StartHybrid(t, tandemtest.Options{Demo: true})
	api, err := internalapi.NewClient(h.Worker, h.ChannelKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	anna := h.SignIn("anna").ID
	for n, want := range []string{"added", "unchanged"} {
		j := importInto(t, api, anna)
		lines := internalapi.StepResult{}
		for _, s := range j.Result.Steps {
			got := map[string]int64{"added": s.Added, "unchanged": s.Unchanged}[want]
			if s.Refused != 0 || got != s.Rows {
				t.Errorf("import %d: %+v", n+1, s)
			}
			if s.Name == "order-details.csv" {
				lines = s
			}
		}
		if lines.Rows != int64(northwindtest.Lines(t)) {
			t.Errorf("import %d: %+v", n+1, lines)
		}
	}
	for _, ask := range []internalapi.NewJob{
		{Kind: internalapi.JobSyncStock},
		{Kind: internalapi.JobExportOrders, From: "1996-01-01", To: "1998-12-31", Format: "xlsx"},
	} {
		j, err := api.StartJob(t.Context(), anna, ask)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.JobEvents(t.Context(), anna, j.ID, func(seen internalapi.Job) error { j = seen; return nil }); err != nil {
			t.Fatal(err)
		}
		if j.State != internalapi.JobCompleted || j.Result.Steps[0].Rows < northwindtest.Products {
			t.Errorf("%s: %+v", ask.Kind, j)
		}
	}
	paul := h.SignIn("paul", "openid", "profile").ID
	orders, err := api.Orders(t.Context(), paul, internalapi.PortalQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range orders.Documents {
		if one, err := api.Order(t.Context(), paul, d.ID); err != nil || len(one.Lines) == 0 || one.CustomerID != d.CustomerID {
			t.Errorf("order %s: %+v %v", d.Number, one, err)
		}
	}
	t.Logf("paul sees %d orders", orders.Total)
}

// Order lines per second, from the upload to the end of the job, through the
// API into the instance's database, everything in one process: both the worker
// and the instance.
func BenchmarkImportNorthwind(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				h := tandemtest.StartHybrid(b, tandemtest.Options{Engine: engine, Demo: true})
				api, err := internalapi.NewClient(h.Worker, h.ChannelKey, nil)
				if err != nil {
					b.Fatal(err)
				}
				anna := h.SignIn("anna").ID
				b.StartTimer()
				importInto(b, api, anna)
			}
			b.ReportMetric(float64(northwindtest.Lines(b)*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
