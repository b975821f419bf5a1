package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// A batch to which more has happened than is told tells what happened last, in its order.
func TestTheLastEventsAreTold(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tandemtest.Options{})
			p.byDay()
			r := p.agentOn(p.storeOn(engine), t.TempDir())
			one := p.products("Active eq true")[0]
			r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.5)))
			r.until(1, wire.Waiting)
			for i := range 201 {
				if _, err := r.api.Strike(t.Context(), r.idToken("maria"), 1, wire.Strike{Lines: []int64{2}, Back: i%2 == 1}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.api.Do(t.Context(), r.idToken("maria"), 1, "cancel"); err != nil {
				t.Fatal(err)
			}
			told := r.batch("maria", 1).Events
			if len(told) != 200 || told[199].What != "cancel" || told[198].What != "struck: rows [2]" || told[197].What != "put back: rows [2]" {
				t.Errorf("%d events: %+v", len(told), told[max(0, len(told)-3):])
			}
		})
	}
}

// A price that a person has struck is not written because the file is checked again: with
// the button, at an hour in which files run by themselves, or since the mapping was
// changed after the approval. Such a batch waits for a person each time.
func TestWhatAPersonStruckStaysStruck(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := &hook{}
			p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
			p.byDay()
			r := p.agentOn(p.storeOn(engine), t.TempDir())
			all := p.products("Active eq true")[:4]
			var rows []string
			for _, one := range all {
				rows = append(rows, one.PartNumber+","+times(one.Price, 1.02))
			}
			r.put("prices-other.csv", list(p.products("Active eq true")[9].PartNumber+",1.11"))
			r.until(1, wire.Waiting)
			r.put("prices.csv", list(rows...))
			if b := r.until(2, wire.Waiting); len(b.Why) != 1 || !strings.Contains(b.Why[0], "it is outside") {
				t.Fatalf("it waits for the hour alone: %v", b.Why)
			}
			strike := func(back bool, lines ...int64) {
				t.Helper()
				if _, err := r.api.Strike(t.Context(), r.idToken("maria"), 2, wire.Strike{Lines: lines, Back: back}); err != nil {
					t.Fatal(err)
				}
			}
			strike(false, 2, 3, 4)
			strike(true, 4)
			p.Advance(11 * time.Hour) // past six in the evening, whenever in the day it began
			p.tokens = map[string]string{}
			waits := func(why string) {
				t.Helper()
				b := r.until(2, wire.Waiting)
				if b.Figures.Count[wire.RowStruck] != 2 || b.Figures.Count[wire.RowChange] != 2 || !strings.Contains(strings.Join(b.Why, "; "), why) {
					t.Fatalf("%v, because %v:\n%s", b.Figures.Count, b.Why, strings.Join(r.rows(2), "\n"))
				}
				if told := b.Events[len(b.Events)-1].What; !strings.Contains(told, "2 rows stay struck") {
					t.Errorf("it is told: %s", told)
				}
			}
			if _, err := r.api.Do(t.Context(), r.idToken("maria"), 2, "check"); err != nil {
				t.Fatal(err)
			}
			waits("a person has struck rows of it")

			// The mapping is saved between the approval and the writing.
			for _, login := range []string{"maria", "ada"} {
				r.idToken(login)
			}
			h.set(isImport, func() { // the other batch is written, and ours has to wait for that
				if err := r.decide("maria", 2); err != nil {
					t.Error(err)
				}
				loose := strings.Replace(agent.FirstMapping(), "rows: 1000", "rows: 999", 1)
				if _, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "prices", loose); err != nil {
					t.Error(err)
				}
			})
			if err := r.decide("maria", 1); err != nil {
				t.Fatal(err)
			}
			r.until(1, wire.Completed)
			waits("maria has decided about it before")
			if err := r.decide("maria", 2); err != nil {
				t.Fatal(err)
			}
			r.until(2, wire.Completed)
			for i, one := range p.products("Active eq true")[:4] {
				if changed := one.Price != all[i].Price; changed != (i >= 2) {
					t.Errorf("row %d: %s, and it was %s", i+2, one.Price, all[i].Price)
				}
			}
		})
	}
}
