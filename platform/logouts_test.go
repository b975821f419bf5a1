package platform_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// hearing is an application that hears of sign-outs.
type hearing struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	// answer is what it says; nil takes everything.
	answer func(w http.ResponseWriter, r *http.Request)
}

func listening(t *testing.T) *hearing {
	h := &hearing{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.tokens = append(h.tokens, r.PostFormValue("logout_token"))
		answer := h.answer
		h.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hearing) says(answer func(w http.ResponseWriter, r *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

func (h *hearing) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tokens)
}

// tells registers where an application hears.
func (d *deciding) tells(uri string, h *hearing) {
	d.T.Helper()
	d.UpdateApp(uri, func(a *tandem.TrustedApp) { a.BackchannelLogoutURI = h.URL + "/backchannel-logout" })
}

// logoutClaims are everything that a logout token says; it is verified with the published
// keys, as an application does.
func (d *deciding) logoutClaims(text string) (claims map[string]any, header jose.Header) {
	d.T.Helper()
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA})
	if err != nil {
		d.Fatalf("%q: %v", text, err)
	}
	res, err := http.Get(d.URL + oauth.PathJWKS)
	must(d.T, err)
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	must(d.T, json.NewDecoder(res.Body).Decode(&keys))
	header = jws.Signatures[0].Header
	found := keys.Key(header.KeyID)
	if len(found) != 1 {
		d.Fatalf("no key %q is published", header.KeyID)
	}
	payload, err := jws.Verify(found[0])
	must(d.T, err)
	must(d.T, json.Unmarshal(payload, &claims))
	return claims, header
}

// idClaims are those of an ID token that came from the token endpoint itself.
func (d *deciding) idClaims(text string) (claims map[string]any) {
	d.T.Helper()
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	must(d.T, err)
	must(d.T, json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims))
	return claims
}

// TestBackchannelRPInitiatedLogout is oidcc-backchannel-rp-initiated-logout, and every other
// way in which a sign-in ends: each application that it reached is told, once, with a token
// as section 2.4 wants it.
func TestBackchannelRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		ctx, rp, quietOne := t.Context(), listening(t), listening(t)
		d.tells(tandemtest.Portal, rp)
		d.tells(other, quietOne) // which nobody reaches
		t.Run("oidcc-backchannel-logout-discovery-endpoint-verification", func(t *testing.T) {
			res, err := http.Get(d.URL + oauth.PathDiscovery)
			must(t, err)
			defer res.Body.Close()
			var doc map[string]any
			must(t, json.NewDecoder(res.Body).Decode(&doc))
			if doc["backchannel_logout_supported"] != true || doc["backchannel_logout_session_supported"] != true {
				t.Errorf("%v", doc)
			}
		})
		seen := map[string]bool{}
		for name, end := range map[string]func(login string, b *tandemtest.Browser, tokens tandemtest.Tokens){
			"oidcc-backchannel-rp-initiated-logout": func(_ string, b *tandemtest.Browser, tokens tandemtest.Tokens) {
				b.Get(d.URL + oauth.PathEndSession + "?" + url.Values{"id_token_hint": {tokens.ID}, "post_logout_redirect_uri": {tandemtest.PostLogoutRedirectURI}}.Encode())
			},
			"endsession as a form": func(_ string, b *tandemtest.Browser, tokens tandemtest.Tokens) {
				b.Post(b.Get(d.URL+oauth.PathIssuer), d.URL+oauth.PathEndSession, url.Values{"id_token_hint": {tokens.ID}})
			},
			"the sign-out page": func(_ string, b *tandemtest.Browser, _ tandemtest.Tokens) {
				b.Submit(b.Get(d.URL+oauth.PathEndSession), nil)
			},
			"user end-sign-ins": func(login string, _ *tandemtest.Browser, _ tandemtest.Tokens) {
				_, err := d.Platform.Accounts.EndSignIns(ctx, tandemtest.By, login)
				must(t, err)
			},
			"user disable": func(login string, _ *tandemtest.Browser, _ tandemtest.Tokens) {
				_, err := d.Platform.Accounts.Disable(ctx, tandemtest.By, login)
				must(t, err)
			},
			"a new password": func(login string, _ *tandemtest.Browser, _ tandemtest.Tokens) {
				_, err := d.Platform.Accounts.SetPassword(ctx, tandemtest.By, login, "another password that is long")
				must(t, err)
			},
			"withdrawn": func(login string, _ *tandemtest.Browser, _ tandemtest.Tokens) {
				must(t, d.Platform.Grants.Withdraw(ctx, tandemtest.By, login, tandemtest.Portal))
			},
			"user delete": func(login string, _ *tandemtest.Browser, _ tandemtest.Tokens) {
				must(t, d.Platform.Accounts.Delete(ctx, tandemtest.By, login))
			},
		} {
			t.Run(name, func(t *testing.T) {
				login := strings.ReplaceAll(strings.ReplaceAll(name, " ", "."), "-", ".")
				d.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Password: tandemtest.Password})
				b := d.Browser()
				tokens := d.Redeem(b.Authorize(login, tandemtest.Password))
				before := len(rp.heard())
				end(login, b, tokens)
				testkit.Eventually(t, name+": the application is told", func() bool { return len(rp.heard()) > before })
				told := rp.heard()
				if len(told) != before+1 {
					t.Errorf("%s: told %d times", name, len(told)-before)
				}
				claims, header := d.logoutClaims(told[before])
				want := d.idClaims(tokens.ID)
				if header.ExtraHeaders[jose.HeaderType] != "logout+jwt" || header.Algorithm != string(jose.RS256) {
					t.Errorf("%s: header %+v", name, header)
				}
				if claims["iss"] != d.Issuer || claims["aud"] != tandemtest.Portal || claims["sid"] != want["sid"] || claims["sub"] != want["sub"] && claims["sub"] != nil {
					t.Errorf("%s: %v for the sign-in %v of %v", name, claims, want["sid"], want["sub"])
				}
				iat, exp := claims["iat"].(float64), claims["exp"].(float64)
				if exp-iat <= 0 || exp-iat > 120 || claims["nonce"] != nil || claims["jti"] == "" || seen[claims["jti"].(string)] {
					t.Errorf("%s: %v", name, claims)
				}
				seen[claims["jti"].(string)] = true
				if events, ok := claims["events"].(map[string]any); !ok || len(events) != 1 || events["http://schemas.openid.net/event/backchannel-logout"] == nil {
					t.Errorf("%s: events %v", name, claims["events"])
				}
				if len(claims) > 8 {
					t.Errorf("%s: more claims than are known: %v", name, claims)
				}
				// It is good for nothing else (I7).
				if status, _ := d.API("GET", readProducts, told[before], ""); status != http.StatusUnauthorized {
					t.Errorf("%s: a logout token reads: %d", name, status)
				}
			})
		}
		if n := len(quietOne.heard()); n != 0 {
			t.Errorf("an application that nobody reached was told %d times", n)
		}
		testkit.Eventually(t, "all are on record", func() bool { return len(d.Record(tandem.AuditLogoutTold)) == len(seen) })
		app, err := d.Platform.Apps.Get(ctx, tandemtest.Portal)
		must(t, err)
		if told, err := d.Platform.LastTold(ctx, app.ID); err != nil || told.Error != "" || told.Tries != 1 {
			t.Errorf("last told: %+v, %v", told, err)
		}
	})
}

// TestE29_UnreachableApplications: who does not answer holds nobody up, is tried again with a
// new token, for so long and no longer, and is found.
func TestE29_UnreachableApplications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		ctx, rp, elsewhere := t.Context(), listening(t), listening(t)
		d.tells(tandemtest.Portal, rp)
		app, err := d.Platform.Apps.Get(ctx, tandemtest.Portal)
		must(t, err)
		end := func() {
			t.Helper()
			d.SignIn("anna")
			_, err := d.Platform.Accounts.EndSignIns(ctx, tandemtest.By, "anna")
			must(t, err)
		}
		refused := func(why string) {
			t.Helper()
			testkit.Eventually(t, "not taken: "+why, func() bool {
				told, err := d.Platform.LastTold(ctx, app.ID)
				return err == nil && strings.Contains(told.Error, why)
			})
		}
		again := func(n int) {
			t.Helper()
			d.Advance(11 * time.Minute)
			testkit.Eventually(t, fmt.Sprint("told ", n, " times"), func() bool { return len(rp.heard()) >= n })
		}
		rp.says(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		end()
		refused("503")
		first := len(rp.heard())
		again(first + 1)
		rp.says(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		})
		again(first + 2)
		refused("307")
		rp.says(nil)
		again(first + 3)
		testkit.Eventually(t, "taken at last", func() bool { return len(d.Record(tandem.AuditLogoutTold)) == 1 })
		ids := map[any]bool{}
		for _, text := range rp.heard() {
			claims, _ := d.logoutClaims(text)
			ids[claims["jti"]] = true
		}
		if n := len(rp.heard()); len(ids) != n {
			t.Errorf("%d tries with %d tokens", n, len(ids))
		}
		if n := len(elsewhere.heard()); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
		// Nobody is there at all, nor is it an address that one may go to.
		for uri, why := range map[string]string{
			"https://10.255.255.1/logout":    "not an address of the Internet",
			"https://169.254.169.254/logout": "not an address of the Internet",
			"http://127.0.0.1:1/backchannel": "refused",
		} {
			d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.BackchannelLogoutURI = uri })
			end()
			refused(why)
		}
		// What nobody takes is given up.
		d.Advance(13 * time.Hour)
		testkit.Eventually(t, "given up", func() bool { return len(d.Record(tandem.AuditLogoutUntold)) == 3 })
		testkit.Eventually(t, "nothing waits", func() bool { // that it is given up is on record before it is
			waiting, err := data.NewDeliveries(d.Platform.DB).Waiting(ctx)
			return err == nil && waiting[data.DeliveryLogout] == 0
		})
	})
}

// TestLogoutsAreToldByWhoIsThere: what was committed is told, whoever died meanwhile, and by
// several replicas once.
func TestLogoutsAreToldByWhoIsThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		ctx, rp := t.Context(), listening(t)
		d.tells(tandemtest.Portal, rp)
		d.SignIn("anna")
		// Somebody takes it and dies before it is noted: the lease ends.
		hung := make(chan struct{})
		rp.says(func(w http.ResponseWriter, r *http.Request) { <-hung })
		_, err := d.Platform.Accounts.EndSignIns(ctx, tandemtest.By, "anna")
		must(t, err)
		testkit.Eventually(t, "taken", func() bool { return len(rp.heard()) == 1 })
		close(hung)
		rp.says(nil)
		testkit.Eventually(t, "told", func() bool {
			waiting, err := data.NewDeliveries(d.Platform.DB).Waiting(ctx)
			return err == nil && waiting[data.DeliveryLogout] == 0
		})
		_, err = d.Platform.DB.Writer().ExecContext(ctx, `UPDATE deliveries SET state = 'waiting', next_at = next_at + 600000000 WHERE kind = 'backchannel_logout'`)
		must(t, err)
		d.Advance(11 * time.Minute)
		testkit.Eventually(t, "told by another", func() bool { return len(d.Record(tandem.AuditLogoutTold)) == 2 })

		replica := d.Replica(t)
		before, people := len(rp.heard()), 12
		for n := range people {
			in := d.Instance
			if n%2 == 0 {
				in = replica
			}
			login := fmt.Sprint("person", n)
			d.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Password: tandemtest.Password})
			d.Redeem(in.Browser().Authorize(login, tandemtest.Password))
			_, err := d.Platform.Accounts.EndSignIns(ctx, tandemtest.By, login)
			must(t, err)
		}
		testkit.Eventually(t, "all are told", func() bool { return len(d.Record(tandem.AuditLogoutTold)) == 2+people })
		subjects := map[any]int{}
		for _, text := range rp.heard()[before:] {
			claims, _ := d.logoutClaims(text)
			subjects[claims["sub"]]++
		}
		for subject, n := range subjects {
			if n != 1 {
				t.Errorf("%v was told of %d times", subject, n)
			}
		}
	})
}

// TestPromptLoginAsAnotherPerson leaves the first person's tokens alone: they did not sign
// out.
func TestPromptLoginAsAnotherPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		rp := listening(t)
		d.tells(tandemtest.Portal, rp)
		b := d.Browser()
		anna := d.Redeem(b.Authorize("anna", tandemtest.Password))
		old := b.Client.Jar.Cookies(mustURL(t, d.URL))
		b.Submit(d.authorize(b, "prompt", "login"), url.Values{"login": {"paul"}, "password": {tandemtest.Password}})
		if got := d.RefreshTokens(anna.Refresh); got.Access == "" {
			t.Error("her refresh token is gone")
		}
		if status, _ := d.API("GET", readProducts, anna.Access, ""); status != http.StatusOK {
			t.Errorf("her access token: %d", status)
		}
		if page := b.Get(d.URL + oauth.PathIssuer); !strings.Contains(page.Text, "paul") {
			t.Errorf("the browser is not his: %s", page.Text)
		}
		// The cookie of before opens nothing: whoever copied it has lost it.
		thief := d.Browser()
		thief.Client.Jar.SetCookies(mustURL(t, d.URL), old)
		if page := thief.Get(d.URL + oauth.PathIssuer); strings.Contains(page.Text, "anna") {
			t.Error("the old cookie is still good")
		}
		must(t, d.Platform.TellLogouts(t.Context()))
		if n := len(rp.heard()); n != 0 {
			t.Errorf("told of a sign-out %d times", n)
		}
	})
}

func mustURL(t *testing.T, text string) *url.URL {
	u, err := url.Parse(text)
	must(t, err)
	return u
}

// TestE29_NothingComesBackAfterASignOut: a code, a redemption and a refresh that are under way
// while the person signs out leave nothing that is good for anything, once applications were
// told.
func TestE29_NothingComesBackAfterASignOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		b := d.Browser()
		tokens := d.Redeem(b.Authorize("anna", tandemtest.Password))
		const racers = 6
		var lock sync.Mutex
		refresh := tokens.Refresh
		var left []string
		var all sync.WaitGroup
		ask := func(f url.Values) {
			f.Set("client_id", tandemtest.Portal)
			f.Set("client_secret", d.UserSecret)
			if status, body := d.TokenRequest(f); status == http.StatusOK {
				lock.Lock()
				defer lock.Unlock()
				left = append(left, between(body, `"refresh_token":"`, `"`))
			}
		}
		begin := make(chan struct{})
		for range racers {
			all.Go(func() { <-begin; ask(form("grant_type", "refresh_token", "refresh_token", refresh)) })
			all.Go(func() {
				<-begin
				page := d.authorize(b, "scope", "openid offline_access read")
				to, err := url.Parse(page.Header.Get("Location"))
				if err == nil && to.Query().Get("code") != "" {
					ask(form("grant_type", "authorization_code", "code", to.Query().Get("code"), "redirect_uri", tandemtest.RedirectURI, "code_verifier", strings.Repeat("v", 43)))
				}
			})
		}
		all.Go(func() {
			<-begin
			_, err := d.Platform.Accounts.EndSignIns(t.Context(), tandemtest.By, "anna")
			must(t, err)
		})
		close(begin)
		all.Wait()
		for n, text := range left {
			if status, body := d.TokenRequest(form("grant_type", "refresh_token", "refresh_token", text, "client_id", tandemtest.Portal, "client_secret", d.UserSecret)); status == http.StatusOK {
				t.Errorf("token %d of %d goes on: %s", n, len(left), body)
			}
		}
	})
}
