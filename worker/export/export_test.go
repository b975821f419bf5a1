package export_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/worker/workertest"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
)

func exported(no, date, name, reference string) object {
	o := workertest.Order(1, workertest.Mine, 0)
	o["Id"], o["DocumentNo"], o["DocumentDate"], o["CustomerPurchaseOrderNo"] = workertest.ID(len(no)+len(date)), no, date+"T00:00:00Z", reference
	o["Customer"] = object{"Id": workertest.ID(workertest.Mine), "Number": "@1", "Party": object{"PartyName": object{"EN": name}}}
	return o
}

func download(t *testing.T, w *workertest.Running, from, to, format string) (internalapi.Job, *internalapi.Download, []byte) {
	t.Helper()
	j, err := w.API.StartJob(t.Context(), w.F.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: from, To: to, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	j = w.Until(j.ID, internalapi.JobCompleted)
	d, err := w.API.JobFile(t.Context(), w.F.Anna(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Body.Close()
	text, err := io.ReadAll(d.Body)
	if err != nil || int64(len(text)) != d.Size || d.Size != j.Result.File.Size {
		t.Fatalf("download: %d of %d bytes, %v", len(text), d.Size, err)
	}
	return j, d, text
}

func exporting(t *testing.T, options ...workertest.Option) (*workertest.Fake, *workertest.Running) {
	f := workertest.NewFake(t)
	f.With(func() {
		f.Rows["Crm_Sales_SalesOrders"] = []object{
			exported("B", "2026-02-28", "=HYPERLINK(\"http://x\")", "+1"), exported("A", "2026-02-28", "Müller, \"Söhne\"", "-2+3"),
			exported("C", "2026-01-31", "x;=1+1", "\r=1"), exported("D", "2026-03-01", "after", ""), exported("E", "2026-01-30", "before", ""),
		}
	})
	return f, workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), options...)
}

// Both days of the period are in it, rows are in the order of dates, and no
// cell is taken for a formula.
func TestExportCSV(t *testing.T) {
	t.Parallel()
	_, w := exporting(t)
	j, d, text := download(t, w, "2026-01-31", "2026-02-28", "")
	if !bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) || !bytes.Contains(text, []byte("\r\n")) || d.Name != "orders-2026-01-31-2026-02-28.csv" || d.MediaType != "text/csv; charset=utf-8" {
		t.Errorf("%+v %q", d, text[:30])
	}
	rows, err := csv.NewReader(bytes.NewReader(text[3:])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows[1:] {
		got = append(got, strings.Join(row, "|"))
	}
	want := []string{
		"C|2026-01-31|Released|false|'@1|x;'=1+1|\r'=1||12.50|EUR",
		"A|2026-02-28|Released|false|'@1|Müller, \"Söhne\"|'-2+3||12.50|EUR",
		"B|2026-02-28|Released|false|'@1|'=HYPERLINK(\"http://x\")|'+1||12.50|EUR",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || j.Result.Steps[0].Rows != 3 {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What is hidden from who asks is left out of the file, and the rest is in its place.
func TestExportWithoutWhatIsHidden(t *testing.T) {
	t.Parallel()
	f, w := exporting(t)
	for hidden, line := range map[string]string{"TotalLineAmount": "Released,false,'@1,", "Void": "Released,,'@1,"} {
		f.With(func() { f.Hidden = hidden })
		for _, format := range []string{"csv", "xlsx"} {
			_, _, text := download(t, w, "2026-01-31", "2026-01-31", format)
			if format == "csv" && (!strings.Contains(string(text), line) || strings.Contains(string(text), "12.50") == (hidden == "TotalLineAmount")) {
				t.Errorf("without %s: %q", hidden, text)
			}
		}
	}
}

func TestExportXLSX(t *testing.T) {
	t.Parallel()
	_, w := exporting(t)
	_, d, text := download(t, w, "2026-02-01", "2026-03-31", "xlsx")
	book, err := excelize.OpenReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Orders")
	if err != nil || len(rows) != 4 || !strings.HasSuffix(d.Name, ".xlsx") {
		t.Fatalf("%v %v", rows, err)
	}
	total, err1 := book.GetCellType("Orders", "I2")
	formula, err2 := book.GetCellFormula("Orders", "F3")
	name, err3 := book.GetCellValue("Orders", "F3")
	date, err4 := book.GetCellValue("Orders", "B2")
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || total == excelize.CellTypeInlineString || total == excelize.CellTypeSharedString ||
		formula != "" || name != "'=HYPERLINK(\"http://x\")" || date != "2026-02-28" {
		t.Errorf("total is of type %v, formula %q, name %q, date %q (%v %v %v %v)", total, formula, name, date, err1, err2, err3, err4)
	}
}

// A download is gone when its time is over, and the file with it.
func TestExportExpires(t *testing.T) {
	t.Parallel()
	f, w := exporting(t, func(c *worker.Config) { c.KeepExports = time.Nanosecond })
	j, err := w.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-02-01"})
	if err != nil {
		t.Fatal(err)
	}
	j = w.Until(j.ID, internalapi.JobCompleted)
	if d, err := w.API.JobFile(t.Context(), f.Anna(), j.ID); tandem.ErrorCode(err) != tandem.CodeNotFound {
		t.Errorf("%+v %v", d, err)
	}
}

// Who may not read orders any more does not get those of an export from before.
func TestExportAfterARevocation(t *testing.T) {
	t.Parallel()
	f, w := exporting(t)
	j, _, _ := download(t, w, "2026-01-01", "2026-02-01", "")
	f.With(func() { f.Hidden = "Id" })
	if d, err := w.API.JobFile(t.Context(), f.Anna(), j.ID); tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), "does not let you read orders") {
		t.Errorf("%+v %v", d, err)
	}
}

// Nothing is left of an export that fails.
func TestExportThatFails(t *testing.T) {
	t.Parallel()
	f, w := exporting(t)
	f.With(func() {
		f.During = func(r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "$count") {
				f.With(func() { f.Rows["Crm_Sales_SalesOrders"] = []object{{"DocumentDate": "2026-01-01", "DocumentNo": 7}} }) // not the type expected
			}
		}
	})
	j, err := w.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-02-01"})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the export waits", func() bool {
		got, err := w.API.Job(t.Context(), f.Anna(), j.ID)
		return err == nil && got.State == internalapi.JobQueued && strings.Contains(got.Note, "next try")
	})
	if d, err := w.API.JobFile(t.Context(), f.Anna(), j.ID); err == nil {
		t.Errorf("half an export: %+v", d)
	}
	if _, err := w.API.CancelJob(t.Context(), f.Anna(), j.ID); err != nil {
		t.Error(err)
	}
}
