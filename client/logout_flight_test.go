package client_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
)

// TestE29_LogoutDuringTheCallback: a sign-in that ends at the provider while its code is
// redeemed leaves no session, and does not keep its person from the next one.
func TestE29_LogoutDuringTheCallback(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		told := 0
		f.with(func() {
			f.onToken = func(http.ResponseWriter, *http.Request) bool {
				told = tell(t, a, logoutToken(f, nil, "logout+jwt"))
				return false
			}
		})
		b := newBrowser(t, net)
		p := b.open(a.url + "/signin?return_to=/me")
		f.with(func() { f.onToken = nil })
		if told != 200 || p.status != http.StatusForbidden || a.signedIn(b) {
			t.Errorf("told with %d, the callback answers %d, signed in: %v", told, p.status, a.signedIn(b))
		}
		if later := a.signIn(net); !a.signedIn(later) {
			t.Error("a new sign-in is refused, too")
		}
	})
}

// shared is a store of several replicas.
type shared struct {
	client.SessionStore
	mu    sync.Mutex
	ended map[string]time.Time
}

func (s *shared) EndSignIn(_ context.Context, signInID string, at, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[signInID] = at
	return nil
}

func (s *shared) SignInEnded(_ context.Context, signInID string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended[signInID], nil
}

// TestE29_LogoutAtAnotherReplica: it makes no difference which replica is told.
func TestE29_LogoutAtAnotherReplica(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		store := &shared{SessionStore: client.NewMemoryStore(), ended: map[string]time.Time{}}
		one := func(c *client.UserConfig) { c.Sessions = store }
		a, other := f.app("app.test", one), f.app("replica.test", one)
		told := 0
		f.with(func() {
			f.onToken = func(http.ResponseWriter, *http.Request) bool {
				told = tell(t, other, logoutToken(f, nil, "logout+jwt"))
				return false
			}
		})
		b := newBrowser(t, net)
		p := b.open(a.url + "/signin?return_to=/me")
		f.with(func() { f.onToken = nil })
		if told != 200 || p.status != http.StatusForbidden || a.signedIn(b) {
			t.Errorf("told with %d, the callback answers %d, signed in: %v", told, p.status, a.signedIn(b))
		}
		time.Sleep(time.Minute) // clocks may be apart
		if later := a.signIn(net); !a.signedIn(later) {
			t.Error("a new sign-in is refused, too")
		}
	})
}
