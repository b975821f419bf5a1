package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/tandemtest"
)

// op is the server under test, as the suites see it: by its discovery document, with two
// clients.
type op struct {
	*tandemtest.Instance
	meta   map[string]any
	client [2]client
}

type client struct{ id, secret, redirect, postLogout string }

func newOP(t *testing.T, o tandemtest.Options) *op {
	t.Helper()
	p := &op{Instance: tandemtest.Start(t, o)}
	for i, name := range []string{"one", "two"} {
		c := client{id: "com.example.conformance/" + name, redirect: "http://127.0.0.1/" + name, postLogout: "http://127.0.0.1/" + name + "/out"}
		c.secret = p.CreateApp(tandem.TrustedApp{
			ApplicationURI: c.id, Name: "Conformance " + name, ClientType: tandem.ClientConfidential, Enabled: true, FirstParty: true,
			InternalUsers: true, ExternalUsers: true, Scope: tandem.Scope{"read"},
			RedirectURIs: []string{c.redirect}, PostLogoutRedirectURIs: []string{c.postLogout},
		}).User
		p.client[i] = c
	}
	status, _, text := p.fetch(t, "GET", p.Issuer+"/.well-known/openid-configuration", nil, nil)
	if err := json.Unmarshal([]byte(text), &p.meta); err != nil || status != http.StatusOK {
		t.Fatalf("discovery: %d %s", status, text)
	}
	return p
}

// at is an address of the discovery document.
func (p *op) at(t *testing.T, name string) string {
	t.Helper()
	text, _ := p.meta[name].(string)
	if text == "" {
		t.Fatalf("discovery has no %s", name)
	}
	return text
}

// has reports whether a list of the discovery document has the value.
func (p *op) has(name, value string) bool {
	list, _ := p.meta[name].([]any)
	return slices.Contains(list, any(value))
}

func (p *op) fetch(t *testing.T, method, address string, header http.Header, form url.Values) (int, http.Header, string) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// flow is one authorization of a person, step by step.
type flow struct {
	*op
	t        *testing.T
	profile  profile
	client   client
	browser  *tandemtest.Browser
	request  url.Values
	verifier string
	// asked says that the person had to type their password.
	asked bool
	// signed are what ID tokens may be signed with: RS256, which is the default of every client
	// (OpenID Connect Core section 2), unless the plan is of another profile.
	signed []jose.SignatureAlgorithm
}

// profile is which response the plan is about.
type profile struct{ name, responseType, responseMode string }

var profiles = []profile{
	{"oidcc-basic", oauth.ResponseTypeCode, ""},
	{"oidcc-formpost-basic", oauth.ResponseTypeCode, oauth.ModeFormPost},
	{"oidcc-hybrid", oauth.ResponseTypeCodeIDToken, ""},
}

func (p *op) flow(t *testing.T, as profile) *flow {
	t.Helper()
	f := &flow{op: p, t: t, profile: as, client: p.client[0], browser: p.Browser(), signed: []jose.SignatureAlgorithm{jose.RS256}}
	f.reset()
	return f
}

// reset begins the next authorization in the same browser.
func (f *flow) reset() *flow {
	f.request = url.Values{
		"client_id": {f.client.id}, "redirect_uri": {f.client.redirect}, "response_type": {f.profile.responseType}, "scope": {"openid"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
	}
	if f.profile.responseMode != "" {
		f.request.Set("response_mode", f.profile.responseMode)
	}
	f.verifier, f.asked = "", false
	return f
}

// with sets parameters of the request; an empty one is left out.
func (f *flow) with(pairs ...string) *flow {
	for i := 0; i < len(pairs); i += 2 {
		f.request.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			f.request.Del(pairs[i])
		}
	}
	return f
}

// response is what came back at the redirect URI; nil where nothing did.
type response struct {
	url.Values
	page *tandemtest.Page
}

// go sends the request and signs in as anna where that is asked for.
func (f *flow) authorize() response {
	f.t.Helper()
	page := f.browser.Get(f.at(f.t, "authorization_endpoint") + "?" + f.request.Encode())
	return f.goOn(page)
}

func (f *flow) goOn(page *tandemtest.Page) response {
	f.t.Helper()
	if action, form, ok := page.Form(url.Values{"login": {"anna"}, "password": {tandemtest.Password}}); ok {
		f.asked = true
		page = f.browser.Post(page, action, form)
	}
	return f.read(page)
}

// read takes the response out of the way that it came.
func (f *flow) read(page *tandemtest.Page) response {
	f.t.Helper()
	r := response{page: page}
	if action, form, ok := page.Form(nil); ok && action == f.client.redirect {
		if f.request.Get("response_mode") != oauth.ModeFormPost {
			f.t.Errorf("the response came as a form, and nobody asked for one")
		}
		form.Del("")
		r.Values = form
		return r
	}
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil || page.Header.Get("Location") == "" {
		return r
	}
	if back := to.Scheme + "://" + to.Host + to.Path; back != f.client.redirect {
		f.t.Fatalf("the response went to %s, want %s", back, f.client.redirect)
	}
	text, other := to.RawQuery, to.Fragment
	if f.profile.responseType != oauth.ResponseTypeCode {
		text, other = to.Fragment, to.RawQuery
	}
	if other != "" {
		f.t.Errorf("a part of the response came in the wrong way: %s", to)
	}
	if r.Values, err = url.ParseQuery(text); err != nil {
		f.t.Error(err)
	}
	return r
}

// must is a response with a code, whose state and issuer are right.
func (f *flow) must(r response) response {
	f.t.Helper()
	if r.Get("code") == "" {
		f.t.Fatalf("no code: %v %s", r.Values, shown(r.page))
	}
	f.checkResponse(r)
	if f.profile.responseType == oauth.ResponseTypeCodeIDToken {
		c := f.idToken(r.Get("id_token"), f.request.Get("nonce"))
		if c["c_hash"] != half(r.Get("code")) || f.request.Get("state") != "" && c["s_hash"] != half(f.request.Get("state")) {
			f.t.Errorf("the hashes in the ID token are wrong: %v", c)
		}
	}
	return r
}

func (f *flow) checkResponse(r response) {
	f.t.Helper()
	if r.Get("state") != f.request.Get("state") || r.Get("iss") != f.Issuer {
		f.t.Errorf("state or iss of the response: %v", r.Values)
	}
}

// refused is a response with one of the errors, or a page that says so where there is
// nowhere safe to send it.
func (f *flow) refused(r response, codes ...string) {
	f.t.Helper()
	if r.Values == nil {
		said := slices.ContainsFunc(codes, func(code string) bool { return strings.Contains(r.page.Text, "<code>"+code+"</code>") })
		if r.page.StatusCode < 400 || !said {
			f.t.Errorf("%d, want %v: %s", r.page.StatusCode, codes, shown(r.page))
		}
		return
	}
	if !slices.Contains(codes, r.Get("error")) || r.Get("code") != "" {
		f.t.Errorf("%v, want %v", r.Values, codes)
	}
	f.checkResponse(r)
}

// onPage is refused on a page of the server itself: nothing is sent anywhere.
func (f *flow) onPage(r response) {
	f.t.Helper()
	if r.Values != nil || r.page.Header.Get("Location") != "" || r.page.StatusCode < 400 {
		f.t.Errorf("%d to %q, want a page with an error", r.page.StatusCode, r.page.Header.Get("Location"))
	}
}

func shown(p *tandemtest.Page) string { return tandem.Clip(p.Text, 400) }

func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// tokens is what the token endpoint gave.
type tokens struct {
	status int
	header http.Header
	body   map[string]any
	t      *testing.T
}

func (a tokens) get(name string) string {
	text, _ := a.body[name].(string)
	return text
}

// ask is a request to the token endpoint with client_secret_basic.
func (f *flow) ask(pairs ...string) tokens {
	f.t.Helper()
	return f.askAs(f.client, false, pairs...)
}

func (f *flow) askAs(c client, post bool, pairs ...string) tokens {
	f.t.Helper()
	form, header := url.Values{}, http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if post {
		form.Set("client_id", c.id)
		form.Set("client_secret", c.secret)
	} else {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.id)+":"+url.QueryEscape(c.secret))))
	}
	status, got, text := f.fetch(f.t, "POST", f.at(f.t, "token_endpoint"), header, form)
	a := tokens{status: status, header: got, t: f.t}
	if err := json.Unmarshal([]byte(text), &a.body); err != nil {
		f.t.Fatalf("the token endpoint: %d %s", status, text)
	}
	if got.Get("Cache-Control") != "no-store" {
		f.t.Errorf("the answer of the token endpoint may be kept: %v", got)
	}
	return a
}

// redeem redeems a code and checks the ID token.
func (f *flow) redeem(r response) tokens {
	f.t.Helper()
	a := f.ask("grant_type", "authorization_code", "code", r.Get("code"), "redirect_uri", f.client.redirect, "code_verifier", f.verifier)
	if a.status != http.StatusOK || a.get("access_token") == "" || !strings.EqualFold(a.get("token_type"), "Bearer") {
		f.t.Fatalf("the code was not redeemed: %d %v", a.status, a.body)
	}
	c := f.idToken(a.get("id_token"), f.request.Get("nonce"))
	if c["at_hash"] != half(a.get("access_token")) { // which may be left out, and is not here
		f.t.Errorf("at_hash is wrong: %v", c)
	}
	return a
}

// signIn is the whole of it: the claims of the ID token and the tokens.
func (f *flow) signIn() (map[string]any, tokens) {
	f.t.Helper()
	a := f.redeem(f.must(f.authorize()))
	return f.idToken(a.get("id_token"), f.request.Get("nonce")), a
}

// idToken verifies an ID token as OpenID Connect Core section 3.1.3.7 says.
func (f *flow) idToken(text, nonce string) map[string]any {
	f.t.Helper()
	parsed, err := jwt.ParseSigned(text, f.signed)
	if err != nil {
		f.t.Fatalf("the ID token: %v: %s", err, tandem.Clip(text, 100))
	}
	head := parsed.Headers[0]
	named := f.keys().Key(head.KeyID)
	if head.KeyID == "" || len(named) != 1 || named[0].Algorithm != head.Algorithm {
		f.t.Fatalf("the ID token names by %q %d keys of the key set: %v", head.KeyID, len(named), named)
	}
	var c map[string]any
	if err := parsed.Claims(named[0].Key, &c); err != nil {
		f.t.Fatalf("the ID token is not signed by the key that it names: %v", err)
	}
	now := f.Clock.Now()
	exp, _ := c["exp"].(float64)
	iat, _ := c["iat"].(float64)
	switch got, _ := c["nonce"].(string); {
	case c["iss"] != f.Issuer, c["aud"] != f.client.id, c["sub"] == nil || c["sub"] == "", got != nonce:
		f.t.Errorf("ID token: %v", c)
	case now.After(time.Unix(int64(exp), 0)) || now.Before(time.Unix(int64(iat)-1, 0)):
		f.t.Errorf("times of the ID token: %v", c)
	}
	return c
}

// keys is the published key set.
func (f *flow) keys() *jose.JSONWebKeySet {
	f.t.Helper()
	_, _, text := f.fetch(f.t, "GET", f.at(f.t, "jwks_uri"), nil, nil)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) == 0 {
		f.t.Fatalf("key set: %v %s", err, text)
	}
	return &set
}

// userinfo asks for claims about the person in one of the three ways.
func (f *flow) userinfo(method string, token string, inBody bool) map[string]any {
	f.t.Helper()
	header, form := http.Header{"Authorization": {"Bearer " + token}}, url.Values(nil)
	if inBody {
		header, form = nil, url.Values{"access_token": {token}}
	}
	status, got, text := f.fetch(f.t, method, f.at(f.t, "userinfo_endpoint"), header, form)
	var c map[string]any
	if err := json.Unmarshal([]byte(text), &c); err != nil || status != http.StatusOK || !strings.HasPrefix(got.Get("Content-Type"), "application/json") {
		f.t.Fatalf("userinfo: %d %s", status, text)
	}
	return c
}
