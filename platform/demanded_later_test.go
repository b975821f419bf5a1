package platform_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// held is what somebody has who is signed in: a browser, and the tokens of an application.
type held struct {
	in      *tandemtest.Instance
	browser *tandemtest.Browser
	tokens  tandemtest.Tokens
}

func holding(in *tandemtest.Instance, login string) held {
	b := in.Browser()
	return held{in, b, in.Redeem(b.Authorize(login, tandemtest.Password))}
}

// wants checks that all of it is good for something, or none of it.
func (h held) wants(t *testing.T, what string, good bool) {
	t.Helper()
	h.in.Refresh()
	if status, _ := h.in.API("GET", "GetVersion()", h.tokens.Access, ""); (status == http.StatusOK) != good {
		t.Errorf("%s: a call with the access token: %d", what, status)
	}
	if page := h.browser.Get(h.in.URL + "/id/account/signin"); strings.Contains(page.Text, `name="password"`) == good {
		t.Errorf("%s: the browser gets %d %s", what, page.StatusCode, page.Request.URL.Path)
	}
	if good { // a refresh uses the token up
		return
	}
	status, _ := h.in.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.tokens.Refresh},
		"client_id": {tandemtest.Portal}, "client_secret": {h.in.UserSecret}})
	if status != http.StatusBadRequest {
		t.Errorf("%s: a refresh: %d", what, status)
	}
}

// TestDemandsOfLaterReachWhoIsSignedIn: what is demanded of an account, or given to it, holds
// for sign-ins of before, too: they end, and the next one meets it. What changes nothing of
// that ends nothing.
func TestDemandsOfLaterReachWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		for _, c := range []struct {
			what   string
			change func(u *tandem.User)
			good   bool
		}{
			{"another name", func(u *tandem.User) { u.Name = "Anna Other" }, true},
			{"a second factor demanded", func(u *tandem.User) { u.SecondFactorRequired = true }, false},
			{"made an administrator", func(u *tandem.User) { u.Admin = true }, false},
			{"an administrator as before", func(u *tandem.User) { u.Admin = true }, true},
			{"no administrator any more", func(u *tandem.User) { u.Admin = false }, false},
		} {
			h := holding(in, "anna")
			h.wants(t, c.what+", before", true)
			_, err := in.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", c.change)
			must(t, err)
			h.wants(t, c.what, c.good)
			_, err = in.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.SecondFactorRequired = false }) // who has none comes no further
			must(t, err)
		}
	})
}
