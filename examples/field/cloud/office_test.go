package cloud_test

import (
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// The office writes while a phone's work is on its way: what it has written is never taken
// for the phone's own, whichever way its value looks.

const activities = "Applications_Service_ServiceActivities("

// The office writes right after the changes of a command, before the visit is read again:
// the phone has not seen that, so its next command is a conflict.
func TestOfficeWritesBeforeTheVisitIsReadAgain(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	p.Admin()
	var seen wire.Visit
	ph.Get("visits/"+id, &seen)
	booked(t, ph.Send(ph.Command(id, wire.Start, seen.Version, struct{}{})))
	office := func() { p.ERP("PATCH", activities+id+")", map[string]any{"Subject": "Bring the long ladder"}, nil) }
	l.between.Store(&office)
	v := booked(t, ph.Send(ph.Command(id, wire.ServiceAdd, seen.Version, wire.ServiceBody{Service: item(t, ph, true), Quantity: "1"})))
	if v.Subject != "Bring the long ladder" {
		t.Fatalf("the office did not write: %+v", v)
	}
	refusedAs(t, ph.Send(ph.Command(id, wire.Note, seen.Version, wire.NoteBody{Text: "two"})), 409, wire.Conflict)
	// What the phone made itself it may name, and what it has seen.
	booked(t, ph.Send(ph.Command(id, wire.Note, v.Version, wire.NoteBody{Text: "two"})))
}

// A try had no answer, and the value is there when it is repeated: the office has written
// it, and more. That is the office's version, and no step of the phone's.
func TestOfficeWritesTheSameValue(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]struct {
		kind   string
		body   any
		office func(p *fieldtest.Place, id string)
	}{
		"note": {wire.Note, wire.NoteBody{Text: "same"}, func(p *fieldtest.Place, id string) {
			p.ERP("PATCH", activities+id+")", map[string]any{"Notes": "same", "Subject": "Bring the long ladder"}, nil)
		}},
		"sign": {wire.Sign, wire.SignBody{Name: "Same"}, func(p *fieldtest.Place, id string) {
			p.ERP("PATCH", activities+id+")", map[string]any{"ReceiverPersonName": map[string]string{"EN": "Same"}, "Subject": "Bring the long ladder"}, nil)
		}},
		"reopen": {wire.Reopen, wire.ReopenBody{Reason: "forgot a part"}, func(p *fieldtest.Place, id string) {
			p.SetStatus(id, wire.Working)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{})
			id := p.Visits("tom", p.Today(9), 1)[0]
			pulled(t, p.Cloud())
			ph := p.Phone("tom")
			var seen wire.Visit
			ph.Get("visits/"+id, &seen)
			l.state.Store(lineDown)
			k := ph.Command(id, step.kind, seen.Version, step.body)
			accepted(t, ph.Send(k))
			p.Clock.Advance(5 * time.Minute)
			step.office(p, id)
			l.state.Store(lineGood)
			refusedAs(t, finally(t, p, ph, k.ID), 409, wire.Conflict)

			// Without a version the value is enough, and the visit is still the office's.
			l.state.Store(lineDown)
			k = ph.Command(id, step.kind, 0, step.body)
			send(t, ph, k)
			l.state.Store(lineGood)
			booked(t, finally(t, p, ph, k.ID))
			refusedAs(t, ph.Send(ph.Command(id, wire.Note, seen.Version, wire.NoteBody{Text: "mine"})), 409, wire.Conflict)
		})
	}
}

// Two phones of a person want the same: the one that was faster has made the version, and
// the other one, whose answer was lost, has not.
func TestTheOtherPhoneWritesTheSameValue(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	c := pulled(t, p.Cloud())
	ph := p.Phone("tom")
	other := ph.Another()
	var seen wire.Visit
	ph.Get("visits/"+id, &seen)
	l.state.Store(lineDown)
	k := ph.Command(id, wire.Note, seen.Version, wire.NoteBody{Text: "same"})
	accepted(t, ph.Send(k))
	// Its try waits, and the other phone's command is booked by another way than its lane.
	if _, err := c.Config.DB.Writer().ExecContext(t.Context(), `UPDATE commands SET state = 'aside' WHERE id = $1`, k.ID); err != nil {
		t.Fatal(err)
	}
	l.state.Store(lineGood)
	p.Clock.Advance(3 * time.Second)
	booked(t, finally(t, p, other, send(t, other, other.Command(id, wire.Note, seen.Version, wire.NoteBody{Text: "same"}))))
	if _, err := c.Config.DB.Writer().ExecContext(t.Context(), `UPDATE commands SET state = 'accepted' WHERE id = $1`, k.ID); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, finally(t, p, ph, k.ID), 409, wire.Conflict)
}

// send sends a command that is taken, and returns its id.
func send(t testing.TB, ph *fieldtest.Phone, k wire.Command) string {
	t.Helper()
	if a := ph.Send(k); a.Status != 200 && a.Status != 202 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return k.ID
}
