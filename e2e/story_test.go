package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// TestStory is the main job, as people live it: sign in, work, let the back end
// work, see the isolation, sign out. It runs on the built binary, in a real
// browser, on both databases.
func TestStory(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			var args []string
			if engine == sqldb.PostgreSQL {
				args = []string{"--db", datatest.URL(t, engine)}
			}
			s := up(t, args...)
			story{s, string(engine)}.tell(t)
		})
	}
}

type story struct {
	*system
	name string
}

// shot keeps a picture of a page, of one database only: they look the same.
func (s story) shot(b *browser, page string) {
	if s.name == string(sqldb.SQLite) {
		b.shot(s.name + "-" + page)
	}
}

func (s story) tell(t *testing.T) {
	if sessions := s.sessions(); len(sessions) != 0 {
		t.Errorf("a fresh start has sessions: %v", sessions)
	}
	anna := open(t, 1280, 900)
	anna.visit(s.demo.Webapp + "/")
	s.shot(anna, "01-landing")
	s.internalUser(t, anna)
	s.backgroundJob(t, anna)
	s.export(t, anna)
	s.imports(t, anna)
	paul := open(t, 390, 844)
	s.externalUser(t, paul)
	s.twoHalves(t, anna)
	s.killSwitch(t, anna)
	s.signOut(t, anna)
}

// session is a row of `tandem session list -o json`.
type session struct {
	ID, Kind, User string
	EndReason      string `json:"end_reason"`
}

func (s story) sessions(flags ...string) []session {
	s.t.Helper()
	var rows []session
	out := s.tandem(append([]string{"session", "list", "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		s.t.Fatalf("session list: %v\n%s", err, out)
	}
	return rows
}

// holders are the logins that hold a slot.
func (s story) holders() string {
	s.t.Helper()
	var logins []string
	for _, row := range s.sessions() {
		logins = append(logins, row.User)
	}
	return strings.Join(logins, " ")
}

// internalUser is part 2 of the story: KPI tiles, orders, an edit, a new order.
func (s story) internalUser(t *testing.T, anna *browser) {
	anna.press("Sign in")
	s.shot(anna, "02-sign-in")
	anna.signIn(s.system, "anna")
	anna.sees("Recent orders")
	anna.sees("Revenue by month")
	anna.sees("user token of anna")
	s.shot(anna, "03-home")
	if got := s.holders(); got != "anna" {
		t.Errorf("slots are held by %q, want anna alone", got)
	}

	anna.visit(s.demo.Webapp + "/orders")
	anna.sees("Next")
	s.shot(anna, "04-orders")
	first := ask[string](anna, `document.querySelector("[data-order] a").innerText.trim()`)
	anna.typed("#q", first)
	anna.leads("search", chromedp.Click(chromedp.CSS("#search")))
	if rows := ask[int](anna, `document.querySelectorAll("[data-order]").length`); rows != 1 {
		t.Errorf("the search for %s finds %d orders, want 1", first, rows)
	}

	anna.visit(s.demo.Webapp + "/orders/new")
	customer := s.someCustomer(anna)
	anna.typed("#customer", customer)
	anna.typed("#reference", "PO-4711 <b>")
	product := ask[string](anna, `(await (await fetch("/pick/products?q=a", {headers: {Accept: "application/json"}})).json())[0]`)
	anna.typed("#product-0", product)
	anna.typed("#quantity-0", "3")
	s.shot(anna, "05-new-order")
	anna.leads("save", chromedp.Click(chromedp.CSS("#save")))
	anna.sees("PO-4711 <b>")
	s.shot(anna, "06-order")

	anna.leads("edit", chromedp.Click(chromedp.CSS("#edit-order")))
	anna.typed("#reference", "PO-4712")
	anna.typed("#quantity-0", "5")
	s.shot(anna, "07-edit-order")
	anna.leads("save", chromedp.Click(chromedp.CSS("#save")))
	anna.sees("PO-4712")
	anna.seesNot("PO-4711")
}

// someCustomer is one that the picker offers.
func (s story) someCustomer(b *browser) string {
	return ask[string](b, `(await (await fetch("/pick/customers?q=a", {headers: {Accept: "application/json"}})).json())[0]`)
}

// backgroundJob is part 4: the sync, with a live progress bar.
func (s story) backgroundJob(t *testing.T, anna *browser) {
	anna.visit(s.demo.Webapp + "/stock")
	s.shot(anna, "08-stock-before")
	anna.press("Sync stock now")
	job := anna.address()
	if !regexp.MustCompile(`/jobs/[^/]+$`).MatchString(job) {
		t.Fatalf("the sync leads to %s", job)
	}
	s.shot(anna, "09-sync")
	s.finished(anna, "completed")
	s.shot(anna, "10-synced")
	if got := s.holders(); got != "anna svc.portal" {
		t.Errorf("slots are held by %q, want anna and svc.portal", got)
	}
	anna.visit(s.demo.Webapp + "/stock")
	if rows := ask[int](anna, `document.querySelectorAll("#stock tbody tr").length`); rows == 0 {
		t.Error("no stock after the sync")
	}
	s.shot(anna, "11-stock")

	// The same as JSON, for scripts.
	state := ask[string](anna, `(await (await fetch("`+strings.TrimPrefix(job, s.demo.Webapp)+`", {headers: {Accept: "application/json"}})).json()).state`)
	if state != "completed" {
		t.Errorf("as JSON the job is %q", state)
	}
}

// finished waits until the job page, without any help, shows its final state.
func (s story) finished(b *browser, state string) {
	b.t.Helper()
	b.until("the job ends", `["completed","failed","cancelled"].includes(document.querySelector("#job").dataset.state) && !document.querySelector("#cancel-job")`)
	if got := ask[string](b, `document.querySelector("#job").dataset.state`); got != state {
		b.t.Errorf("the job is %s, want %s:\n%s", got, state, b.text())
	}
}

// schedules can be seen by everybody, and paused, resumed and run now by an
// administrator.
func (s story) schedules(anna, admin *browser) {
	anna.visit(s.demo.Webapp + "/schedules")
	anna.sees("active")
	anna.seesNot("Pause")
	admin.visit(s.demo.Webapp + "/schedules")
	s.shot(admin, "12-schedules")
	button := func(do string) chromedp.CSS { return chromedp.CSS(`[data-do="` + do + `"]`) }
	admin.leads("pause", chromedp.Click(button("pause")))
	admin.sees("paused")
	admin.leads("resume", chromedp.Click(button("resume")))
	admin.sees("active")
	admin.leads("run", chromedp.Click(button("run")))
	s.finished(admin, "completed")
}

// export makes a file of a period's orders.
func (s story) export(t *testing.T, anna *browser) {
	for _, format := range []string{"csv", "xlsx"} {
		anna.visit(s.demo.Webapp + "/export")
		anna.do("choose the period and the format", chromedp.SetValue(chromedp.CSS("#from"), fmt.Sprintf("%d-01-01", time.Now().Year()-2)), chromedp.SetValue(chromedp.CSS("#format"), format))
		s.shot(anna, "13-export")
		anna.leads("export", chromedp.Click(chromedp.CSS("#export")))
		s.finished(anna, "completed")
		size := ask[int](anna, `(await (await fetch(document.querySelector("#download").href)).arrayBuffer()).byteLength`)
		if size < 1000 {
			t.Errorf("the %s file has %d bytes", format, size)
		}
	}
	s.shot(anna, "14-exported")
}

// imports uploads the eight files twice: the second time adds nothing.
func (s story) imports(t *testing.T, anna *browser) {
	files := northwindtest.Files(t)
	for run, want := range []string{"added", "unchanged"} {
		anna.visit(s.demo.Webapp + "/import")
		anna.do("choose the files", chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
		if run == 0 {
			s.shot(anna, "15-import")
		}
		anna.leads("import", chromedp.Click(chromedp.CSS("#import")))
		s.finished(anna, "completed")
		s.shot(anna, fmt.Sprintf("16-imported-%d", run+1))
		column := map[string]int{"added": 3, "unchanged": 5}[want]
		text := ask[string](anna, `document.querySelector('[data-step^="orders"] td:nth-child(`+strconv.Itoa(column)+`)').innerText`)
		if got, _ := strconv.Atoi(strings.NewReplacer(",", "", " ", "", "\u202f", "", "\u00a0", "").Replace(text)); got != northwindtest.Orders {
			t.Errorf("run %d: %s orders %s, want %d", run+1, text, want, northwindtest.Orders)
		}
	}
}

// externalUser is part 3: paul sees his company's documents and takes no slot.
func (s story) externalUser(t *testing.T, paul *browser) {
	before := s.holders()
	paul.signIn(s.system, "paul")
	s.shot(paul, "20-portal")
	paul.visit(s.demo.Webapp + "/portal/orders")
	if rows := ask[int](paul, `document.querySelectorAll("[data-document]").length`); rows == 0 {
		t.Errorf("paul sees no orders:\n%s", paul.text())
	}
	s.shot(paul, "21-portal-orders")
	paul.leads("open an order", chromedp.Click(chromedp.CSS("[data-document] a")))
	s.shot(paul, "22-portal-order")
	paul.visit(s.demo.Webapp + "/portal/invoices")
	if rows := ask[int](paul, `document.querySelectorAll("[data-document]").length`); rows == 0 {
		t.Errorf("paul sees no invoices:\n%s", paul.text())
	}
	s.shot(paul, "23-portal-invoices")
	if after := s.holders(); after != before {
		t.Errorf("slots were held by %q, and with paul by %q (I5)", before, after)
	}
	paul.visit(s.demo.Webapp + "/orders")
	paul.sees("not")
	s.shot(paul, "24-portal-refused")
	paul.visit(s.demo.Webapp + "/two-halves")
	s.shot(paul, "25-portal-two-halves")
	paul.sees("of 25, none is yours")
	paul.seesNot("GET /api")
}

// twoHalves is part 6: the picture with real figures.
func (s story) twoHalves(t *testing.T, anna *browser) {
	anna.visit(s.demo.Webapp + "/two-halves")
	anna.sees("svc.portal")
	s.shot(anna, "30-two-halves")
	if people := ask[string](anna, `document.querySelector("#figure-people").innerText`); people != "2" {
		t.Errorf("people signed in: %s, want 2", people)
	}
	if slots := ask[string](anna, `document.querySelector("#figure-slots").innerText`); slots != "2 of 25" {
		t.Errorf("slots: %s", slots)
	}
	if ask[bool](anna, `!!document.querySelector("#holders")`) {
		t.Error("anna, who is no administrator, sees who holds the slots")
	}
	admin := open(t, 1280, 900)
	admin.signIn(s.system, "admin")
	admin.visit(s.demo.Webapp + "/two-halves")
	admin.sees("Who holds a slot")
	s.shot(admin, "31-two-halves-admin")
	s.schedules(anna, admin)
	admin.press("Sign out")
}

// killSwitch is part 8: disable stops both halves within 5 s, enable brings
// them back without a restart.
func (s story) killSwitch(t *testing.T, anna *browser) {
	s.tandem("app", "disable", "com.example/portal")
	s.await("both halves to stop", func() bool {
		anna.visit(s.demo.Webapp + "/orders")
		return !ask[bool](anna, `!!document.querySelector("[data-order]")`)
	})
	s.shot(anna, "32-disabled")
	s.await("the slots to be free", func() bool { return s.holders() == "" })
	s.tandem("app", "enable", "com.example/portal")
	s.await("the user half to come back", func() bool {
		anna.visit(s.demo.Webapp + "/orders")
		return ask[bool](anna, `!!document.querySelector("[data-order]")`)
	})
	anna.visit(s.demo.Webapp + "/stock")
	anna.press("Sync stock now")
	s.finished(anna, "completed")
}

// signOut is part 7: it frees anna's slot at once, and the worker's stays.
func (s story) signOut(t *testing.T, anna *browser) {
	if got := s.holders(); got != "anna svc.portal" && got != "svc.portal anna" {
		t.Errorf("slots are held by %q, want anna and svc.portal", got)
	}
	anna.press("Sign out")
	anna.sees("Sign in")
	s.shot(anna, "40-signed-out")
	if got := s.holders(); got != "svc.portal" {
		t.Errorf("after the sign-out slots are held by %q, want svc.portal alone (I6)", got)
	}
	if strings.Contains(anna.address(), "id_token") {
		t.Errorf("the address holds a token (I13): %s", anna.address())
	}
	anna.visit(s.demo.Webapp + "/orders")
	if !strings.Contains(anna.address(), "/id/") {
		t.Errorf("after the sign-out /orders leads to %s, not to the sign-in page", anna.address())
	}
}
