package agent_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// benchRows is the size of the list that the figures are for. Where it is only run, it has
// more rows than are read at once, and on the other engine more than are written at once.
var benchRows = map[sqldb.Engine]int{sqldb.SQLite: testkit.Size(20_000, 1100), sqldb.PostgreSQL: testkit.Size(20_000, 250)}

// makeProducts fills the ERP by Import, as an administrator does.
func (p *place) makeProducts(n int) {
	p.t.Helper()
	token := p.SignIn("admin").Access
	one := p.products("Active eq true")[0]
	status, text := p.API("GET", "General_Products_Products("+one.ID+")?$select=ProductGroup", token, "")
	var of struct {
		ProductGroup struct {
			ID string `json:"@odata.id"`
		}
	}
	if err := json.Unmarshal([]byte(text), &of); status != 200 || err != nil {
		p.t.Fatalf("%d %s", status, text)
	}
	for from := 0; from < n; from += 1000 {
		var objects []any
		for i := from; i < min(from+1000, n); i++ {
			objects = append(objects, map[string]any{
				"@odata.type": "Erp.General_Products_Product", "PartNumber": fmt.Sprintf("BENCH-%06d", i), "Name": map[string]string{"EN": "Bench product"},
				"StandardPricePerLot": map[string]any{"Value": 10, "Currency": "EUR"}, "ProductGroup": map[string]string{"@odata.id": of.ProductGroup.ID},
			})
		}
		none := 0
		body, err := json.Marshal(client.ImportRequest{Transaction: client.ImportAllObjects, LoggingLevel: &none, Objects: objects})
		if err != nil {
			p.t.Fatal(err)
		}
		if status, text := p.API("POST", "Import", token, string(body)); status != 200 || strings.Contains(text, `"@erpnet.result":"fail"`) {
			p.t.Fatalf("%d %.500s", status, text)
		}
	}
}

// BenchmarkBatch is a list of 20,000 rows on its way, on both engines of the ERP: how long
// the check takes, how many prices are written each second, and how long it takes to
// reconcile and to roll back.
func BenchmarkBatch(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			p := newPlace(b, tandemtest.Options{Engine: engine})
			size := benchRows[engine]
			p.makeProducts(size)
			r := p.agentOf()
			factor := 1.0
			b.ResetTimer()
			for range b.N {
				factor += 0.3
				var rows []string
				for i := range size {
					rows = append(rows, fmt.Sprintf("BENCH-%06d,%.2f", i, 10*factor))
				}
				last, err := r.api.Batches(b.Context(), r.idToken("maria"), 0, 1)
				if err != nil {
					b.Fatal(err)
				}
				id := int64(1)
				if len(last.Rows) > 0 {
					id = last.Rows[0].ID + 1
				}
				r.put(fmt.Sprintf("prices-%d.csv", id), list(rows...))
				batch := r.until(id, wire.Waiting)
				if batch.Figures.Count[wire.RowChange] != int64(size) {
					b.Fatalf("%+v", batch.Figures)
				}
				b.ReportMetric(batch.CheckedAt.Sub(batch.ReceivedAt).Seconds(), "check-s")
				begun := time.Now()
				if err := r.decide("maria", id); err != nil {
					b.Fatal(err)
				}
				r.until(id, wire.Written, wire.Completed)
				written := time.Now()
				b.ReportMetric(float64(size)/written.Sub(begun).Seconds(), "rows/s")
				r.until(id, wire.Completed)
				b.ReportMetric(time.Since(written).Seconds(), "reconcile-s")
				begun = time.Now()
				back, err := r.api.RollBack(b.Context(), r.idToken("ada"), id, wire.Rollback{Reason: "bench"})
				if err != nil {
					b.Fatal(err)
				}
				r.until(back.ID, wire.Waiting)
				if err := r.decide("maria", back.ID); err != nil {
					b.Fatal(err)
				}
				r.until(back.ID, wire.Completed)
				b.ReportMetric(time.Since(begun).Seconds(), "rollback-s")
			}
		})
	}
}

// BenchmarkLargeFile lets an agent of its own process take a file, of 200 MB with
// TANDEM_BENCH_SCALE=full: its memory does not grow with the file.
func BenchmarkLargeFile(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("the memory of a process is read as Linux tells it")
	}
	largest := 1 << 20
	if os.Getenv("TANDEM_BENCH_SCALE") == "full" {
		largest = wire.MaxFile
	}
	p := newPlace(b, tandemtest.Options{})
	p.CreateUser(signin.NewUser{Login: "nobody", Type: "InternalUser"})
	r := p.unstarted()
	kill := r.spawn()
	defer kill()
	name := filepath.Join(r.drop, "prices-large.csv.part")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(f)
	fmt.Fprint(out, "PartNumber,Name,Price,Currency\n")
	wide := strings.Repeat("a long description of a product ", 30)
	rows := 0
	for size := 0; size < largest-4096; rows++ {
		n, err := fmt.Fprintf(out, "LARGE-%07d,%s,%d.50,EUR\n", rows, wide, rows%1000+1)
		if err != nil {
			b.Fatal(err)
		}
		size += n
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	if err := os.Rename(name, strings.TrimSuffix(name, ".part")); err != nil {
		b.Fatal(err)
	}
	testkit.Eventually(b, "the file is checked", func() bool {
		batch, err := r.api.Batch(b.Context(), r.idToken("maria"), 1)
		return err == nil && batch.CheckedAt != nil // by night it runs on, as nothing in it changes
	})
	batch := r.batch("maria", 1)
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(batch.Size)/(1<<20), "MiB")
	b.ReportMetric(time.Since(begun).Seconds(), "check-s")
	b.ReportMetric(float64(r.peak())/(1<<20), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// peak is the most memory that the agent's process had resident.
func (r *robot) peak() int64 {
	r.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return n << 10
		}
	}
	return 0
}
