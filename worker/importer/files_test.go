package importer_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/workertest"
)

// sales is a mapping of what shops and spreadsheets write: one file with orders
// and their lines, decimal commas, titles and prices by code.
const sales = `version: 1
name: Sales
external_system: shop
decimal: ","
thousands: " "
steps:
  - file: products.csv
    entity: General_Products_Product
    key: id
    set:
      PartNumber: {template: "S-{id}"}
      Name: {column: name, as: multilanguage}
      Active: {column: active, as: boolean, values: {ja: true, nein: false}}
      StandardPricePerLot: {column: price, as: amount, currency: EUR, symbols: "€"}
  - file: people.csv
    entity: General_Contacts_Person
    key: id
    set:
      LastName: {column: name, as: multilanguage}
      Title: {column: sex, as: multilanguage, values: {M: Mr, F: Mrs}, others: keep}
      BirthDate: {column: born, as: datetime, layout: "2.1.06"}
  - file: sales.csv
    entity: Crm_Sales_SalesOrder
    key: order
    set:
      DocumentDate: {column: day, as: date, required: true}
      DocumentNotes: note
    children:
      - collection: Lines
        number: LineNo
        set:
          Product: {column: product, lookup: products.csv, required: true}
          Quantity: {column: quantity, as: quantity, required: true}
`

const productsOfShop = "id;name;active;price;\n1;Tea;ja;1 234,50;\n2;Coffee;nein;,5;\n3;Cocoa;ja;€ 12,50-;\n4;Milk;ja;1,5\n"

// salesHead is the header of a file that says the order again on each line.
const salesHead = "order,day,note,product,quantity\n"

func startShop(t *testing.T, mapping string) (*workertest.Fake, *workertest.Running) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	f := workertest.NewFake(t)
	return f, workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) { c.Mapping = file })
}

// run imports files and gives the job, its steps in one line each, and the report.
func run(t *testing.T, w *workertest.Running, files ...string) (j internalapi.Job, report []string) {
	t.Helper()
	j = w.Until(w.Upload(files...).ID, internalapi.JobCompleted)
	for _, s := range j.Result.Steps {
		if s.Rows != s.Added+s.Changed+s.Unchanged+s.Refused {
			t.Errorf("%+v does not add up to its rows", s)
		}
	}
	return j, w.Report(j.ID)
}

func step(t *testing.T, j internalapi.Job, file string) internalapi.StepResult {
	t.Helper()
	for _, s := range j.Result.Steps {
		if s.Name == file {
			return s
		}
	}
	t.Fatalf("nothing about %s: %+v", file, j.Result)
	return internalapi.StepResult{}
}

// lines are the lines of the only order, as "product 1 × 2".
func lines(f *workertest.Fake, products int) (all []string) {
	f.With(func() {
		for key, children := range f.Children {
			if !strings.Contains(key, "SalesOrder|") {
				continue
			}
			for _, line := range children["Lines"] {
				name := "?"
				for n := range products {
					id := string(rune('1' + n))
					if strings.Contains(line["Product"].(workertest.Object)["@odata.id"].(string), f.IDOf("shop", id)) {
						name = id
					}
				}
				quantity := line["Quantity"].(workertest.Object)["Value"]
				all = append(all, strings.TrimSpace(name+"×"+trim(quantity)))
			}
		}
	})
	return all
}

func trim(v any) string {
	if n, ok := v.(float64); ok {
		return string(rune('0' + int(n)))
	}
	return "?"
}

// Another system's order with the same number is another order, also where only the
// capitals of the system tell it apart, which a filter does not look at.
func TestLinesAreOfTheirSystem(t *testing.T) {
	t.Parallel()
	f, w := startShop(t, strings.Replace(sales, "external_system: shop", "external_system: Shop", 1))
	const order = salesHead + "7,2026-03-01,n,1,1\n7,2026-03-01,n,2,2\n"
	run(t, w, "products.csv", "sep=;\n"+productsOfShop, "sales.csv", order)
	var ours string
	f.With(func() {
		for key := range f.Imported {
			if strings.HasSuffix(key, "SalesOrder|Shop|7") {
				ours = key
			}
		}
		theirs := strings.Replace(ours, "|Shop|", "|shop|", 1)
		f.Imported[theirs], f.Children[theirs] = f.Imported[ours], map[string][]workertest.Object{"Lines": {}}
	})
	_, report := run(t, w, "sales.csv", order)
	f.With(func() {
		if n := len(f.Children[ours]["Lines"]); n != 2 || len(report) != 0 {
			t.Errorf("the order has %d lines now: %v", n, report)
		}
	})
}

// What a line is, its key says, and never its place in the file.
func TestLinesAreFoundByTheirKey(t *testing.T) {
	t.Parallel()
	const keep, remove = false, true
	shops := map[bool]*workertest.Running{}
	fakes := map[bool]*workertest.Fake{}
	fakes[keep], shops[keep] = startShop(t, sales)
	fakes[remove], shops[remove] = startShop(t, strings.Replace(sales, "        number", "        missing: remove\n        number", 1))
	for _, c := range []struct {
		name    string
		missing bool
		again   string // the second import of lines 1×1, 2×2, 3×3
		want    []string
		report  string
		removed int64
	}{
		{"the first line is gone and reported", keep, "7,2026-03-01,n,2,2\n7,2026-03-01,n,3,3\n", []string{"1×1", "2×2", "3×3"}, "is in the ERP and has no row in sales.csv any more", 0},
		{"the first line is gone and removed", remove, "7,2026-03-01,n,2,2\n7,2026-03-01,n,3,3\n", []string{"2×2", "3×3"}, "", 1},
		{"another order of the lines", keep, "7,2026-03-01,n,3,3\n7,2026-03-01,n,1,1\n7,2026-03-01,n,2,2\n", []string{"1×1", "2×2", "3×3"}, "", 0},
		{"a line before the first", keep, "7,2026-03-01,n,4,4\n7,2026-03-01,n,1,1\n7,2026-03-01,n,2,5\n7,2026-03-01,n,3,3\n", []string{"1×1", "2×5", "3×3", "4×4"}, "", 0},
		{"two lines of one product now", keep, "7,2026-03-01,n,1,1\n7,2026-03-01,n,1,6\n7,2026-03-01,n,2,2\n7,2026-03-01,n,3,3\n", []string{"1×1", "2×2", "3×3", "1×6"}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, w := fakes[c.missing], shops[c.missing]
			f.With(func() { clear(f.Imported); clear(f.Children) })
			j, report := run(t, w, "products.csv", "sep=;\n"+productsOfShop, "sales.csv", salesHead+"7,2026-03-01,n,1,1\n7,2026-03-01,n,2,2\n7,2026-03-01,n,3,3\n")
			if s := step(t, j, "sales.csv"); s.Added != 3 || s.Rows != 3 || len(report) != 0 {
				t.Fatalf("%+v %v", j.Result, report)
			}
			j, report = run(t, w, "sales.csv", salesHead+c.again)
			if diff := cmp.Diff(c.want, lines(f, 4)); diff != "" {
				t.Error(diff)
			}
			if got := strings.Join(report, "\n"); !strings.Contains(got, c.report) || c.report == "" && got != "" {
				t.Errorf("report %q", got)
			}
			if s := step(t, j, "sales.csv"); s.Removed != c.removed || s.Refused != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
	for name, broken := range map[string]string{
		"a quotation mark inside the last cell":  "7,2026-03-01,n,2,2\"\n",
		"a quotation mark before the key":        "\"7,2026-03-01,n,2,2\n",
		"a quotation mark never closed":          "7,2026-03-01,\"n,2,2\n",
		"text after a quotation mark":            "7,2026-03-01,\"n\"x,2,2\n",
		"a byte that is not UTF-8":               "7,2026-03-01,n,2\xc3,2\n",
		"a key that is not UTF-8":                "\xc3,2026-03-01,n,2,2\n",
		"a zero byte":                            "7,2026-03-01,n\x00,2,2\n",
		"a row with the cells in wrong places":   "x,7,2026-03-01,n,2,2\n",
		"a quotation mark that swallows the row": "7,2026-03-01,\"n,3,3\n7,2026-03-01,n\",2,2,2\n",
	} {
		t.Run("nothing is removed because of "+name, func(t *testing.T) {
			f, w := fakes[remove], shops[remove]
			f.With(func() { clear(f.Imported); clear(f.Children) })
			run(t, w, "products.csv", "sep=;\n"+productsOfShop, "sales.csv", salesHead+"7,2026-03-01,n,1,1\n7,2026-03-01,n,2,2\n7,2026-03-01,n,3,3\n")
			text := salesHead + "7,2026-03-01,n,1,1\n" + broken + "7,2026-03-01,n,3,3\n"
			files := []string{"sales.csv", text}
			if strings.Contains(broken, "\xc3") { // the guess would make it text
				files[1] = "\ufeff" + text
			}
			j, report := run(t, w, files...)
			if got := lines(f, 4); !cmp.Equal(got, []string{"1×1", "2×2", "3×3"}) {
				t.Errorf("%v", got)
			}
			if s := step(t, j, "sales.csv"); s.Removed != 0 || s.Refused == 0 {
				t.Errorf("%+v %v", s, report)
			}
			told := strings.Join(report, "\n")
			if strings.HasPrefix(broken, "7,") != strings.Contains(told, "sales.csv:2 refused: not imported, because line 3") {
				t.Errorf("an order is refused when one of its rows is known to be wrong: %s", told)
			}
			if !strings.HasPrefix(broken, "7,") && !strings.Contains(told, "it stays, because line 3 of that file") {
				t.Errorf("what stays is told: %s", told)
			}
		})
	}
	t.Run("of two alike it cannot be told which is gone", func(t *testing.T) {
		f, w := fakes[keep], shops[keep]
		f.With(func() { clear(f.Imported); clear(f.Children) })
		run(t, w, "products.csv", "sep=;\n"+productsOfShop, "sales.csv", salesHead+"7,2026-03-01,n,1,1\n7,2026-03-01,n,1,2\n")
		j, report := run(t, w, "sales.csv", salesHead+"7,2026-03-01,n,1,2\n")
		if s := step(t, j, "sales.csv"); s.Refused != 1 || len(report) != 1 || !strings.Contains(report[0], "it cannot be told which is gone") {
			t.Errorf("%+v %v", s, report)
		}
		if got := lines(f, 4); !cmp.Equal(got, []string{"1×1", "1×2"}) {
			t.Errorf("%v", got)
		}
	})
}

// Files as spreadsheets write them.
func TestFilesOfSpreadsheets(t *testing.T) {
	t.Parallel()
	west, err := charmap.Windows1252.NewEncoder().String("id,name,sex,born\n1,Müller,M,\n2,Böhm,F,\n3,Šimon,Dr,1.2.68\n")
	if err != nil {
		t.Fatal(err)
	}
	_, w := startShop(t, sales)
	for _, c := range []struct {
		name   string
		files  []string
		rows   int64
		bad    int64
		report []string
	}{
		{"Windows-1252, a guess, and a year of two digits", []string{"people.csv", west}, 3, 1, []string{
			"people.csv:0 warning: the file is not UTF-8; it was read as windows-1252, which is a guess from its bytes. Look at names with accents; " +
				"to say it for good, put encoding: windows-1252, or the right one, into the mapping file",
			`people.csv:4 refused born="1.2.68": the year has two digits; write all four, or say in the mapping what they stand for, such as years_from: 1930`,
		}},
		{"rows of an order that do not agree", []string{"sales.csv", salesHead + "7,2026-03-01,n,1,1\n8,2026-03-01,n,9,1\n7,2026-03-02,n,1,2\n"}, 3, 3, []string{
			"sales.csv:2 refused: not imported, because line 4 of sales.csv is wrong: another row with the same order has \"2026-03-01\" here; they must be alike",
			`sales.csv:4 refused day="2026-03-02": another row with the same order has "2026-03-01" here; they must be alike`,
			"sales.csv:3 refused: Product: Object not found.",
		}},
		{"rows that are wrong twice count once", []string{"sales.csv", salesHead + "7,never,n,1,x\n7,never,n,,y\nragged\n,2026-03-01,n,1,1\n"}, 4, 4, []string{
			`sales.csv:2 refused day="never": not a date that the mapping expects; it should look like 2006-01-02`,
			`sales.csv:2 refused quantity="x": not a number; write it like 1 234,5`,
			`sales.csv:3 refused product="": a value is required here`,
			`sales.csv:3 refused quantity="y": not a number; write it like 1 234,5`,
			`sales.csv:5 refused order="": the key of the row is empty`,
			`sales.csv:4 refused order="ragged": the row has 1 cells, the header has 5 columns`,
		}},
		{"sep=, a column without a name, numbers with a comma", []string{"products.csv", "sep=;\r\n" + strings.ReplaceAll(productsOfShop, "\n", "\r\n")}, 4, 0, nil},
		{"carriage returns alone", []string{"products.csv", strings.ReplaceAll("sep=;\n"+productsOfShop, "\n", "\r")}, 4, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) { // one after the other: products come last
			j, report := run(t, w, c.files...)
			s := j.Result.Steps[0]
			if s.Rows != c.rows || s.Refused != c.bad || j.Result.Problems != c.bad {
				t.Errorf("%+v", j.Result)
			}
			if diff := cmp.Diff(c.report, report); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("quotation marks that take the whole file, each of them", func(t *testing.T) {
		j, report := run(t, w, "people.csv", "id,name,sex,born\n"+strings.Repeat(strings.Repeat("x", 1000)+"\",\"y\n", 1200),
			"sales.csv", salesHead+strings.Repeat(strings.Repeat("x", 1000)+"\",\"y\n", 1200))
		told := strings.Join(report, "\n")
		if j.Result.Problems == 0 || !strings.Contains(told, "people.csv:0 refused: the rest of the file is not imported: too many quotation marks up to line") ||
			!strings.Contains(told, "sales.csv:0 refused: too many quotation marks up to line") {
			t.Errorf("%+v %s", j.Result, told)
		}
	})
	t.Run("every file is refused", func(t *testing.T) {
		j, _ := run(t, w, "a.csv", "x\n", "people.csv", "x\n", "products.csv", "")
		if j.Result.Problems != 3 || !strings.HasSuffix(j.Result.Summary, "; 3 files were refused as a whole") {
			t.Errorf("%+v", j.Result)
		}
	})
}

// What was refused can be downloaded, mended and imported again; a dry run finds
// the same, what the ERP refuses too, and changes nothing.
func TestRefusedRowsAndDryRun(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		file := filepath.Join(t.TempDir(), "shop.yaml")
		if err := os.WriteFile(file, []byte(sales), 0o600); err != nil {
			t.Fatal(err)
		}
		w := workertest.Start(t, f, db, t.TempDir(), func(c *worker.Config) { c.Mapping = file })
		files := []string{
			"products.csv", "sep=;\nid;name;active;price\n1;Tea;ja;1,5\n2;Coffee;perhaps;2\n3;Cocoa;vielleicht;3\n4;please refuse;ja;1\n",
			"sales.csv", salesHead + "7,2026-03-01,n,1,1\n8,2026-03-01,\"n,\n\"\"m\"\"\",9,1\n9,2026-03-01,n,1,x\n",
		}
		dry := w.Until(w.Upload(append([]string{internalapi.FieldDryRun, ""}, files...)...).ID, internalapi.JobCompleted)
		if !strings.HasPrefix(dry.Result.Summary, "dry run: 7 rows read: 2 would be added, 0 changed, 0 unchanged, 5 refused") || dry.Result.Problems != 5 {
			t.Errorf("%+v", dry.Result)
		}
		if f.With(func() {
			if len(f.Imported) != 0 {
				t.Errorf("a dry run has made %v", f.Imported)
			}
		}); !strings.Contains(strings.Join(w.Report(dry.ID), "\n"), `breaks a rule. (Constraint R1)`) {
			t.Errorf("%v", w.Report(dry.ID))
		}
		j := w.Until(w.Upload(files...).ID, internalapi.JobCompleted)
		if diff := cmp.Diff(w.Report(dry.ID), w.Report(j.ID)) + cmp.Diff(dry.Result.Steps, j.Result.Steps); diff != "" {
			t.Errorf("foretold, and what came: %s", diff)
		}
		if j.Result.Problems != 5 || j.Result.File == nil || j.Result.File.Name != "refused-rows.zip" {
			t.Fatalf("%+v", j.Result)
		}
		page, err := w.API.JobReport(t.Context(), f.Anna(), j.ID, internalapi.Page{})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int64{}
		for _, g := range page.Groups {
			counts[g.File+" "+g.Column] += g.Count
		}
		if diff := cmp.Diff(map[string]int64{"products.csv active": 2, "products.csv ": 1, "sales.csv quantity": 1, "sales.csv ": 1}, counts); diff != "" {
			t.Errorf("%s %+v", diff, page.Groups)
		}
		d, err := w.API.JobFile(t.Context(), f.Anna(), j.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Body.Close()
		text, err := io.ReadAll(d.Body)
		if err != nil {
			t.Fatal(err)
		}
		archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		again := []string{}
		for _, part := range archive.File {
			r, err := part.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, part.Name, string(text))
		}
		const known = `"not one of the values that the mapping has: ja, nein"`
		want := []string{
			"products.csv", "\ufeffsep=;\r\nid;name;active;price;\"Refused because\"\r\n2;Coffee;perhaps;2;" + known + "\r\n3;Cocoa;vielleicht;3;" + known + "\r\n" +
				"4;please refuse;ja;1;\"Name: EN breaks a rule. (Constraint R1)\"\r\n",
			"sales.csv", "\ufefforder,day,note,product,quantity,\"Refused because\"\r\n8,2026-03-01,\"n,\n\"\"m\"\"\",9,1,\"Product: Object not found.\"\r\n" +
				"9,2026-03-01,n,1,x,\"not a number; write it like 1 234,5\"\r\n",
		}
		if diff := cmp.Diff(want, again); diff != "" {
			t.Fatal(diff)
		}
		// Mended, without a word about the column with the reasons.
		again[1] = strings.NewReplacer("please refuse", "Milk", "perhaps", "ja", "vielleicht", "nein").Replace(again[1])
		again[3] = strings.NewReplacer(",9,1", ",2,1", ",x,", ",4,").Replace(again[3])
		j = w.Until(w.Upload(again...).ID, internalapi.JobCompleted)
		if report := w.Report(j.ID); j.Result.Problems != 0 || j.Result.File != nil || len(report) != 0 {
			t.Errorf("%+v %v", j.Result, report)
		}
		t.Run("imports at the same time", func(t *testing.T) { importAtOnce(t, f, db, w) })
	})
}

// importAtOnce imports an order several times at once, at two workers: one import
// runs, the others wait, and find what it has made.
func importAtOnce(t *testing.T, f *workertest.Fake, db *sqldb.DB, w *workertest.Running) {
	reached, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.With(func() {
		clear(f.Imported)
		clear(f.Children)
		f.During = func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/Import") {
				once.Do(func() { close(reached) })
				select {
				case <-gate:
				case <-r.Context().Done():
				}
			}
		}
	})
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(sales), 0o600); err != nil {
		t.Fatal(err)
	}
	other := workertest.Start(t, f, workertest.OpenURL(t, db.URL()), w.Dir, func(c *worker.Config) { c.Mapping = file })
	var ids []string
	for range 2 {
		for _, at := range []*workertest.Running{w, other} {
			ids = append(ids, at.Upload("products.csv", "sep=;\n"+productsOfShop, "sales.csv", salesHead+"7,2026-03-01,n,1,1\n7,2026-03-01,n,2,2\n").ID)
		}
	}
	<-reached
	for _, at := range []*workertest.Running{w, other} { // both go on with other work
		e, err := at.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2026-01-01", To: "2026-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		at.Until(e.ID, internalapi.JobCompleted)
	}
	running := 0
	for _, id := range ids {
		j, err := w.API.Job(t.Context(), f.Anna(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State == internalapi.JobRunning {
			running++
		}
	}
	if running != 1 {
		t.Errorf("%d imports run at once", running)
	}
	close(gate)
	for _, id := range ids {
		if j := w.Until(id, internalapi.JobCompleted); j.Attempts != 1 {
			t.Errorf("%+v", j)
		}
	}
	if got := lines(f, 4); !cmp.Equal(got, []string{"1×1", "2×2"}) {
		t.Errorf("lines of the order: %v", got)
	}
}

// An import that is done ends well, and says what its file of refused rows lacks:
// rows for which the report had no room, or all, where its owner has no room.
func TestRefusedRowsWithoutRoom(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(sales), 0o600); err != nil {
		t.Fatal(err)
	}
	mapped := func(c *worker.Config) { c.Mapping = file }
	f, db := workertest.NewFake(t), workertest.Open(t, sqldb.SQLite)
	w := workertest.Serve(t, f, db, t.TempDir(), mapped) // nothing runs
	people := "id,name,sex,born\n1,A,M,1.2.68\n2,B,M,1.2.68\n3,C,M,1.2.68\n4,D,M,\n"
	first := w.Upload("people.csv", people).ID
	exec := func(text string, args ...any) {
		if _, err := db.Writer().Exec(text, args...); err != nil {
			t.Error(err)
		}
	}
	exec(`INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason, kind)
		VALUES ($1, $2, 'people.csv', 0, 'warning', '', '', 'x', 'x')`, first, jobs.MaxReport-1)
	w = workertest.Start(t, f, db, w.Dir, mapped)
	j := w.Until(first, internalapi.JobCompleted)
	if j.Result.File == nil || !strings.Contains(j.Result.Summary, "3 refused; the report is full at 100000 lines, and the file of refused rows has 1 of 3") {
		t.Errorf("%+v", j.Result)
	}
	// As if the first had kept as much as one person may, less what an upload takes.
	exec(`UPDATE jobs SET disk = $1 WHERE id = $2`, jobs.MaxDisk-int64(len(people)), first)
	second := w.Upload("people.csv", people).ID
	j = w.Until(second, internalapi.JobCompleted)
	if j.Result.File != nil || j.Result.Problems != 3 || !strings.Contains(j.Result.Summary, "3 refused; the refused rows are not kept as a file: your exports") {
		t.Errorf("%+v", j.Result)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "files", second, "export", "refused")); !os.IsNotExist(err) {
		t.Errorf("the file that is not kept: %v", err)
	}
}
