package platform_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// deciding is an instance that is made to decide.
type deciding struct {
	*tandemtest.Instance
	*testing.T
	key          jose.JSONWebKey // of the portal's service half
	otherSecrets registry.Secrets
}

// other is a confidential application beside the portal.
const other = "com.example/other"

func newDeciding(t *testing.T, o tandemtest.Options) *deciding {
	t.Helper()
	o.Demo, o.Log = true, quiet
	d := &deciding{Instance: tandemtest.Start(t, o), T: t}
	d.otherSecrets = d.CreateApp(d.hybrid(other))
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	d.key = jose.JSONWebKey{Key: private, KeyID: "k"}
	public, err := json.Marshal(d.key.Public())
	must(t, err)
	_, _, err = d.Platform.Apps.AddCredential(t.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{Flow: tandem.FlowService, PublicKey: public})
	must(t, err)
	d.Refresh()
	return d
}

// hybrid is an application as the portal is.
func (d *deciding) hybrid(uri string) tandem.TrustedApp {
	d.T.Helper()
	app, err := d.Platform.Apps.Get(d.Context(), tandemtest.Portal)
	must(d.T, err)
	return tandem.TrustedApp{
		ApplicationURI: uri, Name: uri, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, ExternalUsers: true, FirstParty: true,
		SystemUserAllowed: true, SystemUserID: app.SystemUserID, Scope: app.Scope, RedirectURIs: app.RedirectURIs,
	}
}

// ids is what an answer has for its request.
func ids(r *http.Response) string { return r.Header.Get("X-Request-Id") }

// post sends a form to a path of the instance, with headers by pairs; it returns the id
// of the request, the status and the answer.
func (d *deciding) post(path string, form url.Values, headers ...string) (id string, status int, body string) {
	d.T.Helper()
	req, err := http.NewRequestWithContext(d.Context(), "POST", d.URL+path, strings.NewReader(form.Encode()))
	must(d.T, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	r, body := send(d.T, req)
	return ids(r), r.StatusCode, body
}

// form makes a form of pairs.
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// service asks for a service token of the portal, with pairs in the place of the usual;
// an empty value takes one away. It returns the id of the request.
func (d *deciding) service(pairs ...string) string {
	d.T.Helper()
	f := form("grant_type", "client_credentials", "client_id", tandemtest.Portal, "client_secret", d.ServiceSecret)
	for i := 0; i < len(pairs); i += 2 {
		if f.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			f.Del(pairs[i])
		}
	}
	id, _, _ := d.post(oauth.PathToken, f)
	return id
}

// user asks the token endpoint as the user half of the portal.
func (d *deciding) user(pairs ...string) string {
	d.T.Helper()
	f := form(pairs...)
	if !f.Has("client_id") {
		f.Set("client_id", tandemtest.Portal)
		f.Set("client_secret", d.UserSecret)
	}
	id, _, _ := d.post(oauth.PathToken, f)
	return id
}

// redeem redeems a code of the portal.
func (d *deciding) redeem(c tandemtest.Code, pairs ...string) string {
	d.T.Helper()
	f := form("grant_type", "authorization_code", "code", c.Code, "redirect_uri", tandemtest.RedirectURI, "code_verifier", c.Verifier,
		"client_id", tandemtest.Portal, "client_secret", d.UserSecret)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "resource" { // of which there may be several
			f.Add(pairs[i], pairs[i+1])
		} else {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	id, _, _ := d.post(oauth.PathToken, f)
	return id
}

func (d *deciding) refresh(refresh string, pairs ...string) string {
	d.T.Helper()
	return d.user(append(pairs, "grant_type", "refresh_token", "refresh_token", refresh)...)
}

// call asks the API.
func (d *deciding) call(method, path, bearer, body string, headers ...string) string {
	d.T.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, d.OData+path, strings.NewReader(body))
	must(d.T, err)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	r, text := send(d.T, req)
	if r.StatusCode < 400 {
		d.Errorf("%s %s is answered with %d %s", method, path, r.StatusCode, text)
	}
	if id := r.Header.Get("Tandem-Request-Id"); id != ids(r) {
		d.Errorf("one answer has two ids: %s and %s", id, ids(r))
	}
	return ids(r)
}

// read is any call of the API.
func (d *deciding) read(bearer string) string {
	d.T.Helper()
	return d.call("GET", "General_Products_Products?$top=1", bearer, "")
}

// authorize opens the authorization endpoint with a browser, with pairs in the place of
// the usual; an empty value takes one away.
func (d *deciding) authorize(b *tandemtest.Browser, pairs ...string) *tandemtest.Page {
	d.T.Helper()
	q := form("client_id", tandemtest.Portal, "redirect_uri", tandemtest.RedirectURI, "response_type", "code", "scope", "openid read",
		"code_challenge", oauth.Challenge(strings.Repeat("v", 43)), "code_challenge_method", "S256")
	for i := 0; i < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return b.Get(d.URL + oauth.PathAuthorize + "?" + q.Encode())
}

// page is the id of a request of the authorization endpoint.
func (d *deciding) page(pairs ...string) string {
	d.T.Helper()
	return ids(d.authorize(d.Browser(), pairs...).Response)
}

// signIn types a login and a password into the form of an authorization request.
func (d *deciding) signIn(login, password string, pairs ...string) *tandemtest.Page {
	d.T.Helper()
	b := d.Browser()
	return b.Submit(d.authorize(b, pairs...), url.Values{"login": {login}, "password": {password}})
}

// pushed pushes an authorization request and returns its request_uri.
func (d *deciding) pushed() string {
	d.T.Helper()
	_, status, body := d.post(oauth.PathPushed, form("client_id", tandemtest.Portal, "client_secret", d.UserSecret, "response_type", "code",
		"redirect_uri", tandemtest.RedirectURI, "scope", "openid", "code_challenge", oauth.Challenge(strings.Repeat("v", 43)), "code_challenge_method", "S256"))
	var answer struct {
		URI string `json:"request_uri"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusCreated {
		d.Fatalf("%d %s", status, body)
	}
	return answer.URI
}

// assertion is a client assertion of the portal's service half.
func (d *deciding) assertion(audience string) string {
	d.T.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, nil)
	must(d.T, err)
	claims, err := json.Marshal(map[string]any{
		"iss": tandemtest.Portal, "sub": tandemtest.Portal, "aud": audience, "jti": uuid.NewString(), "exp": d.Clock.Now().Add(time.Minute).Unix(),
	})
	must(d.T, err)
	signed, err := signer.Sign(claims)
	must(d.T, err)
	text, err := signed.CompactSerialize()
	must(d.T, err)
	return text
}

// asserted asks for a service token with an assertion.
func (d *deciding) asserted(assertion string) string {
	d.T.Helper()
	return d.service("client_secret", "", "client_assertion_type", oauth.AssertionTypeJWT, "client_assertion", assertion)
}

// minted is an access token of the portal's service half, made with the instance's key.
func (d *deciding) minted(issuer string, ahead time.Duration) string {
	d.T.Helper()
	must(d.T, d.Platform.LoadKeys(d.Context()))
	u, err := d.Platform.Accounts.Show(d.Context(), tandemtest.SystemUser)
	must(d.T, err)
	m := &token.Minter{Issuer: issuer, Keys: d.Platform.Keys, Database: d.Platform.ID, Clock: func() time.Time { return d.Clock.Now().Add(ahead) }}
	made, err := m.ServiceAccess(token.ServiceToken{SystemUser: &u, ApplicationURI: tandemtest.Portal, Scope: tandem.Scope{"read"}})
	must(d.T, err)
	return made.JWT
}

// update changes an account and tells every replica.
func (d *deciding) update(login string, change func(u *tandem.User)) {
	d.T.Helper()
	_, err := d.Platform.Accounts.Update(d.Context(), tandemtest.By, login, change)
	must(d.T, err)
	d.Refresh()
}

// enabled switches an account on or off.
func (d *deciding) enabled(login string, on bool) {
	d.T.Helper()
	change := d.Platform.Accounts.Disable
	if on {
		change = d.Platform.Accounts.Enable
	}
	_, err := change(d.Context(), tandemtest.By, login)
	must(d.T, err)
	d.Refresh()
}

// person creates an account of a row's own.
func (d *deciding) person(login string, kind tandem.UserType) {
	d.T.Helper()
	n := tandemtest.Users[1]
	if n.Login, n.Type, n.Email = login, kind, ""; !kind.CanSignIn() {
		n.Password = ""
	}
	d.CreateUser(n)
}

// decidedBy reports whether an event tells of the rule.
func decidedBy(t *testing.T, e *tandem.AuditEvent, rule tandem.Rule) bool {
	t.Helper()
	f, err := tandem.ParseFacts(e.Facts)
	must(t, err)
	return f.Rule == rule || slices.ContainsFunc(f.Dropped, func(d tandem.Dropped) bool { return d.Rule == rule })
}

// found looks for a rule in the record of a request, and in what explain says of it. The
// id of an event will do too.
func (d *deciding) found(id string, rule tandem.Rule) {
	d.T.Helper()
	if id == "" {
		d.Error("the answer has no id")
		return
	}
	first, _, _ := strings.Cut(id, ".")
	events, err := d.Platform.Audit.List(d.Context(), audit.Filter{RequestID: first})
	must(d.T, err)
	if len(events) == 0 {
		events, err = d.Platform.Audit.List(d.Context(), audit.Filter{ID: first})
		must(d.T, err)
	}
	at := slices.IndexFunc(events, func(e tandem.AuditEvent) bool { return decidedBy(d.T, &e, rule) })
	if at < 0 {
		d.Errorf("%s is not on record of %s: %+v", rule, id, events)
		return
	}
	x, err := d.Platform.ExplainRequest(d.Context(), id)
	if err != nil {
		d.Errorf("explain %s: %v", id, err)
		return
	}
	means, _ := rule.Meaning()
	if !slices.ContainsFunc(x.Events, func(e platform.EventExplanation) bool {
		dropped := slices.ContainsFunc(e.Facts.Dropped, func(d tandem.Dropped) bool { return d.Rule == rule })
		return dropped || e.Facts.Rule == rule && e.Means == means.Means && e.Finding == means.Finding
	}) {
		d.Errorf("explain %s says nothing of %s: %+v", id, rule, x.Events)
	}
}
