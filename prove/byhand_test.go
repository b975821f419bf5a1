package prove_test

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestByHand: a person signs in once, in a browser of theirs, and single sign-on runs
// the rest.
func TestByHand(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{tandem.ScopeRead} }) // so that there is more than it has
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	redirect := "http://" + free.Addr().String() + "/signin-callback"
	free.Close()
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.RedirectURIs = append(a.RedirectURIs, redirect) })

	pages := make(chan string, 1)
	told := 0
	report, got := rows(t, prove.Config{
		Issuer: in.Issuer, Application: tandemtest.Portal, UserSecret: in.UserSecret, ServiceSecret: in.ServiceSecret, RedirectURI: redirect,
		ByHand: true, Only: []string{"I1", "I2", "I3", "I4", "I6", "I7", "I10"}, Pace: time.Millisecond,
		Say: func(address string) {
			told++
			go func() { pages <- signInByHand(t, address) }()
		},
	})
	for id, row := range got {
		if report.Options.Asked(id) && row.Verdict != prove.Holds {
			t.Errorf("%s %s: %s", id, row.Verdict, row.Why)
		}
	}
	if told != 1 || !report.Options.ByHand {
		t.Errorf("told %d times where to sign in", told)
	}
	if page := <-pages; !strings.Contains(page, "Signed out") { // where the last probe leads it
		t.Errorf("the browser is left with %q", page)
	}
}

// signInByHand is a browser: it follows redirects wherever they lead, fills the one
// form that it meets, and returns the last page.
func signInByHand(t *testing.T, address string) string {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	read := func(res *http.Response, err error) (string, *url.URL) {
		if err != nil {
			t.Error(err)
			return "", nil
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return string(text), res.Request.URL
	}
	page, at := read(browser.Get(address))
	if at == nil {
		return ""
	}
	action, form, _ := prove.FillPage([]byte(page), at, prove.Person{Login: "anna", Password: tandemtest.Password}, nil, false)
	page, _ = read(browser.PostForm(action, form))
	return page
}

// TestByHandNeedsAnAddressToListenOn: prove listens where the browser is sent.
func TestByHandNeedsAnAddressToListenOn(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for redirect, want := range map[string]string{
		"https://app.example/cb":                  "on loopback",
		"http://app.example/cb":                   "on loopback",
		"com.example.app:/cb":                     "on loopback",
		"http://" + taken.Addr().String() + "/cb": "register another one",
	} {
		s := newSmall(t)
		c := s.config("I4")
		c.RedirectURI, c.ByHand = redirect, true
		if _, err := prove.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", redirect, err)
		}
	}
}
