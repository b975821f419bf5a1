package cloud_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestPeopleSeeTheirReminders: who was reminded sees it on the phone, an employee as somebody
// from outside, in the language that the phone speaks now; nobody sees or reads those of
// others, and what was read stays so.
func TestPeopleSeeTheirReminders(t *testing.T) {
	t.Parallel()
	onEnginesAt(t, 6, 0, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		tom, nina := p.Phone("tom"), p.Phone("nina")
		tom.Get("me", &wire.Me{})
		nina.Get("me", &wire.Me{})
		soon := p.Visits("tom", p.Today(8).Add(15*time.Minute), 1)[0]
		p.Visits("nina", p.Today(10), 2)
		remind := func() {
			t.Helper()
			if err := c.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		told := func(ph *fieldtest.Phone, language string) (all []wire.Reminder) {
			t.Helper()
			a := ph.Do("GET", "reminders", nil, "Accept-Language", language)
			if err := json.Unmarshal(a.Body, &all); a.Status != http.StatusOK || err != nil {
				t.Fatalf("%s is told: %d %s", ph.Login, a.Status, a.Body)
			}
			return all
		}
		if all := told(tom, "en"); len(all) != 0 {
			t.Errorf("before anything is due tom was told %v", all)
		}
		until(p, 6, 31)
		remind()
		its := map[string]wire.Reminder{}
		for _, r := range told(tom, "en") {
			its[r.Visit] = r
		}
		if day, visit := its[""], its[soon]; len(its) != 2 || !strings.HasPrefix(day.Text, "One visit today, at 08:15: ") || day.Read ||
			!strings.HasPrefix(visit.Text, "Visit at 08:15: ") || visit.At.After(p.Clock.Now()) {
			t.Errorf("tom was told %v", its)
		}
		hers := told(nina, "bg")
		if len(hers) != 1 || !strings.HasPrefix(hers[0].Text, "2 посещения днес, първото в 10:00: ") {
			t.Errorf("nina was told %v", hers)
		}
		if all := told(nina, "de"); len(all) != 1 || !strings.HasPrefix(all[0].Text, "2 Einsätze heute, der erste um 10:00: ") {
			t.Errorf("in German nina was told %v", all)
		}

		// Tom reads one of his, and none of nina's.
		read := wire.RemindersRead{Reminders: []string{its[""].ID, hers[0].ID, "no such"}}
		for range 2 {
			if a := tom.Do("POST", "reminders/read", read); a.Status != http.StatusNoContent {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if told(nina, "bg")[0].Read {
			t.Error("tom read what nina was told")
		}
		// As by a service that died before it noted what it gave: nobody is told twice.
		if _, err := c.Config.DB.Writer().ExecContext(t.Context(), "DELETE FROM reminders"); err != nil {
			t.Fatal(err)
		}
		remind()
		for _, r := range told(tom, "en") {
			if r.Read != (r.Visit == "") {
				t.Errorf("%+v", r)
			}
		}
		tag := tom.Do("GET", "reminders", nil).Header.Get("ETag")
		if a := tom.Do("GET", "reminders", nil, "If-None-Match", tag); a.Status != http.StatusNotModified {
			t.Errorf("what the phone has already: %d", a.Status)
		}
		for body, want := range map[string]int{`{"reminders":["` + strings.Repeat("x", 300) + `"]}`: 400, `{"all":true}`: 400, `{"reminders":["a\u0000"]}`: 400, `{"reminders":[]}`: 204} {
			if a := tom.Do("POST", "reminders/read", []byte(body)); a.Status != want {
				t.Errorf("%s: %d, want %d", body, a.Status, want)
			}
		}

		// A week later it is not shown any more, and in time it is gone.
		rows := func() (n int) {
			t.Helper()
			if err := c.Config.DB.Reader().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM reminders_shown").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		p.Advance(8 * 24 * time.Hour)
		tom.SignIn()
		if all := told(tom, "en"); len(all) != 0 || rows() != 3 {
			t.Errorf("a week later tom was told %v, %d are kept", all, rows())
		}
		p.Advance(30 * 24 * time.Hour)
		if err := c.CleanUp(t.Context()); err != nil || rows() != 0 {
			t.Errorf("%d are kept for ever: %v", rows(), err)
		}
	})
}

// TestReminderReachesThePhone: nina, from outside and without any token of the ERP, is told
// in the app of the visit that begins in an hour, and puts it away, all without network.
func TestReminderReachesThePhone(t *testing.T) {
	t.Parallel()
	p := fieldtest.Start(t, tandemtest.Options{})
	p.ServeApp()
	c := p.Cloud()
	nina := fieldtest.OpenHand(t, p.URL)
	nina.SignIn("nina", tandemtest.Password)
	nina.Until("the cloud has seen her", `(await (await import("/visits.js")).all()).asOf`)
	at := p.Clock.Now().Add(time.Hour)
	id := p.Visits("nina", at, 1)[0]
	if err := errors.Join(c.Pull(t.Context()), c.Remind(t.Context())); err != nil {
		t.Fatal(err)
	}
	its := `document.querySelector('.told a[href="#/visit/` + id + `"]')`
	nina.Press("Get the visits again")
	nina.Until("nina is reminded", its)
	nina.Keep("nina is reminded")
	nina.Until("the app is on the phone", `navigator.serviceWorker.controller`)
	nina.Network(true, -1, -1)
	nina.Ask(`window.before = true; setTimeout(() => location.reload())`)
	nina.Until("nina is reminded without network", `!window.before && `+its)
	nina.Ask(its + `.closest("li").querySelector("button").click()`)
	nina.Until("it is put away", `document.querySelector("#title") && !`+its)
	nina.Network(false, -1, -1)
	nina.Press("Get the visits again")
	nina.Until("the cloud knows", `(async () => { const { fetchApi } = await import("/auth.js"); return (await (await fetchApi("reminders")).json()).find(r => r.visit === "`+id+`").read })()`)
}
