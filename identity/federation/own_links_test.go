package federation_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const linksPath = "/profile/security/links"

// TestOwnLinks: people link themselves to an outside provider, and end that again, when they
// have just proved who they are; nobody else can do it to them.
func TestOwnLinks(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			b := w.Browser()
			page := b.SignIn(w.URL+linksPath, "anna", tandemtest.Password)
			page = b.Get(w.URL + linksPath)
			start := startOf(page)
			if page.StatusCode != http.StatusOK || start == "" || !hasWords(page.Text, "There is none", "Acme login") {
				t.Fatalf("%d %q %s", page.StatusCode, start, page.Text)
			}
			w.nobodyElse(start)
			w.fake.Twist(twist{})
			if page = b.Get(w.URL + start); page.StatusCode != http.StatusOK || !hasWords(page.Text, "Acme login", "End it") {
				t.Fatalf("after coming back: %d %s", page.StatusCode, page.Text)
			}
			if w.asked("prompt") != "select_account" {
				t.Errorf("the provider was asked with prompt=%q", w.asked("prompt"))
			}
			w.toldOfItself()
			w.linkedToOne(start)
			w.endsWithAProof(b)
		})
	}
}

// startOf is where the page lets its person begin; empty where it does not.
func startOf(page *tandemtest.Page) string {
	_, text, found := strings.Cut(page.Text, `href="/id/account/outside/start`)
	text, _, _ = strings.Cut(text, `"`)
	if !found {
		return ""
	}
	return "/id/account/outside/start" + strings.ReplaceAll(text, "&amp;", "&")
}

// nobodyElse: the address is of no use in another browser, whoever is signed in with it (C22).
func (w *world) nobodyElse(start string) {
	w.Helper()
	for _, login := range []string{"", "paul", "anna"} {
		other := w.Browser()
		if login != "" {
			other.SignIn(w.URL+linksPath, login, tandemtest.Password)
		}
		if page := other.Get(w.URL + start); page.StatusCode != http.StatusBadRequest {
			w.Errorf("in the browser of %q: %d", login, page.StatusCode)
		}
	}
	if links, err := w.Platform.Outside.Links(w.T.Context(), "anna"); err != nil || len(links) != 0 {
		w.Errorf("%v, %v", links, err)
	}
}

// toldOfItself signs in by the link; userinfo and /profile/me then say through whom, by
// token and by cookie.
func (w *world) toldOfItself() {
	w.Helper()
	w.update("acme", func(p *federation.Provider) { p.TenantClaim = "tid" })
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["tid"] = "t-1" }})
	b := w.Browser()
	tokens := w.tokens(w.attempt(b))
	ask := func(path, token string) string {
		req, err := http.NewRequestWithContext(w.T.Context(), "GET", w.URL+path, nil)
		if err != nil {
			w.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			w.Fatal(err)
		}
		defer res.Body.Close()
		var text strings.Builder
		if err := res.Write(&text); err != nil {
			w.Fatal(err)
		}
		return text.String()
	}
	local := w.SignIn("anna").Access
	for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
		if text := ask(path, tokens.Access); !hasWords(text, `"idp":"acme"`, `"tid":"t-1"`) {
			w.Errorf("%s: %s", path, text)
		}
		if text := ask(path, local); hasWords(text, `"idp"`) || hasWords(text, `"tid"`) || !hasWords(text, "anna") {
			w.Errorf("%s, signed in here: %s", path, text)
		}
	}
	w.fake.Twist(twist{})
	w.update("acme", func(p *federation.Provider) { p.TenantClaim = "" })
}

// linkedToOne: who is linked to anna is linked to nobody beside.
func (w *world) linkedToOne(string) {
	w.Helper()
	b := w.Browser()
	b.SignIn(w.URL+linksPath, "paul", tandemtest.Password)
	page := b.Get(w.URL + linksPath)
	if page = b.Get(w.URL + startOf(page)); page.StatusCode != http.StatusConflict || !hasWords(page.Text, "could not be linked") {
		w.Errorf("a second account for one subject: %d", page.StatusCode)
	}
}

// endsWithAProof: what is old is proved anew, and the last way to sign in stays.
func (w *world) endsWithAProof(b *tandemtest.Browser) {
	w.Helper()
	w.Advance(11 * time.Minute)
	page := b.Get(w.URL + linksPath)
	if startOf(page) != "" || !hasWords(page.Text, "Prove first who you are") {
		w.Errorf("after eleven minutes: %s", page.Text)
	}
	all, err := w.Platform.Outside.Links(w.T.Context(), "anna")
	if err != nil || len(all) != 1 {
		w.Fatalf("%v, %v", all, err)
	}
	end := url.Values{"form": {formToken(page, "/end")}, "provider": {"acme"}, "subject": {all[0].Subject}}
	asked := b.Post(page, w.URL+linksPath+"/end", end)
	if !hasWords(asked.Text, "Password") {
		w.Fatalf("without a proof: %d %s", asked.StatusCode, asked.Text)
	}
	held := b.Submit(asked, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	if !hasWords(held.Text, "Go on?") {
		w.Fatalf("the form is not resumed: %d %s", held.StatusCode, held.Text)
	}
	done := b.Submit(held, nil)
	if !hasWords(done.Text, "Ended.", "There is none") {
		w.Errorf("%d %s", done.StatusCode, done.Text)
	}
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
}

// formToken is that of the form of the page that goes to the path.
func formToken(page *tandemtest.Page, path string) string {
	_, text, _ := strings.Cut(page.Text, linksPath+path+`">`)
	_, text, _ = strings.Cut(text, `name="form" value="`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// TestLinksWantAProofOfTheMoment: the ten minutes of a proof are those until the link is
// there, however fresh the page is that it was begun on; and what begins a link to one
// provider begins none to another.
func TestLinksWantAProofOfTheMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldb.SQLite)
	w.register("other", w.fake.URL, func(p *federation.Provider) { p.Internal, p.Name = true, "Zeta login" })
	b := w.Browser()
	b.SignIn(w.URL+linksPath, "anna", tandemtest.Password)
	none := func(what string) {
		t.Helper()
		if links, err := w.Platform.Outside.Links(t.Context(), "anna"); err != nil || len(links) != 0 {
			t.Errorf("%s: %v, %v", what, links, err)
		}
	}
	w.Advance(8 * time.Minute)
	start := startOf(b.Get(w.URL + linksPath))
	if page := b.Get(w.URL + strings.Replace(start, "provider=acme", "provider=other", 1)); page.StatusCode != http.StatusBadRequest {
		t.Errorf("to another provider: %d", page.StatusCode)
	}
	none("to another provider")
	// The person was at the provider until the proof was too old.
	w.fake.Twist(twist{Claims: func(map[string]any) { w.Clock.Advance(3 * time.Minute) }})
	asked := b.Get(w.URL + start)
	if !hasWords(asked.Text, "Password", "prove once more") {
		t.Errorf("back too late: %d %s", asked.StatusCode, asked.Text)
	}
	none("back too late")
	w.fake.Twist(twist{})
	// The page is as fresh as can be, and the proof is not.
	asked = b.Get(w.URL + start)
	if !hasWords(asked.Text, "Password", "prove once more") {
		t.Errorf("begun too late: %d %s", asked.StatusCode, asked.Text)
	}
	none("begun too late")
	page := b.Submit(asked, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	if page = b.Get(w.URL + startOf(page)); !hasWords(page.Text, "Acme login", "End it") {
		t.Errorf("with a proof: %d %s", page.StatusCode, page.Text)
	}
}

// TestOnlyWayToSignInStays: who has no password and no passkey cannot end their last link
// that is of use: one to a provider that is switched off, or is not for them, is none.
func TestOnlyWayToSignInStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldb.SQLite)
	if _, err := w.Platform.Accounts.Create(t.Context(), tandemtest.By, signin.NewUser{Login: "olga", Name: "Olga", Type: tandem.InternalUser}); err != nil {
		t.Fatal(err)
	}
	w.Refresh()
	w.register("other", w.fake.URL, func(p *federation.Provider) { p.Internal = true })
	w.register("partners", w.fake.URL, func(p *federation.Provider) { p.Internal = true })
	w.link("olga", "s-1")
	for _, id := range []string{"other", "partners"} {
		if _, err := w.Platform.Outside.Link(t.Context(), tandemtest.By, "olga", id, "s-2"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Platform.Outside.Disable(t.Context(), tandemtest.By, "other"); err != nil {
		t.Fatal(err)
	}
	w.update("partners", func(p *federation.Provider) { p.Internal, p.External = false, true })
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["auth_time"] = w.Clock.Now().Unix() }})
	b := w.Browser()
	w.tokens(w.attempt(b))
	page := b.Get(w.URL + linksPath)
	end := url.Values{"form": {formToken(page, "/end")}, "provider": {"acme"}, "subject": {"s-1"}}
	if a := b.Post(page, w.URL+linksPath+"/end", end); a.StatusCode != http.StatusConflict || !hasWords(a.Text, "your only way to sign in") {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	useless := url.Values{"form": {formToken(page, "/end")}, "provider": {"other"}, "subject": {"s-2"}}
	if a := b.Post(page, w.URL+linksPath+"/end", useless); !hasWords(a.Text, "Ended.") {
		t.Errorf("one that is of no use: %d %s", a.StatusCode, a.Text)
	}
	w.update("partners", func(p *federation.Provider) { p.Internal = true })
	if a := b.Post(page, w.URL+linksPath+"/end", end); !hasWords(a.Text, "Ended.") {
		t.Errorf("beside another that is of use: %d %s", a.StatusCode, a.Text)
	}
}
