package platform_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const readProducts = "General_Products_Products?$top=1"

// TestI6_ConsentIsWithdrawn: what a person takes back ends at once and everywhere, and nothing
// else does.
func TestI6_ConsentIsWithdrawn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		ctx := t.Context()
		defer d.ofOthers()()
		browser := d.Browser()
		anna := d.Redeem(browser.Authorize("anna", tandemtest.Password))
		admin := d.SignIn("admin")
		service := d.ServiceToken()
		api := func(token string) int {
			status, _ := d.API("GET", readProducts, token, "")
			return status
		}
		for name, token := range map[string]string{"anna": anna.Access, "admin": admin.Access, "the back end": service} {
			if got := api(token); got != http.StatusOK {
				t.Fatalf("%s: %d", name, got)
			}
		}
		granted, err := d.Platform.Grants.Of(ctx, "anna")
		if err != nil || len(granted) != 1 || granted[0].ApplicationURI != tandemtest.Portal || !granted[0].Given || granted[0].Families != 1 ||
			granted[0].Scope.String() != "openid profile offline_access read update" {
			t.Fatalf("granted: %+v, %v", granted, err)
		}
		inFlight := d.authorize(browser)
		code, err := url.Parse(inFlight.Header.Get("Location"))
		must(t, err)

		must(t, d.Platform.Grants.Withdraw(ctx, tandemtest.By, "anna", tandemtest.Portal))
		if got := api(anna.Access); got != http.StatusUnauthorized {
			t.Errorf("her access token: %d", got)
		}
		if status, body := d.TokenRequest(form("grant_type", "refresh_token", "refresh_token", anna.Refresh, "client_id", tandemtest.Portal, "client_secret", d.UserSecret)); status != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
			t.Errorf("her refresh token: %d %s", status, body)
		}
		if status, body := d.TokenRequest(form("grant_type", "authorization_code", "code", code.Query().Get("code"), "redirect_uri", tandemtest.RedirectURI,
			"code_verifier", strings.Repeat("v", 43), "client_id", tandemtest.Portal, "client_secret", d.UserSecret)); status != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
			t.Errorf("a code in flight: %d %s", status, body)
		}
		for name, token := range map[string]string{"another person": admin.Access, "the back end": service} {
			if got := api(token); got != http.StatusOK {
				t.Errorf("%s: %d", name, got)
			}
		}
		for _, s := range d.Sessions(true) {
			if ended := !s.EndedAt.IsZero(); ended != (s.User == "anna") || ended && s.EndReason != tandem.EndWithdrawn {
				t.Errorf("the session of %s: %v %q", s.User, ended, s.EndReason)
			}
		}
		if e := d.Record(tandem.AuditConsentWithdrawn); len(e) != 1 || e[0].Actor != "anna" || e[0].ApplicationURI != tandemtest.Portal || !strings.Contains(e[0].Facts, tandemtest.By.Login) {
			t.Errorf("on record: %+v", e)
		}
		if granted, err := d.Platform.Grants.Of(ctx, "anna"); err != nil || len(granted) != 0 {
			t.Errorf("still granted: %+v, %v", granted, err)
		}
		if err := d.Platform.Grants.Withdraw(ctx, tandemtest.By, "anna", tandemtest.Portal); tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("withdrawn twice: %v", err)
		}
		// She is signed in as before, and is asked again.
		page := d.authorize(browser)
		if _, _, asked := page.Form(url.Values{"allow": nil}); !asked {
			t.Fatalf("not asked: %d to %q", page.StatusCode, page.Header.Get("Location"))
		}
		again := browser.Submit(page, url.Values{"allow": {"1"}})
		if !strings.Contains(again.Header.Get("Location"), "code=") {
			t.Errorf("allowed again: %d %s", again.StatusCode, again.Text)
		}
	})
}

// TestI9_WithdrawnUnderWay: of what is redeemed and renewed while the person takes it back,
// nothing is left afterwards.
func TestI9_WithdrawnUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		defer d.ofOthers()()
		const racers = 6
		var refresh [racers]string
		var codes [racers]tandemtest.Code
		for n := range racers {
			refresh[n] = d.SignIn("anna").Refresh
			codes[n] = d.Browser().Authorize("anna", tandemtest.Password)
		}
		var lock sync.Mutex
		var got []tandemtest.Tokens
		ask := func(f url.Values) {
			f.Set("client_id", tandemtest.Portal)
			f.Set("client_secret", d.UserSecret)
			status, body := d.TokenRequest(f)
			if status != http.StatusOK {
				return
			}
			lock.Lock()
			defer lock.Unlock()
			got = append(got, tandemtest.Tokens{Access: between(body, `"access_token":"`, `"`), Refresh: between(body, `"refresh_token":"`, `"`)})
		}
		var all sync.WaitGroup
		begin := make(chan struct{})
		for n := range racers {
			all.Go(func() { <-begin; ask(form("grant_type", "refresh_token", "refresh_token", refresh[n])) })
			all.Go(func() {
				<-begin
				ask(form("grant_type", "authorization_code", "code", codes[n].Code, "redirect_uri", tandemtest.RedirectURI, "code_verifier", codes[n].Verifier))
			})
		}
		all.Go(func() {
			<-begin
			must(t, d.Platform.Grants.Withdraw(t.Context(), tandemtest.By, "anna", tandemtest.Portal))
		})
		close(begin)
		all.Wait()
		d.Refresh()
		for n, tokens := range got {
			if status, _ := d.API("GET", readProducts, tokens.Access, ""); status != http.StatusUnauthorized {
				t.Errorf("access token %d: %d", n, status)
			}
			if status, _ := d.TokenRequest(form("grant_type", "refresh_token", "refresh_token", tokens.Refresh, "client_id", tandemtest.Portal, "client_secret", d.UserSecret)); status != http.StatusBadRequest {
				t.Errorf("refresh token %d: %d", n, status)
			}
		}
		t.Log(fmt.Sprint(len(got), " of ", 2*racers, " were in time"))
	})
}

// TestDevicesAreAllowedOnTheirPage: the page that shows the code is the question.
func TestDevicesAreAllowedOnTheirPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		d.UpdateApp(tandemtest.Field, func(a *tandem.TrustedApp) { a.FirstParty = false })
		code, typed := d.device()
		b := d.Browser()
		page := b.SignIn(d.URL+oauth.PathDevice+"?user_code="+typed, "anna", tandemtest.Password)
		b.Submit(page, url.Values{"allow": {"1"}})
		status, body := d.TokenRequest(form("grant_type", oauth.GrantDeviceCode, "device_code", code, "client_id", tandemtest.Field))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		granted, err := d.Platform.Grants.Of(t.Context(), "anna")
		if err != nil || len(granted) != 1 || granted[0].ApplicationURI != tandemtest.Field || !granted[0].Given || granted[0].Scope.String() != "openid" {
			t.Errorf("granted: %+v, %v", granted, err)
		}
		if e := d.Record(tandem.AuditConsentGiven); len(e) != 1 || e[0].Actor != "anna" {
			t.Errorf("on record: %+v", e)
		}
	})
}
