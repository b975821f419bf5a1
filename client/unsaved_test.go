package client_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// awayStore is a store that does not write while it is away.
type awayStore struct {
	client.SessionStore
	mu      sync.Mutex
	away    bool
	unsure  bool // a Save is done, and its answer lost
	refused int
}

func (s *awayStore) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.unsure = away, false
}

func (s *awayStore) Save(ctx context.Context, row client.StoredSession) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := errors.New("the connection is lost")
	if s.unsure {
		s.unsure = false
		if _, err := s.SessionStore.Save(ctx, row); err != nil {
			return false, err
		}
		return false, lost
	}
	if s.away {
		s.refused++
		return false, lost
	}
	return s.SessionStore.Save(ctx, row)
}

// renewedWhileAway is a world whose session was renewed while its store was away.
func renewedWhileAway(t *testing.T) (f *fake, a *app, b *browser, s *awayStore, renewed string) {
	t.Helper()
	s = &awayStore{SessionStore: client.NewMemoryStore()}
	f, a, b = world(t, func(c *client.UserConfig) { c.Sessions = s })
	t.Cleanup(func() { s.set(false); _ = a.tokens.Close() })
	old := a.mustToken(b)
	later(2 * time.Hour)
	s.set(true)
	a.with(b, func(u *client.UserSession, r *http.Request) {
		token, err := u.Token(r.Context())
		if renewed = token.Raw(); err != nil || renewed == old {
			t.Errorf("renewed: %v, %v", renewed != old, err)
		}
	})
	return f, a, b, s, renewed
}

// TestD23_WhatARefreshGaveOutlivesAStoreThatIsAway: the refresh token of the row is spent
// when the store does not take the next one, and using it again ends the sign-in.
func TestD23_WhatARefreshGaveOutlivesAStoreThatIsAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b, s, renewed := renewedWhileAway(t)
		for range 3 { // requests while it is away go by what was got
			if later(time.Second); a.mustToken(b) != renewed {
				t.Error("not the token that was got")
			}
		}
		later(2 * time.Second)
		s.set(false)
		later(15 * time.Second) // a retry of the old refresh token is a replay by now
		if other, err := a.sessionAt(a.replica(f), b); err != nil {
			t.Errorf("at another replica: %v", err)
		} else if token, err := other.Token(t.Context()); err != nil || token.Raw() != renewed {
			t.Errorf("another replica has the token: %v, %v", token.Raw() == renewed, err)
		}
		if a.mustToken(b) != renewed || f.refreshes.Load() != 1 {
			t.Errorf("%d refreshes, want 1", f.refreshes.Load())
		}
		later(2 * time.Hour)
		if got := a.mustToken(b); got == renewed || f.refreshes.Load() != 2 {
			t.Errorf("the next renewal: %d refreshes, want 2", f.refreshes.Load())
		}
	})
}

// TestARenewalWaitsForTheOneThatIsNotSaved: two versions are never ahead of the row.
func TestARenewalWaitsForTheOneThatIsNotSaved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b, s, renewed := renewedWhileAway(t)
		later(2 * time.Hour)
		if _, err := a.token(b); tandem.ErrorCode(err) != tandem.CodeUnavailable || f.refreshes.Load() != 1 {
			t.Errorf("%v after %d refreshes; want a 503 after one", err, f.refreshes.Load())
		}
		s.set(false)
		if got, err := a.token(b); err != nil || got == renewed || f.refreshes.Load() != 2 {
			t.Errorf("when it is back: %v, %d refreshes", err, f.refreshes.Load())
		}
	})
}

// TestASaveWhoseAnswerIsLost: it may have been done.
func TestASaveWhoseAnswerIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &awayStore{SessionStore: client.NewMemoryStore()}
		f, a, b := world(t, func(c *client.UserConfig) { c.Sessions = s })
		later(2 * time.Hour)
		s.set(true)
		s.unsure = true
		renewed := a.mustToken(b)
		later(time.Second)
		s.set(false)
		later(15 * time.Second)
		if a.mustToken(b) != renewed || f.refreshes.Load() != 1 {
			t.Errorf("%d refreshes, want 1", f.refreshes.Load())
		}
	})
}

// TestASignOutEndsWhatIsNotSaved: the refresh token that is given back is the one that is
// good, and nothing of the session comes back with the store.
func TestASignOutEndsWhatIsNotSaved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b, s, _ := renewedWhileAway(t)
		b.send("POST", a.url+"/signout", nil, sameOrigin...)
		f.with(func() {
			if g := f.grants[f.revoked]; g == nil || g.used {
				t.Errorf("the refresh token that was given back is good: %v", g != nil)
			}
		})
		s.set(false)
		later(15 * time.Second)
		if n, _, err := a.tokens.Count(t.Context()); n != 0 || err != nil || a.signedIn(b) {
			t.Errorf("%d sessions, %v", n, err)
		}
	})
}

// TestCloseSavesWhatIsNotSaved, for as long as a store is away at most when another takes
// its place.
func TestCloseSavesWhatIsNotSaved(t *testing.T) {
	for name, back := range map[string]bool{"the store comes back": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b, s, renewed := renewedWhileAway(t)
				began := time.Now()
				if back {
					time.AfterFunc(3*time.Second, func() { s.set(false) })
				}
				if err := a.tokens.Close(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > 10*time.Second || back && took < 3*time.Second {
					t.Errorf("closing took %v", took)
				}
				synctest.Wait()
				if !back {
					return
				}
				next, err := a.sessionAt(a.replica(f), b)
				if err != nil {
					t.Fatal(err)
				}
				if token, err := next.Token(t.Context()); err != nil || token.Raw() != renewed {
					t.Errorf("the next process has the token: %v, %v", token.Raw() == renewed, err)
				}
			})
		})
	}
}
