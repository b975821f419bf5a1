package cloud_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// planned has a visit begin, and end where that is not zero, at times of its own, with a
// document that was written on another day.
func planned(p *fieldtest.Place, id string, written, from, until time.Time) {
	p.T.Helper()
	changes := map[string]any{"DocumentDate": written.Format(time.DateOnly) + "T00:00:00Z", "StartTime": from.UTC().Format(time.RFC3339)}
	if !until.IsZero() {
		changes["EndTime"] = until.UTC().Format(time.RFC3339)
	}
	p.ERP("PATCH", "Applications_Service_ServiceActivities("+id+")", changes, nil)
}

// A visit is of the day on which it begins, whenever the office wrote it down: that day it is
// on the phone, and can be worked on.
func TestAVisitIsOfTheDayOnWhichItBegins(t *testing.T) {
	t.Parallel()
	p := demo(t)
	ids := p.Visits("tom", p.Today(9), 4)
	ahead, night, later, earlier := ids[0], ids[1], ids[2], ids[3]
	planned(p, ahead, p.Today(9).AddDate(0, 0, -20), p.Today(9), time.Time{})
	planned(p, night, p.Today(9).AddDate(0, 0, -20), p.Today(0).AddDate(0, 0, 1).Add(30*time.Minute), time.Time{}) // in UTC that is today
	planned(p, later, p.Today(9), p.Today(9).AddDate(0, 0, 3), time.Time{})
	planned(p, earlier, p.Today(9), p.Today(9).AddDate(0, 0, -5), time.Time{})
	c := pulled(t, p.Cloud())
	if err := c.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	tom := p.Phone("tom")
	var list wire.Visits
	tom.Get("visits", &list)
	days := map[string]string{}
	for _, v := range list.Visits {
		days[v.ID] = v.Day
	}
	today := p.Today(9)
	for id, want := range map[string]time.Time{ahead: today, night: today.AddDate(0, 0, 1), later: today.AddDate(0, 0, 3)} {
		if days[id] != want.Format(time.DateOnly) {
			t.Errorf("it is listed for %q, want %s", days[id], want.Format(time.DateOnly))
		}
	}
	if days[earlier] != "" {
		t.Errorf("one of five days ago is listed for %s", days[earlier])
	}
	if a := tom.Send(tom.Command(later, wire.Start, 0, struct{}{})); a.Reason != wire.WrongDay || a.Args["day"] != today.AddDate(0, 0, 3).Format(time.DateOnly) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	booked(t, tom.Send(tom.Command(night, wire.Note, 0, wire.NoteBody{Text: "the gate code is 1234"})))
	booked(t, tom.Send(tom.Command(ahead, wire.Start, 0, struct{}{})))
	booked(t, tom.Send(tom.Command(ahead, wire.Finish, 0, struct{}{})))
	var one wire.Visit
	tom.Get("visits/"+night, &one)
	if len(one.History) == 0 || one.History[0].ID != ahead || one.History[0].Day != today.Format(time.DateOnly) {
		t.Errorf("its history is %+v", one.History)
	}
}

// A visit that begins after its planned end is begun all the same; one that is in its time
// keeps the plan.
func TestAVisitThatBeginsAfterItsPlannedEnd(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Morning(11, 0)
	ids := p.Visits("tom", p.Today(9), 2)
	planned(p, ids[0], p.Today(9), p.Today(9), p.Today(10))
	planned(p, ids[1], p.Today(9), p.Today(9), p.Today(12))
	pulled(t, p.Cloud())
	tom := p.Phone("tom")
	if v := booked(t, tom.Send(tom.Command(ids[0], wire.Start, 0, struct{}{}))); v.End != nil || v.Start == nil || v.Start.Before(p.Today(11)) || v.Status != wire.Working {
		t.Errorf("%+v", v)
	}
	if v := booked(t, tom.Send(tom.Command(ids[1], wire.Start, 0, struct{}{}))); v.End == nil || !v.End.Equal(p.Today(12)) {
		t.Errorf("%+v", v)
	}
	p.Advance(20 * time.Minute)
	if v := booked(t, tom.Send(tom.Command(ids[0], wire.Finish, 0, struct{}{}))); v.End == nil || v.End.Before(p.Today(11).Add(20*time.Minute)) {
		t.Errorf("%+v", v)
	}
}

// The report of a late day that cannot be made keeps back neither that of the evening nor
// another late one; it is told of, and is made when it can be.
func TestALateReportsFailureIsItsOwn(t *testing.T) {
	t.Parallel()
	var broken atomic.Value
	broken.Store("none")
	var met atomic.Int64
	p := morning(t, tandemtest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Query().Get("$filter"), "StartTime ge "+broken.Load().(string)) {
				met.Add(1)
				http.Error(w, `{"error":{"message":"not this day"}}`, http.StatusUnprocessableEntity)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	first, second, third := p.Today(9), p.Today(9).AddDate(0, 0, 1), p.Today(9).AddDate(0, 0, 2)
	id := p.Visits("tom", first, 1)[0]
	pulled(t, p.Cloud())
	until(p, 20, 1)
	olga := p.Phone("olga")
	made := reportAfter(t, olga, first, time.Time{})
	until(p, 21, 0)
	tom := p.Phone("tom")
	booked(t, tom.Send(tom.Command(id, wire.Finish, 0, struct{}{})))
	broken.Store(client.Time(p.Today(0)))
	p.Advance(23*time.Hour + 2*time.Minute)
	olga = p.Phone("olga")
	reportAfter(t, olga, second, time.Time{})
	if met.Load() == 0 {
		t.Error("the report of the late day was not tried")
	}
	broken.Store("none")
	p.Advance(24 * time.Hour)
	olga = p.Phone("olga")
	reportAfter(t, olga, third, time.Time{})
	if late := reportAfter(t, olga, first, made.MadeAt); late.Done != 1 {
		t.Errorf("%+v", late)
	}
}

// What is begun on a day on which it may be begun can be ended: a visit is worked on around the
// day for which it was planned and around that on which it was begun, and is listed so long.
func TestAVisitThatWasBegunCanBeEnded(t *testing.T) {
	t.Parallel()
	onEnginesAt(t, 17, 0, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		ninth, tenth := p.Today(9), p.Today(9).AddDate(0, 0, 1)
		ids := p.Visits("tom", tenth, 3)
		early, asleep, late := ids[0], ids[1], ids[2]
		pulled(t, c)
		unseen := p.Visits("tom", tenth, 1)[0] // since the copy was made
		tom := p.Phone("tom")
		for _, id := range []string{early, asleep, unseen} {
			if v := booked(t, tom.Send(tom.Command(id, wire.Start, 0, struct{}{}))); v.Day != ninth.Format(time.DateOnly) {
				t.Errorf("it was begun on %s", v.Day)
			}
		}
		p.Advance(40 * time.Hour) // the 11th
		pulled(t, c)
		tom = p.Phone("tom")
		var list wire.Visits
		tom.Get("visits", &list)
		for _, id := range ids {
			if !slices.ContainsFunc(list.Visits, func(v wire.Visit) bool { return v.ID == id }) {
				t.Errorf("visit %d is not listed on the 11th", slices.Index(ids, id))
			}
		}
		booked(t, tom.Send(tom.Command(late, wire.Start, 0, struct{}{})))
		for _, id := range []string{early, unseen} {
			now := newSending(t, tom, id, "now.jpg", photo(t, 60, 40))
			now.send()
			now.attached(p)
			booked(t, tom.Send(tom.Command(id, wire.Sign, 0, wire.SignBody{Name: "F. Lechner"})))
			slow := newSending(t, tom.Another(), id, "late.jpg", photo(t, 60, 40)) // taken now, and longer on its way
			k := slow.Command(id, wire.FileAttach, 0, slow.body())
			k.ID, slow.sent = slow.command, &k
			p.Advance(time.Minute)
			if v := booked(t, tom.Send(tom.Command(id, wire.Finish, 0, struct{}{}))); v.Status != wire.Done || v.Start == nil || !v.Start.Before(tenth) {
				t.Errorf("%+v", v)
			}
			slow.send()
			slow.attached(p)
			if n := len(filesOf(p, id)); n != 4 {
				t.Errorf("%d files, want two photos with their thumbnails", n)
			}
		}
		p.Advance(24 * time.Hour) // the 12th
		pulled(t, c)
		tom = p.Phone("tom")
		booked(t, tom.Send(tom.Command(late, wire.Finish, 0, struct{}{})))
		if a := tom.Send(tom.Command(asleep, wire.Finish, 0, struct{}{})); a.Reason != wire.WrongDay || a.Args["day"] != tenth.Format(time.DateOnly) {
			t.Errorf("two days after its plan: %d %s", a.Status, a.Body)
		}
	})
}
