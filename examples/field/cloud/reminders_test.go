package cloud_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// until moves the clock on to a time of the present day.
func until(p *fieldtest.Place, hour, minute int) {
	p.Advance(p.Today(hour).Add(time.Duration(minute) * time.Minute).Sub(p.Clock.Now()))
}

// TestRemindersAreGivenOnce: at half past six of the day, and two hours before a visit,
// each once, in the person's language, to whom the visit is now; also by a service that
// died before it noted that it had (F3).
func TestRemindersAreGivenOnce(t *testing.T) {
	t.Parallel()
	onEnginesAt(t, 6, 0, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		tom, nina := p.Phone("tom"), p.Phone("nina")
		tom.Get("me", &wire.Me{})
		nina.Do("GET", "me", nil, "Accept-Language", "bg")
		visits := append(p.Visits("tom", p.Today(10), 3), p.Visits("nina", p.Today(10), 1)...)
		told := func() (all []string) {
			t.Helper()
			if err := c.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, n := range p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=Subject,Priority,NotificationClass,CreationUser,ExternalId") {
				if n["CreationUser"] != fieldtest.SystemUser || n["NotificationClass"] != "field/reminder" {
					t.Errorf("%v", n)
				}
				all = append(all, fmt.Sprint(n["Subject"]))
			}
			slices.Sort(all)
			return all
		}
		expect := func(what string, want ...string) {
			t.Helper()
			got := told()
			if len(got) != len(want) {
				t.Fatalf("%s: %q, want %q", what, got, want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("%s: %q, want %q", what, got[i], want[i])
				}
			}
		}
		expect("before half past six")
		until(p, 6, 31)
		day := []string{"3 visits today, the first at 10:00: ", "Едно посещение днес, в 10:00: "}
		expect("at half past six", day...)
		expect("again", day...)
		until(p, 7, 55)
		expect("more than two hours before", day...)
		// F3: the ERP has them, and the service died before it noted so.
		until(p, 8, 1)
		all := []string{day[0], "Visit at 10:00: ", "Visit at 10:01: ", day[1], "Посещение в 10:00: "}
		expect("two hours before", all...)
		if _, err := c.Config.DB.Writer().ExecContext(t.Context(), "DELETE FROM reminders"); err != nil {
			t.Fatal(err)
		}
		expect("F3", all...)
		// Another time is told again; a visit that was given to nina is told to her.
		p.ERP("PATCH", "Applications_Service_ServiceActivities("+visits[0]+")", map[string]any{"StartTime": p.Today(12).UTC().Format(time.RFC3339)}, nil)
		until(p, 10, 5)
		expect("at another time", all[0], all[1], all[2], "Visit at 12:00: ", all[3], all[4])
	})
}

// TestReassignedVisitRemindsWhoHasIt: whose the visit is now is told of it, though somebody
// else was; and nobody twice, also where an earlier version told them.
func TestReassignedVisitRemindsWhoHasIt(t *testing.T) {
	t.Parallel()
	onEnginesAt(t, 6, 0, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		p.Phone("tom").Get("me", &wire.Me{})
		p.Phone("nina").Do("GET", "me", nil, "Accept-Language", "de")
		visits := p.Visits("tom", p.Today(7), 2)
		soon := func(want ...string) {
			t.Helper()
			if err := c.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=Subject") {
				subject, _, _ := strings.Cut(fmt.Sprint(n["Subject"]), ": ")
				got = append(got, subject)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		give := func(visit, login string) {
			t.Helper()
			person := p.One("General_Contacts_Persons", "contains(PartyName,'"+login+"')")
			p.ERP("PATCH", "Applications_Service_ServiceActivities("+visit+")", map[string]any{"ResponsibleParty": map[string]string{"@odata.id": "General_Contacts_Persons(" + person + ")"}}, nil)
		}
		// An earlier version named no person.
		if _, err := c.Config.DB.Writer().ExecContext(t.Context(), `INSERT INTO reminders (name, given_at) VALUES ($1, $2)`,
			fmt.Sprintf("soon/%s/%d", visits[1], p.Today(7).Add(time.Minute).Unix()), sqldb.Micros(p.Clock.Now())); err != nil {
			t.Fatal(err)
		}
		soon("Visit at 07:00")
		give(visits[0], "Nina Ivanova")
		soon("Einsatz um 07:00", "Visit at 07:00")
		soon("Einsatz um 07:00", "Visit at 07:00")
		give(visits[0], "Tom Huber")
		soon("Einsatz um 07:00", "Visit at 07:00")
	})
}

// TestRemindersThatCannotBeGiven: who is disabled by now keeps nobody else from theirs, and
// is not tried for ever; who was never here is told nothing.
func TestRemindersThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	p.Morning(8, 30)
	c := p.Cloud()
	tom, nina := p.Phone("tom"), p.Phone("nina")
	tom.Get("me", &wire.Me{})
	p.Visits("nina", p.Today(10), 1)
	if err := c.Remind(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=Subject"); len(all) != 0 {
		t.Errorf("before she was here, nina is told %v", all)
	}
	nina.Get("me", &wire.Me{})
	p.Visits("tom", p.Today(10), 1)
	p.Visits("nina", p.Today(10).Add(time.Minute), 1)
	if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "tom"); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	for range 2 {
		if err := c.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if all := p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=Subject"); len(all) != 3 {
		t.Errorf("nina is told %v", all)
	}
}

// TestARemindersFailureIsItsOwn: an answer about one visit keeps nobody else from theirs, and
// the one is given when it can be; an ERP that is busy is not asked on for all others.
func TestARemindersFailureIsItsOwn(t *testing.T) {
	t.Parallel()
	var status, asked atomic.Int64
	var visit atomic.Value
	visit.Store("none")
	p := morning(t, tandemtest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "CreateNotification") && asked.Add(1) > 0 && strings.Contains(r.URL.Path, visit.Load().(string)) {
				http.Error(w, `{"error":{"message":"not this one"}}`, int(status.Load()))
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	p.Morning(6, 0)
	c := p.Cloud()
	tom, nina := p.Phone("tom"), p.Phone("nina")
	tom.Get("me", &wire.Me{})
	nina.Get("me", &wire.Me{})
	first := p.Visits("tom", p.Today(7), 1)[0]
	p.Visits("nina", p.Today(7).Add(time.Minute), 1)
	visit.Store(first)
	told := func() int {
		return len(p.Find("Systems_Core_Notifications", "ExternalSystem eq 'field'", "&$select=Subject"))
	}
	for _, one := range []struct{ status, asked, told int }{{429, 1, 0}, {403, 2, 1}, {500, 1, 1}} {
		status.Store(int64(one.status))
		asked.Store(0)
		if err := c.Remind(t.Context()); err == nil {
			t.Errorf("%d: nobody is told of what failed", one.status)
		}
		if got := told(); got != one.told || asked.Load() < int64(one.asked) || one.status == 429 && asked.Load() > 1 {
			t.Errorf("%d: %d reminders after %d calls, want %d", one.status, got, asked.Load(), one.told)
		}
	}
	visit.Store("none")
	if err := c.Remind(t.Context()); err != nil || told() != 2 {
		t.Errorf("%d reminders in the end: %v", told(), err)
	}
}
