package importer_test

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/worker/workertest"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// northwind reads the eight files, as upload wants them.
func northwind(t *testing.T) (files []string) {
	t.Helper()
	for _, name := range northwindtest.Files(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Base(name), string(text))
	}
	return files
}

func TestImportNorthwindTwice(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		files := northwind(t)
		w := workertest.Start(t, f, db, t.TempDir())
		dry := w.Until(w.Upload(append([]string{internalapi.FieldDryRun, ""}, files...)...).ID, internalapi.JobCompleted)
		if f.With(func() {
			if len(f.Imported) != 0 {
				t.Errorf("a dry run has made %d objects", len(f.Imported))
			}
		}); !dry.Result.DryRun {
			t.Errorf("%+v", dry.Result)
		}
		first := w.Until(w.Upload(files...).ID, internalapi.JobCompleted)
		if diff := cmp.Diff(dry.Result.Steps, first.Result.Steps); diff != "" {
			t.Errorf("foretold, and what came: %s", diff)
		}
		warnings := 0 // the sample has rows to mend
		for _, s := range first.Result.Steps {
			if s.Refused != 0 || s.Added != s.Rows || s.Rows == 0 {
				t.Errorf("first import: %+v", s)
			}
			warnings += int(s.Warnings)
		}
		if len(first.Result.Steps) != 8 || first.Progress != 100 {
			t.Errorf("first import: %+v", first)
		}
		if p, err := w.API.JobReport(t.Context(), f.Anna(), first.ID, internalapi.Page{}); err != nil || p.Total != int64(warnings) {
			t.Errorf("report of %d rows for %d warnings, %v", p.Total, warnings, err)
		}
		count := 0
		f.With(func() { count = len(f.Imported) })
		second := w.Until(w.Upload(files...).ID, internalapi.JobCompleted)
		for _, s := range second.Result.Steps {
			if s.Unchanged != s.Rows || s.Added+s.Changed+s.Refused != 0 {
				t.Errorf("second import: %+v", s)
			}
		}
		f.With(func() {
			if len(f.Imported) != count {
				t.Errorf("%d objects after the second import, %d before", len(f.Imported), count)
			}
		})
		if _, err := os.Stat(filepath.Join(w.Dir, "files", first.ID)); !os.IsNotExist(err) {
			t.Errorf("uploaded files are kept: %v", err)
		}
	})
}

const (
	customersHead = "customerID,companyName,contactName,contactTitle,address,city,region,postalCode,country,phone,fax\n"
	ordersHead    = "orderID,customerID,employeeID,orderDate,requiredDate,shippedDate,shipVia,freight,shipName,shipAddress,shipCity,shipRegion,shipPostalCode,shipCountry\n"
	linesHead     = "orderID,productID,unitPrice,quantity,discount\n"
	productsHead  = "productID,productName,supplierID,categoryID,quantityPerUnit,unitPrice,unitsInStock,unitsOnOrder,reorderLevel,discontinued\n"
	groupsHead    = "categoryID,categoryName,description,picture\n"
)

func customerRow(id, name string) string { return id + "," + name + ",,,,,NULL,,,,\n" }
func orderRow(id, customer, date string) string {
	return id + "," + customer + ",NULL," + date + ",NULL,NULL,1,0,,,,,,\n"
}

const day1 = "1996-07-04 00:00:00.000"

// What is wrong with a row is told by row, and the rest goes on.
func TestImportReport(t *testing.T) {
	t.Parallel()
	stock := []string{"categories.csv", groupsHead + "1,Tea,,\n", "products.csv", productsHead + "1,Chai,1,1,,18.00,0,0,0,0\n"}
	for _, c := range []struct {
		name  string
		files []string
		want  []string
		added map[string]int64
	}{
		{
			"rows", []string{"customers.csv", "\ufeff" + customersHead + customerRow("A", "Anna") + "B,Ragged\n" + customerRow("C", "M\xfcnchen") + customerRow("", "no key") +
				customerRow("D", "NULL") + customerRow("A", "again") + customerRow("E", "please refuse") + "\"F,open\n" + customerRow("G", "Last")},
			[]string{
				`customers.csv:3 refused: the row has 2 cells, the header has 11 columns`,
				`customers.csv:4 refused companyName="": byte 0xFC is not UTF-8; save the file as CSV in UTF-8`,
				`customers.csv:5 refused customerID="": the key of the row is empty`,
				`customers.csv:6 refused companyName="NULL": a value is required here`,
				`customers.csv:7 refused customerID="A": line 2 has the same key`,
				`customers.csv:9 refused: a quotation mark is opened and never closed; close it, or write "" for a quotation mark inside a cell`,
				`customers.csv:8 refused: Party: Name: EN breaks a rule. (Constraint R1)`,
			},
			map[string]int64{"customers.csv": 2},
		},
		{
			"files", []string{"notes.txt", "x", "CUSTOMERS.CSV", customersHead + customerRow("A", "Anna"), "customers.csv", customersHead, "shippers.csv", "shipperID;companyName;phone\n", "employees.csv", "\xff\xfea\x00", "suppliers.csv", ""},
			[]string{
				`notes.txt:0 refused: no file of this name is in the mapping; it knows categories.csv, suppliers.csv, shippers.csv, employees.csv, customers.csv, products.csv, orders.csv, order-details.csv`,
				`customers.csv:0 refused: the file came twice; the first one is imported`,
				`suppliers.csv:0 refused: the file is empty; the first line must name the columns`,
				`shippers.csv:1 warning shipperID;companyName;phone="": the mapping does not use this column`,
				`shippers.csv:1 refused: columns are missing: shipperID, companyName, phone; the file has shipperID;companyName;phone. Are its cells parted by ','?`,
				`employees.csv:1 warning a="": the mapping does not use this column`,
				`employees.csv:1 refused: columns are missing: employeeID, firstName, lastName, titleOfCourtesy, birthDate, title; the file has a. Are its cells parted by ','?`,
			},
			map[string]int64{"customers.csv": 1},
		},
		{
			"orders and their lines", append(stock, "customers.csv", customersHead+customerRow("A", "Anna"), "orders.csv", ordersHead+
				orderRow("1", "A", day1)+orderRow("2", "X", day1)+orderRow("3", "A", "yesterday")+orderRow("4", "A", day1)+orderRow("5", "A", day1)+orderRow("6", "A", day1)+
				orderRow("8", "A", "never")+orderRow("8", "A", day1)+orderRow("8", "A", "never"),
				"order-details.csv", linesHead+"1,1,1.5,2,0\n2,1,1,1,0\n3,1,1,1,0\n4,1,1,1,0\n4,99,1,1,0\n5,1,cheap,1,0\n5,1,1,1,0\n6,1\n7,1,1,1,0\n1,1,2.5,1,0.15\n8,1,1,1,0\n"),
			[]string{
				`orders.csv:4 refused orderDate="yesterday": not a date that the mapping expects; it should look like 2006-01-02 15:04:05.000`,
				`order-details.csv:4 refused: not imported, because its row of orders.csv is refused`,
				`orders.csv:6 refused: not imported, because line 7 of order-details.csv is wrong: not a number; write it like 1234.5`,
				`order-details.csv:7 refused unitPrice="cheap": not a number; write it like 1234.5`,
				`order-details.csv:8 refused: not imported, because its row of orders.csv is refused`,
				`orders.csv:7 refused: not imported, because line 9 of order-details.csv is wrong: the row has 2 cells, the header has 5 columns`,
				`order-details.csv:9 refused: the row has 2 cells, the header has 5 columns`,
				`orders.csv:8 refused orderDate="never": not a date that the mapping expects; it should look like 2006-01-02 15:04:05.000`,
				`order-details.csv:12 refused: not imported, because its row of orders.csv is refused`,
				`orders.csv:9 refused orderID="8": line 8 has the same key`,
				`orders.csv:10 refused orderDate="never": not a date that the mapping expects; it should look like 2006-01-02 15:04:05.000`,
				`order-details.csv:10 refused orderID="7": no row of orders.csv has this key`,
				`orders.csv:3 refused: Customer: Object not found.`,
				`order-details.csv:3 refused: not imported, because its row of orders.csv is refused`,
				`orders.csv:5 refused: not imported, because line 6 of order-details.csv is refused: Product: Object not found.`,
				`order-details.csv:5 refused: not imported, because its row of orders.csv is refused`,
				`order-details.csv:6 refused: Product: Object not found.`,
			},
			map[string]int64{"orders.csv": 1, "order-details.csv": 2},
		},
		{
			"lines that do not tell whose they are", append(stock, "customers.csv", customersHead+customerRow("A", "Anna"), "orders.csv", ordersHead+
				orderRow("1", "A", day1)+orderRow("2", "A", day1)+orderRow("3", "A", day1)+orderRow("4", "A", day1)+orderRow("5", "A", day1),
				"order-details.csv", linesHead+"1,1,1,1,0\n2,1,1,1,0\n,1\n,1,1\n3,1,1,1,0\n4,1,1,1,0\n"),
			[]string{
				`orders.csv:3 warning Lines="": may be incomplete: line 4 of order-details.csv cannot be read, and stands where a row of it can be`,
				`orders.csv:4 warning Lines="": may be incomplete: line 4 of order-details.csv cannot be read, and stands where a row of it can be`,
				`orders.csv:6 warning Lines="": may be incomplete: line 4 of order-details.csv cannot be read, and stands where a row of it can be`,
				`order-details.csv:4 refused: the row has 2 cells, the header has 5 columns`,
				`order-details.csv:5 refused: the row has 3 cells, the header has 5 columns`,
			},
			map[string]int64{"orders.csv": 5, "order-details.csv": 4},
		},
		{
			"lines that can be anybody's", append(stock, "customers.csv", customersHead+customerRow("A", "Anna"), "orders.csv", ordersHead+
				orderRow("1", "A", day1)+orderRow("2", "A", day1), "order-details.csv", linesHead+"1,1,1,1,0\n2,1,1,1,0\n,1\n1,1,2,1,0.1\n"),
			[]string{
				`order-details.csv:4 refused: the row has 2 cells, the header has 5 columns; the rows of one key do not stand together here, so that it can be of any`,
			},
			map[string]int64{"orders.csv": 2, "order-details.csv": 3},
		},
		{
			"lines without orders", []string{"order-details.csv", linesHead + "1,1,1,1,0\n"},
			[]string{`order-details.csv:0 refused: its rows belong to those of orders.csv, which did not come; upload both together`},
			nil,
		},
		{
			"orders whose lines cannot be read", []string{"orders.csv", ordersHead + orderRow("1", "A", day1), "order-details.csv", "orderID,productID\n"},
			[]string{
				`order-details.csv:1 refused: columns are missing: quantity, unitPrice, discount; the file has orderID, productID`,
				`orders.csv:0 refused: not imported, because order-details.csv cannot be read`,
			},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := workertest.NewFake(t)
			w := workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
			j := w.Until(w.Upload(c.files...).ID, internalapi.JobCompleted)
			got := w.Report(j.ID)
			for i := range max(len(got), len(c.want)) {
				var g, want string
				if i < len(got) {
					g = got[i]
				}
				if i < len(c.want) {
					want = c.want[i]
				}
				if g != want {
					t.Errorf("row %d\ngot  %s\nwant %s", i, g, want)
				}
			}
			warnings, problems := int64(0), int64(0)
			for _, s := range j.Result.Steps {
				warnings, problems = warnings+s.Warnings, problems+s.Refused
				if s.Added != c.added[s.Name] && !strings.HasPrefix(s.Name, "categories") && !strings.HasPrefix(s.Name, "products") && s.Name != "customers.csv" {
					t.Errorf("%+v, want %d added", s, c.added[s.Name])
				}
				if s.Rows != s.Added+s.Changed+s.Unchanged+s.Refused {
					t.Errorf("%+v does not add up to its rows", s)
				}
				if strings.HasPrefix(s.Note, "refused: ") {
					problems++
				}
			}
			if told := int64(strings.Count(strings.Join(got, "\n"), " warning ")); warnings != told || j.Result.Problems < problems {
				t.Errorf("%d warnings of %d, %d problems of %d", warnings, told, j.Result.Problems, problems)
			}
		})
	}
}

// An import that is cut short goes on where it was, tells nothing twice and
// makes nothing twice.
func TestImportGoesOn(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		var rows strings.Builder
		for n := range 1800 {
			name := fmt.Sprint("Company ", n)
			if n%600 == 5 {
				name = "please refuse"
			}
			rows.WriteString(customerRow(fmt.Sprint("K", n), name))
		}
		rows.WriteString("ragged\n")
		reached, imports := make(chan struct{}), 0
		var once sync.Once
		hang := true
		f.During = func(r *http.Request) {
			wait := false
			f.With(func() {
				if strings.HasSuffix(r.URL.Path, "/Import") {
					imports++
					wait = hang && imports == 4 // prepared, 500, 500, and here
				}
			})
			if wait {
				once.Do(func() { close(reached) })
				<-r.Context().Done()
			}
		}
		dir := t.TempDir()
		w := workertest.Start(t, f, db, dir)
		j := w.Upload("customers.csv", customersHead+rows.String())
		<-reached
		w.Stop()
		before := len(w.Report(j.ID))
		f.With(func() { hang = false })
		w = workertest.Start(t, f, db, dir)
		j = w.Until(j.ID, internalapi.JobCompleted)
		s := j.Result.Steps[0]
		// The batch that hung had reached the API or not: it is sent again.
		if s.Rows != 1801 || s.Added+s.Unchanged != 1797 || s.Refused != 4 || j.Attempts != 2 {
			t.Errorf("%+v", j.Result)
		}
		if got := w.Report(j.ID); before != 2 || len(got) != 4 {
			t.Errorf("report: %d rows before the break, then %v", before, got)
		}
		f.With(func() {
			if len(f.Imported) != 1797+1 {
				t.Errorf("%d objects", len(f.Imported))
			}
		})
	})
}

// A dry run that broke off begins again, since nobody knows any more what would be
// there, and tells nothing twice.
func TestDryRunBeginsAgain(t *testing.T) {
	t.Parallel()
	f, db, dir := workertest.NewFake(t), workertest.Open(t, sqldb.SQLite), t.TempDir()
	var rows strings.Builder
	for n := range 600 {
		rows.WriteString(customerRow(fmt.Sprint("K", n), fmt.Sprint("Company ", n)))
	}
	reached, imports := make(chan struct{}), 0
	f.During = func(r *http.Request) {
		wait := false
		f.With(func() {
			if strings.HasSuffix(r.URL.Path, "/Import") {
				imports++
				wait = imports == 4 // prepared, 500 customers, 101, and here the orders
			}
		})
		if wait {
			close(reached)
			<-r.Context().Done()
		}
	}
	w := workertest.Start(t, f, db, dir)
	j := w.Upload(internalapi.FieldDryRun, "", "customers.csv", customersHead+rows.String()+customerRow("X", "please refuse"),
		"orders.csv", ordersHead+orderRow("1", "K7", day1)+orderRow("2", "K599", day1)+orderRow("3", "X", day1))
	<-reached
	w.Stop()
	w = workertest.Start(t, f, db, dir)
	j = w.Until(j.ID, internalapi.JobCompleted)
	want := []internalapi.StepResult{{Name: "orders.csv", Rows: 3, Added: 2, Refused: 1, Warnings: 1}, {Name: "customers.csv", Rows: 601, Added: 600, Refused: 1}}
	if diff := cmp.Diff(want, j.Result.Steps); diff != "" || j.Attempts != 2 {
		t.Errorf("%d attempts: %s", j.Attempts, diff)
	}
	if got := w.Report(j.ID); len(got) != 3 {
		t.Errorf("report: %q", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "files", "*", "upload", "dry-run-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	var many []string
	for n := range internalapi.MaxUploadFiles + 1 {
		many = append(many, fmt.Sprint(n, ".csv"), "a\n")
	}
	for name, files := range map[string][]string{"no file": nil, "too many files": many} {
		contentType, body := workertest.Form(t, files...)
		if j, err := w.API.Import(t.Context(), f.Anna(), contentType, body); err == nil {
			t.Errorf("%s: %+v", name, j)
		}
	}
	// More than 200 MB, made as it is sent.
	r, out := io.Pipe()
	m := multipart.NewWriter(out)
	go func() {
		part, err := m.CreateFormFile("files", "customers.csv")
		if err == nil {
			_, err = io.Copy(part, io.LimitReader(endless{}, internalapi.MaxUpload+10))
		}
		if err == nil {
			err = m.Close()
		}
		out.CloseWithError(err)
	}()
	_, err := w.API.Import(t.Context(), f.Anna(), m.FormDataContentType(), r)
	r.Close()
	if tandem.ErrorCode(err) != tandem.CodeTooLarge && tandem.ErrorCode(err) != tandem.CodeUnavailable { // a client may see the closed connection first
		t.Errorf("201 MB: %v", err)
	}
	// What came of refused uploads is gone, and names lead nowhere.
	left, err := os.ReadDir(filepath.Join(w.Dir, "files"))
	if err != nil || len(left) != 0 {
		t.Errorf("refused uploads leave %v behind, %v", left, err)
	}
	j := w.Upload("../../../etc/passwd.csv", "a\n", `..\..\x.csv`, "b\n")
	stored, err := filepath.Glob(filepath.Join(w.Dir, "files", j.ID, "upload", "*"))
	if err != nil || len(stored) != 2 || filepath.Base(stored[0]) != "001.csv" || filepath.Base(stored[1]) != "002.csv" {
		t.Errorf("stored as %v %v", stored, err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestMappingFileThatDoesNotFit(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	file := filepath.Join(t.TempDir(), "mine.yaml")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("version: 1\nname: x\n")
	c := workertest.NewConfig(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	c.Mapping = file
	if _, err := worker.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "mine.yaml: line 1: external_system is missing") {
		t.Errorf("at the start: %v", err)
	}
	put("version: 1\nname: x\nexternal_system: x\nsteps:\n  - file: a.csv\n    entity: Crm_Sales_Customer\n    key: id\n    set:\n      Nane: n\n")
	w := workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) { c.Mapping = file })
	j := w.Until(w.Upload("a.csv", "id,n\n1,x\n").ID, internalapi.JobFailed)
	if j.Error != "the mapping file does not fit the ERP: line 9: Crm_Sales_Customer has no attribute Nane" {
		t.Errorf("%+v", j)
	}
}
