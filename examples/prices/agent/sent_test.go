package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// F3: a price that was written and not noted before the process died is the batch's, also
// where somebody has touched the product since: it is counted, and taken back with the
// others. What somebody else set to the same price is not.
func TestF3_WrittenAndNotNotedAndTouchedSince(t *testing.T) {
	t.Parallel()
	o := &tap{}
	p := newPlace(t, tandemtest.Options{Wrap: o.wrap})
	r := p.unstarted()
	all := p.products("Active eq true")[:4]
	touched, same, other := all[0], all[1], all[2]
	var rows []string
	for _, one := range all {
		rows = append(rows, one.PartNumber+","+times(one.Price, 1.5))
	}
	kill := r.spawn()
	r.put("prices.csv", list(rows...))
	r.until(1, wire.Waiting)
	p.setPrice(same.PartNumber, times(same.Price, 1.5)) // before anything is written
	met := o.next(true, isImport)
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-met:
	case <-time.After(testkit.Patience):
		t.Fatal("no call is made")
	}
	kill()
	for id, body := range map[string]string{touched.ID: `{"ABCClass":"C"}`, other.ID: `{"StandardPricePerLot":{"Value":77.7,"Currency":"EUR"}}`} {
		if status, text := p.API("PATCH", "General_Products_Products("+id+")", p.SignIn("admin").Access, body); status/100 != 2 {
			t.Fatalf("%d %s", status, text)
		}
	}
	r.spawn()
	b := r.until(1, wire.Completed)
	told := strings.Join(r.rows(1), "\n")
	if b.Figures.Count[wire.RowDone] != 2 || !strings.Contains(told, "2 "+touched.PartNumber+" changed") ||
		!strings.Contains(told, "3 "+same.PartNumber+" unchanged: the price is this already: changed by admin") ||
		!strings.Contains(told, "4 "+other.PartNumber+" refused: changed by admin") {
		t.Errorf("%s\n%s", b.Note, told)
	}
	if _, err := r.api.RollBack(t.Context(), r.idToken("ada"), 1, wire.Rollback{Reason: "wrong"}); err != nil {
		t.Fatal(err)
	}
	r.until(2, wire.Waiting)
	if err := r.decide("maria", 2); err != nil {
		t.Fatal(err)
	}
	r.until(2, wire.Completed)
	if got, want := p.products("Id eq " + touched.ID)[0], touched; p64(got) != p64(want) {
		t.Errorf("the price was not taken back: %s, and was %s", got.Price, want.Price)
	}
}

// Two batches of one product: the price that the later one wrote is no fault of the
// earlier, which says whose it is, be the later one noted already or not. A price that no
// batch wrote is a fault.
func TestABatchThatALaterOneHasOvertaken(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for _, how := range []string{"ended", "not noted yet", "by nobody"} {
			t.Run(string(engine)+" "+how, func(t *testing.T) {
				t.Parallel()
				h := &hook{}
				p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
				p.byDay()
				r := p.agentOn(p.storeOn(engine), t.TempDir(), func(c *agent.Config) { c.Still = time.Millisecond })
				all := p.products("Active eq true")
				one := all[0]
				token := r.idToken("maria")
				do := func(what string) {
					if _, err := r.api.Do(t.Context(), token, 1, what); err != nil {
						t.Error(err)
					}
				}
				r.put("prices.csv", many(all, 1.5))
				r.until(1, wire.Waiting)
				h.set(isImport, func() { do("pause") })
				if err := r.decide("maria", 1); err != nil {
					t.Fatal(err)
				}
				r.until(1, wire.Paused)
				if how == "by nobody" {
					status, text := p.API("PATCH", "General_Products_Products("+one.ID+")", p.ServiceToken(), `{"StandardPricePerLot":{"Value":77.7,"Currency":"EUR"}}`)
					if status/100 != 2 {
						t.Fatalf("%d %s", status, text)
					}
					do("resume")
					b := r.until(1, wire.Failed)
					if !strings.Contains(b.Note, "does not balance") || !strings.Contains(b.Note, "has the price 77.7") {
						t.Errorf("%s", b.Note)
					}
					return
				}
				r.put("prices-2.csv", list(one.PartNumber+",77.7"))
				r.until(2, wire.Waiting)
				ended := make(chan struct{})
				if how == "not noted yet" {
					h.set(isImport, func() { // the ERP has done it, and the agent has no answer yet
						defer close(ended)
						do("cancel")
						r.until(1, wire.Cancelled, wire.Failed)
					})
				}
				if err := r.decide("maria", 2); err != nil {
					t.Fatal(err)
				}
				r.until(2, wire.Completed)
				want := wire.Cancelled
				if how == "ended" {
					do("resume")
					want = wire.Completed
				} else {
					<-ended
				}
				b := r.until(1, want, wire.Failed)
				if told := r.rows(1)[0]; b.State != want || !strings.Contains(told, "2 "+one.PartNumber+" changed: by batch 2 since, to 77.7") || !strings.Contains(b.Note, "1 of them were changed again since") {
					t.Errorf("it is %s: %s: %s", b.State, b.Note, told)
				}
			})
		}
	}
}
