package cloud_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// noService is the id of no service of the ERP, which is for the ERP alone to say.
const noService = "6f0c1b2e-0000-4000-8000-000000000000"

// What no visit takes is refused at once, also while the ERP is away: nothing is sent
// behind it that a person would not have sent.
func TestF7_WhatNoVisitTakesIsNotKept(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	service := item(t, ph, true)
	l.state.Store(lineDown)
	bad := ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "25"})
	refusedAs(t, ph.Send(bad), http.StatusUnprocessableEntity, wire.Refused)
	refusedAs(t, ph.Send(bad), http.StatusUnprocessableEntity, wire.Refused)
	good := ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "24"})
	accepted(t, ph.Send(good))
	l.state.Store(lineGood)
	booked(t, finally(t, p, ph, good.ID))
}

// F5, F7: what was kept behind a command that is refused later is held, with all that the
// device sends before it knows; when the person has decided the visit goes on. Other visits
// and other phones do meanwhile.
func TestF5_RefusedLaterHoldsItsVisit(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{Engine: engine})
			ids := p.Visits("tom", p.Today(9), 2)
			pulled(t, p.CloudOn(p.Store(engine), t.TempDir()))
			ph := p.Phone("tom")
			two := ph.Another()
			service := item(t, ph, true)
			l.state.Store(lineDown)
			send := func(ph *fieldtest.Phone, visit, kind string, body any) wire.Command {
				t.Helper()
				k := ph.Command(visit, kind, 0, body)
				accepted(t, ph.Send(k))
				return k
			}
			before := send(ph, ids[0], wire.Note, wire.NoteBody{Text: "before"})
			bad := send(ph, ids[0], wire.ServiceAdd, wire.ServiceBody{Service: noService, Quantity: "1"})
			behind := send(ph, ids[0], wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "2"})
			end := send(ph, ids[0], wire.Finish, struct{}{})
			elsewhere := send(ph, ids[1], wire.Finish, struct{}{})
			other := send(two, ids[0], wire.Sign, wire.SignBody{Name: "A"})
			l.state.Store(lineGood)
			booked(t, finally(t, p, ph, before.ID))
			booked(t, finally(t, p, ph, elsewhere.ID))
			booked(t, finally(t, p, two, other.ID))
			for _, k := range []wire.Command{behind, end} {
				a := finally(t, p, ph, k.ID)
				if refusedAs(t, a, http.StatusConflict, wire.Held); a.Behind != bad.ID || a.Message == "" {
					t.Errorf("%s", a.Body)
				}
			}
			// The phone has not asked about the refused one, and does not know: it sends on.
			late := ph.Command(ids[0], wire.Finish, 0, struct{}{})
			if a := ph.Send(late); a.Status != http.StatusConflict || a.Error != wire.Held || a.Behind != bad.ID {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			refusedAs(t, ph.Do("GET", "commands/"+bad.ID, nil), http.StatusUnprocessableEntity, wire.Refused)
			refusedAs(t, ph.Send(late), http.StatusConflict, wire.Held) // the first answer
			if v := p.Visit(ids[0]); v["State"] != "FirmPlanned" || len(v["Services"].([]any)) != 0 || v["Notes"] != "before" {
				t.Errorf("%v", v)
			}
			// The person has decided.
			booked(t, ph.Send(ph.Command(ids[0], wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "1"})))
			booked(t, ph.Send(ph.Command(ids[0], wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "2"})))
			if v := booked(t, ph.Send(ph.Command(ids[0], wire.Finish, 0, struct{}{}))); v.State != "Completed" || len(v.Services) != 2 {
				t.Errorf("%+v", v)
			}
			// What was held is no refusal of the day's report.
			if made := reportOf(t, p.Phone("olga"), p.Today(9), time.Time{}); made.Refused != 1 {
				t.Errorf("%+v", made)
			}
		})
	}
}

// A device that asks is told, and what it sends then is booked.
func TestF5_WhoWasToldIsNotHeld(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	l.state.Store(lineDown)
	bad := ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: noService, Quantity: "1"})
	accepted(t, ph.Send(bad))
	l.state.Store(lineGood)
	refusedAs(t, finally(t, p, ph, bad.ID), http.StatusUnprocessableEntity, wire.Refused)
	booked(t, ph.Send(ph.Command(id, wire.Finish, 0, struct{}{})))
}
