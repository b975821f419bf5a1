package client_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

func TestIDTokenIsFresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() { f.user = "anna" })
		verifier := client.NewIDTokenVerifier(f.provider(), appURI)
		get := func() (raw string, err error) {
			a.with(b, func(s *client.UserSession, r *http.Request) { raw, err = s.IDToken(r.Context()) })
			return raw, err
		}
		first, err := get()
		if err != nil {
			t.Fatal(err)
		}
		for range 40 { // forty minutes of work
			later(time.Minute)
			raw, err := get()
			if err != nil {
				t.Fatal(err)
			}
			id, err := verifier.Verify(t.Context(), raw)
			if err != nil || time.Until(id.ExpiresAt) < 60*time.Second {
				t.Fatalf("%v, %v left", err, time.Until(id.ExpiresAt))
			}
		}
		if last, _ := get(); last == first {
			t.Error("never renewed")
		}
		if n := f.refreshes.Load(); n > 14 {
			t.Errorf("%d refreshes in 40 minutes of 5-minute tokens", n)
		}
	})
}

func TestIDTokenIsFreshThoughAnotherNeedWasInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &hostileStore{SessionStore: client.NewMemoryStore()}
		f, a, b := world(t, func(c *client.UserConfig) { c.Sessions = h })
		old, err := a.sessionAt(a.tokens, b) // of a request that lasts long
		if err != nil {
			t.Fatal(err)
		}
		later(2 * time.Hour)
		a.mustToken(b) // by another request
		later(4*time.Minute + 30*time.Second)
		recent, err := a.sessionAt(a.tokens, b)
		if err != nil {
			t.Fatal(err)
		}
		h.gate = make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { // has nothing to do but to read what the other renewed
			if _, err := old.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			raw, err := recent.IDToken(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			id, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(t.Context(), raw)
			if err != nil || time.Until(id.ExpiresAt) < 60*time.Second {
				t.Errorf("%v left, %v", time.Until(id.ExpiresAt), err)
			}
		})
		synctest.Wait()
		close(h.gate)
		wg.Wait()
	})
}

func TestRefreshAnswerWithoutScopeKeepsIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() { f.onAnswer = func(_ string, a map[string]any) { delete(a, "scope") } })
		later(2 * time.Hour)
		a.mustToken(b)
		a.with(b, func(s *client.UserSession, _ *http.Request) {
			if got := s.Scope().String(); got != "openid profile offline_access read update" {
				t.Errorf("scope %q", got)
			}
		})
	})
}

func TestI5_ExternalUserHasIdentityOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		f.user, f.userType = "paul", "ExternalCommunityUser"
		a := f.app("app.test")
		b := a.signIn(net)
		a.with(b, func(s *client.UserSession, r *http.Request) {
			if !s.Identity().External() || s.Scope().Has("read") || s.Scope().Has("update") {
				t.Errorf("%+v with %q", s.Identity(), s.Scope())
			}
		})
		later(2 * time.Hour)
		a.with(b, func(s *client.UserSession, r *http.Request) {
			raw, err := s.IDToken(r.Context())
			if err != nil {
				t.Fatal(err)
			}
			id, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(r.Context(), raw)
			if err != nil || id.Login != "paul" {
				t.Errorf("%+v %v", id, err)
			}
			if s.Scope().Has("read") {
				t.Error("I10: the scope grew with the refresh")
			}
		})
	})
}

func TestIDTokenWhileTheProviderIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		get := func() (raw string, err error) {
			a.with(b, func(s *client.UserSession, r *http.Request) { raw, err = s.IDToken(r.Context()) })
			return raw, err
		}
		later(4*time.Minute + 30*time.Second)
		f.net.set(func() { f.net.down["erp.test"] = true })
		if raw, err := get(); err != nil || raw == "" {
			t.Errorf("30 s before its end: %v", err)
		}
		later(time.Minute)
		if raw, err := get(); tandem.ErrorCode(err) != tandem.CodeUnavailable || raw != "" {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestIDTokenOfAProviderThatGivesNoneOnRefresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() {
			f.onAnswer = func(grant string, a map[string]any) {
				if grant == "refresh_token" {
					delete(a, "id_token")
				}
			}
		})
		later(6 * time.Minute)
		a.with(b, func(s *client.UserSession, r *http.Request) {
			if _, err := s.IDToken(r.Context()); !errors.Is(err, client.ErrSignedOut) {
				t.Errorf("error %v, want ErrSignedOut", err)
			}
			if _, err := s.Token(r.Context()); err != nil {
				t.Errorf("the access token is good still: %v", err)
			}
		})
		if n := f.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
	})
}
