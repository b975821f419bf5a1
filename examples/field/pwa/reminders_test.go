package pwa_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
)

// What a person was told is on the phone without network, and can be read there: the server
// hears of it with the next network, once, and also where its first answer was lost.
func TestRemindersWithoutNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.told = []obj{{"id": "day", "text": "Two visits today", "visit": "", "at": time.Now(), "read": false}, {"id": "soon", "text": "Visit at 10:00", "visit": "a", "at": time.Now(), "read": false},
			{"id": "old", "text": "Read on another phone", "visit": "", "at": time.Now(), "read": true}}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	unread := func() string {
		t.Helper()
		return p.js(`return (await (await import("/reminders.js")).unread()).map(r => r.id).join()`)
	}
	heard := func() string { return peek(w.server, func() string { return fmt.Sprint(w.read) }) }
	if got := unread(); got != "day,soon" {
		t.Errorf("%s is not read", got)
	}
	w.set(func() { w.away = true })
	p.js(`await (await import("/reminders.js")).read("day")`)
	p.do(reload())
	testkit.Eventually(t, "the page is there again", func() bool { out, err := p.try(`return document.readyState`); return err == nil && out == "complete" })
	if got := unread(); got != "soon" || heard() != "[]" {
		t.Errorf("without network %s is not read, the server heard %s", got, heard())
	}
	w.set(func() { w.away, w.fault = false, lost })
	p.js(`await visits.refresh().catch(() => {})`)
	w.set(func() { w.fault = nil })
	p.js(`await visits.refresh()`)
	if got := heard(); unread() != "soon" || got != "[day]" && got != "[day day]" {
		t.Errorf("with network %s is not read, the server heard %s", unread(), got)
	}
	before := heard()
	p.js(`await visits.refresh()`)
	if after := heard(); after != before {
		t.Errorf("the server hears it again: %s", after)
	}
}

// TestVisitsComeInSpiteOfReminders: a server that has no reminders, or none now, keeps nobody
// from the visits.
func TestVisitsComeInSpiteOfReminders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !strings.HasPrefix(r.URL.Path, "/field-api/reminders") {
				return false
			}
			http.Error(rw, `{"error":"internal"}`, 500)
			return true
		}
	})
	p := w.phone()
	p.signIn("tom")
	got := p.js(`
		const said = await visits.refresh().then(() => "fetched", (error) => error.message);
		return said + " " + (await visits.all()).visits.length;
	`)
	if got != "fetched 3" {
		t.Errorf("the visits are %s", got)
	}
}

// TestScreensShowReminders: Today says what is still of use, and a press puts it away.
func TestScreensShowReminders(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(412, 915, "light")
	p.open("", "en", "")
	texts := func(want string) {
		t.Helper()
		p.becomes("[...document.querySelectorAll('.told li')].map(e => e.innerText.trim()).join('; ')", want)
	}
	const soon, day = "Visit at 14:00: Seilerei Hofer, Rope to be shortened", "3 visits today, the first at 08:00: Gipfel & Faden Lechner GmbH"
	texts(soon + "; " + day)
	p.press("Read: 3 visits today")
	p.asked(`["read","day"]`)
	texts(soon)
	p.press(soon)
	p.becomes("location.hash", "#/visit/v3")
	p.press("Start the visit")
	p.open("", "en", "told: []")
	texts("")
}
