package isolation_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// forged are headers in which gateways tell who somebody is. Nothing here
// believes them.
func forged(login string) http.Header {
	h := http.Header{}
	for _, name := range []string{
		"X-User", "X-User-Id", "X-User-Login", "X-User-Type", "X-User-Admin", "X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Auth-Request-User",
		"X-Remote-User", "Remote-User", "X-Authenticated-User", "X-Original-User", "X-Impersonate-User", "Tandem-User", "Tandem-Session", "Tandem-On-Behalf-Of",
	} {
		h.Set(name, login)
	}
	h.Set("X-User-Type", "InternalUser")
	return h
}

// TestA7_I5_WithoutAnAPITokenNothingOpens brings what an external user holds,
// or nothing at all, to the domain API, and forged identities to all three.
func TestA7_I5_WithoutAnAPITokenNothingOpens(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		paul := s.SignIn("paul")
		if strings.Contains(paul.Scope, "read") || strings.Contains(paul.Scope, "update") {
			t.Errorf("paul was given %q", paul.Scope)
		}
		anna := s.SignIn("anna")
		for name, token := range map[string]string{
			"nothing": "", "paul's access token": paul.Access, "paul's ID token": paul.ID, "paul's refresh token": paul.Refresh,
			"anna's ID token": anna.ID, "anna's refresh token": anna.Refresh, "anna, unsigned": unsigned(anna.Access), "the user secret": s.UserSecret, "the service secret": s.ServiceSecret,
		} {
			for _, path := range []string{"", "$metadata", "GetVersion()", "GetLicenceUsage", "GetLastProof", "GetLastProofReport", "General_Products_Products?$top=1", setOrders + "?$top=1", "Systems_Monitoring_CurrentSessions"} {
				for _, h := range []http.Header{{}, forged("anna"), forged("admin"), forged(tandemtest.SystemUser)} {
					if token != "" {
						h.Set("Authorization", "Bearer "+token)
					}
					a := s.send("GET", s.OData+path, "", h)
					if open := path == "" || path == "$metadata"; a.StatusCode/100 == 2 && !open || strings.Contains(a.Text, `"Id"`) {
						t.Errorf("%s at %s: %d %.200s", name, path, a.StatusCode, a.Text)
					}
					if a.Header.Get("Tandem-Session") != "" || a.Header.Get("Tandem-Slot") != "" {
						t.Errorf("%s at %s has a session", name, path)
					}
				}
			}
			for _, method := range []string{"POST", "PATCH", "DELETE"} {
				if status, text := s.API(method, setOrders, token, "{}"); status != 401 && status != 403 && status != 405 {
					t.Errorf("%s: %s: %d %s", name, method, status, text)
				}
			}
		}
		// At the web app a forged identity is nobody's, and changes nobody.
		browser := s.signIn("paul")
		for _, login := range []string{"anna", "admin", tandemtest.SystemUser} {
			h := forged(login)
			h.Set("Accept", "text/html")
			for _, path := range []string{"/orders", "/portal/orders", "/two-halves", "/jobs", "/stock"} {
				if a := s.send("GET", s.WebApp+path, "", h); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/signin") {
					t.Errorf("a stranger as %s at %s: %d", login, path, a.StatusCode)
				}
			}
			for _, path := range []string{"/orders", "/jobs", "/stock"} {
				req, err := http.NewRequestWithContext(t.Context(), "GET", s.WebApp+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header = h.Clone()
				req.Header.Set(internalapi.HeaderEvidence, anna.ID)
				if a := s.do(browser.Client, req); a.StatusCode != http.StatusForbidden {
					t.Errorf("paul as %s at %s: %d", login, path, a.StatusCode)
				}
			}
			// At the worker neither headers nor the key alone are a person, and a
			// person without the key is nobody.
			for _, path := range []string{internalapi.PathJobs, internalapi.PathStock, internalapi.PathPortalOrders, internalapi.PathPortalCustomer} {
				if a := s.askWorker("GET", path, "", h); a.StatusCode != 401 {
					t.Errorf("%s with headers alone at %s: %d %s", login, path, a.StatusCode, a.Text)
				}
				h := h.Clone()
				h.Set(internalapi.HeaderEvidence, anna.ID)
				if a := s.send("GET", s.Worker+path, "", h); a.StatusCode != 401 {
					t.Errorf("without the channel key at %s: %d %s", path, a.StatusCode, a.Text)
				}
			}
			if a := s.askWorker("GET", internalapi.PathStock, s.SignIn("paul", "openid").ID, h); a.StatusCode != 403 {
				t.Errorf("paul as %s at the worker: %d %s", login, a.StatusCode, a.Text)
			}
		}
		for name, evidence := range map[string]string{
			"a user token": anna.Access, "paul's access token": paul.Access, "a service token": s.ServiceToken(), "an unsigned ID token": unsigned(anna.ID), "the channel key": "anna",
		} {
			for _, path := range []string{internalapi.PathStock, internalapi.PathPortalOrders} {
				if a := s.askWorker("GET", path, evidence, nil); a.StatusCode != 401 {
					t.Errorf("%s as evidence at %s: %d %s", name, path, a.StatusCode, a.Text)
				}
			}
		}
		for _, row := range s.Sessions(true) {
			if row.Kind != tandem.SessionService || row.User != tandemtest.SystemUser {
				t.Errorf("a session was opened for %s", row.User)
			}
		}
		if n := len(s.Record(tandem.AuditSessionRefused)); n != 0 {
			t.Errorf("%d refusals are on record, as if for want of a licence", n)
		}
	})
}

// unsigned takes a token's signature away.
func unsigned(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return token
	}
	return "eyJhbGciOiJub25lIn0." + parts[1] + "."
}

// TestI5_TwoHundredLikeHimTakeNoSlot signs two hundred external users in to the
// web app, all there at once; each sees orders, their own, and the list of
// sessions shows the worker's alone. The licence would be too small for three.
func TestI5_TwoHundredLikeHimTakeNoSlot(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true, Licence: tandem.Licence{Slots: 2}}, func(t *testing.T, s *system) {
		const many, atOnce = 200, 8
		c := readCompany(s, 8)
		people := s.newExternals("partner", many)
		for i := range people {
			people[i].rows = []access{c.grant(people[i].id, access{customer: c.customers[i%len(c.customers)], role: "Billing", days: -1})}
		}
		for _, row := range s.Sessions(false) { // the test's own token held one to get here
			if err := s.Platform.Sessions.Close(t.Context(), tandemtest.By, row.ID, "the test begins"); err != nil {
				t.Fatal(err)
			}
		}
		s.Refresh()

		browsers := make([]*person, many)
		var all errgroup.Group
		all.SetLimit(atOnce)
		for i, x := range people {
			all.Go(func() error { // each comes by a link to an order of their own
				d := c.orders[x.rows[0].customer][0]
				browsers[i] = s.stranger()
				page := browsers[i].SignIn(s.WebApp+"/signin?return_to=/portal/orders/"+d.ID, x.login, tandemtest.Password)
				if page.StatusCode != 200 || !strings.Contains(page.Text, d.Number) {
					t.Errorf("%s: order %s: %d", x.login, d.Number, page.StatusCode)
				}
				return nil
			})
		}
		_ = all.Wait() // the errors are the test's already
		var lock sync.Mutex
		seen := map[string]int{}
		for i, x := range people {
			all.Go(func() error {
				page := browsers[i].open("/portal/orders")
				own := x.rows[0].customer
				if page.StatusCode != 200 || !strings.Contains(page.Text, "data-document") || !strings.Contains(page.Text, "Partner "+x.login) {
					t.Errorf("%s: %d", x.login, page.StatusCode)
				}
				c.onlyOwn(x.login, page.Text, own)
				lock.Lock()
				defer lock.Unlock()
				seen[own]++
				return nil
			})
		}
		_ = all.Wait()
		if len(seen) != len(c.customers) {
			t.Errorf("orders of %d customers were seen", len(seen))
		}
		rows := s.Sessions(false)
		if len(rows) != 1 || rows[0].Kind != tandem.SessionService || rows[0].User != tandemtest.SystemUser || rows[0].Requests < many {
			t.Errorf("with %d external users signed in these sessions are open: %+v", many, rows)
		}
		if u := s.Usage(); u.InUse != 1 || u.User != 0 {
			t.Errorf("usage: %+v", u)
		}
		// The second slot is free for anna, and she gets it.
		if page := s.signIn("anna").open("/orders"); page.StatusCode != 200 {
			t.Errorf("anna finds no slot: %d", page.StatusCode)
		}
	})
}
