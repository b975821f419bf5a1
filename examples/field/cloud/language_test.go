package cloud_test

import (
	"encoding/json"
	"testing"

	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// What is booked in the background is answered in the language of who has sent it, as what is
// booked at once.
func TestWhatIsBookedLaterSpeaksTheSendersLanguage(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	var english, german wire.Catalogue
	ph.Get("catalogue", &english)
	if err := json.Unmarshal(ph.Do("GET", "catalogue", nil, "Accept-Language", "de-AT,de;q=0.9").Body, &german); err != nil {
		t.Fatal(err)
	}
	product, name := "", ""
	for i, item := range german.Products {
		if item.Name != english.Products[i].Name {
			product, name = item.ID, item.Name
		}
	}
	if product == "" {
		t.Fatal("no product has a German name of its own")
	}
	l.state.Store(lineDown)
	k := ph.Command(id, wire.MaterialAdd, 0, wire.MaterialBody{Product: product, Quantity: "1"})
	accepted(t, ph.Do("POST", "commands", k, "Idempotency-Key", k.ID, "Accept-Language", "de-AT,de;q=0.9"))
	l.state.Store(lineGood)
	if v := booked(t, finally(t, p, ph, k.ID)); len(v.Materials) != 1 || v.Materials[0].Product.Name != name {
		t.Errorf("%+v, want %s", v.Materials, name)
	}
}
