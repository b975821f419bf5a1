package client_test

import (
	"net/http"
	"testing"
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
