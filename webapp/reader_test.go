package webapp_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

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

// The chart, which is kept for a while, is kept as it is written: who changes the
// browser's language does not see the one of before.
func TestKeptFiguresAreTheReaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, _ := s.signIn("anna", "/")
	customer, product := firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
	b.submit(b.open("/orders/new"), "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {"9876543"}, "do": {"save"}}).
		wants(t, 200, "The order was created.")
	for _, c := range []struct{ browser, in string }{{"en", `20\d\d: \d,\d{3},\d{3} EUR`}, {"en-IN", `20\d\d: \d\d,\d\d,\d{3} EUR`}} {
		b.Client.Transport = speaking{c.browser}
		if !regexp.MustCompile(c.in).MatchString(b.open("/").Text) {
			t.Errorf("%s does not see %s", c.browser, c.in)
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

// Heads of columns order a list, keep what it is narrowed to, and say how it is
// ordered; the pager keeps all of it.
func TestListsAreOrderedByTheirHeads(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, _ := s.signIn("anna", "/")
	heads := func(d *doc) string {
		var out []string
		for n := range d.root.Descendants() {
			if n.Type != html.ElementNode || n.Data != "th" {
				continue
			}
			head := textOf(n)
			if how := attr(n, "aria-sort"); how != "" {
				head += " " + how
			}
			if n.FirstChild != nil && n.FirstChild.Data == "a" {
				head += " → " + attr(n.FirstChild, "href")
			}
			out = append(out, head)
		}
		return strings.Join(out, "; ")
	}
	for path, want := range map[string]string{
		"/orders": "Order → /orders?sort=number; Date descending → /orders?sort=oldest; Customer; State; Total",
		"/orders?q=a&sort=number&skip=25&from=2020-01-01": "Order ascending → /orders?from=2020-01-01&q=a&sort=-number; Date → /orders?from=2020-01-01&q=a; Customer; State; Total",
		"/orders?sort=-number":                            "Order descending → /orders?sort=number; Date → /orders; Customer; State; Total",
		"/orders?sort=oldest":                             "Order → /orders?sort=number; Date ascending → /orders; Customer; State; Total",
		"/orders?sort=wanted":                             "Order → /orders?sort=number; Date → /orders; Customer; State; Total",
		"/stock":                                          "Product → /stock?sort=name; In stock → /stock?sort=-quantity; Part number ascending → /stock?sort=-part_number; Stores",
		"/stock?sort=-quantity&q=x":                       "Product → /stock?q=x&sort=name; In stock descending → /stock?q=x&sort=quantity; Part number → /stock?q=x; Stores",
		"/stock?sort=drop+table":                          "Product → /stock?sort=name; In stock → /stock?sort=-quantity; Part number ascending → /stock?sort=-part_number; Stores",
	} {
		if got := heads(b.open(path).wants(t, 200)); got != want {
			t.Errorf("%s\n got %s\nwant %s", path, got, want)
		}
	}
	numbers := func(path string) []string {
		var all []string
		page := b.open(path).wants(t, 200)
		for n := range page.root.Descendants() {
			if attr(n, "data-order") != "" {
				number, _, _ := strings.Cut(textOf(n), " ")
				all = append(all, number[:10])
			}
		}
		return all
	}
	up, down := numbers("/orders?sort=number"), numbers("/orders?sort=-number")
	if len(up) < 20 || !slices.IsSorted(up) || slices.IsSorted(down) || down[0] <= up[0] {
		t.Errorf("by number: %v; and the reverse: %v", up, down)
	}
	if next := b.open("/orders?sort=-number&to=2030-01-01").Text; !strings.Contains(next, "/orders?skip=25&amp;sort=-number&amp;to=2030-01-01") {
		t.Error("the next page forgets how the list is ordered")
	}
}
