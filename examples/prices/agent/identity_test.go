package agent_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// The agent's System User may change list prices, and nothing else: it can neither make
// products nor touch their names, by any door; and people may not change list prices,
// also those who approve.
func TestNobodyHoldsMoreThanTheirPart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	one := p.products("Active eq true")[0]
	set := "General_Products_Products"
	row := set + "(" + one.ID + ")"
	robot := p.ServiceToken()
	object := func(action, more string) string {
		return `{"objects":[{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"` + action + `","@erpnet.findBy":{"Id":"` + one.ID + `"},` + more + `}]}`
	}
	for name, c := range map[string]struct{ method, path, body string }{
		"name":             {"PATCH", row, `{"Name":{"EN":"mine"}}`},
		"cost":             {"PATCH", row, `{"StandardCostPerLot":{"Value":1,"Currency":"EUR"}}`},
		"active":           {"PATCH", row, `{"Active":false}`},
		"price and name":   {"PATCH", row, `{"StandardPricePerLot":{"Value":1,"Currency":"EUR"},"Name":{"EN":"mine"}}`},
		"create":           {"POST", set, `{"PartNumber":"MINE-1","Name":{"EN":"mine"}}`},
		"delete":           {"DELETE", row, ""},
		"import a name":    {"POST", "Import", object("update", `"Name":{"EN":"mine"}`)},
		"import, create":   {"POST", "Import", object("create", `"PartNumber":"MINE-1","Name":{"EN":"mine"}`)},
		"import, merge":    {"POST", "Import", strings.Replace(object("merge", `"PartNumber":"MINE-1"`), one.ID, "01a22688-0000-7000-8000-000000000000", 1)},
		"import, delete":   {"POST", "Import", object("delete", `"Active":false`)},
		"customers":        {"GET", "Crm_Sales_Customers?$top=1", ""},
		"external access":  {"GET", "Crm_Sales_CustomerExternalAccess?$top=1", ""},
		"product groups":   {"GET", "General_Products_ProductGroups?$top=1", ""},
		"a customer, made": {"POST", "Crm_Sales_Customers", `{"Number":"1"}`},
	} {
		status, text := p.API(c.method, c.path, robot, c.body)
		if status != 403 && !(c.path == "Import" && status == 200 && strings.Contains(text, `"@erpnet.result":"fail"`)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if now := p.products("Id eq " + one.ID); len(now) != 1 || now[0].Version != one.Version || len(p.products("PartNumber eq 'MINE-1'")) > 0 {
		t.Errorf("something was changed: %+v, was %+v", now, one)
	}
	for _, login := range []string{"anna", "maria"} {
		status, text := p.API("PATCH", row, p.SignIn(login).Access, `{"StandardPricePerLot":{"Value":1,"Currency":"EUR"}}`)
		if status != 403 || !strings.Contains(text, "StandardPricePerLot") {
			t.Errorf("%s changes a price: %d %s", login, status, text)
		}
	}
}

// The channel is for who has its key, and evidence is for one employee who is signed in
// now: no other token will do, and nobody decides with another's.
func TestTheChannelIsNobodyElses(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	ask := func(key bool, evidence ...string) int {
		t.Helper()
		req := httptest.NewRequestWithContext(t.Context(), "GET", r.url+wire.PathBatches, nil)
		req.RequestURI = ""
		if key {
			r.key.Authorize(req)
		}
		for _, e := range evidence {
			req.Header.Add(internalapi.HeaderEvidence, e)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	maria := p.SignIn("maria")
	for name, c := range map[string]struct {
		key      bool
		evidence []string
		want     int
	}{
		"right": {true, []string{maria.ID}, 200}, "no key": {false, []string{maria.ID}, 401}, "no evidence": {true, nil, 401}, "an access token": {true, []string{maria.Access}, 401},
		"two": {true, []string{maria.ID, maria.ID}, 401}, "an external person": {true, []string{p.SignIn("paul").ID}, 403}, "the robot's token": {true, []string{p.ServiceToken()}, 401},
	} {
		if got := ask(c.key, c.evidence...); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "maria"); err != nil {
		t.Fatal(err)
	}
	p.Advance(3 * time.Second)
	if got := ask(true, maria.ID); got != 401 {
		t.Errorf("F4: a disabled person: %d", got)
	}
}

// hook does something when the first call of a kind has been answered.
type hook struct {
	mu sync.Mutex
	at func(r *http.Request) bool
	do func()
}

func (h *hook) set(at func(r *http.Request) bool, do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.do = at, do
}

func (h *hook) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		h.mu.Lock()
		do := h.do
		if h.at == nil || !h.at(r) {
			h.mu.Unlock()
			return
		}
		h.at = nil
		h.mu.Unlock()
		do()
	})
}

// many is a price list of all products, which takes two calls.
func many(all []product, factor float64) string {
	var rows []string
	for _, one := range all {
		rows = append(rows, one.PartNumber+","+times(one.Price, factor))
	}
	return list(rows...)
}

// F2: an hour passes in the middle of the writing: token and session end, the next call
// has new ones, and never are there two slots.
func TestF2_AnHourPassesInTheMiddle(t *testing.T) {
	t.Parallel()
	h := &hook{}
	p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
	r := p.agentOf()
	all := p.products("Active eq true")
	r.put("prices.csv", many(all, 1.5))
	r.until(1, wire.Waiting)
	h.set(isImport, func() { p.Advance(61 * time.Minute) })
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "an hour has passed", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.at == nil })
	delete(p.tokens, "maria")
	b := r.until(1, wire.Completed)
	if b.Figures.Count[wire.RowDone] != int64(len(all)) {
		t.Errorf("%+v", b.Figures)
	}
	open, sessions := 0, 0
	for _, s := range p.Sessions(true) {
		if s.User == systemUser {
			sessions++
			if s.EndedAt.IsZero() {
				open++
			}
		}
	}
	if open != 1 || sessions != 2 {
		t.Errorf("%d sessions of the agent, %d of them open: want 2 one after the other", sessions, open)
	}
}

// F10: the application gets another System User in the middle: the batch pauses until an
// administrator has looked, and until then the other one writes no price though it may,
// and no row is refused for good because it may not. F4: disabled meanwhile, it goes on.
func TestF10_F4_AnotherSystemUserInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, granted := range map[string]bool{"one with the grants": true, "one without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hook{}
			p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
			other := p.CreateUser(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
			if granted {
				p.Grant("Price agent", "svc.other")
			}
			first := ""
			actAs := func(id string) {
				p.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { first, a.SystemUserID = a.SystemUserID, id })
			}
			r := p.agentOf()
			all := p.products("Active eq true")
			r.put("prices.csv", many(all, 1.5))
			r.until(1, wire.Waiting)
			h.set(isImport, func() { actAs(other.ID) })
			if err := r.decide("maria", 1); err != nil {
				t.Fatal(err)
			}
			b := r.until(1, wire.Paused)
			if !strings.Contains(b.Note, "acts as svc.other now, and began this batch as svc.prices: an administrator has to look") {
				t.Errorf("%s", b.Note)
			}
			if n := b.Figures.Count[wire.RowRefused]; n > 0 {
				t.Errorf("%d rows are refused for good: %s", n, r.rows(1))
			}
			for _, one := range p.products("Active eq true") {
				if one.UpdateUser == "svc.other" {
					t.Fatalf("svc.other has written %+v", one)
				}
			}
			if _, err := r.api.Do(t.Context(), r.idToken("maria"), 1, "resume"); tandem.ErrorCode(err) != tandem.CodeForbidden {
				t.Errorf("maria resumes: %v", err)
			}
			p.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
			p.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = true })
			if !granted {
				actAs(first)
			}
			delete(p.tokens, "admin")
			if _, err := r.api.Do(t.Context(), r.idToken("admin"), 1, "resume"); err != nil {
				t.Fatal(err)
			}
			delete(p.tokens, "maria")
			if b = r.until(1, wire.Completed); b.Figures.Count[wire.RowDone] != int64(len(all)) {
				t.Errorf("%+v %s", b.Figures, b.Note)
			}
		})
	}
}

// F4: who approved is disabled before the writing begins: the approval stands, and it is
// recorded. F6: the same approval twice is one.
func TestF4_F6_TheApproverIsDisabledMeanwhile(t *testing.T) {
	t.Parallel()
	o := &throttle{}
	o.status.Store(503)
	p := newPlace(t, tandemtest.Options{Wrap: o.wrap})
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.5)))
	r.until(1, wire.Waiting)
	o.refuse.Store(3)
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	if err := r.decide("maria", 1); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("F6: approved twice: %v", err)
	}
	if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "maria"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it is written", func() bool { return r.batch("milena", 1).State == wire.Completed })
	b := r.batch("milena", 1)
	told := ""
	for _, e := range b.Events {
		told += e.What + "\n"
	}
	if b.DecidedBy != "maria" || !strings.Contains(told, "maria may not use the application any more; the approval was given before that, and stands") {
		t.Errorf("%s: %s", b.DecidedBy, told)
	}
}

// A batch is paused and goes on, or is stopped for good: then what was written stays, is
// reconciled, and can be taken back, one group alone where somebody wants that.
func TestPauseCancelAndRollback(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := &hook{}
			p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
			r := p.agentOn(p.storeOn(engine), t.TempDir())
			all := p.products("Active eq true")
			do := func(what string) {
				if _, err := r.api.Do(t.Context(), r.idToken("maria"), 1, what); err != nil {
					t.Error(err)
				}
			}
			r.put("prices.csv", many(all, 1.5))
			r.until(1, wire.Waiting)
			for _, other := range []string{"pause", "resume"} {
				if _, err := r.api.Do(t.Context(), r.idToken("maria"), 1, other); tandem.ErrorCode(err) != tandem.CodeConflict {
					t.Errorf("a waiting batch is told to %s: %v", other, err)
				}
			}
			h.set(isImport, func() { do("pause") })
			if err := r.decide("maria", 1); err != nil {
				t.Fatal(err)
			}
			b := r.until(1, wire.Paused)
			if b.Figures.Count[wire.RowDone] != 200 || b.Figures.Count[wire.RowChange] != int64(len(all)-200) {
				t.Fatalf("%+v", b.Figures)
			}
			do("cancel")
			b = r.until(1, wire.Cancelled)
			if !strings.Contains(b.Note, "200 prices changed") || !strings.Contains(b.Note, "not written") {
				t.Errorf("%s", b.Note)
			}
			groups, err := r.api.Groups(t.Context(), r.idToken("maria"), 1)
			if err != nil || len(groups) < 2 {
				t.Fatalf("%v %v", groups, err)
			}
			// maria asks, so milena decides; the others of the group are as they were.
			p.setPrice(all[0].PartNumber, "3.33")
			made, err := r.api.RollBack(t.Context(), r.idToken("maria"), 1, wire.Rollback{Reason: "all of it"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.api.RollBack(t.Context(), r.idToken("maria"), 1, wire.Rollback{Group: groups[0].ID, Reason: "again"}); tandem.ErrorCode(err) != tandem.CodeConflict {
				t.Errorf("two rollbacks at once: %v", err)
			}
			r.until(made.ID, wire.Waiting)
			if err := r.decide("maria", made.ID); tandem.ErrorCode(err) != tandem.CodeForbidden {
				t.Errorf("maria decides about her own rollback: %v", err)
			}
			if err := r.decide("milena", made.ID); err != nil {
				t.Fatal(err)
			}
			b = r.until(made.ID, wire.Completed)
			if b.Figures.Count[wire.RowDone] != 199 || b.Figures.Count[wire.RowKept] != 1 {
				t.Errorf("%+v: %s", b.Figures, b.Note)
			}
			if got := p.price(all[0].PartNumber); got != "3.33" {
				t.Errorf("what somebody has changed since was taken back: %s", got)
			}
			if b := r.batch("maria", 1); b.State != wire.Cancelled || b.Figures.Count[wire.RowBack] != 199 {
				t.Errorf("%+v", b.Figures)
			}
		})
	}
}

// Batches, their rows and the prices of before are kept for 400 days, and go then.
func TestBatchesAreKeptFor400Days(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.byDay()
	r := p.agentOf(func(c *agent.Config) { c.Still = time.Millisecond })
	r.put("prices.csv", list("X-1,1"))
	r.until(1, wire.Waiting)
	if _, err := r.api.Decide(t.Context(), r.idToken("maria"), 1, wire.Decision{Reason: "no"}); err != nil {
		t.Fatal(err)
	}
	there := func() bool {
		delete(p.tokens, "maria")
		_, err := r.api.Batch(t.Context(), r.idToken("maria"), 1)
		return err == nil
	}
	p.Advance(399 * 24 * time.Hour)
	time.Sleep(3 * time.Second) // a turn of the look for old ones
	if !there() {
		t.Error("gone after 399 days")
	}
	p.Advance(2 * 24 * time.Hour)
	testkit.Eventually(t, "it is gone after 401 days", func() bool { return !there() })
}
