package platform_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestNewSignInIsNewForMinutes: the sign-in that a request demanded is the new one for some
// minutes, and not for as long as its address is good: whoever finds that in the history of
// a browser, or a consent page that was left open, is asked who they are. A request that a
// sign-in of that age is good for goes on.
func TestNewSignInIsNewForMinutes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		asked := func(page *tandemtest.Page) bool { return strings.Contains(page.Text, `name="password"`) }
		signIn := func(b *tandemtest.Browser, page *tandemtest.Page) *tandemtest.Page {
			return b.Submit(page, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
		}
		for _, c := range []struct {
			name, value string
			again       bool // asked after some minutes
		}{
			{"prompt", "login", true}, {"prompt", "select_account", true}, {"max_age", "60", true}, {"max_age", "0", true}, {"max_age", "3600", false},
		} {
			what := c.name + "=" + c.value
			ask, b := newAsk(in, c.name, c.value), in.Browser()
			done := signIn(b, b.Get(ask.address()))
			ask.code(t, done)
			resume := done.Request.URL.String() // what the history has
			if !strings.Contains(resume, "/resume?request=") {
				t.Fatalf("%s: the answer came from %s", what, resume)
			}
			ask.code(t, b.Get(resume)) // a reload
			in.Advance(6 * time.Minute)
			page := b.Get(resume)
			if asked(page) != c.again || (ask.answer(page).Get("code") == "") != c.again {
				t.Errorf("%s, the same address after six minutes: %d %v", what, page.StatusCode, ask.answer(page))
			}
			if c.again {
				ask.code(t, signIn(b, page))
			}

			ask, b = newAsk(in, c.name, c.value), in.Browser()
			if c.name == "prompt" {
				ask.more.Set("prompt", c.value+" consent")
			} else {
				ask.more.Set("prompt", "consent")
			}
			consent := signIn(b, b.Get(ask.address()))
			in.Advance(30 * time.Minute)
			page = b.Submit(consent, url.Values{"allow": {"1"}})
			if asked(page) != c.again || (ask.answer(page).Get("code") == "") != c.again {
				t.Errorf("%s, a consent that was open for half an hour: %d %v", what, page.StatusCode, ask.answer(page))
			}
			if c.again { // signed in anew, the person is asked anew, and that is all
				ask.code(t, b.Submit(signIn(b, page), url.Values{"allow": {"1"}}))
			}
		}
	})
}
