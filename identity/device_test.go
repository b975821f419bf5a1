package identity_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// begin asks for the codes of a device, as the public application or with a proof.
func (r *replica) begin(scope string, client ...string) (*answer, oauth.DeviceResponse) {
	r.s.t.Helper()
	if len(client) == 0 {
		client = []string{"client_id", field}
	}
	a := r.post(oauth.PathDeviceAuthorization, with(append([]string{"scope", scope}, client...))...)
	var codes oauth.DeviceResponse
	if a.Code == http.StatusOK {
		r.s.must(json.Unmarshal(a.Body.Bytes(), &codes))
	}
	return a, codes
}

// poll asks the token endpoint as the device does.
func (r *replica) poll(deviceCode string, client ...string) *answer {
	r.s.t.Helper()
	if len(client) == 0 {
		client = []string{"client_id", field}
	}
	return r.post("/id/connect/token", with(append([]string{"grant_type", oauth.GrantDeviceCode, "device_code", deviceCode}, client...))...)
}

// decide goes through the page as a person does: the code, the sign-in, the decision.
func (b *browser) decide(login, typed, decision string) string {
	b.r.s.t.Helper()
	w := b.do("GET", oauth.PathDevice+"?user_code="+url.QueryEscape(typed), nil)
	for range 2 {
		form, action := url.Values{"ui_locales": {"en"}}, oauth.PathDevice
		for _, m := range hiddenField.FindAllStringSubmatch(w.Body.String(), -1) {
			form.Set(m[1], m[2])
		}
		switch text := w.Body.String(); {
		case strings.Contains(text, `name="password"`):
			action = "/id/account/signin"
			form.Set("login", login)
			form.Set("password", password)
		case strings.Contains(text, `name="allow"`):
			form.Set(decision, "1")
		default:
			return text
		}
		w = b.do("POST", action, form)
	}
	return w.Body.String()
}

// A console signs in: the person types the code on another machine, and the device gets
// their tokens, once (RFC 8628).
func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		_, codes := r.begin("openid offline_access read")
		if codes.ExpiresIn != 600 || codes.Interval != 5 || codes.VerificationURI != issuer+"/device" ||
			codes.VerificationURIComplete != issuer+"/device?user_code="+codes.UserCode || token.ReadUserCode(codes.UserCode) == "" || codes.UserCode[4] != '-' {
			t.Fatalf("the codes are %+v", codes)
		}
		if got := r.poll(codes.DeviceCode).got(); got != "authorization_pending" {
			t.Errorf("before anybody has decided: %s", got)
		}
		if got := r.poll(codes.DeviceCode).got(); got != "slow_down" {
			t.Errorf("at once again: %s", got)
		}
		s.clock.Advance(6 * time.Second)
		if got := r.poll(codes.DeviceCode).got(); got != "slow_down" {
			t.Errorf("after six of ten seconds: %s", got)
		}
		if page := r.browser().decide("anna", strings.ToLower(strings.ReplaceAll(codes.UserCode, "-", " ")), "allow"); !strings.Contains(page, "Connected") {
			t.Fatalf("the page says: %s", page)
		}
		if got := r.poll(codes.DeviceCode, "client_id", portal, "client_secret", s.portalSecrets.User).got(); got != "unauthorized_client" {
			t.Errorf("another application: %s", got)
		}
		a := r.poll(codes.DeviceCode)
		if a.got() != "ok" || a.Scope != "openid offline_access read" || a.IDToken == "" || a.RefreshToken == "" {
			t.Fatalf("approved: %s", a.Body)
		}
		if c := claims(t, a.AccessToken); c["sub"] != "anna" || c["client_id"] != field || c["token_kind"] != "user" || c["client_system_user"] != nil {
			t.Errorf("the access token says %v", c)
		}
		s.must(r.admits(a.AccessToken))
		if got := r.post("/id/connect/token", "grant_type", "refresh_token", "refresh_token", a.RefreshToken, "client_id", field).got(); got != "ok" {
			t.Errorf("the device renews: %s", got)
		}
		if got := r.poll(codes.DeviceCode).got(); got != "invalid_grant" {
			t.Errorf("the code again: %s", got)
		}
		s.refresh()
		if r.admits(a.AccessToken) == nil {
			t.Error("a replayed device code leaves its token alive")
		}
		if page := r.browser().decide("anna", codes.UserCode, "allow"); !strings.Contains(page, "not right") {
			t.Errorf("what is decided can be decided again: %s", page)
		}
	})
}

// What a device is told that is refused, and what the page says.
func TestDeviceFlowRefusals(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		user, service := []string{"client_id", portal, "client_secret", s.portalSecrets.User}, []string{"client_id", portal, "client_secret", s.portalSecrets.Service}
		for name, c := range map[string]struct {
			scope, want string
			client      []string
		}{
			"a confidential application without the flow": {"read", "unauthorized_client", user},
			"a service credential":                        {"read", "unauthorized_client", service},
			"a wrong secret":                              {"read", "Unauthorized invalid_client", []string{"client_id", portal, "client_secret", "x"}},
			"nobody":                                      {"read", "Unauthorized invalid_client", []string{"client_id", "com.example/none"}},
			"a scope that there is not":                   {"admin", "invalid_scope", nil},
			"a reserved scope":                            {"sec", "invalid_scope", nil},
		} {
			if a, _ := r.begin(c.scope, c.client...); a.got() != c.want {
				t.Errorf("%s: %s, want %s", name, a.got(), c.want)
			}
		}
		s.change(portal, func(a *tandem.TrustedApp) { a.DeviceFlow = true })
		_, ours := r.begin("read", user...)
		if ours.DeviceCode == "" {
			t.Fatal("a confidential application that was given the flow has it not")
		}
		if a, _ := r.begin("read", service...); a.got() != "unauthorized_client" {
			t.Errorf("I2: the service credential begins: %s", a.got())
		}
		if page := r.browser().decide("anna", ours.UserCode, "allow"); !strings.Contains(page, "Connected") {
			t.Fatal(page)
		}
		if got := r.poll(ours.DeviceCode, service...).got(); got != "unauthorized_client" {
			t.Errorf("I2: the service credential redeems: %s", got)
		}
		if got := r.redeem(ours.DeviceCode, "redirect_uri", "", "code_verifier", "").got(); got != "invalid_grant" {
			t.Errorf("a device code as an authorization code: %s", got)
		}
		if got := r.poll(ours.DeviceCode, user...).got(); got != "ok" {
			t.Errorf("the user credential: %s", got)
		}
		_, denied := r.begin("read")
		if page := r.browser().decide("anna", denied.UserCode, "deny"); !strings.Contains(page, "said no") {
			t.Error(page)
		}
		_, late := r.begin("read")
		_, off := r.begin("read")
		if page := r.browser().decide("anna", off.UserCode, "allow"); !strings.Contains(page, "Connected") {
			t.Error(page)
		}
		for _, user := range []string{"wrongone", "", "BCDF-BCD", "BCDFBCDFB", "AEIO-AEIO"} {
			if page := r.browser().decide("anna", user, "allow"); user != "" && !strings.Contains(page, "not right") {
				t.Errorf("the code %q: %s", user, page)
			}
		}
		if page := r.browser().decide("svc.portal", late.UserCode, "allow"); !strings.Contains(page, "may not sign in") {
			t.Errorf("a System User: %s", page)
		}
		s.change(field, func(a *tandem.TrustedApp) { a.Enabled = false })
		if got := r.poll(off.DeviceCode).got(); got != "Unauthorized invalid_client" {
			t.Errorf("of a disabled application: %s", got)
		}
		s.change(field, func(a *tandem.TrustedApp) { a.Enabled = true })
		s.clock.Advance(token.DeviceLifetime)
		for what, c := range map[string]struct{ code, want string }{
			"denied": {denied.DeviceCode, "expired_token"}, "late": {late.DeviceCode, "expired_token"}, "approved, and too late": {off.DeviceCode, "expired_token"},
			"unknown": {flipAt(late.DeviceCode, 0), "invalid_grant"}, "the user code": {late.UserCode, "invalid_grant"}, "none": {"", "invalid_request"},
		} {
			if got := r.poll(c.code).got(); got != c.want {
				t.Errorf("%s: %s, want %s", what, got, c.want)
			}
		}
		_, external := r.begin("read update")
		if page := r.browser().decide("paul", external.UserCode, "allow"); !strings.Contains(page, "may not have") {
			t.Errorf("I5: an external person gives scopes of the API: %s", page)
		}
		_, said := r.begin("read")
		r.browser().decide("anna", said.UserCode, "deny")
		if got := r.poll(said.DeviceCode).got(); got != "access_denied" {
			t.Errorf("denied: %s", got)
		}
	})
}

// Of 32 that poll at the same moment one gets tokens, and of 32 who decide one does.
func TestDeviceCodesAreUsedOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		devices := s.devices()
		_, codes := r.begin("read")
		g, err := devices.Find(t.Context(), token.ReadUserCode(codes.UserCode))
		s.must(err)
		anna := r.signIn("anna")
		sid := claims(t, anna.AccessToken)["sid"].(string)
		id := claims(t, anna.AccessToken)["id"].(string)
		var decided, given atomic.Int64
		datatest.Together(t, 32, func(i int) error {
			decide := func() (bool, error) {
				return devices.Approve(t.Context(), g, token.CodeGrant{ApplicationURI: field, UserID: id, SignInID: sid, AuthTime: s.clock.Now(), Scope: tandem.Scope{"read"}})
			}
			first, err := decide()
			if first {
				decided.Add(1)
			}
			return err
		})
		datatest.Together(t, 32, func(int) error {
			if r.poll(codes.DeviceCode).got() == "ok" {
				given.Add(1)
			}
			return nil
		})
		if decided.Load() != 1 || given.Load() != 1 {
			t.Errorf("decided %d times, tokens given %d times", decided.Load(), given.Load())
		}
	})
}

// Guessing codes is as slow as guessing passwords, and for who is signed in only.
func TestDeviceCodesAreNotGuessed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	b := r.browser()
	if page := b.do("GET", oauth.PathDevice+"?user_code=BCDF-BCDF", nil).Body.String(); !strings.Contains(page, `name="password"`) {
		t.Errorf("somebody who is not signed in learns of a code: %s", page)
	}
	b.authorize("anna")
	waits := 0
	for range 15 {
		if b.do("GET", oauth.PathDevice+"?user_code=BCDF-BCDF", nil).Code == http.StatusTooManyRequests {
			waits++
		}
	}
	if waits < 3 {
		t.Errorf("15 wrong codes waited %d times", waits)
	}
	// Nobody waits for what somebody else typed, however much that was.
	for range 60 {
		s.clock.Advance(15 * time.Second)
		b.do("GET", oauth.PathDevice+"?user_code=BCDF-BCDF", nil)
	}
	_, codes := r.begin("read")
	other := r.browser()
	other.authorize("paul")
	if page := other.do("GET", oauth.PathDevice+"?user_code="+url.QueryEscape(codes.UserCode), nil); page.Code != http.StatusOK {
		t.Errorf("another person's first code: %d", page.Code)
	}
}

// FuzzUserCode: what is read as a code has its form, and is read the same again as it is
// shown.
func FuzzUserCode(f *testing.F) {
	for _, typed := range []string{"", "WDJB-MJHT", "wdjb mjht", "WDJBMJHT", "ÄDJB-MJHT", strings.Repeat("B", 41), "B-C-D-F-B-C-D-F"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := token.ReadUserCode(typed)
		if code == "" {
			return
		}
		if len(code) != 8 || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ") != "" || token.ReadUserCode(token.ShowUserCode(code)) != code {
			t.Errorf("%q is read as %q", typed, code)
		}
	})
}

// Typing a code of one's own between guesses does not help who guesses.
func TestUserCodesAreNotGuessedBetweenOwnOnes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	b := r.browser()
	b.authorize("anna")
	_, own := r.begin("read")
	waits := 0
	for i := range 60 {
		typed := "BCDF-BCDF"
		if i%9 == 8 {
			typed = own.UserCode
		}
		if b.do("GET", oauth.PathDevice+"?user_code="+url.QueryEscape(typed), nil).Code == http.StatusTooManyRequests {
			waits++
		}
	}
	if waits == 0 {
		t.Error("nobody had to wait")
	}
}

// A device code is none of the other flow's, however it is written.
func TestADeviceCodeIsNoAuthorizationCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	s.change(portal, func(a *tandem.TrustedApp) { a.DeviceFlow = true })
	user := []string{"client_id", portal, "client_secret", s.portalSecrets.User}
	_, ours := r.begin("read", user...)
	r.browser().decide("anna", ours.UserCode, "allow")
	for _, code := range []string{ours.DeviceCode, "device code|" + ours.DeviceCode} {
		if a := r.post(oauth.PathToken, append([]string{"grant_type", "authorization_code", "code", code}, user...)...); a.got() != "invalid_grant" {
			t.Errorf("%.20s…: %s", code, a.Body)
		}
	}
	if a := r.poll(ours.DeviceCode, user...); a.got() != "ok" {
		t.Errorf("as a device: %s", a.Body)
	}
}

// Who signs out between the page and the click approves nothing (I6).
func TestI6_ADeviceGetsNothingOfAnEndedSignIn(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		c := claims(t, r.signIn("anna").AccessToken)
		sid, id := c["sid"].(string), c["id"].(string)
		_, codes := r.begin("offline_access read")
		g, err := s.devices().Find(t.Context(), token.ReadUserCode(codes.UserCode))
		s.must(err)
		s.must(s.ending.SignIn(t.Context(), sid, "anna", "x"))
		_, err = s.devices().Approve(t.Context(), g, token.CodeGrant{
			ApplicationURI: field, UserID: id, SignInID: sid, AuthTime: s.clock.Now(), Scope: tandem.Scope{"read", "offline_access"},
		})
		if err == nil {
			t.Error("it was approved")
		}
		if a := r.poll(codes.DeviceCode); a.got() == "ok" {
			t.Errorf("the device got %s", a.Body)
		}
	})
}

// F34: what the person did not see is not allowed: an application that may have more by now
// asks again.
func TestF34_DeviceGetsWhatWasShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	may := func(scope ...string) {
		t.Helper()
		_, err := s.apps.Update(t.Context(), by, field, func(a *tandem.TrustedApp) error {
			a.Scope, a.FirstParty = scope, false
			return nil
		})
		s.must(err)
		s.refresh()
	}
	may("read")
	_, codes := r.begin("")
	b := r.browser()
	b.authorize("anna")
	page := b.do("GET", oauth.PathDevice+"?user_code="+codes.UserCode, nil)
	allow := func() {
		form := url.Values{"ui_locales": {"en"}, "allow": {"1"}}
		for _, m := range hiddenField.FindAllStringSubmatch(page.Body.String(), -1) {
			form.Set(m[1], m[2])
		}
		page = b.do("POST", oauth.PathDevice, form)
	}
	may("read", "update")
	allow()
	if a := r.poll(codes.DeviceCode); a.Error != "authorization_pending" || !strings.Contains(page.Body.String(), "change what you may change") {
		t.Fatalf("%s, and the page is: %s", a.got(), page.Body)
	}
	s.clock.Advance(10 * time.Second)
	allow()
	if a := r.poll(codes.DeviceCode); a.got() != "ok" || a.Scope != "read update" {
		t.Errorf("after they were asked again: %s %q", a.got(), a.Scope)
	}
}
