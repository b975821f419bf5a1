package federation_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/fakeprovider"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// world is an instance with an outside provider.
type world struct {
	*testing.T
	*tandemtest.Instance
	fake *fakeprovider.Provider
}

type twist = fakeprovider.Twist

// asked is a parameter of the last authorization request to the provider.
func (w *world) asked(name string) string {
	q, _ := w.fake.Asked()
	return q.Get(name)
}

func (w *world) redeemed() int {
	_, n := w.fake.Asked()
	return n
}

func hasWords(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func ago(d time.Duration, now time.Time) int64 { return now.Add(-d).Unix() }

func newWorld(t *testing.T, engine sqldb.Engine) *world {
	in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
	w := &world{t, in, fakeprovider.New(t, in.Clock.Now)}
	w.register("acme", w.fake.URL, func(p *federation.Provider) { p.Internal, p.External = true, true })
	return w
}

func (w *world) register(id, issuer string, change func(p *federation.Provider)) {
	w.Helper()
	p := federation.Provider{ID: id, Name: "Acme login", Issuer: issuer, ClientID: fakeprovider.ClientID}
	change(&p)
	if _, err := w.Platform.Outside.Create(w.T.Context(), tandemtest.By, p, fakeprovider.ClientSecret); err != nil {
		w.Fatal(err)
	}
}

func (w *world) update(id string, change func(p *federation.Provider)) {
	w.Helper()
	if _, err := w.Platform.Outside.Update(w.T.Context(), tandemtest.By, id, nil, change); err != nil {
		w.Fatal(err)
	}
}

func (w *world) link(login, subject string) {
	w.Helper()
	if _, err := w.Platform.Outside.Link(w.T.Context(), tandemtest.By, login, "acme", subject); err != nil {
		w.Fatal(err)
	}
}

// attempt is an authorization request that goes to the provider straight away.
type attempt struct {
	verifier, nonce string
	page            *tandemtest.Page
	browser         *tandemtest.Browser
}

func (w *world) attempt(b *tandemtest.Browser, more ...string) attempt {
	w.Helper()
	a := attempt{verifier: rand.Text() + rand.Text(), nonce: rand.Text(), browser: b}
	a.page = b.Get(w.URL + oauth.PathAuthorize + "?" + w.request(a, more...).Encode())
	return a
}

func (w *world) request(a attempt, more ...string) url.Values {
	q := url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid profile email offline_access read"},
		"state": {"st"}, "nonce": {a.nonce}, "code_challenge": {oauth.Challenge(a.verifier)}, "code_challenge_method": {"S256"}, "acr_values": {"idp:acme"},
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

// code is that of the application, if the person came so far.
func (a attempt) code() string {
	to, err := url.Parse(a.page.Header.Get("Location"))
	if err != nil {
		return ""
	}
	return to.Query().Get("code")
}

// newest is what the record told last.
func (w *world) newest() string {
	events := w.Record("")
	return string(events[0].Kind) + ": " + events[0].Detail
}

func (w *world) tokens(a attempt) tandemtest.Tokens {
	w.Helper()
	if a.code() == "" {
		w.Fatalf("not signed in: %d %q", a.page.StatusCode, w.newest())
	}
	return w.Redeem(tandemtest.Code{Code: a.code(), Verifier: a.verifier, Nonce: a.nonce})
}

func claimsOf(t *testing.T, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// refused wants a page, and the rule on record for the request of that page.
func (w *world) refused(a attempt, rule tandem.Rule, words ...string) {
	w.Helper()
	if a.code() != "" || a.page.StatusCode < 400 {
		w.Errorf("%s: %d, a code %q", rule, a.page.StatusCode, a.code())
		return
	}
	if !hasWords(a.page.Text, words...) {
		w.Errorf("%s: the page has not %q: %s", rule, words, a.page.Text)
	}
	id, _, _ := strings.Cut(a.page.Header.Get(tandem.RequestIDHeader), ".")
	events, err := w.Platform.Audit.List(w.T.Context(), audit.Filter{RequestID: id})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		if f, err := tandem.ParseFacts(e.Facts); err == nil && f.Rule == rule {
			return
		}
	}
	w.Errorf("%s is not on record for %s; the newest is %q", rule, id, w.newest())
}

func TestOutsideProvider(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			for _, c := range []struct {
				name string
				test func(w *world)
			}{
				{"a linked person signs in", linkedPersonSignsIn},
				{"the page offers it", pageOffersIt},
				{"verified e-mail", verifiedEmail},
				{"an administrator needs a link", administratorNeedsALink},
				{"who may come", whoMayCome},
				{"C20 tokens and answers that are not as they should be", badAnswers},
				{"C22 state of another browser, replay, and CSRF", foreignState},
				{"time of the sign-in", timeOfSignIn},
				{"the word for two factors", twoFactors},
				{"the language stays", languageStays},
				{"away", providerAway},
			} {
				t.Run(c.name, func(t *testing.T) { c.test(&world{t, w.Instance, w.fake}) })
			}
		})
	}
}

func linkedPersonSignsIn(w *world) {
	w.fake.Twist(twist{})
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount, "Acme login knows who you are", "Start again")
	w.link("anna", "s-1")
	w.update("acme", func(p *federation.Provider) { p.TenantClaim = "tid" })
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["tid"] = "t-1"; c["auth_time"] = ago(time.Hour, w.Clock.Now()) }})
	b := w.Browser()
	tokens := w.tokens(w.attempt(b))
	for name, text := range map[string]string{"ID token": tokens.ID, "access token": tokens.Access} {
		c := claimsOf(w.T, text)
		if c["sub"] != "anna" || c["idp"] != "acme" || c["tid"] != "t-1" || c["acr"] != "1" {
			w.Errorf("%s: %v", name, c)
		}
		if at, _ := c["auth_time"].(float64); int64(at) > w.Clock.Now().Add(-59*time.Minute).Unix() {
			w.Errorf("%s: auth_time %v is not the provider's", name, at)
		}
	}
	if c := claimsOf(w.T, w.RefreshTokens(tokens.Refresh).Access); c["idp"] != "acme" || c["tid"] != "t-1" {
		w.Errorf("after a refresh: %v", c)
	}
	// Another request of the browser finds the sign-in; one for this server's own does not.
	if a := w.attempt(b); a.code() == "" || w.redeemed() != 2 {
		w.Errorf("a second time: %d, redeemed %d", a.page.StatusCode, w.redeemed())
	}
	if a := w.attempt(b, "acr_values", "idp:local"); a.code() != "" || !hasWords(a.page.Text, "Password") {
		w.Error("idp:local was content with the outside provider")
	}
	if a := w.attempt(b, "acr_values", "idp:unknown"); a.code() == "" {
		w.Error("a provider that is not known is a wish in vain, and not", a.page.StatusCode)
	}
	page := b.Get(w.URL + "/id/account/signout")
	page = b.Submit(page, url.Values{"csrf": {hidden(page, "csrf")}})
	if !hasWords(page.Text, "Acme login", w.fake.URL+"/logout") {
		w.Errorf("the way to sign out there, too: %s", page.Text)
	}
}

// languageStays: what an application asked for is what the person is spoken to in, also by
// what comes after the provider, and also when it does not end well.
func languageStays(w *world) {
	for _, tag := range []string{"de", "bg"} {
		browser := func() *tandemtest.Browser {
			b := w.Browser()
			b.Client.Transport = &testkit.Speaks{T: w.T, Next: http.DefaultTransport, Tag: tag, Paths: []string{"/id"}}
			return b
		}
		b := browser()
		w.fake.Twist(twist{Answer: func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }})
		failed := w.attempt(b, "ui_locales", tag)
		w.refused(failed, tandem.RuleOutsideRefused)
		w.refused(attempt{page: b.Get(failed.page.Request.URL.String())}, tandem.RuleOutsideState)
		w.refused(attempt{page: b.Get(w.URL + "/id/account/outside/start?provider=acme&ui_locales=" + tag)}, tandem.RuleOutsideRefused)
		w.refused(attempt{page: b.Get(w.URL + "/id/account/outside/start?provider=none&ui_locales=" + tag)}, tandem.RuleOutsideUnknown)
		w.fake.Twist(twist{})
		if a := w.attempt(browser(), "ui_locales", tag); a.code() == "" {
			w.Errorf("%d %s", a.page.StatusCode, a.page.Text)
		}
		if a := w.attempt(browser(), "ui_locales", tag, "acr_values", ""); !hasWords(a.page.Text, "outside/start?provider=acme", "&amp;ui_locales="+tag) {
			w.Errorf("the way there forgets the language: %s", a.page.Text)
		}
	}
}

func hidden(p *tandemtest.Page, name string) string {
	_, form, _ := p.Form(url.Values{})
	return form.Get(name)
}

func pageOffersIt(w *world) {
	page := w.Browser().Get(w.URL + "/id/account/signin")
	if !hasWords(page.Text, "Sign in with Acme login", "/id/account/outside/start?provider=acme") {
		w.Errorf("%s", page.Text)
	}
	if _, err := w.Platform.Outside.Disable(w.T.Context(), tandemtest.By, "acme"); err != nil {
		w.Fatal(err)
	}
	if page := w.Browser().Get(w.URL + "/id/account/signin"); hasWords(page.Text, "Acme login") {
		w.Error("a provider that is switched off is offered")
	}
	a := attempt{page: w.Browser().Get(w.URL + "/id/account/outside/start?provider=acme")}
	w.refused(a, tandem.RuleOutsideUnknown, "switched off")
	if _, err := w.Platform.Outside.Enable(w.T.Context(), tandemtest.By, "acme"); err != nil {
		w.Fatal(err)
	}
	// Hints of other kinds lead there, too; who wants the form gets it.
	w.update("acme", func(p *federation.Provider) { p.Domains = []string{"acme.example"} })
	w.fake.Twist(twist{})
	for _, hint := range [][2]string{{"domain_hint", "ACME.example"}, {"login_hint", "anna@acme.example"}} {
		if a := w.attempt(w.Browser(), "acr_values", "", hint[0], hint[1]); a.code() == "" {
			w.Errorf("%v leads to %s", hint, a.page.Request.URL)
		}
	}
	if w.asked("login_hint") != "anna@acme.example" {
		w.Errorf("the provider was asked for %q", w.asked("login_hint"))
	}
	if a := w.attempt(w.Browser(), "acr_values", "", "login_hint", "anna@elsewhere.example"); !hasWords(a.page.Text, "Password") {
		w.Error("another domain leads to", a.page.Request.URL)
	}
}

func verifiedEmail(w *world) {
	mail := func(address string, verified any) {
		w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["email"], c["email_verified"] = "mail-"+address, address, verified }})
	}
	mail("anna@example.com", true)
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount) // is not trusted for it
	w.update("acme", func(p *federation.Provider) { p.ByEmail, p.Domains = true, []string{"acme.example"} })
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount) // is not of its domains
	w.update("acme", func(p *federation.Provider) { p.Domains = []string{"example.com"} })
	for _, verified := range []any{false, nil, "yes", 1} {
		mail("anna@example.com", verified)
		w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
	}
	for _, address := range []string{"ANNA@example.com", "nobody@example.com", "anna@example.com.evil.example", "anna@evil.example", "anna@example.com@example.com"} {
		mail(address, true)
		w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
	}
	// No two accounts have one address, in whatever case; so at most one is found.
	_, err := w.Platform.Accounts.Create(w.T.Context(), tandemtest.By, signin.NewUser{Login: "twin", Type: tandem.InternalUser, Email: "Anna@Example.com"})
	if tandem.ErrorCode(err) != tandem.CodeConflict {
		w.Error("two users with the address:", err)
	}
	// An address here that nobody has verified is nobody's.
	w.unverified("mia", "mia@example.com")
	mail("mia@example.com", true)
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)

	mail("paul@example.com", true)
	if c := claimsOf(w.T, w.tokens(w.attempt(w.Browser())).ID); c["sub"] != "paul" {
		w.Errorf("%v", c)
	}
	// It is a link from then on, whatever becomes of the address.
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"] = "mail-paul@example.com" }})
	if c := claimsOf(w.T, w.tokens(w.attempt(w.Browser())).ID); c["sub"] != "paul" {
		w.Errorf("%v", c)
	}
	links, err := w.Platform.Outside.Links(w.T.Context(), "paul")
	if err != nil || len(links) != 1 || links[0].CreatedBy != federation.LinkedByEmail || links[0].LastUsedAt.IsZero() {
		w.Errorf("%v %+v", err, links)
	}
	// What was ended on purpose no address makes anew.
	if err := w.Platform.Outside.Unlink(w.T.Context(), tandemtest.By, "paul", "acme", "mail-paul@example.com"); err != nil {
		w.Error(err)
	}
	mail("paul@example.com", true)
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
	// What the ID token does not have is asked at userinfo, which has to be about the same.
	atUserinfo := func(sub string) {
		w.fake.Twist(twist{
			Claims:   func(c map[string]any) { c["sub"] = "at-userinfo" },
			Userinfo: map[string]any{"sub": sub, "email": "anna@example.com", "email_verified": true},
		})
	}
	atUserinfo("another")
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideToken)
	atUserinfo("at-userinfo")
	if c := claimsOf(w.T, w.tokens(w.attempt(w.Browser())).ID); c["sub"] != "anna" {
		w.Errorf("%v", c)
	}
}

// unverified makes a user whose address nobody has verified.
func (w *world) unverified(login, email string) {
	w.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Email: email})
	_, err := w.Platform.Accounts.Update(w.T.Context(), tandemtest.By, login, func(u *tandem.User) { u.EmailVerified = false })
	if err != nil {
		w.Fatal(err)
	}
}

func administratorNeedsALink(w *world) {
	w.update("acme", func(p *federation.Provider) { p.ByEmail, p.Domains = true, []string{"*"} })
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["email"], c["email_verified"] = "ada", "admin@example.com", true }})
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAdmin, "no account here")
	w.link("admin", "ada")
	if c := claimsOf(w.T, w.tokens(w.attempt(w.Browser())).ID); c["sub"] != "admin" {
		w.Errorf("%v", c)
	}
	// Who was found by an address and administers since then needs one, too.
	w.CreateUser(signin.NewUser{Login: "rosa", Type: tandem.InternalUser, Email: "rosa@example.com"})
	w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["email"], c["email_verified"] = "rosa", "rosa@example.com", true }})
	w.tokens(w.attempt(w.Browser()))
	if _, err := w.Platform.Accounts.Update(w.T.Context(), tandemtest.By, "rosa", func(u *tandem.User) { u.Admin = true }); err != nil {
		w.Fatal(err)
	}
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAdmin)
}

func whoMayCome(w *world) {
	w.CreateUser(signin.NewUser{Login: "olga", Type: tandem.InternalUser})
	w.link("olga", "olga")
	w.update("acme", func(p *federation.Provider) { p.ByEmail = false })
	as := func(claims map[string]any) {
		w.fake.Twist(twist{Claims: func(c map[string]any) { maps.Copy(c, claims) }})
	}
	as(map[string]any{"sub": "olga"})
	if _, err := w.Platform.Accounts.Disable(w.T.Context(), tandemtest.By, "olga"); err != nil {
		w.Fatal(err)
	}
	w.refused(w.attempt(w.Browser()), tandem.RuleUserDisabled, "no account here")
	if _, err := w.Platform.Accounts.Enable(w.T.Context(), tandemtest.By, "olga"); err != nil {
		w.Fatal(err)
	}
	w.update("acme", func(p *federation.Provider) { p.Internal = false })
	w.refused(w.attempt(w.Browser()), tandem.RuleUserType)
	w.update("acme", func(p *federation.Provider) {
		p.Internal, p.TenantClaim, p.Tenants = true, "tid", []string{"t-1", "t-2"}
	})
	for _, tenant := range []any{nil, "t-3", "T-1", 7} {
		as(map[string]any{"sub": "olga", "tid": tenant})
		w.refused(w.attempt(w.Browser()), tandem.RuleOutsideTenant)
	}
	as(map[string]any{"sub": "olga", "tid": "t-2"})
	w.tokens(w.attempt(w.Browser()))
	w.update("acme", func(p *federation.Provider) { p.Tenants = nil })
	// A System User is linked to nobody.
	if _, err := w.Platform.Outside.Link(w.T.Context(), tandemtest.By, tandemtest.SystemUser, "acme", "svc"); tandem.ErrorCode(err) != tandem.CodeInvalid {
		w.Error("a System User was linked:", err)
	}
	// A link that is gone lets nobody in.
	if err := w.Platform.Outside.Unlink(w.T.Context(), tandemtest.By, "olga", "acme", "olga"); err != nil {
		w.Fatal(err)
	}
	as(map[string]any{"sub": "olga"})
	w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
}

func badAnswers(w *world) {
	set := func(name string, value any) twist {
		return twist{Claims: func(c map[string]any) { c[name] = value }}
	}
	now := w.Clock.Now()
	for name, wrong := range map[string]twist{
		"another nonce":            set("nonce", "another"),
		"no nonce":                 set("nonce", nil),
		"another issuer":           set("iss", "https://elsewhere.example"),
		"another audience":         set("aud", "somebody"),
		"several audiences":        set("aud", []string{"tandem", "somebody"}),
		"another authorized party": set("azp", "somebody"),
		"no audience":              set("aud", nil),
		"expired":                  set("exp", ago(2*time.Minute, now)),
		"no expiry":                set("exp", nil),
		"issued in the future":     set("iat", ago(-time.Hour, now)),
		"no time of issue":         set("iat", nil),
		"no subject":               set("sub", ""),
		"a long subject":           set("sub", strings.Repeat("s", 256)),
		"another at_hash":          set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"none":                     {Sign: fakeprovider.Unsigned},
		"HS256 with the secret": {Sign: func(c map[string]any) string {
			return w.fake.SignedWith(jose.HS256, []byte(fakeprovider.ClientSecret+strings.Repeat(" ", 32)), c)
		}},
		"HS256 with the public key": {Sign: func(c map[string]any) string { return w.fake.SignedWith(jose.HS256, w.fake.PublicModulus(), c) }},
		"no ID token":               {Sign: func(map[string]any) string { return "" }},
		"another key":               {Sign: func(c map[string]any) string { return fakeprovider.New(w.T, w.Clock.Now).Signed(c) }},
	} {
		w.fake.Twist(wrong)
		a := w.attempt(w.Browser())
		if a.code() != "" {
			w.Errorf("%s: signed in", name)
		}
		w.refused(a, tandem.RuleOutsideToken, "is not as it should be")
	}
	for name, c := range map[string]struct {
		answer func(q url.Values)
		rule   tandem.Rule
	}{
		"mix-up (RFC 9207)": {func(q url.Values) { q.Set("iss", "https://elsewhere.example") }, tandem.RuleOutsideIssuer},
		"an empty issuer":   {func(q url.Values) { q.Set("iss", "") }, tandem.RuleOutsideIssuer},
		"cancelled":         {func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, tandem.RuleOutsideRefused},
		"an error":          {func(q url.Values) { q.Del("code"); q.Set("error", "<script>") }, tandem.RuleOutsideRefused},
		"no code":           {func(q url.Values) { q.Del("code") }, tandem.RuleOutsideRefused},
		"another code":      {func(q url.Values) { q.Set("code", "invented") }, tandem.RuleOutsideRefused},
		"no state":          {func(q url.Values) { q.Del("state") }, tandem.RuleOutsideState},
		"another state":     {func(q url.Values) { q.Set("state", q.Get("state")+"x") }, tandem.RuleOutsideState},
		"code twice":        {func(q url.Values) { q.Add("code", "two") }, tandem.RuleParameter},
	} {
		w.fake.Twist(twist{Answer: c.answer})
		a := w.attempt(w.Browser())
		if a.code() != "" || hasWords(a.page.Text, "<script>") {
			w.Errorf("%s: %s", name, a.page.Text)
		}
		w.refused(a, c.rule)
	}
	// The issuer itself is right; and the person who cancelled finds the form again.
	w.fake.Twist(twist{Answer: func(q url.Values) { q.Set("iss", w.fake.URL) }})
	w.tokens(w.attempt(w.Browser()))
	w.fake.Twist(twist{Answer: func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }})
	a := w.attempt(w.Browser())
	form := a.browser.Get(again(w.T, a.page))
	a.page = a.browser.Submit(form, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	if c := claimsOf(w.T, w.tokens(a).ID); c["idp"] != "local" {
		w.Errorf("%v", c)
	}
}

// again is the link of an error page.
func again(t *testing.T, p *tandemtest.Page) string {
	t.Helper()
	_, text, _ := strings.Cut(p.Text, `class="button" href="`)
	link, _, _ := strings.Cut(text, `"`)
	u, err := p.Request.URL.Parse(strings.ReplaceAll(link, "&amp;", "&"))
	if err != nil || link == "" {
		t.Fatalf("no way back in %s", p.Text)
	}
	return u.String()
}

func foreignState(w *world) {
	// The answer of an attacker's sign-in, brought to a victim's browser, signs nobody in.
	var stolen string
	w.fake.Twist(twist{Answer: func(q url.Values) { stolen = q.Encode() }})
	attacker := w.Browser()
	signedIn := w.attempt(attacker)
	callback := w.URL + federation.CallbackPath("acme") + "?" + stolen
	for name, b := range map[string]*tandemtest.Browser{"another browser": w.Browser(), "the same browser again": attacker} {
		a := attempt{page: b.Get(callback)}
		if a.page.StatusCode == http.StatusOK {
			w.Errorf("%s: %s", name, a.page.Text)
		}
		w.refused(a, tandem.RuleOutsideState, "begun in another browser")
	}
	if signedIn.code() == "" {
		w.Error("the attacker's own sign-in did not end well")
	}
	// A provider's answer at the address of another one is none (RFC 9700 section 4.4).
	w.fake.Twist(twist{Answer: func(q url.Values) { stolen = q.Encode(); q.Del("code") }})
	b := w.Browser()
	w.register("other", w.fake.URL, func(p *federation.Provider) { p.External, p.Name = true, "Other" })
	b.Get(w.URL + "/id/account/signin")
	page := b.Get(w.URL + "/id/account/outside/start?provider=acme")
	w.refused(attempt{page: page}, tandem.RuleOutsideRefused)
	// Nobody is linked by a link that another site has made.
	victim := w.Browser()
	victim.SignIn(w.URL+"/id/account/signin", "anna", tandemtest.Password)
	before, err := w.Platform.Outside.Links(w.T.Context(), "anna")
	if err != nil {
		w.Fatal(err)
	}
	for _, link := range []string{"", "x", strings.Repeat("A", 200)} {
		w.refused(attempt{page: victim.Get(w.URL + "/id/account/outside/start?provider=acme&link=" + link)}, tandem.RuleOutsideState)
	}
	if after, err := w.Platform.Outside.Links(w.T.Context(), "anna"); err != nil || len(after) != len(before) {
		w.Errorf("%v %+v", err, after)
	}
}

func timeOfSignIn(w *world) {
	w.CreateUser(signin.NewUser{Login: "tom", Type: tandem.InternalUser})
	w.link("tom", "tom")
	at := func(when any) {
		w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["auth_time"] = "tom", when }})
	}
	now := w.Clock.Now()
	for name, c := range map[string]struct {
		when any
		more []string
		in   bool
	}{
		"young enough":             {ago(9*time.Minute, now), []string{"max_age", "600"}, true},
		"too old":                  {ago(12*time.Minute, now), []string{"max_age", "600"}, false},
		"not said":                 {nil, []string{"max_age", "600"}, false},
		"of the future":            {ago(-time.Hour, now), []string{"max_age", "600"}, false},
		"prompt=login, anew":       {ago(0, now), []string{"prompt", "login"}, true},
		"prompt=login, not said":   {nil, []string{"prompt", "login"}, true},
		"prompt=login, of before":  {ago(time.Hour, now), []string{"prompt", "login"}, false},
		"no demand, long ago":      {ago(100*time.Hour, now), nil, true},
		"no demand, of the future": {ago(-time.Hour, now), nil, true},
	} {
		at(c.when)
		a := w.attempt(w.Browser(), c.more...)
		if c.in && a.code() == "" || !c.in && a.code() != "" {
			w.Errorf("%s: in %v, %s", name, a.code() != "", w.newest())
		}
		if !c.in {
			w.refused(a, tandem.RuleOutsideStale)
		}
		if len(c.more) > 0 && w.asked(c.more[0]) != c.more[1] {
			w.Errorf("%s: the provider was asked for %q", name, w.asked(c.more[0]))
		}
	}
	// Who asked the person nothing makes no new sign-in of it: nobody gets by it to what
	// wants one of the last ten minutes.
	for name, when := range map[string]any{"not said": nil, "of the future": ago(-time.Hour, now)} {
		at(when)
		b := w.Browser()
		a := w.attempt(b)
		proved, _ := claimsOf(w.T, w.tokens(a).ID)["auth_time"].(float64)
		if int64(proved) > now.Add(-10*time.Minute).Unix() {
			w.Errorf("%s: auth_time %v, at %d", name, proved, now.Unix())
		}
		if p := b.Get(w.URL + "/profile/security/second-factor?add=1"); strings.Contains(p.Text, `id="secret"`) {
			w.Errorf("%s: may add a second factor", name)
		}
	}
}

func twoFactors(w *world) {
	w.CreateUser(signin.NewUser{Login: "mfa", Type: tandem.InternalUser})
	w.link("mfa", "mfa")
	for _, c := range []struct {
		trust bool
		amr   []string
		acr   string
	}{{false, []string{"pwd", "mfa"}, "1"}, {true, []string{"pwd"}, "1"}, {true, []string{"pwd", "mfa"}, "2"}} {
		w.update("acme", func(p *federation.Provider) { p.TrustMFA = c.trust })
		w.fake.Twist(twist{Claims: func(claims map[string]any) { claims["sub"], claims["amr"] = "mfa", c.amr }})
		if got := claimsOf(w.T, w.tokens(w.attempt(w.Browser())).ID); got["acr"] != c.acr {
			w.Errorf("%+v: %v", c, got)
		}
	}
}

func providerAway(w *world) {
	w.fake.Close()
	w.fake.Twist(twist{})
	w.Clock.Advance(2 * time.Hour)
	// What is known of the provider lets the browser go there; a new one is not reached.
	w.register("gone", w.fake.URL, func(p *federation.Provider) { p.Internal, p.Name = true, "Gone" })
	a := attempt{page: w.Browser().Get(w.URL + "/id/account/outside/start?provider=gone")}
	w.refused(a, tandem.RuleOutsideUnreachable, "Gone does not answer", "Start again")
	if a.page.StatusCode != http.StatusServiceUnavailable {
		w.Error(a.page.StatusCode)
	}
	// Discovery is not believed about everything.
	for name, change := range map[string]func(m map[string]any){
		"another issuer": func(m map[string]any) { m["issuer"] = "https://elsewhere.example" },
		"plain http":     func(m map[string]any) { m["token_endpoint"] = "http://elsewhere.example/token" },
		"no keys":        func(m map[string]any) { delete(m, "jwks_uri") },
		"huge":           func(m map[string]any) { m["x"] = strings.Repeat("x", 1<<20) },
	} {
		f := fakeprovider.New(w.T, w.Clock.Now)
		f.Metadata = change
		id := "bad-" + strings.ReplaceAll(name, " ", "-")
		w.register(id, f.URL, func(p *federation.Provider) { p.Internal, p.Name = true, name })
		w.refused(attempt{page: w.Browser().Get(w.URL + "/id/account/outside/start?provider=" + id)}, tandem.RuleOutsideUnreachable, "does not answer")
	}
}
