package platform_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
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

// asking is an authorization request of the portal.
type asking struct {
	in              *tandemtest.Instance
	verifier, nonce string
	more            url.Values
}

func newAsk(in *tandemtest.Instance, more ...string) asking {
	a := asking{in, rand.Text() + rand.Text(), rand.Text(), url.Values{}}
	for i := 0; i < len(more); i += 2 {
		a.more.Set(more[i], more[i+1])
	}
	return a
}

func (a asking) address() string {
	q := url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid offline_access read update"},
		"state": {"st"}, "nonce": {a.nonce}, "code_challenge": {oauth.Challenge(a.verifier)}, "code_challenge_method": {"S256"},
	}
	maps.Copy(q, a.more)
	return a.in.URL + oauth.PathAuthorize + "?" + q.Encode()
}

// answer is what goes back to the application; nil while the person is asked for something.
func (a asking) answer(page *tandemtest.Page) url.Values {
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil || page.Header.Get("Location") == "" {
		return nil
	}
	return to.Query()
}

func (a asking) code(t *testing.T, page *tandemtest.Page) tandemtest.Code {
	t.Helper()
	q := a.answer(page)
	if q.Get("code") == "" {
		t.Fatalf("no code: %d %v %s", page.StatusCode, q, page.Text)
	}
	return tandemtest.Code{Code: q.Get("code"), Verifier: a.verifier, Nonce: a.nonce}
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

// TestRemovedFactorsEndTheirSignIns: who removes a second factor on the profile site puts out
// whoever signed in by one of its kind, and stays; sign-ins by a password alone stay, too.
func TestRemovedFactorsEndTheirSignIns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		const factors = "/profile/security/second-factor"
		before := holding(in, "anna")
		b := in.Browser()
		b.SignIn(in.URL+factors, "anna", tandemtest.Password)
		page := b.Get(in.URL + factors + "?add=1")
		secret := regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`).FindStringSubmatch(page.Text)
		code := func() url.Values {
			in.Advance(time.Minute) // each is good once
			code, err := totp.GenerateCode(secret[1], in.Clock.Now())
			must(t, err)
			return url.Values{"code": {code}}
		}
		b.Submit(page, code())
		byCode := func() held {
			b := in.Browser()
			asked := b.SignIn(in.URL+"/profile/", "anna", tandemtest.Password)
			if page := b.Submit(asked, code()); page.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", page.StatusCode, page.Text)
			}
			ask := newAsk(in)
			return held{in, b, in.Redeem(ask.code(t, b.Get(ask.address())))}
		}
		owner, other := byCode(), byCode()
		middle := in.Browser()
		asked := middle.SignIn(in.URL+"/profile/", "anna", tandemtest.Password)
		removed := owner.browser.Submit(owner.browser.Get(in.URL+factors), url.Values{"do": {"remove"}})
		if removed.StatusCode != http.StatusOK || strings.Contains(removed.Text, `value="remove"`) {
			t.Fatalf("%d %s", removed.StatusCode, removed.Text)
		}
		owner.wants(t, "who removed it", true)
		other.wants(t, "another one by a code", false)
		before.wants(t, "one by a password", true)
		if page := middle.Submit(asked, code()); page.StatusCode != http.StatusBadRequest {
			t.Errorf("one in the middle: %d %s", page.StatusCode, page.Text)
		}
	})
}
