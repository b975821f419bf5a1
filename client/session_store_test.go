package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem/client"
)

// hostileStore lets a test do with rows what somebody at the database can.
type hostileStore struct {
	client.SessionStore
	mu   sync.Mutex
	keys []client.SessionKey
	read func(row client.StoredSession) client.StoredSession
	err  error
	keep error         // Delete fails with it
	gate chan struct{} // ByID waits for it, if there is one
}

func (h *hostileStore) Create(ctx context.Context, s client.StoredSession) error {
	h.mu.Lock()
	h.keys = append(h.keys, s.Key)
	h.mu.Unlock()
	return h.SessionStore.Create(ctx, s)
}

func (h *hostileStore) Delete(ctx context.Context, key client.SessionKey) error {
	if h.keep != nil {
		return h.keep
	}
	return h.SessionStore.Delete(ctx, key)
}

func (h *hostileStore) ByID(ctx context.Context, key client.SessionKey) (client.StoredSession, error) {
	if h.err != nil {
		return client.StoredSession{}, h.err
	}
	row, err := h.SessionStore.ByID(ctx, key)
	if h.gate != nil {
		<-h.gate
	}
	if err == nil && h.read != nil {
		row = h.read(row)
	}
	return row, err
}

func TestF32_RowsThatAreNotWhatTheyWere(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, h *hostileStore, a *app, b *browser){
		"changed": func(_ *testing.T, h *hostileStore, _ *app, _ *browser) {
			h.read = func(row client.StoredSession) client.StoredSession {
				row.Sealed = slices.Clone(row.Sealed)
				row.Sealed[len(row.Sealed)-1] ^= 1
				return row
			}
		},
		"emptied": func(_ *testing.T, h *hostileStore, _ *app, _ *browser) {
			h.read = func(row client.StoredSession) client.StoredSession { row.Sealed = nil; return row }
		},
		"moved from another session": func(t *testing.T, h *hostileStore, a *app, _ *browser) {
			a.signIn(a.net)
			other, err := h.SessionStore.ByID(t.Context(), h.keys[1])
			if err != nil {
				t.Fatal(err)
			}
			h.read = func(row client.StoredSession) client.StoredSession { row.Sealed = other.Sealed; return row }
		},
		"a whole row moved from another session": func(t *testing.T, h *hostileStore, a *app, _ *browser) {
			a.signIn(a.net)
			other, err := h.SessionStore.ByID(t.Context(), h.keys[1])
			if err != nil {
				t.Fatal(err)
			}
			h.read = func(row client.StoredSession) client.StoredSession { other.Key = row.Key; return other }
		},
		"an old sealed part": func(t *testing.T, h *hostileStore, a *app, b *browser) {
			old, err := h.SessionStore.ByID(t.Context(), h.keys[0])
			if err != nil {
				t.Fatal(err)
			}
			later(2 * time.Hour)
			a.mustToken(b)
			h.read = func(row client.StoredSession) client.StoredSession { row.Sealed = old.Sealed; return row }
		},
		"an old row": func(t *testing.T, h *hostileStore, a *app, b *browser) {
			old, err := h.SessionStore.ByID(t.Context(), h.keys[0])
			if err != nil {
				t.Fatal(err)
			}
			later(2 * time.Hour)
			a.mustToken(b)
			h.read = func(client.StoredSession) client.StoredSession {
				old.ExpiresAt = time.Now().Add(time.Hour)
				return old
			}
		},
		"put back after sign-out": func(t *testing.T, h *hostileStore, a *app, b *browser) {
			old, err := h.SessionStore.ByID(t.Context(), h.keys[0])
			if err != nil {
				t.Fatal(err)
			}
			cookies := b.cookies(a.url)
			b.send("POST", a.url+"/signout", nil, "Sec-Fetch-Site", "same-origin")
			if err := h.SessionStore.Create(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			plant(t, b, a.url, cookies)
		},
		"another person's name on it": func(_ *testing.T, h *hostileStore, _ *app, _ *browser) {
			h.read = func(row client.StoredSession) client.StoredSession { row.UserID = "x"; return row }
		},
		"another sign-in's name on it": func(_ *testing.T, h *hostileStore, _ *app, _ *browser) {
			h.read = func(row client.StoredSession) client.StoredSession { row.SignInID = ""; return row }
		},
		"a life without end": func(_ *testing.T, h *hostileStore, _ *app, _ *browser) {
			h.read = func(row client.StoredSession) client.StoredSession {
				row.ExpiresAt = time.Now().AddDate(10, 0, 0)
				return row
			}
			later(31 * 24 * time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := &hostileStore{SessionStore: client.NewMemoryStore()}
				_, a, b := world(t, func(c *client.UserConfig) { c.Sessions = h })
				attack(t, h, a, b)
				p := b.send("GET", a.url+"/me", nil)
				if p.status != 303 || a.signedIn(b) {
					t.Errorf("status %d, signed in: %v; want signed out", p.status, a.signedIn(b))
				}
			})
		})
	}
}

func plant(t *testing.T, b *browser, address string, cookies map[string]string) {
	t.Helper()
	req := request(t, "GET", address, "", false)
	var cs []*http.Cookie
	for name, value := range cookies {
		cs = append(cs, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true})
	}
	b.jar.SetCookies(req.URL, cs)
}

func TestF32_StoreHoldsNothingUsable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &hostileStore{SessionStore: client.NewMemoryStore()}
		_, a, b := world(t, func(c *client.UserConfig) { c.Sessions = h })
		row, err := h.SessionStore.ByID(t.Context(), h.keys[0])
		if err != nil {
			t.Fatal(err)
		}
		dump := strings.Join(printed(row), "\n") + string(row.Sealed)
		secrets := []string{a.mustToken(b), "refresh-"}
		for _, value := range b.cookies(a.url) {
			secrets = append(secrets, value)
		}
		for _, secret := range secrets {
			if strings.Contains(dump, secret) {
				t.Errorf("I13: the row holds %.20s", secret)
			}
		}
		a.with(b, func(s *client.UserSession, r *http.Request) {
			raw, err := s.IDToken(r.Context())
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Token(r.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range printed(s, &token, token, a.tokens, s.Client(), struct{ s *client.UserSession }{s}) {
				if strings.Contains(text, token.Raw()) || strings.Contains(text, raw) || strings.Contains(text, userSecret) || strings.Contains(text, "refresh-") {
					t.Errorf("I13: printed %.300s", text)
				}
			}
		})
	})
}

func TestStoreThatFailsIsNotASignOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &hostileStore{SessionStore: client.NewMemoryStore()}
		f, a, b := world(t, func(c *client.UserConfig) { c.Sessions = h })
		h.err = errors.New("disk full")
		if p := b.send("GET", a.url+"/me", nil); p.status != 503 || strings.Contains(p.body, "disk") {
			t.Errorf("status %d: %s", p.status, p.body)
		}
		if p := b.send("POST", a.url+"/signout", nil, "Sec-Fetch-Site", "same-origin"); p.status != 503 {
			t.Errorf("sign-out answers %d", p.status)
		}
		h.err = nil
		if !a.signedIn(b) {
			t.Error("signed out by a fault of the store")
		}
		// A sign-out that failed halfway is whole when it is tried again.
		h.keep = errors.New("disk full")
		if p := b.send("POST", a.url+"/signout", nil, sameOrigin...); p.status != 503 || !a.signedIn(b) || f.revocations.Load() != 0 {
			t.Errorf("sign-out answers %d, signed in: %v", p.status, a.signedIn(b))
		}
		h.keep = nil
		_, fields := form(t, b.send("POST", a.url+"/signout", nil, sameOrigin...).body)
		if fields.Get("id_token_hint") == "" || f.revocations.Load() != 1 || a.signedIn(b) {
			t.Errorf("the second sign-out gives %v and %d refresh tokens back", fields, f.revocations.Load())
		}
	})
}

func TestSessionsOfOthersAreNotGuessed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, b := world(t)
		for name := range b.cookies(a.url) {
			for _, value := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 5000), "../../etc/passwd"} {
				stranger := newBrowser(t, b.net)
				plant(t, stranger, a.url, map[string]string{name: value})
				if a.signedIn(stranger) {
					t.Errorf("cookie %q is a session", value)
				}
			}
		}
	})
}

func TestCloseWaitsForRenewals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		release := make(chan struct{})
		f.with(func() { f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false } })
		later(50 * time.Minute)
		old := a.mustToken(b)
		closed := make(chan struct{})
		go func() { _ = a.tokens.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed while a refresh token is being replaced")
		default:
		}
		close(release)
		<-closed
		s, err := a.sessionAt(a.replica(f), b) // the next process finds it
		if err != nil {
			t.Fatal(err)
		}
		if token, err := s.Token(t.Context()); err != nil || token.Raw() == old {
			t.Errorf("%v, old: %v", err, token.Raw() == old)
		}
	})
}

func TestEverythingInMemoryByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, b := world(t, func(c *client.UserConfig) { c.Sessions, c.Box = nil, nil })
		if !a.signedIn(b) {
			t.Error("not signed in")
		}
	})
}
