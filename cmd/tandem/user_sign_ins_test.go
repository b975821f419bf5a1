package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/tandemtest"
)

// signInShown is what tests look at of a sign-in.
type signInShown struct {
	Device       string `json:"device"`
	UserAgent    string `json:"user_agent"`
	CreatedFrom  string `json:"created_from"`
	LastSeenFrom string `json:"last_seen_from"`
	Applications []struct {
		ApplicationURI string    `json:"application_uri"`
		FirstAt        time.Time `json:"first_at"`
		LastAt         time.Time `json:"last_at"`
	}
	EndedAt *time.Time `json:"ended_at"`
}

// TestSignInsAreShown: where a person is signed in, from which address and with what, and
// which applications got something of it; what a browser calls itself is kept as printable
// text of a bounded length.
func TestSignInsAreShown(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		b := in.Browser()
		in.Redeem(b.Authorize("anna", tandemtest.Password))
		again := b.Get(in.URL + oauth.PathAuthorize + "?" + url.Values{ // the same sign-in once more
			"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid"},
			"code_challenge": {oauth.Challenge(strings.Repeat("a", 43))}, "code_challenge_method": {"S256"}, "prompt": {"none"},
		}.Encode())
		if !strings.Contains(again.Header.Get("Location"), "code=") {
			t.Fatalf("no second code: %d %s", again.StatusCode, again.Header.Get("Location"))
		}
		got := shown[[]signInShown](t, in, "tandem user sign-ins anna")
		if len(got) != 1 || got[0].Device != "an unknown browser on Linux" || got[0].CreatedFrom != "127.0.0.1" || got[0].LastSeenFrom != "127.0.0.1" {
			t.Fatalf("one browser: %+v", got)
		}
		if apps := got[0].Applications; len(apps) != 1 || apps[0].ApplicationURI != tandemtest.Portal || !apps[0].LastAt.After(apps[0].FirstAt) {
			t.Errorf("the applications: %+v", apps)
		}
		long := "Mozilla/5.0 (Linux) Firefox/1 \x80 " + strings.Repeat("é", signin.MaxUserAgent)
		other := in.Browser()
		other.Client.Transport = agent(long)
		other.Authorize("anna", tandemtest.Password)
		got = shown[[]signInShown](t, in, "tandem user sign-ins anna")
		if len(got) != 2 || got[0].Device != "Firefox on Linux" && got[1].Device != "Firefox on Linux" {
			t.Errorf("two browsers: %+v", got)
		}
		for _, s := range got {
			if len(s.UserAgent) > signin.MaxUserAgent || !utf8.ValidString(s.UserAgent) || strings.Contains(s.UserAgent, "\uFFFD") {
				t.Errorf("a user agent of %d bytes: %q", len(s.UserAgent), s.UserAgent)
			}
		}
		if text, code := tandemOn(t, in, "tandem user end-sign-ins anna"); code != 0 {
			t.Fatal(text)
		}
		if got := shown[[]signInShown](t, in, "tandem user sign-ins anna"); len(got) != 0 {
			t.Errorf("after the end: %+v", got)
		}
		if got := shown[[]signInShown](t, in, "tandem user sign-ins anna --all"); len(got) != 2 || got[0].EndedAt == nil {
			t.Errorf("all: %+v", got)
		}
		if text, code := tandemOn(t, in, "tandem user sign-ins nobody"); code != 1 {
			t.Errorf("nobody: exit %d: %s", code, text)
		}
	})
}

// agent is the network as a browser uses it that calls itself so.
type agent string

// RoundTrip implements http.RoundTripper.
func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", string(a))
	return http.DefaultTransport.RoundTrip(r)
}
