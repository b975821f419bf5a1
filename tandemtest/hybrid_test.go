package tandemtest_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/tandemtest"
)

func TestHybridSignsInternalAndExternalUsersIn(t *testing.T) {
	t.Parallel()
	h := tandemtest.StartHybrid(t, tandemtest.Options{Demo: true})
	anna, paul := h.Browser(), h.Browser()
	if page := h.SignInToWebApp(anna, "anna"); !strings.Contains(page.Text, "Sign out") {
		t.Errorf("anna's page has no sign-out: %s", page.Text)
	}
	if u := h.Usage(); u.User != 1 {
		t.Errorf("anna's page opened %d user sessions", u.User)
	}
	h.SignInToWebApp(paul, "paul")
	if u := h.Usage(); u.User != 1 {
		t.Errorf("with paul there are %d user sessions; he must take none (I5)", u.User)
	}
	if u := h.Usage(); u.Service != 1 {
		t.Errorf("paul's page is served in %d service sessions, want 1", u.Service)
	}
}
