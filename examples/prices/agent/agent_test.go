package agent_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// A file goes its whole way: it is taken, checked, waits for somebody who may decide, is
// written as the System User, balances, and its prices are in the ERP.
func TestAFileGoesItsWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	all := p.products("Active eq true")
	up, wide, same := all[0], all[1], all[2]
	r.put("prices-1.csv", list(
		up.PartNumber+","+times(up.Price, 1.031), wide.PartNumber+","+times(wide.Price, 1.41), same.PartNumber+","+string(same.Price),
		"NOPE-1,5.00", all[3].PartNumber+",0", all[4].PartNumber+",x"))
	b := r.until(1, wire.Waiting)
	if got := b.Figures.Count; got[wire.RowChange] != 2 || got[wire.RowUnchanged] != 1 || got[wire.RowRefused] != 3 {
		t.Errorf("%v: %v", got, r.rows(1))
	}
	if why := strings.Join(b.Why, "; "); !strings.Contains(why, "the largest change is +41.0 %, and the limit is 20 %") {
		t.Errorf("it waits because %s", why)
	}
	if err := r.decide("anna", 1); tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), "Managers") {
		t.Errorf("anna decides: %v", err)
	}
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	b = r.until(1, wire.Completed)
	if b.SystemUser != systemUser || b.DecidedBy != "maria" || b.Note != "2 prices changed, 3 refused" {
		t.Errorf("%+v", b)
	}
	if got := p.price(up.PartNumber); got != strings.TrimSuffix(strings.TrimRight(times(up.Price, 1.031), "0"), ".") {
		t.Errorf("the price is %s", got)
	}
	for _, format := range []string{"csv", "xlsx", "pdf"} {
		if text := r.report(1, format); len(text) < 500 {
			t.Errorf("the %s report: %q", format, text)
		}
	}
	if err := r.decide("maria", 1); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("decided twice: %v", err)
	}
}
