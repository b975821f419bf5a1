package prove

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// client is one half of the application, or a public application.
type client struct {
	id, secret string
	// name is how a report calls it.
	name string
}

// front and back are the two halves.
func (r *run) front() client {
	return client{r.config.Application, r.config.UserSecret, "user credential"}
}

func (r *run) back() client {
	id := r.config.Application
	if r.config.ServiceApplication != "" {
		id = r.config.ServiceApplication
	}
	return client{id, r.config.ServiceSecret, "service credential"}
}

// other is another application: the public one.
func (r *run) other() (client, bool) {
	return client{r.config.PublicApplication, "", "public application"}, r.config.PublicApplication != ""
}

// post sends a form with the client's authentication, as the provider takes it: Basic
// with both parts form-encoded (RFC 6749 section 2.3.1) unless it names the other
// alone.
func (r *run) post(ctx context.Context, address string, as client, form url.Values) (*answer, error) {
	if address == "" {
		return nil, errors.New("the provider has no such endpoint")
	}
	c := &call{method: http.MethodPost, url: address, form: form, client: true, as: as.name, header: http.Header{}}
	methods := r.provider.TokenAuthMethods
	switch {
	case as.secret == "":
		form.Set("client_id", as.id)
	case isKey(as.secret):
		if err := r.assert(as, form); err != nil {
			return nil, err
		}
	case slices.Contains(methods, oauth.AuthSecretPost) && !slices.Contains(methods, oauth.AuthSecretBasic):
		form.Set("client_id", as.id)
		form.Set("client_secret", as.secret)
	default:
		basic := http.Request{Header: c.header}
		basic.SetBasicAuth(url.QueryEscape(as.id), url.QueryEscape(as.secret))
	}
	c.tokens = address == r.provider.TokenEndpoint || address == r.provider.DeviceEndpoint || address == r.provider.PushedEndpoint
	if err := r.calm(ctx, as); err != nil {
		return nil, err
	}
	a, err := r.wire.do(ctx, c)
	if err == nil && c.tokens {
		r.note(a)
	}
	return a, err
}

// calm lets the back end authenticate rightly before it is refused too often in a row:
// some providers refuse its every attempt as that of a client they do not know.
func (r *run) calm(ctx context.Context, as client) error {
	if as != r.back() || r.wire.refused(as.name) != MaxWrongClients-1 || r.calming {
		return nil
	}
	r.calming = true
	_, err := r.serviceOf(ctx, nil)
	r.calming = false
	return err
}

// note remembers the tokens of an answer as secrets.
func (r *run) note(a *answer) {
	var t struct {
		oauth.TokenResponse
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		RequestURI string `json:"request_uri"`
	}
	if !a.ok() || a.decode(&t) != nil {
		return
	}
	r.secrets.NoteNumbered("access token", t.AccessToken)
	r.secrets.NoteNumbered("refresh token", t.RefreshToken)
	r.secrets.NoteNumbered("ID token", t.IDToken)
	r.secrets.NoteNumbered("device code", t.DeviceCode)
	r.secrets.NoteNumbered("user code", t.UserCode)
	r.secrets.NoteNumbered("pushed request", t.RequestURI)
}

// token asks the token endpoint.
func (r *run) token(ctx context.Context, as client, grant string, more url.Values) (*answer, error) {
	form := url.Values{"grant_type": {grant}}
	for name, values := range more {
		form[name] = values
	}
	return r.post(ctx, r.provider.TokenEndpoint, as, form)
}

// granted reads an answer that gave tokens; what says what must have worked.
func (r *run) granted(a *answer, what string, asked []string) (*tokens, error) {
	t := &tokens{answer: a, asked: asked}
	if !a.ok() || a.decode(&t.TokenResponse) != nil || t.AccessToken == "" {
		return nil, r.uncontrolled(what, a)
	}
	return t, nil
}

// code is an authorization code with what its redemption needs.
type code struct {
	code, verifier string
	asked          []string
	probe          string
}

// userScope is what the front end asks for.
func (r *run) userScope() []string {
	scope := []string{tandem.ScopeOpenID}
	if r.supports(tandem.ScopeOfflineAccess) {
		scope = append(scope, tandem.ScopeOfflineAccess)
	}
	if r.config.OData != "" {
		scope = append(scope, tandem.ScopeRead, tandem.ScopeUpdate)
	}
	return scope
}

// supports says whether the provider knows a scope; where it names none it may.
func (r *run) supports(scope string) bool {
	all := r.provider.ScopesSupported
	return len(all) == 0 || slices.Contains(all, scope)
}

// request is an authorization request of the application (RFC 6749 section 4.1.1).
func (r *run) request(probe string, scope []string) (url.Values, *code) {
	c := &code{verifier: oauth.NewVerifier(), asked: scope, probe: probe}
	r.secrets.NoteNumbered("verifier", c.verifier)
	q := url.Values{
		"client_id": {r.config.Application}, "redirect_uri": {r.config.RedirectURI}, "response_type": {oauth.ResponseTypeCode},
		"scope": {strings.Join(scope, " ")}, "state": {rand.Text()}, "nonce": {r.nonce(probe)},
		"code_challenge": {oauth.Challenge(c.verifier)}, "code_challenge_method": {oauth.ChallengeS256},
	}
	if r.consent && slices.Contains(scope, tandem.ScopeOfflineAccess) {
		q.Set("prompt", oauth.PromptConsent)
	}
	return q, c
}

// at is the authorization endpoint with a request.
func (r *run) at(q url.Values) string {
	separator := "?"
	if strings.Contains(r.provider.AuthorizationEndpoint, "?") {
		separator = "&"
	}
	return r.provider.AuthorizationEndpoint + separator + q.Encode()
}

// authorize gets a code for the person, with single sign-on after the first time.
func (r *run) authorize(ctx context.Context, as person, probe string, scope []string) (*code, error) {
	q, c := r.request(probe, scope)
	back, err := as.authorize(ctx, r.at(q), q.Get("state"))
	if err != nil {
		return nil, err
	}
	if back.Get("error") != "" {
		return nil, fmt.Errorf("the authorization request was refused: %s", r.secrets.Show(back.Get("error")+" "+back.Get("error_description")))
	}
	if c.code = back.Get("code"); c.code == "" {
		return nil, errors.New("the provider came back without a code")
	}
	r.secrets.NoteNumbered("code", c.code)
	return c, nil
}

// codeForm is what redeems a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
func (r *run) codeForm(c *code) url.Values {
	return url.Values{"code": {c.code}, "code_verifier": {c.verifier}, "redirect_uri": {r.config.RedirectURI}}
}

// redeem redeems a code as the front end.
func (r *run) redeem(ctx context.Context, c *code) (*tokens, error) {
	a, err := r.token(ctx, r.front(), oauth.GrantAuthorizationCode, r.codeForm(c))
	if err != nil {
		return nil, err
	}
	t, err := r.granted(a, "redeeming a code with the user credential", c.asked)
	if err == nil && r.config.WithIDTokens && t.IDToken != "" {
		r.report.IDTokens = append(r.report.IDTokens, SignedNonce{c.probe, t.IDToken})
	}
	return t, err
}

// fresh are new tokens of the person, of a grant of their own.
func (r *run) fresh(ctx context.Context, probe string, scope []string) (*tokens, error) {
	c, err := r.authorize(ctx, r.user, probe, scope)
	if err != nil {
		return nil, err
	}
	return r.redeem(ctx, c)
}

// mainTokens are the person's: most probes go by them. A provider that gives offline
// access only with consent is asked once more.
func (r *run) mainTokens(ctx context.Context) (*tokens, error) {
	return r.main.get(func() (*tokens, error) {
		t, err := r.fresh(ctx, "main", r.userScope())
		if err == nil && t.RefreshToken == "" && slices.Contains(t.asked, tandem.ScopeOfflineAccess) {
			r.consent = true
			t, err = r.fresh(ctx, "main with consent", r.userScope())
		}
		if err != nil {
			return nil, fmt.Errorf("sign-in: %w", err)
		}
		return t, nil
	})
}

// refreshable are the main tokens, with a refresh token.
func (r *run) refreshable(ctx context.Context) (*tokens, error) {
	t, err := r.mainTokens(ctx)
	if err == nil && t.RefreshToken == "" {
		return nil, errors.New("the provider gave no refresh token")
	}
	return t, err
}

// justNow is how long a refresh shows that tokens live.
const justNow = 2 * time.Second

// living are the main tokens, just refreshed. A provider may have ended them together
// with others of that person: then there are new ones. Without this a refusal after an
// attempt would show nothing.
func (r *run) living(ctx context.Context) (*tokens, error) {
	t, err := r.refreshable(ctx)
	if err != nil {
		return nil, err
	}
	if time.Since(r.replaced.last) < justNow {
		return t, nil
	}
	if _, ok, err := r.refresh(ctx, t); err != nil || ok {
		return t, err
	}
	r.forget()
	return r.refreshable(ctx)
}

// forget lets go of the main tokens, which an attempt has ended.
func (r *run) forget() { r.main, r.replaced = memo[*tokens]{}, replaced{} }

// refresh renews tokens in place, as the front end. The answer of one that was refused
// is returned with ok false.
func (r *run) refresh(ctx context.Context, t *tokens, scope ...string) (a *answer, ok bool, err error) {
	form := url.Values{"refresh_token": {t.RefreshToken}}
	if len(scope) > 0 {
		form.Set("scope", strings.Join(scope, " "))
	}
	a, err = r.token(ctx, r.front(), oauth.GrantRefreshToken, form)
	if err != nil {
		return nil, false, err
	}
	renewed, err := r.granted(a, "", nil)
	if err != nil {
		return a, false, nil
	}
	r.controls.refreshes = true
	if t == r.main.value {
		r.replaced.used(t.RefreshToken)
	}
	t.AccessToken, t.answer, t.Scope = renewed.AccessToken, a, renewed.Scope
	if renewed.RefreshToken != "" {
		t.RefreshToken = renewed.RefreshToken
	}
	if renewed.IDToken != "" {
		t.IDToken = renewed.IDToken
	}
	return a, true, nil
}

// serviceToken is the back end's.
func (r *run) serviceToken(ctx context.Context) (*tokens, error) {
	return r.service.get(func() (*tokens, error) { return r.serviceOf(ctx, nil) })
}

// serviceOf gets a service token with more parameters.
func (r *run) serviceOf(ctx context.Context, more url.Values) (*tokens, error) {
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, more)
	if err != nil {
		return nil, err
	}
	return r.granted(a, "client credentials with the service credential", words(more.Get("scope")))
}

// userinfo asks who a token speaks for (OpenID Connect Core section 5.3).
func (r *run) userinfo(ctx context.Context, token, as string) (*answer, error) {
	if r.provider.UserinfoEndpoint == "" {
		return nil, errors.New("the provider has no userinfo endpoint")
	}
	return r.wire.do(ctx, &call{method: http.MethodGet, url: r.provider.UserinfoEndpoint, header: bearer(token), as: as})
}

// api calls the domain API.
func (r *run) api(ctx context.Context, method, path, token, as string) (*answer, error) {
	if r.config.OData == "" {
		return nil, errors.New("the address of the domain API is not known: give --odata")
	}
	return r.wire.do(ctx, &call{method: method, url: r.config.OData + path, header: bearer(token), as: as})
}

// introspect asks about a token (RFC 7662).
func (r *run) introspect(ctx context.Context, as client, token string) (active bool, c claims, a *answer, err error) {
	a, err = r.post(ctx, r.provider.IntrospectionEndpoint, as, url.Values{"token": {token}})
	if err != nil {
		return false, nil, nil, err
	}
	_ = a.decode(&c) // a refusal is no JSON object, or one without "active"
	active, _ = c["active"].(bool)
	return active && a.ok(), c, a, nil
}

// about are the claims of an access token: its own, or what the provider tells its
// owner of it.
func (r *run) about(ctx context.Context, as client, token string) (claims, error) {
	if c := claimsOf(token); c != nil {
		return c, nil
	}
	active, c, a, err := r.introspect(ctx, as, token)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the token is opaque: %w", err)
	case !active:
		return nil, r.uncontrolled("introspection of the opaque token", a)
	}
	return c, nil
}

// scopeOf is what an answer granted: what it says, else what the token or introspection
// says, else what was asked for (RFC 6749 section 5.1).
func (r *run) scopeOf(ctx context.Context, as client, t *tokens) []string {
	if t.Scope != "" {
		return words(t.Scope)
	}
	if c, err := r.about(ctx, as, t.AccessToken); err == nil {
		scope, told := c.scope()
		if told || claimsOf(t.AccessToken) == nil {
			return scope // introspection tells of a live token: a scope that it does not name is not granted
		}
	}
	return t.asked
}
