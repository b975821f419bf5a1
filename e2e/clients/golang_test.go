package clients

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// The whole life of a person's sign-in, with x/oauth2 and go-oidc: code with
// PKCE, ID token, userinfo, the domain API, renewal, sign-out.
func TestGoUserFlow(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			userFlow(t, tandemtest.Start(t, tandemtest.Options{Engine: engine}))
		})
	}
}

func userFlow(t *testing.T, in *tandemtest.Instance) {
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, in.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
		Revocation string `json:"revocation_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	for style, auth := range map[string]oauth2.AuthStyle{"form": oauth2.AuthStyleInParams, "header": oauth2.AuthStyleInHeader, "detected": oauth2.AuthStyleAutoDetect} {
		endpoint := provider.Endpoint()
		endpoint.AuthStyle = auth
		config := oauth2.Config{
			ClientID: tandemtest.Portal, ClientSecret: in.UserSecret, Endpoint: endpoint, RedirectURL: tandemtest.RedirectURI,
			Scopes: []string{oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess, "read"},
		}
		verifier, state, nonce := oauth2.GenerateVerifier(), "st&te "+style, "n-"+style
		browser := in.Browser()
		page := browser.SignIn(config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)), "anna", tandemtest.Password)
		back := location(t, page)
		if back.Get("state") != state || back.Get("iss") != in.Issuer {
			t.Fatalf("%s: came back with %v", style, back)
		}
		tokens, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatalf("%s: %v", style, err)
		}
		rawID, _ := tokens.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: tandemtest.Portal}).Verify(ctx, rawID)
		if err != nil {
			t.Fatalf("%s: the ID token: %v", style, err)
		}
		if err := id.VerifyAccessToken(tokens.AccessToken); err != nil || id.Nonce != nonce || id.Subject != "anna" {
			t.Errorf("%s: at_hash %v, nonce %q, sub %q", style, err, id.Nonce, id.Subject)
		}
		source := config.TokenSource(ctx, tokens)
		info, err := provider.UserInfo(ctx, source)
		if err != nil || info.Subject != id.Subject || info.Email != "anna@example.com" || !info.EmailVerified {
			t.Errorf("%s: userinfo %+v, %v", style, info, err)
		}
		usesAPI(t, config.Client(ctx, tokens), in.OData, http.StatusOK)

		// Renewal: the library sends the refresh token by itself.
		renewed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
		if err != nil || renewed.AccessToken == tokens.AccessToken || renewed.RefreshToken == tokens.RefreshToken || renewed.RefreshToken == "" {
			t.Fatalf("%s: renewal: %v", style, err)
		}
		newID, _ := renewed.Extra("id_token").(string)
		if _, err := provider.Verifier(&oidc.Config{ClientID: tandemtest.Portal}).Verify(ctx, newID); err != nil {
			t.Errorf("%s: the renewed ID token: %v", style, err)
		}

		// Sign-out at the server ends the grant.
		out := browser.Get(metadata.EndSession + "?" + url.Values{
			"id_token_hint": {newID}, "post_logout_redirect_uri": {tandemtest.PostLogoutRedirectURI}, "state": {"bye"},
		}.Encode())
		if to := out.Header.Get("Location"); to != tandemtest.PostLogoutRedirectURI+"?state=bye" {
			t.Errorf("%s: signed out to %q, %d", style, to, out.StatusCode)
		}
		_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: renewed.RefreshToken}).Token()
		refused(t, style+": renewal after sign-out", err, "invalid_grant")
	}
}

// Client credentials with x/oauth2, and the halves' secrets exchanged (I1, I2).
func TestGoServiceFlow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	in := tandemtest.Start(t, tandemtest.Options{})
	provider, err := oidc.NewProvider(ctx, in.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := clientcredentials.Config{ClientID: tandemtest.Portal, ClientSecret: in.ServiceSecret, TokenURL: provider.Endpoint().TokenURL, Scopes: []string{"read", "update"}}
	token, err := config.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if token.RefreshToken != "" || token.Extra("id_token") != nil || token.Type() != "Bearer" || token.Extra("scope") != "read update" {
		t.Errorf("%v", token)
	}
	usesAPI(t, config.Client(ctx), in.OData, http.StatusOK)
	if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token)); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("userinfo with a service token: %v", err)
	}
	wrong := config
	wrong.ClientSecret = in.UserSecret
	_, err = wrong.Token(ctx)
	refused(t, "the front end's secret", err, "unauthorized_client")
	wide := config
	wide.Scopes = []string{"openid"}
	_, err = wide.Token(ctx)
	refused(t, "openid for a service", err, "invalid_scope")
	code := in.Browser().Authorize("anna", tandemtest.Password)
	back := oauth2.Config{ClientID: tandemtest.Portal, ClientSecret: in.ServiceSecret, Endpoint: provider.Endpoint(), RedirectURL: tandemtest.RedirectURI}
	_, err = back.Exchange(ctx, code.Code, oauth2.VerifierOption(code.Verifier))
	refused(t, "the back end redeems a code", err, "unauthorized_client")
}

func location(t *testing.T, page *tandemtest.Page) url.Values {
	t.Helper()
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return to.Query()
}

// refused expects the library to report the protocol's error.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if e, ok := err.(*oauth2.RetrieveError); !ok || e.ErrorCode != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// usesAPI makes one call of the domain API with the client's token.
func usesAPI(t *testing.T, c *http.Client, odata string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", odata+"GetLicenceUsage", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var usage struct{ Slots, InUse int }
	if err := json.NewDecoder(res.Body).Decode(&usage); err != nil || res.StatusCode != want || usage.InUse < 1 {
		t.Errorf("the domain API: %d, %+v, %v", res.StatusCode, usage, err)
	}
}
