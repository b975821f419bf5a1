package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// accepted expects a command to be kept and not booked yet.
func accepted(t testing.TB, a *fieldtest.Answer) {
	t.Helper()
	if a.Status != 202 || a.State != wire.StateAccepted || a.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %s, want it kept", a.Status, a.Body)
	}
}

// finally waits for a final answer, as phones do: the cloud's clock goes on meanwhile.
func finally(t testing.TB, p *fieldtest.Place, ph *fieldtest.Phone, id string) *fieldtest.Answer {
	t.Helper()
	var a *fieldtest.Answer
	testkit.Eventually(t, "a final answer of "+id, func() bool {
		p.Clock.Advance(2 * time.Second)
		a = ph.Outcome(id)
		return a.Status != 202
	})
	return a
}

// F1: while the licence is full commands are kept, and booked when a slot is free.
func TestF1_LicenceFull(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{Licence: tandem.Licence{Slots: 1}})
	id := p.Visits("tom", p.Today(9), 1)[0] // an administrator has the slot now
	p.Cloud()
	ph := p.Phone("tom")
	c := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "kept"})
	accepted(t, ph.Send(c))
	if a := ph.Do("GET", "commands/"+c.ID, nil); !strings.Contains(a.Message, "licence") {
		t.Errorf("why it waits: %s", a.Body)
	}
	p.Advance(2 * time.Hour) // the administrator's session ends
	ph.Renew()
	booked(t, finally(t, p, ph, c.ID))
}

// F3: the answer of the ERP was lost, or we were killed before we noted it: another cloud
// on the same store finds what was done, and nothing is done twice.
func TestF3_KilledAfterTheERPCommitted(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{Engine: engine})
			id := p.Visits("tom", p.Today(9), 1)[0]
			db, dir := p.Store(engine), t.TempDir()
			c := pulled(t, p.CloudOn(db, dir))
			ph := p.Phone("tom")
			var seen wire.Visit
			ph.Get("visits/"+id, &seen)
			service, product := item(t, ph, true), item(t, ph, false)
			for _, step := range []struct {
				kind string
				body any
			}{
				{wire.Start, struct{}{}}, {wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1"}}, {wire.MaterialAdd, wire.MaterialBody{Product: product, Quantity: "1"}},
				{wire.Note, wire.NoteBody{Text: "once"}}, {wire.Sign, wire.SignBody{Name: "A"}}, {wire.Finish, struct{}{}},
			} {
				l.state.Store(lineLost)
				k := ph.Command(id, step.kind, seen.Version, step.body)
				accepted(t, ph.Send(k))
				c.Stop()
				l.state.Store(lineGood)
				c = p.CloudOn(db, dir)
				booked(t, finally(t, p, ph, k.ID))
			}
			v := p.Visit(id)
			if len(v["Services"].([]any)) != 1 || len(v["Materials"].([]any)) != 1 || v["State"] != "Completed" {
				t.Errorf("%v", v)
			}
			var history struct{ Value []struct{ NewState string } }
			p.ERP("GET", "Applications_Service_ServiceActivities("+id+")/StateChanges", nil, &history)
			completed := 0
			for _, h := range history.Value {
				if h.NewState == "Completed" {
					completed++
				}
			}
			if completed != 1 {
				t.Errorf("completed %d times: %+v", completed, history.Value)
			}
		})
	}
}

// F4: who is disabled is refused at the next command, within five seconds; what was
// accepted is booked. An application that is off books nothing until it is on.
func TestF4_Disabled(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	booked(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "zero"})))
	l.state.Store(lineDown)
	var kept []wire.Command
	for _, text := range []string{"one", "two", "three"} {
		c := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: text})
		accepted(t, ph.Send(c))
		kept = append(kept, c)
	}
	if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "tom"); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	p.Clock.Advance(client.AliveKept + time.Second)
	late := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "late"})
	if a := ph.Send(late); a.Status != 401 || !strings.Contains(a.Header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("disabled: %d %s", a.Status, a.Body)
	}
	p.UpdateApp(fieldtest.CloudApp, func(a *tandem.TrustedApp) { a.Enabled = false })
	l.state.Store(lineGood)
	time.Sleep(1500 * time.Millisecond)
	if a := ph.Do("GET", "commands/"+kept[2].ID, nil); a.Status != 202 {
		t.Errorf("booked while the application is off: %d %s", a.Status, a.Body)
	}
	p.UpdateApp(fieldtest.CloudApp, func(a *tandem.TrustedApp) { a.Enabled = true })
	booked(t, finally(t, p, ph, kept[2].ID))
	if v := p.Visit(id); v["Notes"] != "three" {
		t.Errorf("%v", v["Notes"])
	}
}

// F7, F8: while the ERP is away or wants to be left alone commands are kept in their
// order, and booked when it is back; other phones are told so without another call of it.
func TestF7_F8_ERPAwayOrBusy(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]int32{"away": lineDown, "busy": lineBusy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, l := lined(t, tandemtest.Options{})
			id := p.Visits("tom", p.Today(9), 1)[0]
			pulled(t, p.Cloud())
			ph := p.Phone("tom")
			l.state.Store(state)
			service := item(t, ph, true)
			var last wire.Command
			before, begun := l.calls.Load(), time.Now()
			for range 5 {
				last = ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "1"})
				accepted(t, ph.Send(last))
			}
			// One after 0, 1, 3 and 7 seconds; on a machine that is slow there is time for more.
			if n := l.calls.Load() - before; n > 4+int64(time.Since(begun).Seconds()/8) {
				t.Errorf("%d calls for commands that come while nothing can be booked", n)
			}
			l.state.Store(lineGood)
			if v := booked(t, finally(t, p, ph, last.ID)); len(v.Services) != 5 {
				t.Errorf("%d lines", len(v.Services))
			}
		})
	}
}

// F10: a rotated credential costs one try; as another System User nothing is booked before
// an administrator has said so.
func TestF10_AnotherSystemUser(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	db, dir := p.Store(sqldb.SQLite), t.TempDir()
	c := pulled(t, p.CloudOn(db, dir))
	ph := p.Phone("tom")
	booked(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "as before"})))
	other := p.CreateUser(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
	p.Grant("Field cloud", "svc.other")
	p.UpdateApp(fieldtest.CloudApp, func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
	k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "as another"})
	a := ph.Send(k)
	for a.Status == 202 && !strings.Contains(a.Message, "administrator") { // the first try learns it by its refused token
		p.Clock.Advance(time.Minute)
		time.Sleep(100 * time.Millisecond)
		a = ph.Outcome(k.ID)
	}
	if a.Status != 202 || strings.Contains(a.Message, "svc.") { // whom the service acts as is not for phones
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	c.Stop()
	p.CloudOn(db, dir, func(c *cloud.Config) { c.SystemUser = "svc.other" })
	booked(t, finally(t, p, ph, k.ID))
}

// F9: the server's own clock is set back: commands are booked in the order of the device
// all the same.
func TestF9_ClockOfTheCloudSetBack(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	l.state.Store(lineDown)
	var first, last wire.Command
	for _, text := range []string{"one", "two", "three"} {
		last = ph.Command(id, wire.Note, 0, wire.NoteBody{Text: text})
		accepted(t, ph.Send(last))
		if text == "one" {
			first = last
		}
		p.Clock.Advance(-2 * time.Second)
	}
	l.state.Store(lineGood)
	if v := booked(t, finally(t, p, ph, last.ID)); v.Notes != "three" {
		t.Errorf("%q", v.Notes)
	}
	booked(t, finally(t, p, ph, first.ID))
	if v := p.Visit(id); v["Notes"] != "three" {
		t.Errorf("%v", v["Notes"])
	}
}

// F8: a fault of the ERP by one command keeps no other visit waiting.
func TestF8_FaultOfOneCommand(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	ids := p.Visits("tom", p.Today(9), 2)
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	l.state.Store(lineFault)
	accepted(t, ph.Send(ph.Command(ids[0], wire.Note, 0, wire.NoteBody{Text: "x"})))
	l.state.Store(lineGood)
	booked(t, ph.Send(ph.Command(ids[1], wire.Note, 0, wire.NoteBody{Text: "x"})))
}
