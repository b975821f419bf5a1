package worker_test

import (
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// importInto uploads the Northwind files to the worker of a running system and
// waits for the job.
func importInto(t testing.TB, api *internalapi.Client, evidence string, more ...string) internalapi.Job {
	t.Helper()
	files := more
	for _, name := range northwindtest.Files(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Base(name), string(text))
	}
	return importFiles(t, api, evidence, files...)
}

// importFiles uploads files, given as name, content, …, and waits for the job.
func importFiles(t testing.TB, api *internalapi.Client, evidence string, files ...string) internalapi.Job {
	t.Helper()
	r, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		var err error
		for n := 0; n < len(files) && err == nil; n += 2 {
			if files[n] == internalapi.FieldDryRun {
				err = m.WriteField(files[n], "1")
				continue
			}
			var part io.Writer
			if part, err = m.CreateFormFile("files", files[n]); err == nil {
				_, err = io.WriteString(part, files[n+1])
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
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
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
	api.Patience = testkit.Patience
	anna := h.SignIn("anna").ID
	for n, want := range []string{"added", "added", "unchanged"} {
		var dry []string
		if n == 0 {
			dry = []string{internalapi.FieldDryRun, ""}
		}
		j := importInto(t, api, anna, dry...)
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
	importByMapping(t, h, anna)
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

// byCode is a mapping of objects that the ERP has already, found by their codes,
// and of one file that has orders and lines.
const byCode = `version: 1
name: By code
external_system: by-code
steps:
  - file: prices.csv
    entity: General_Products_Product
    key: PartNumber
    match: code
    set:
      StandardPricePerLot: {column: Price, as: amount, currency: USD, thousands: ",", symbols: "$"}
  - file: new.csv
    entity: General_Products_Product
    key: PartNumber
    set:
      PartNumber: PartNumber
      Name: {column: Name, as: multilanguage}
      ProductGroup: {find: {Code: TENT}}
  - file: more.csv
    entity: General_Products_Product
    key: id
    set:
      PartNumber: PartNumber
      Name: {column: Name, as: multilanguage}
      ProductGroup: {find: {Code: TENT}}
  - file: sales.csv
    entity: Crm_Sales_SalesOrder
    key: SalesOrderNumber
    set:
      DocumentDate: {column: OrderDate, as: date, required: true}
      DocumentCurrency: {find: {Code: USD}}
      Customer:
        object:
          entity: Crm_Sales_Customer
          key: EmailAddress
          set:
            Number: {column: EmailAddress, max: 16}
            Party:
              object:
                entity: General_Contacts_Company
                key: EmailAddress
                set:
                  Name: {column: CustomerName, as: multilanguage, required: true}
    children:
      - collection: Lines
        key: [Product]
        missing: remove
        number: LineNo
        set:
          Product: {column: Item, match: code, required: true}
          Quantity: {column: Quantity, as: quantity, required: true}
          UnitPrice: {column: UnitPrice, as: amount, currency: USD, required: true}
`

// importByMapping imports into the instance with a worker that has another
// mapping.
func importByMapping(t *testing.T, h *tandemtest.Hybrid, anna string) {
	t.Helper()
	dir := t.TempDir()
	mapping := filepath.Join(dir, "by-code.yaml")
	if err := os.WriteFile(mapping, []byte(byCode), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := platform.NewWorker(t.Context(), platform.WorkerConfig{Mapping: mapping, HalfConfig: platform.HalfConfig{
		Issuer: h.Issuer, ApplicationURI: tandemtest.Portal, CredentialFile: filepath.Join(h.Dir, "worker", "credential"),
		DB: "sqlite:" + filepath.Join(dir, "worker.db"), Dir: dir, ChannelKeyFile: filepath.Join(h.Dir, "channel.key"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- platform.Serve(ctx, w, platform.ServeOptions{Listener: l}) }()
	t.Cleanup(func() { cancel(); <-done })
	api, err := internalapi.NewClient("http://"+l.Addr().String(), h.ChannelKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	api.Patience = testkit.Patience
	const head = "SalesOrderNumber,OrderDate,CustomerName,EmailAddress,Item,Quantity,UnitPrice,\n"
	line := func(product, quantity string) string {
		return "SO1,2026-03-01,Ada Müller,ada@example.com," + product + "," + quantity + ",1.50,\n"
	}
	for n, c := range []struct {
		files []string
		want  []internalapi.StepResult
	}{
		{[]string{"prices.csv", "PartNumber,Price\nNW-1,\"$1,234.50 \"\nNW-none,1\n", "sales.csv", head + line("NW-1", "1") + line("NW-2", "2") + line("NW-3", "3")},
			[]internalapi.StepResult{{Name: "prices.csv", Rows: 2, Changed: 1, Refused: 1}, {Name: "sales.csv", Rows: 3, Added: 3}}},
		{[]string{"sales.csv", head + line("NW-1", "1") + line("NW-2", "2") + line("NW-3", "3")},
			[]internalapi.StepResult{{Name: "sales.csv", Rows: 3, Unchanged: 3}}},
		{[]string{"sales.csv", head + line("NW-2", "2") + line("NW-3", "3")},
			[]internalapi.StepResult{{Name: "sales.csv", Rows: 2, Changed: 2, Removed: 1}}},
		{[]string{"sales.csv", head + line("NW-4", "4") + line("NW-3", "3") + line("NW-2", "2")},
			[]internalapi.StepResult{{Name: "sales.csv", Rows: 3, Changed: 3}}},
		{[]string{"new.csv", "PartNumber,Name\nBC-1,New\nBC-2,Newer\nbc-1,Again\nBC-3-and-much-more-than-a-part-number-has,x\n",
			"more.csv", "id,PartNumber,Name\n1,BC-5,New\n2,BC-1,Newest\n",
			"sales.csv", head + line("BC-1", "4") + strings.ReplaceAll(line("BC-4", "1"), "SO1", "SO2")},
			[]internalapi.StepResult{{Name: "new.csv", Rows: 4, Added: 3, Refused: 1}, {Name: "more.csv", Rows: 2, Added: 1, Refused: 1}, {Name: "sales.csv", Rows: 2, Changed: 1, Refused: 1, Removed: 3}}},
	} {
		var told [2]any
		for k, files := range [][]string{append([]string{internalapi.FieldDryRun, ""}, c.files...), c.files} {
			j := importFiles(t, api, anna, files...)
			report, err := api.JobReport(t.Context(), anna, j.ID, internalapi.Page{})
			if diff := cmp.Diff(c.want, j.Result.Steps); diff != "" || err != nil {
				t.Errorf("import %d: %s %+v %v", n+1, diff, report.Rows, err)
			}
			told[k] = report.Rows
		}
		if diff := cmp.Diff(told[0], told[1]); diff != "" {
			t.Errorf("import %d, foretold and what came: %s", n+1, diff)
		}
	}
	var page struct {
		Value []struct {
			Lines []struct {
				LineNo  int
				Product struct{ PartNumber string }
			}
		} `json:"value"`
	}
	status, body := h.API("GET", "Crm_Sales_SalesOrders?$filter=ExternalSystem%20eq%20'by-code'&$expand=Lines($expand=Product)", h.ServiceToken(), "")
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	got := map[string]int{}
	for _, o := range page.Value {
		for _, l := range o.Lines {
			got[l.Product.PartNumber] = l.LineNo
		}
	}
	if diff := cmp.Diff(map[string]int{"BC-1": 50}, got); diff != "" {
		t.Error(diff)
	}
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
				api.Patience = testkit.Patience
				anna := h.SignIn("anna").ID
				b.StartTimer()
				importInto(b, api, anna)
			}
			b.ReportMetric(float64(northwindtest.Lines(b)*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
