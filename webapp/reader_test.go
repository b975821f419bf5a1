package webapp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// speaking is a browser whose person reads these languages.
type speaking struct{ languages string }

func (s speaking) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", s.languages)
	return navigating{}.RoundTrip(r)
}

// Numbers are written as the person's language writes them, and read so: what one
// takes for thousands is another one's decimals.
func TestNumbersInThePersonsLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	const refused = "can be read in two ways"
	for _, c := range []struct {
		browser, account string
		typed            map[string]string
	}{
		{"de-DE,de;q=0.9,en;q=0.5", "", map[string]string{"1234,5": "1.234,50", "1.234,5": "1.234,50", "12,5": "12,50", "12.5": "12,50", "1,234": "1,234", "1.234": refused, "1.234.567": "1.234.567,00"}},
		{"bg", "", map[string]string{"12,5": "12,50", "12345,5": "12 345,50", "12 345,5": "12 345,50", "1.234": refused, "1,234": "1,234"}},
		{"de-CH", "", map[string]string{"12’345.5": "12’345.50", "1,234": refused}},
		{"en-IN", "", map[string]string{"12,34,567.5": "12,34,567.50", "1,234": refused}},
		{"ar-EG", "", map[string]string{"1234.5": "1,234.50"}},
		{"", "", map[string]string{"1234.5": "1,234.50", "1,234": refused, "12,5": "12.50"}},
		{"***;q=x", "", map[string]string{"1234.5": "1,234.50"}},
		{"en-US", "fr-FR", map[string]string{"1234,5": "1 234,50", "1.234": refused}},
	} {
		login := "anna"
		if c.account != "" {
			login = "reader"
			s.in.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Password: tandemtest.Password, Locale: c.account})
		}
		b, form := s.signIn(login, "/orders/new")
		if c.browser != "" {
			b.Client.Transport = speaking{c.browser}
		}
		customer, product := firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
		for typed, shown := range c.typed {
			saved := b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {typed}, "do": {"save"}})
			if shown == refused {
				saved.wants(t, 422, refused)
				continue
			}
			saved.wants(t, 200, "The order was created.", "pcs"+shown+" EUR")
			// The form to change it has what the person would type.
			edit := b.open(saved.Request.URL.Path + "/edit")
			b.submit(edit, "order-form", url.Values{"notes": {"again"}, "do": {"save"}}).wants(t, 200, "Your changes were saved.", "pcs"+shown+" EUR")
		}
	}
}

// Moments are in the zone of the account, also without script.
func TestTimesInThePersonsZone(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, _ := s.signIn("anna", "/")
	if page := b.open("/"); strings.Contains(page.Text, "data-zone") {
		t.Error("a zone that nobody has said")
	}
	s.in.CreateUser(signin.NewUser{
		Login: "reader", Type: tandem.InternalUser, Password: tandemtest.Password, Locale: "de-AT", Zoneinfo: "Pacific/Kiritimati",
	})
	b, _ = s.signIn("reader", "/")
	s.worker.set(func() {
		s.worker.jobs = []internalapi.Job{{ID: "1", Kind: internalapi.JobSyncStock, CreatedAt: time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC)}}
	})
	page := b.open("/jobs")
	for _, want := range []string{`data-zone="Pacific/Kiritimati"`, `data-language="de-AT"`, "1 Feb 2026, 13:00 "} {
		if !strings.Contains(page.Text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}
