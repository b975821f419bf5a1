package platform_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const strictApp = "com.example/strict"

// strict is an application that is held to FAPI 2.0, on the key of the deciding.
func (d *deciding) strict() {
	d.T.Helper()
	app := d.hybrid(strictApp)
	app.FAPI, app.FirstParty = true, true
	d.CreateApp(app)
	public, err := json.Marshal(d.key.Public())
	must(d.T, err)
	_, _, err = d.Platform.Apps.AddCredential(d.Context(), tandemtest.By, strictApp, registry.NewCredential{Flow: tandem.FlowUser, PublicKey: public})
	must(d.T, err)
	d.Refresh()
}

// asStrict are parameters with a client assertion of it.
func (d *deciding) asStrict(pairs ...string) url.Values {
	d.T.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, nil)
	must(d.T, err)
	now := d.Clock.Now().Unix()
	claims, err := json.Marshal(map[string]any{"iss": strictApp, "sub": strictApp, "aud": d.Issuer, "jti": uuid.NewString(), "iat": now, "exp": now + 60})
	must(d.T, err)
	jws, err := signer.Sign(claims)
	must(d.T, err)
	text, err := jws.CompactSerialize()
	must(d.T, err)
	return form(append(pairs, "client_id", strictApp, "client_assertion_type", oauth.AssertionTypeJWT, "client_assertion", text)...)
}

// provedPost sends a form with a proof by the key.
func (d *deciding) provedPost(key *dpop.Key, path string, f url.Values) (*http.Response, string) {
	d.T.Helper()
	proof, err := key.Proof(dpop.Request{Method: "POST", URL: d.URL + path}, "", d.Clock.Now())
	must(d.T, err)
	req, err := http.NewRequestWithContext(d.Context(), "POST", d.URL+path, strings.NewReader(f.Encode()))
	must(d.T, err)
	req.Header.Set(dpop.Header, proof)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(d.T, req)
}

// TestFAPIBoundsLifetimes: what an operator has set for all bounds no application of FAPI 2.0
// less than its profile does (section 5.3.2.1, numbers 11 and 12): a code lives for 60 s at
// most, and a pushed request for less than 600 s. Others have what was set.
func TestFAPIBoundsLifetimes(t *testing.T) {
	t.Parallel()
	var c platform.InstanceConfig
	must(t, c.SetLifetime("code", 10*time.Minute))
	must(t, c.SetLifetime("pushed", 10*time.Minute))
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine, Lifetimes: c.Lifetimes})
		d.strict()
		key, err := dpop.NewKey()
		must(t, err)
		verifier := strings.Repeat("v", 43)
		asked := []string{
			"response_type", "code", "redirect_uri", tandemtest.RedirectURI, "scope", "openid read", "code_challenge", oauth.Challenge(verifier), "code_challenge_method", "S256",
		}
		push := func(f url.Values) (uri string, expires int) {
			t.Helper()
			_, status, body := d.post(oauth.PathPushed, f)
			var told oauth.PushedResponse
			if err := json.Unmarshal([]byte(body), &told); err != nil || status != http.StatusCreated {
				t.Fatalf("%d %s", status, body)
			}
			return told.RequestURI, int(told.ExpiresIn)
		}
		code := func(application, uri string) string {
			t.Helper()
			page := d.Browser().SignIn(d.URL+oauth.PathAuthorize+"?"+form("client_id", application, "request_uri", uri).Encode(), "anna", tandemtest.Password)
			return mustURL(t, page.Header.Get("Location")).Query().Get("code")
		}
		// The most that there may be is one second less than what is forbidden.
		uri, expires := push(d.asStrict(asked...))
		if expires != 599 {
			t.Errorf("a pushed request of FAPI 2.0 expires in %d s", expires)
		}
		d.Advance(time.Duration(expires+1) * time.Second)
		page := d.Browser().Get(d.URL + oauth.PathAuthorize + "?" + form("client_id", strictApp, "request_uri", uri).Encode())
		if page.StatusCode != http.StatusBadRequest || !strings.Contains(page.Text, "too old") {
			t.Errorf("a pushed request of FAPI 2.0 after %d s: %d %s", expires+1, page.StatusCode, page.Text)
		}
		plain := append(asked, "client_id", tandemtest.Portal, "client_secret", d.UserSecret)
		if _, expires := push(form(plain...)); expires != 600 {
			t.Errorf("another pushed request expires in %d s", expires)
		}
		for _, after := range []time.Duration{55 * time.Second, 61 * time.Second} {
			uri, _ := push(d.asStrict(asked...))
			given := code(strictApp, uri)
			if given == "" {
				t.Fatal("no code")
			}
			d.Advance(after)
			res, body := d.provedPost(key, oauth.PathToken, d.asStrict("grant_type", "authorization_code", "code", given, "redirect_uri", tandemtest.RedirectURI, "code_verifier", verifier))
			if good := after <= time.Minute; good != (res.StatusCode == http.StatusOK) || !good && !strings.Contains(body, "invalid_grant") {
				t.Errorf("a code of FAPI 2.0 after %s: %d %s", after, res.StatusCode, body)
			}
		}
		uri, _ = push(form(plain...))
		given := code(tandemtest.Portal, uri)
		d.Advance(9 * time.Minute)
		d.Redeem(tandemtest.Code{Code: given, Verifier: verifier})
	})
}
