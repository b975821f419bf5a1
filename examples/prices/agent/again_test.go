package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// onBoth runs a test with an agent on each engine.
func onBoth(t *testing.T, test func(t *testing.T, p *place, r *robot)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tandemtest.Options{})
			p.byDay()
			test(t, p, p.agentOn(p.storeOn(engine), t.TempDir()))
		})
	}
}

// patch changes a product as somebody who may.
func (p *place) patch(one product, body string) {
	p.t.Helper()
	if status, text := p.API("PATCH", "General_Products_Products("+one.ID+")", p.SignIn("admin").Access, body); status/100 != 2 {
		p.t.Fatalf("%d %s", status, text)
	}
}

// raised is a price list with which the products cost half as much again.
func raised(all []product) string { return many(all, 1.5) }

// A rollback that is checked again is looked at again: by the button, and because the mapping
// was changed. What a person has struck of it stays struck.
func TestARollbackIsCheckedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place, r *robot) {
		all := p.products("Active eq true")[:4]
		r.put("prices.csv", raised(all))
		r.until(1, wire.Waiting)
		if err := r.decide("milena", 1); err != nil {
			t.Fatal(err)
		}
		r.until(1, wire.Completed)
		made, err := r.api.RollBack(t.Context(), r.idToken("maria"), 1, wire.Rollback{Reason: "wrong"})
		if err != nil {
			t.Fatal(err)
		}
		counted := func(change, kept, struck int64) {
			t.Helper()
			b := r.until(made.ID, wire.Waiting)
			if n := b.Figures.Count; n[wire.RowChange] != change || n[wire.RowKept] != kept || n[wire.RowStruck] != struck {
				t.Fatalf("%v, want %d changes, %d kept and %d struck:\n%s", n, change, kept, struck, strings.Join(r.rows(made.ID), "\n"))
			}
			if told := b.Events[len(b.Events)-1].What; struck > 0 != strings.Contains(told, "1 rows stay struck") && change+kept < 4 {
				t.Errorf("it is told: %s", told)
			}
		}
		counted(4, 0, 0)
		if _, err := r.api.Strike(t.Context(), r.idToken("milena"), made.ID, wire.Strike{Lines: []int64{2}}); err != nil {
			t.Fatal(err)
		}
		p.setPrice(all[1].PartNumber, "3.33")
		if _, err := r.api.Do(t.Context(), r.idToken("maria"), made.ID, "check"); err != nil {
			t.Fatal(err)
		}
		counted(2, 1, 1)
		p.setPrice(all[1].PartNumber, times(all[1].Price, 1.5)) // and it is as it was written
		p.setPrice(all[2].PartNumber, "4.44")
		loose := strings.Replace(agent.FirstMapping(), "rows: 1000", "rows: 999", 1)
		if _, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "prices", loose); err != nil {
			t.Fatal(err)
		}
		if err := r.decide("milena", made.ID); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Fatalf("what nobody has seen was approved: %v", err)
		}
		counted(2, 1, 1)
		if err := r.decide("milena", made.ID); err != nil {
			t.Fatal(err)
		}
		if b := r.until(made.ID, wire.Completed); b.Figures.Count[wire.RowDone] != 2 {
			t.Errorf("%v", b.Figures.Count)
		}
		for i, want := range []string{times(all[0].Price, 1.5), times(all[1].Price, 1), "4.44", times(all[3].Price, 1)} {
			if got := times(p.products("PartNumber eq '" + all[i].PartNumber + "'")[0].Price, 1); got != want {
				t.Errorf("product %d costs %s, want %s", i, got, want)
			}
		}
	})
}

// Between the check and the writing products leave the assortment, or are priced in another
// currency: nothing is written to them, and what was written is not taken back in another one.
func TestF5_AProductLeavesOrHasAnotherCurrencyMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place, r *robot) {
		all := p.products("Active eq true")[:4]
		// Whoever may not change the currency is refused by the ERP.
		for set, rights := range map[string]string{"General_Currencies_Currencies": "read", "General_Products_Products": "read,update"} {
			if _, err := p.Platform.Permissions.Grant(t.Context(), tandemtest.By, "Price agent", permission.Target{Set: set}, rights, false); err != nil {
				t.Fatal(err)
			}
		}
		dollars := func(one product, factor float64) {
			t.Helper()
			p.patch(one, `{"StandardPricePerLot":{"Value":`+times(one.Price, factor)+`,"Currency":"USD"}}`)
		}
		r.put("prices.csv", raised(all))
		r.until(1, wire.Waiting)
		p.patch(all[0], `{"Active":false}`)
		dollars(all[1], 1)
		if err := r.decide("maria", 1); err != nil {
			t.Fatal(err)
		}
		b := r.until(1, wire.Completed)
		rows := strings.Join(r.rows(1), "\n")
		if b.Figures.Count[wire.RowDone] != 2 || !strings.Contains(rows, all[0].PartNumber+" refused: the product is not active") ||
			!strings.Contains(rows, all[1].PartNumber+" refused: changed by admin on") || !strings.Contains(rows, "priced in USD, and the file in EUR") {
			t.Errorf("%v\n%s", b.Figures.Count, rows)
		}
		// The one before the check of the rollback, the other after it.
		dollars(all[2], 1.5)
		made, err := r.api.RollBack(t.Context(), r.idToken("maria"), 1, wire.Rollback{Reason: "wrong"})
		if err != nil {
			t.Fatal(err)
		}
		r.until(made.ID, wire.Waiting)
		dollars(all[3], 1.5)
		if err := r.decide("milena", made.ID); err != nil {
			t.Fatal(err)
		}
		if b := r.until(made.ID, wire.Completed); b.Figures.Count[wire.RowKept] != 2 {
			t.Errorf("%v\n%s", b.Figures.Count, strings.Join(r.rows(made.ID), "\n"))
		}
		for i, factor := range []float64{1, 1, 1.5, 1.5} {
			if got := p.products("PartNumber eq '" + all[i].PartNumber + "'")[0]; times(got.Price, 1) != times(all[i].Price, factor) {
				t.Errorf("product %d costs %s, and %s in the beginning", i, got.Price, all[i].Price)
			}
		}
	})
}

// A number that a batch had is not another one's, when it is deleted after its time.
func TestNumbersDoNotComeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place, r *robot) {
		one := p.products("Active eq true")[0]
		r.put("prices.csv", raised([]product{one}))
		r.until(1, wire.Waiting)
		if _, err := r.api.Strike(t.Context(), r.idToken("maria"), 1, wire.Strike{Lines: []int64{2}}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.api.Do(t.Context(), r.idToken("maria"), 1, "cancel"); err != nil {
			t.Fatal(err)
		}
		p.Advance(401 * 24 * time.Hour)
		p.tokens = map[string]string{}
		testkit.Eventually(t, "it is deleted", func() bool {
			_, err := r.api.Batch(t.Context(), r.idToken("maria"), 1)
			return tandem.ErrorCode(err) == tandem.CodeNotFound
		})
		p.byDay()
		p.tokens = map[string]string{}
		r.put("prices.csv", raised([]product{one}))
		b := r.until(2, wire.Waiting)
		if b.Figures.Count[wire.RowChange] != 1 {
			t.Errorf("struck is what was in another batch: %v", b.Figures.Count)
		}
	})
}

// That a file is whole is said until it is taken: one that cannot be is tried again at once.
func TestAFileThatIsWholeStaysSo(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.byDay()
	r := p.agentOf(func(c *agent.Config) { c.Still = 24 * time.Hour })
	work := filepath.Join(r.dir, "work")
	if err := os.Rename(work, work+"-away"); err != nil {
		t.Fatal(err)
	}
	r.put("prices.csv", raised(p.products("Active eq true")[:1]))
	testkit.Eventually(t, "it is told that it cannot be taken", func() bool {
		connectors, err := r.api.Connectors(t.Context(), r.idToken("anna"))
		return err == nil && len(connectors) == 1 && strings.Contains(connectors[0].Problem, "prices.csv cannot be taken")
	})
	if err := os.Rename(work+"-away", work); err != nil {
		t.Fatal(err)
	}
	r.until(1, wire.Waiting)
	testkit.Eventually(t, "what says so is gone with it", func() bool {
		_, err := os.Stat(filepath.Join(r.drop, "prices.csv.done"))
		return os.IsNotExist(err)
	})
}
