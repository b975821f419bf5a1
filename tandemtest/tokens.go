package tandemtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// Tokens are the answer of the token endpoint.
type Tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ID        string `json:"id_token"`
	Scope     string `json:"scope"`
	ExpiresIn int    `json:"expires_in"`
}

// SignIn signs a person in through [Portal], as a browser without JavaScript
// does it, and returns the tokens of a confidential web app. Without scopes it
// asks for openid profile offline_access read update.
func (in *Instance) SignIn(login string, scope ...string) Tokens {
	in.t.Helper()
	b := in.Browser()
	return in.Redeem(b.Authorize(login, Password, scope...))
}

// Redeem exchanges a code that [Browser.Authorize] returned.
func (in *Instance) Redeem(c Code) Tokens {
	in.t.Helper()
	return in.tokens(url.Values{
		"grant_type": {"authorization_code"}, "code": {c.Code}, "redirect_uri": {RedirectURI}, "code_verifier": {c.Verifier},
		"client_id": {Portal}, "client_secret": {in.UserSecret},
	})
}

// RefreshTokens uses a refresh token of [Portal].
func (in *Instance) RefreshTokens(refresh string) Tokens {
	in.t.Helper()
	return in.tokens(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {Portal}, "client_secret": {in.UserSecret},
	})
}

// ServiceToken gets an access token for the back end of [Portal], with all the
// scope it may have or the one given.
func (in *Instance) ServiceToken(scope ...string) string {
	in.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {Portal}, "client_secret": {in.ServiceSecret}}
	if len(scope) > 0 {
		form.Set("scope", strings.Join(scope, " "))
	}
	return in.tokens(form).Access
}

func (in *Instance) tokens(form url.Values) Tokens {
	in.t.Helper()
	status, body := in.TokenRequest(form)
	var got Tokens
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		in.t.Fatalf("the token endpoint answered %d: %s", status, body)
	}
	return got
}

// TokenRequest posts a form to the token endpoint and returns what it answered,
// for requests that are to be refused.
func (in *Instance) TokenRequest(form url.Values) (status int, body string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), "POST", in.URL+oauth.PathToken, strings.NewReader(form.Encode()))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return in.do(req)
}

// API calls the domain API: path is below its root, token a bearer token or
// empty.
func (in *Instance) API(method, path, token, body string) (status int, answer string) {
	in.t.Helper()
	root := in.URL + strings.TrimPrefix(in.OData, in.config.URL)
	req, err := http.NewRequestWithContext(in.t.Context(), method, root+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return in.do(req)
}

func (in *Instance) do(req *http.Request) (status int, body string) {
	in.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// challenge is the S256 challenge of a verifier.
func challenge(verifier string) string { return oauth.Challenge(verifier) }
