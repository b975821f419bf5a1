package cloud_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// booked expects a command to be done, and returns the visit.
func booked(t testing.TB, a *fieldtest.Answer) *wire.Visit {
	t.Helper()
	if a.Status != 200 || a.State != wire.StateDone || a.Visit == nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return a.Visit
}

// refusedAs expects a refusal.
func refusedAs(t testing.TB, a *fieldtest.Answer, status int, word string) {
	t.Helper()
	if a.Status != status || a.Error != word {
		t.Errorf("%d %s, want %d %s", a.Status, a.Body, status, word)
	}
}

func pulled(t testing.TB, c *fieldtest.Cloud) *fieldtest.Cloud {
	t.Helper()
	if err := c.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// morning runs an instance where it is nine in the morning, whenever the test runs.
func morning(t testing.TB, o tandemtest.Options) *fieldtest.Place {
	p := fieldtest.Start(t, o)
	p.Morning(9, 0)
	return p
}

// onEngines runs a test with a cloud's store on each engine, from nine in the morning.
func onEngines(t *testing.T, test func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud)) {
	t.Helper()
	onEnginesAt(t, 9, 0, test)
}

// onEnginesAt does so from another time: it is that time when the cloud starts.
func onEnginesAt(t *testing.T, hour, minute int, test func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := fieldtest.Start(t, tandemtest.Options{Engine: engine})
			p.Morning(hour, minute)
			test(t, p, p.CloudOn(p.Store(engine), t.TempDir()))
		})
	}
}

// item is the id of the first service or product of the catalogue.
func item(t testing.TB, ph *fieldtest.Phone, service bool) string {
	t.Helper()
	var all wire.Catalogue
	ph.Get("catalogue", &all)
	if len(all.Services) == 0 || len(all.Products) == 0 || all.Services[0].Unit == "" {
		t.Fatalf("the catalogue: %d services, %d products", len(all.Services), len(all.Products))
	}
	if service {
		return all.Services[0].ID
	}
	return all.Products[0].ID
}

// The story of a visit: what was done in a valley arrives in its order, all with the
// version that was seen there, and the visit is released and completed by the System User
// for the person.
func TestVisit(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("nina", p.Today(9), 1)[0]
		pulled(t, c)
		ph := p.Phone("nina")
		var list wire.Visits
		ph.Get("visits", &list)
		i := slices.IndexFunc(list.Visits, func(v wire.Visit) bool { return v.ID == id })
		if i < 0 || list.AsOf.IsZero() {
			t.Fatalf("the visit is not in the list: %+v", list)
		}
		seen := list.Visits[i]
		if seen.Status != wire.Scheduled || seen.State != "FirmPlanned" || seen.Customer.Name == "" || seen.Object == nil || seen.Responsible.Name != "Nina Ivanova" || seen.Day != p.Today(9).Format(time.DateOnly) {
			t.Errorf("%+v", seen)
		}
		service, product := item(t, ph, true), item(t, ph, false)
		for _, step := range []struct {
			kind string
			body any
		}{
			{wire.Start, struct{}{}}, {wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1.5", Notes: "cleaned"}},
			{wire.MaterialAdd, wire.MaterialBody{Product: product, Quantity: "2"}}, {wire.Note, wire.NoteBody{Text: "Ölwechsel\nсмяна"}},
			{wire.Sign, wire.SignBody{Name: "F. Lechner"}},
		} {
			booked(t, ph.Send(ph.Command(id, step.kind, seen.Version, step.body)))
		}
		last := ph.Command(id, wire.Finish, seen.Version, struct{}{})
		v := booked(t, ph.Send(last))
		if v.Status != wire.Done || v.State != "Completed" || v.Receiver != "F. Lechner" || len(v.Services) != 1 || len(v.Materials) != 1 ||
			!strings.HasPrefix(v.Services[0].Quantity, "1.5") || v.Notes != "Ölwechsel\nсмяна" || v.End == nil {
			t.Errorf("%+v", v)
		}
		in := p.Visit(id)
		if in["State"] != "Completed" || len(in["Services"].([]any)) != 1 {
			t.Errorf("%v", in)
		}
		var history struct {
			Value []struct{ NewState, UpdateUser, Notes string }
		}
		p.ERP("GET", "Applications_Service_ServiceActivities("+id+")/StateChanges?$orderby=UpdateTime", nil, &history)
		ours := 0
		for _, h := range history.Value {
			if h.UpdateUser == fieldtest.SystemUser && h.Notes == "for nina" {
				ours++
			}
		}
		if ours < 3 {
			t.Errorf("who did it for whom is not in the history: %+v", history.Value)
		}
		// F6: the same again is answered the same, and done once.
		if again := ph.Send(last); string(again.Body) != string(ph.Do("GET", "commands/"+last.ID, nil).Body) || again.Status != 200 {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		refusedAs(t, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "too late"})), 422, wire.Refused)
	})
}

// A visit is told with the three before it of its object, also when it is completed itself.
func TestHistoryOfAVisit(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	ids := p.Visits("tom", p.Today(9), 5)
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	for _, id := range ids {
		booked(t, ph.Send(ph.Command(id, wire.Finish, 0, struct{}{})))
	}
	for _, id := range ids {
		var v wire.Visit
		if ph.Get("visits/"+id, &v); len(v.History) != 3 || slices.ContainsFunc(v.History, func(past wire.Past) bool { return past.ID == id }) {
			t.Errorf("%+v", v.History)
		}
	}
}

// Of visits of others a person is told what they may read at the ERP, however much more the
// service may; who comes from outside is told of their own, and sees the files that are for
// people outside, and theirs.
func TestOfOthersOneSeesWhatOneMayRead(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	toms, ninas := p.Visits("tom", p.Today(9), 3), p.Visits("nina", p.Today(9), 2)
	pulled(t, p.Cloud())
	tom, nina := p.Phone("tom"), p.Phone("nina")
	for _, id := range toms[:2] {
		booked(t, tom.Send(tom.Command(id, wire.Finish, 0, struct{}{})))
	}
	booked(t, nina.Send(nina.Command(ninas[0], wire.Finish, 0, struct{}{})))
	history := func(ph *fieldtest.Phone, id string) (ids []string) {
		t.Helper()
		var v wire.Visit
		ph.Get("visits/"+id, &v)
		for _, past := range v.History {
			ids = append(ids, past.ID)
		}
		slices.Sort(ids)
		return ids
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	same(history(nina, ninas[1]), ninas[0])
	same(history(tom, toms[2]), append(toms[:2:2], ninas[0])...)
	// A key that the service has and tom has not.
	if _, err := p.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, "Applications_Service_ServiceActivities", "Subcontracted"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Platform.Permissions.Grant(t.Context(), tandemtest.By, "Field cloud", permission.Target{Key: "Subcontracted"}, "read,update", false); err != nil {
		t.Fatal(err)
	}
	if err := p.Platform.PutKey(t.Context(), tandemtest.By, "Subcontracted", "Applications_Service_ServiceActivities("+ninas[0]+")"); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	same(history(tom, toms[2]), toms[:2]...)
	same(history(nina, ninas[1]), ninas[0])

	files := func(ph *fieldtest.Phone, id string) (names []string) {
		t.Helper()
		var object struct{ ID string }
		p.ERP("POST", "Applications_Service_ServiceActivities("+id+")/GetOrCreateExtensibleDataObject", nil, &object)
		for _, access := range []string{"Internal", "External"} {
			p.ERP("POST", "Systems_Core_ObjectFiles", map[string]any{
				"Object": map[string]string{"@odata.id": "Systems_Core_ExtensibleDataObjects(" + object.ID + ")"}, "FileName": access + ".pdf", "AccessPermission": access,
			}, nil)
		}
		s := newSending(t, ph, id, "own.jpg", photo(t, 60, 40))
		s.send()
		s.attached(p)
		var v wire.Visit
		ph.Get("visits/"+id, &v)
		for _, f := range v.Files {
			names = append(names, f.Name)
		}
		slices.Sort(names)
		return names
	}
	same(files(tom, toms[2]), "External.pdf", "Internal.pdf", "own-thumbnail.jpg", "own.jpg")
	same(files(nina, ninas[1]), "External.pdf", "own-thumbnail.jpg", "own.jpg")
}

// A visit that the office has called done is opened again while it can be changed; one that
// is finished cannot, and the answer says so.
func TestReopen(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	booked(t, ph.Send(ph.Command(id, wire.Start, 0, struct{}{})))
	p.SetStatus(id, wire.Done)
	if v := booked(t, ph.Send(ph.Command(id, wire.Reopen, 0, wire.ReopenBody{Reason: "a part is missing"}))); v.Status != wire.Working || v.State != "FirmPlanned" {
		t.Errorf("%+v", v)
	}
	booked(t, ph.Send(ph.Command(id, wire.Finish, 0, struct{}{})))
	a := ph.Send(ph.Command(id, wire.Reopen, 0, wire.ReopenBody{Reason: "forgot a part"}))
	if refusedAs(t, a, 422, wire.Refused); !strings.Contains(a.Message, "is Completed and cannot be changed any more") {
		t.Errorf("%s", a.Body)
	}
	if v := p.Visit(id); v["State"] != "Completed" {
		t.Errorf("%v", v["State"])
	}
}

// F6 and the order: a key is good for one command, numbers have no gap, and what is
// malformed takes none.
func TestF6_CommandsInOrder(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		ph := p.Phone("tom")
		first := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "one"})
		second := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "two"})
		if a := ph.Send(second); a.Status != 409 || a.Error != wire.OutOfOrder || a.Expected != 1 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		one := ph.Send(first)
		booked(t, one)
		booked(t, ph.Send(second))
		if again := ph.Send(first); string(again.Body) != string(one.Body) {
			t.Errorf("another answer: %s, first %s", again.Body, one.Body)
		}
		if v := p.Visit(id); v["Notes"] != "two" {
			t.Errorf("the repeated command was done again: %v", v["Notes"])
		}
		other := first
		other.Body = json.RawMessage(`{"text":"other"}`)
		refusedAs(t, ph.Send(other), 422, wire.KeyReused)
		for name, change := range map[string]func(c *wire.Command){
			"id": func(c *wire.Command) { c.ID = "x" }, "device": func(c *wire.Command) { c.Device = "../../etc" }, "visit": func(c *wire.Command) { c.Visit = "1' or '1'='1" },
			"type": func(c *wire.Command) { c.Type = "visit.delete" }, "schema": func(c *wire.Command) { c.Schema = 7 }, "seq": func(c *wire.Command) { c.Seq = 0 },
			"body": func(c *wire.Command) { c.Body = json.RawMessage(`{"text":1}`) }, "more": func(c *wire.Command) { c.Body = json.RawMessage(`{"text":"a","admin":true}`) },
			"time": func(c *wire.Command) { c.At = time.Time{} }, "base": func(c *wire.Command) { c.Base = -1 },
		} {
			bad := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})
			bad.Seq = 3
			change(&bad)
			if a := ph.Send(bad); a.Status != 400 || a.Error != wire.Invalid || a.Message == "" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		next := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "three"})
		next.Seq = 3
		booked(t, ph.Send(next))
		if a := ph.Do("POST", "commands", []byte(`{"body":{"text":"`+strings.Repeat("x", wire.MaxCommand)+`"}}`), "Idempotency-Key", next.ID); a.Status != 413 {
			t.Errorf("too large: %d %s", a.Status, a.Body)
		}
	})
}

// A refused command takes its number, with words that say why; what no visit takes is
// refused before the ERP is asked, and what a rule of the ERP refuses with its text.
func TestF5_RefusedWithItsReason(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	service := item(t, ph, true)
	for i, bad := range []struct {
		kind string
		body any
	}{
		{wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "25"}}, {wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "-1"}},
		{wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1.234"}}, {wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1e9"}},
		{wire.ServiceAdd, wire.ServiceBody{Service: "6f0c1b2e-0000-4000-8000-000000000000", Quantity: "1"}},
		{wire.MaterialAdd, wire.MaterialBody{Product: service, Quantity: "1"}}, {wire.MaterialAdd, wire.MaterialBody{Product: "", Quantity: "1"}},
		{wire.Sign, wire.SignBody{Name: "  "}}, {wire.Note, wire.NoteBody{Text: strings.Repeat("x", wire.MaxText+1)}}, {wire.Note, wire.NoteBody{Text: "a\x00b"}},
		{wire.Finish, struct{}{}}, // not begun: it may be finished all the same
	} {
		a := ph.Send(ph.Command(id, bad.kind, 0, bad.body))
		if bad.kind == wire.Finish {
			booked(t, a)
			continue
		}
		if a.Status != 422 || a.Error != wire.Refused || a.Message == "" {
			t.Errorf("%d: %d %s", i, a.Status, a.Body)
		}
	}
}

// Conflicts: what the office has changed since is shown beside what the person wants;
// theirs wins with the version of the office. Two phones of one person have their own
// numbers, and the version decides.
func TestConflict(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	var seen wire.Visit
	ph.Get("visits/"+id, &seen)
	p.ERP("PATCH", "Applications_Service_ServiceActivities("+id+")", map[string]any{"Notes": "bring the long ladder"}, nil)
	a := ph.Send(ph.Command(id, wire.Note, seen.Version, wire.NoteBody{Text: "mine"}))
	refusedAs(t, a, 409, wire.Conflict)
	if a.Office == nil || a.Office.Notes != "bring the long ladder" || string(a.Yours) != `{"text":"mine"}` {
		t.Fatalf("%s", a.Body)
	}
	if v := p.Visit(id); v["Notes"] != "bring the long ladder" {
		t.Errorf("it was written: %v", v["Notes"])
	}
	v := booked(t, ph.Send(ph.Command(id, wire.Note, a.Office.Version, wire.NoteBody{Text: "mine"})))
	// The first phone goes on from what it saw; the second one saw an older version.
	booked(t, ph.Send(ph.Command(id, wire.Sign, a.Office.Version, wire.SignBody{Name: "A"})))
	two := ph.Another()
	refusedAs(t, two.Send(two.Command(id, wire.Sign, v.Version, wire.SignBody{Name: "B"})), 409, wire.Conflict)
}

// Whose visit: somebody else's is told with whose it is, days other than the visit's and
// its neighbours are refused, and a person without a Person has none.
func TestNotYours(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	mine, tomorrow, later := p.Visits("tom", p.Today(9), 1)[0], p.Visits("tom", p.Today(9).AddDate(0, 0, 1), 1)[0], p.Visits("tom", p.Today(9).AddDate(0, 0, 2), 1)[0]
	hers := p.Visits("nina", p.Today(10), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	note := wire.NoteBody{Text: "x"}
	a := ph.Send(ph.Command(hers, wire.Note, 0, note))
	refusedAs(t, a, 409, wire.NotYours)
	if a.Responsible == nil || a.Responsible.Name != "Nina Ivanova" || strings.Contains(string(a.Body), "Lechner") {
		t.Errorf("%s", a.Body)
	}
	for _, path := range []string{"visits/" + hers, "visits/" + hers[:35] + "0", "visits/..%2fx"} {
		if a := ph.Do("GET", path, nil); a.Status != 404 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	booked(t, ph.Send(ph.Command(tomorrow, wire.Note, 0, note)))
	refusedAs(t, ph.Send(ph.Command(later, wire.Note, 0, note)), 422, wire.Refused)
	refusedAs(t, ph.Send(ph.Command("6f0c1b2e-0000-4000-8000-000000000000", wire.Note, 0, note)), 422, wire.Refused)
	// Reassigned while offline: the copy still says tom.
	nina := p.One("General_Contacts_Persons", "contains(PartyName,'Nina Ivanova')")
	p.ERP("PATCH", "Applications_Service_ServiceActivities("+mine+")", map[string]any{"ResponsibleParty": map[string]string{"@odata.id": "General_Contacts_Persons(" + nina + ")"}}, nil)
	a = ph.Send(ph.Command(mine, wire.Note, 1, note))
	refusedAs(t, a, 409, wire.NotYours)
	olga := p.Phone("olga")
	refusedAs(t, olga.Send(olga.Command(hers, wire.Note, 0, note)), 409, wire.NotYours)
	// Command ids of others are nobody's.
	c := ph.Command(tomorrow, wire.Note, 0, note)
	booked(t, ph.Send(c))
	if a := olga.Do("GET", "commands/"+c.ID, nil); a.Status != 404 {
		t.Errorf("somebody else's command: %d %s", a.Status, a.Body)
	}
}

// F9: a device whose clock is wrong by hours says by how much, and times are put right.
func TestF9_WrongClock(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	if ph.Do("GET", "me", nil).Header.Get("Date") == "" {
		t.Error("no Date by which a device knows what its clock is off")
	}
	c := ph.Command(id, wire.Start, 0, struct{}{})
	right := c.At
	c.At, c.Skew = c.At.Add(-7*time.Hour), (7 * time.Hour).Milliseconds()
	if v := booked(t, ph.Send(c)); v.Start == nil || !v.Start.Equal(right) || v.Status != wire.Working {
		t.Errorf("%v, want %v", v.Start, right)
	}
	c = ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})
	c.At = c.At.Add(5 * time.Hour)
	refusedAs(t, ph.Send(c), 422, wire.Refused)
}

// F6: the same command that is sent many times at once, or again with another number, is
// one command: it is never out of order, nor another one with its key.
func TestF6_SentTwiceAtOnce(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		ph := p.Phone("tom")
		service := item(t, ph, true)
		for range 4 {
			k := ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: service, Quantity: "1"})
			var racers sync.WaitGroup
			for range 6 {
				racers.Go(func() {
					a, err := ph.Try("POST", "commands", k, "Idempotency-Key", k.ID)
					if err != nil || a.Status != 200 && a.Status != 202 {
						t.Errorf("%v %+v", err, a)
					}
				})
			}
			racers.Wait()
			booked(t, finally(t, p, ph, k.ID))
			k.Seq += 7
			booked(t, ph.Send(k))
		}
		if v := p.Visit(id); len(v["Services"].([]any)) != 4 {
			t.Errorf("%v", v["Services"])
		}
	})
}
