package profile_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// testApps: a person sees what works in their name, and takes it back.
func testApps(t *testing.T, in *tandemtest.Instance) {
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) {
		a.FirstParty, a.DevicesURI = false, "https://portal.example/app?v=1#/devices"
	})
	defer in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.FirstParty, a.DevicesURI = true, "" })
	tokens := in.SignIn("paul", "openid", "offline_access")
	b, page := open(t, in, "paul", "/profile/apps")
	has(t, page, 200, "Portal", tandemtest.Portal, "allowed by you", "know who you are", "go on when you are away")
	const devices = `<a href="https://portal.example/app?v=1#/devices">`
	has(t, page, 200, devices)
	_, own := open(t, in, "paul", "/profile/security/sessions")
	has(t, own, 200, "Data on devices", devices+"Portal</a>")
	if strings.Contains(page.Text, "change what you may change") {
		t.Error("a person of the outside is told of what they cannot give")
	}
	// Another person's browser takes nothing of his, with his form and with none.
	anna, hers := open(t, in, "anna", "/profile/")
	stolen := formOf(t, page, "/profile/apps/withdraw")
	stolen.Set("application", tandemtest.Portal)
	has(t, anna.Post(hers, "/profile/apps/withdraw", stolen), 400, "belongs to another sign-in")
	has(t, b.Post(page, "/profile/apps/withdraw", url.Values{"application": {tandemtest.Portal}}), 400, "belongs to another sign-in")
	if got := in.RefreshTokens(tokens.Refresh); got.Access == "" {
		t.Fatal("it is gone already")
	} else {
		tokens = got
	}
	done := send(t, b, page, "/profile/apps/withdraw", url.Values{"application": {tandemtest.Portal}})
	has(t, done, 200, "Withdrawn.", "No application holds anything of you")
	if _, own := open(t, in, "paul", "/profile/security/sessions"); strings.Contains(own.Text, "Data on devices") {
		t.Error("it is said to keep something still")
	}
	if status, body := in.TokenRequest(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret},
	}); status != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
		t.Errorf("its refresh token: %d %s", status, body)
	}
	if e := in.Record(tandem.AuditConsentWithdrawn); len(e) == 0 || e[0].Actor != "paul" || !strings.Contains(e[0].Facts, string(tandem.ViaProfile)) {
		t.Errorf("on record: %+v", e)
	}
}
