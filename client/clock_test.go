package client_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// A web app whose clock is ahead by more than an ID token lives signs people in,
// and renews no ID token before its time.
func TestClockThatIsAhead(t *testing.T) {
	const ahead = 330 // seconds
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		f.onIDClaims = func(c map[string]any) {
			now := time.Now().Unix()
			c["iat"], c["exp"] = now-ahead, now-ahead+300
		}
		a := f.app("app.test")
		b := a.signIn(net)
		if !a.signedIn(b) {
			t.Fatal("nobody can sign in")
		}
		before := f.tokenRequests.Load()
		for range 3 {
			later(time.Minute)
			a.with(b, func(s *client.UserSession, r *http.Request) {
				if raw, err := s.IDToken(r.Context()); err != nil || raw == "" {
					t.Error(err)
				}
			})
		}
		if n := f.tokenRequests.Load() - before; n != 0 {
			t.Errorf("%d renewals of what was fresh", n)
		}
		later(90 * time.Second)
		a.with(b, func(s *client.UserSession, r *http.Request) {
			if _, err := s.IDToken(r.Context()); err != nil {
				t.Error(err)
			}
		})
		if n := f.tokenRequests.Load() - before; n != 1 {
			t.Errorf("%d renewals of what was to end", n)
		}
	})
}

// A refresh answer about another issuer is refused whole: the session ends. One
// whose refresh token has spaces is taken (RFC 6749 appendix A.17).
func TestRefreshAnswersOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() {
			f.onAnswer = func(_ string, a map[string]any) { a["refresh_token"] = a["refresh_token"].(string) + " and more" }
		})
		later(2 * time.Hour)
		a.mustToken(b)
		f.with(func() { f.onAnswer = nil })

		f, a, b = world(t)
		f.with(func() { f.onIDClaims = func(c map[string]any) { c["iss"] = "https://evil.test/id" } })
		later(2 * time.Hour)
		a.with(b, func(s *client.UserSession, r *http.Request) {
			if _, err := s.Token(r.Context()); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
				t.Errorf("a token of another issuer's answer: %v", err)
			}
		})
		if n, _, _ := a.tokens.Count(t.Context()); n != 0 {
			t.Errorf("%d sessions are kept", n)
		}
	})
}
