package stock_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/workertest"
)

func TestSyncPullsThenOnlyWhatChanged(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		var products []object
		for n := range 1100 {
			products = append(products, workertest.Product(n, "2026-01-01T00:00:00Z"))
		}
		f.Stock(products, []object{workertest.Balance(1, "A", "2.5"), workertest.Balance(1, "B", "-1"), workertest.Balance(2, "A", "10")})
		w := workertest.Start(t, f, db, t.TempDir())
		first := w.Until(w.Sync().ID, internalapi.JobCompleted)
		if s := first.Result.Steps; s[0].Rows != 1100 || s[0].Added != 1100 || s[1].Added != 3 || first.Progress != 100 || first.Attempts != 1 {
			t.Errorf("first sync: %+v", first)
		}
		page, err := w.API.Stock(t.Context(), f.Anna(), internalapi.StockQuery{Search: "product 1", Page: internalapi.Page{Top: 2}})
		if err != nil || page.Total != 211 || !page.More || page.SyncedAt == nil {
			t.Fatalf("stock: %+v %v", page, err)
		}
		if r := page.Rows[0]; r.PartNumber != "P0001" || r.Quantity != "1.5" || r.Unit != "pcs" || len(r.Stores) != 2 || r.Stores[1].Quantity != "-1" {
			t.Errorf("stock row: %+v", r)
		}
		for sort, want := range map[string]string{"-quantity": "P0002", "quantity": "P0000", "-part_number": "P1099", "name": "P0000", "-name": "P0999"} {
			page, err := w.API.Stock(t.Context(), f.Anna(), internalapi.StockQuery{Page: internalapi.Page{Top: 2}, Sort: sort})
			if err != nil || len(page.Rows) != 2 || page.Rows[0].PartNumber != want || page.Total != 1100 {
				t.Errorf("by %s: %+v %v", sort, page.Rows, err)
			}
		}
		if _, err := w.API.Stock(t.Context(), f.Anna(), internalapi.StockQuery{Sort: "1; DROP TABLE products"}); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("by anything: %v", err)
		}
		// One changes, one balance goes, and one product is deleted, which only
		// its absence tells.
		changed := workertest.Product(7, "2026-02-01T00:00:00Z")
		changed["Name"] = object{"EN": "Renamed"}
		products[7] = changed
		f.Stock(products[:1099], []object{workertest.Balance(1, "A", "2.5"), workertest.Balance(2, "A", "11")})
		second := w.Until(w.Sync().ID, internalapi.JobCompleted)
		if s := second.Result.Steps; s[0].Changed != 1 || s[0].Added != 0 || s[0].Removed != 0 || s[1].Changed != 1 || s[1].Removed != 1 || s[1].Unchanged != 1 {
			t.Errorf("second sync: %+v", s)
		}
		filter := ""
		f.With(func() {
			for _, r := range f.Requests {
				if strings.HasSuffix(r.URL.Path, "General_Products_Products") {
					filter = r.URL.Query().Get("$filter")
				}
			}
		})
		if filter != "AggregateLastUpdateTimeUtc ge 2025-12-31T23:55:00.000Z" {
			t.Errorf("the second sync asks for %q", filter)
		}
	})
}

// A store has goods of several companies: who may see the store and not one of these sees
// the others' balances, and the sum of them alone.
func TestStockIsOfTheCompaniesOfThePerson(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		theirs := workertest.Balance(1, "A", "40")
		theirs["EnterpriseCompany"] = object{"Id": workertest.Company(2)}
		f.Stock([]object{workertest.Product(1, "2026-01-01T00:00:00Z"), workertest.Product(2, "2026-01-01T00:00:00Z")},
			[]object{workertest.Balance(1, "A", "2.5"), theirs, workertest.Balance(2, "A", "3"), workertest.Balance(1, "B", "1")})
		w := workertest.Start(t, f, db, t.TempDir())
		w.Until(w.Sync().ID, internalapi.JobCompleted)
		told := func(person string) (all string) {
			t.Helper()
			page, err := w.API.Stock(t.Context(), person, internalapi.StockQuery{Sort: "-quantity"})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				all += row.PartNumber + "=" + string(row.Quantity)
				for _, store := range row.Stores {
					all += " " + store.Store + ":" + string(store.Quantity)
				}
				all += "; "
			}
			return all
		}
		if got := told(f.Anna()); got != "P0001=43.5 A:42.5 B:1; P0002=3 A:3; " {
			t.Errorf("who sees both companies: %s", got)
		}
		f.With(func() { f.Rows["General_EnterpriseCompanies"] = []object{{"Id": workertest.Company(1)}} })
		if got := told(f.Eve()); got != "P0001=3.5 A:2.5 B:1; P0002=3 A:3; " {
			t.Errorf("who sees one: %s", got)
		}
	})
}

// A product that changes while the first page's successors are read is not
// lost: the watermark is never later than the beginning of the run.
func TestSyncLosesNoChangeDuringALongRun(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var clock atomic.Int64
	clock.Store(now.UnixMicro())
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }
	var products []object
	for n := range 1500 {
		products = append(products, workertest.Product(n, "2025-01-01T00:00:00Z"))
	}
	f.Stock(products, nil)
	var once sync.Once
	f.During = func(r *http.Request) {
		if r.URL.Query().Get("$skip") != "1000" {
			return
		}
		once.Do(func() { // the second page: an hour has passed, and page one has changed before page two did
			f.With(func() {
				late := workertest.Product(3, stamp(now.Add(10*time.Minute)))
				late["Name"] = object{"EN": "Changed meanwhile"}
				f.Rows["General_Products_Products"][3] = late
				f.Rows["General_Products_Products"][1400] = workertest.Product(1400, stamp(now.Add(time.Hour)))
			})
			clock.Store(now.Add(time.Hour).UnixMicro())
		})
	}
	w := workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) {
		c.Clock = func() time.Time { return time.UnixMicro(clock.Load()) }
		c.ScheduleDelay = 100 * time.Hour
	})
	// The lease's clock jumped with it; whichever attempt ends the run counts.
	run := func() {
		j, err := w.API.StartJob(t.Context(), f.Anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
		if err != nil {
			t.Fatal(err)
		}
		w.Until(j.ID, internalapi.JobCompleted)
	}
	run()
	run()
	page, err := w.API.Stock(t.Context(), f.Anna(), internalapi.StockQuery{Search: "changed MEANWHILE"})
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("the change is lost: %+v %v", page, err)
	}
}
