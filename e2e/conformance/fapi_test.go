package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// bound is a flow of the FAPI 2.0 Security Profile: pushed, by private_key_jwt, bound to
// a key.
type bound struct {
	*flow
	key, rsa jose.JSONWebKey
	holder   *dpop.Key
	// nonce is what the server wants to see in proofs, path where the next one goes.
	nonce string
	// alg signs assertions, with changes to their claims.
	alg     jose.SignatureAlgorithm
	changed map[string]any
	// without leaves out the assertion, or the proof.
	withoutAssertion, withoutProof bool
	// shift changes the time of a proof; withTimes gives it nbf and exp, too.
	shift     time.Duration
	withTimes bool
}

// keysOf gives a client the keys for assertions.
func keysOf(t *testing.T, p *op, id string) (ec, rs jose.JSONWebKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, rs = jose.JSONWebKey{Key: private}, jose.JSONWebKey{Key: second}
	for _, key := range []jose.JSONWebKey{ec, rs} {
		text, err := json.Marshal(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Platform.Apps.AddCredential(t.Context(), tandemtest.By, id, registry.NewCredential{Flow: tandem.FlowUser, PublicKey: text}); err != nil {
			t.Fatal(err)
		}
	}
	p.UpdateApp(id, func(a *tandem.TrustedApp) { a.FAPI = true })
	return ec, rs
}

// TestFAPI runs the plan for the FAPI 2.0 Security Profile, with private_key_jwt, DPoP
// and plain requests.
func TestFAPI(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			p := newOP(t, tandemtest.Options{Engine: engine})
			ec, rs := keysOf(t, p, p.client[0].id)
			otherEC, otherRS := keysOf(t, p, p.client[1].id)
			other := func(f *bound) *bound {
				g := newBound(f.t, p, otherEC, otherRS)
				g.client = p.client[1]
				g.reset()
				return g
			}
			fapi.run(t, func(t *testing.T) fapiCase { return fapiCase{newBound(t, p, ec, rs), other} })
		})
	}
}

// fapiCase is a flow, and how to begin one of the second client.
type fapiCase struct {
	*bound
	second func(*bound) *bound
}

func newBound(t *testing.T, p *op, ec, rs jose.JSONWebKey) *bound {
	t.Helper()
	holder, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &bound{flow: p.flow(t, profiles[0]), key: ec, rsa: rs, holder: holder, alg: jose.ES256}
	f.signed = []jose.SignatureAlgorithm{jose.PS256, jose.ES256, jose.EdDSA} // section 5.4.1
	f.reset()
	return f
}

func (f *bound) reset() {
	f.flow.reset()
	f.verifier = strings.Repeat("verifier-of-mine", 3)
	f.with("code_challenge", oauth.Challenge(f.verifier), "code_challenge_method", "S256", "scope", "openid offline_access read")
}

// assertion is a client assertion (RFC 7523 section 3), for the issuer alone.
func (f *bound) assertion() string {
	f.t.Helper()
	key := f.key
	if f.alg != jose.ES256 {
		key = f.rsa
	}
	now := f.Clock.Now().Unix()
	claims := map[string]any{"iss": f.client.id, "sub": f.client.id, "aud": f.Issuer, "iat": now, "exp": now + 60, "jti": rand.Text()}
	maps.Copy(claims, f.changed)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: f.alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

// proof is for one request.
func (f *bound) proof(method, address, accessToken string) string {
	f.t.Helper()
	if f.withTimes {
		return f.proofWithTimes(method, address, accessToken)
	}
	text, err := f.holder.Proof(dpop.Request{Method: method, URL: address, AccessToken: accessToken}, f.nonce, f.Clock.Now().Add(f.shift))
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

// proofWithTimes is one that says itself when it is good, by the key for assertions.
func (f *bound) proofWithTimes(method, address, accessToken string) string {
	f.t.Helper()
	now := f.Clock.Now().Unix()
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": now, "nbf": now, "exp": now + 60}
	if accessToken != "" {
		claims["ath"] = dpop.Hash(accessToken)
	}
	if f.nonce != "" {
		claims["nonce"] = f.nonce
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: f.key.Key}, options)
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

// send posts a form to an endpoint, with assertion and proof.
func (f *bound) send(endpoint string, form url.Values) tokens {
	f.t.Helper()
	if !f.withoutAssertion {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", f.assertion())
	}
	header := http.Header{}
	if !f.withoutProof {
		header.Set(dpop.Header, f.proof("POST", f.at(f.t, endpoint), ""))
	}
	status, got, text := f.fetch(f.t, "POST", f.at(f.t, endpoint), header, form)
	a := tokens{status: status, header: got, t: f.t}
	if err := json.Unmarshal([]byte(text), &a.body); err != nil {
		f.t.Fatalf("%s: %d %s", endpoint, status, text)
	}
	return a
}

// push pushes the request.
func (f *bound) push() tokens {
	f.t.Helper()
	form := maps.Clone(f.request)
	return f.send("pushed_authorization_request_endpoint", form)
}

// pushed is the request_uri of a request that is taken.
func (f *bound) pushed() string {
	f.t.Helper()
	a := f.push()
	if a.status != http.StatusCreated || a.get("request_uri") == "" {
		f.t.Fatalf("not pushed: %d %v", a.status, a.body)
	}
	return a.get("request_uri")
}

// front goes to the authorization endpoint with a request_uri.
func (f *bound) front(uri string, pairs ...string) *tandemtest.Page {
	f.t.Helper()
	q := url.Values{"client_id": {f.client.id}, "request_uri": {uri}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return f.browser.Get(f.at(f.t, "authorization_endpoint") + "?" + q.Encode())
}

// code is the whole way to a code.
func (f *bound) code() string {
	f.t.Helper()
	return f.must(f.goOn(f.front(f.pushed()))).Get("code")
}

func (f *bound) redeem(code string) tokens {
	f.t.Helper()
	return f.send("token_endpoint", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.client.redirect}, "code_verifier": {f.verifier},
	})
}

// happy redeems, and looks at what comes.
func (f *bound) happy(code string) tokens {
	f.t.Helper()
	a := f.redeem(code)
	if a.status != http.StatusOK || a.get("token_type") != dpop.Scheme || a.get("refresh_token") == "" {
		f.t.Fatalf("%d %v", a.status, a.body)
	}
	f.idToken(a.get("id_token"), f.request.Get("nonce"))
	if status := f.call(dpop.Scheme, a.get("access_token")); status != http.StatusOK {
		f.t.Errorf("the API: %d", status)
	}
	return a
}

// call calls the resource server.
func (f *bound) call(scheme, accessToken string) int {
	f.t.Helper()
	address := f.OData + "GetVersion()"
	header := http.Header{"Authorization": {scheme + " " + accessToken}}
	if !f.withoutProof {
		header.Set(dpop.Header, f.proof("GET", address, accessToken))
	}
	status, _, _ := f.fetch(f.t, "GET", address, header, nil)
	return status
}

// fails wants an error of the codes.
func (a tokens) fails(codes ...string) {
	a.t.Helper()
	for _, code := range codes {
		if a.get("error") == code && a.status >= 400 && a.status < 500 {
			return
		}
	}
	a.t.Errorf("%d %v, want %v", a.status, a.body, codes)
}

const fapiPrefix = "fapi2-security-profile-final-"

// fapi are the modules, by what comes after fapiPrefix.
var fapi = modules[fapiCase]{
	"discovery-end-point-verification": func(t *testing.T, f fapiCase) {
		for _, name := range []string{"pushed_authorization_request_endpoint", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
			if at := f.at(t, name); !strings.HasPrefix(at, f.Issuer+"/") {
				t.Errorf("%s is elsewhere: %s", name, at)
			}
		}
		for name, value := range map[string]string{
			"token_endpoint_auth_methods_supported": "private_key_jwt", "code_challenge_methods_supported": "S256",
			"response_types_supported": "code", "grant_types_supported": "authorization_code",
		} {
			if !f.has(name, value) {
				t.Errorf("%s lacks %s: %v", name, value, f.meta[name])
			}
		}
		// What the profile has (section 5.4.1) is there, and nothing that needs no key.
		for name, least := range map[string]string{
			"dpop_signing_alg_values_supported": "ES256 PS256 EdDSA", "token_endpoint_auth_signing_alg_values_supported": "ES256 PS256 EdDSA",
			"id_token_signing_alg_values_supported": "ES256 EdDSA",
		} {
			for alg := range strings.FieldsSeq(least) {
				if !f.has(name, alg) {
					t.Errorf("%s lacks %s: %v", name, alg, f.meta[name])
				}
			}
			for _, alg := range []string{"none", "HS256", "HS384", "HS512"} {
				if f.has(name, alg) {
					t.Errorf("%s has %s", name, alg)
				}
			}
		}
		if f.has("code_challenge_methods_supported", "plain") {
			t.Error("plain PKCE is offered")
		}
		for name, want := range map[string]any{"issuer": f.Issuer, "authorization_response_iss_parameter_supported": true, "claims_parameter_supported": true} {
			if f.meta[name] != want {
				t.Errorf("%s is %v", name, f.meta[name])
			}
		}
	},
	"happy-flow": func(t *testing.T, f fapiCase) { f.happy(f.code()) },
	"user-rejects-authentication": func(t *testing.T, f fapiCase) {
		page := f.front(f.pushed())
		f.refused(f.read(f.browser.Submit(page, url.Values{"cancel": {"1"}})), "access_denied")
	},
	"ensure-authorization-request-without-state-success": func(t *testing.T, f fapiCase) {
		f.with("state", "")
		f.happy(f.code())
	},
	"ensure-authorization-request-without-nonce-success": func(t *testing.T, f fapiCase) {
		f.with("nonce", "")
		f.happy(f.code())
	},
	"ensure-authorization-request-with-64-char-nonce-success": nonceOf(64),
	"ensure-authorization-request-with-long-nonce":            nonceOf(384),
	"ensure-authorization-request-with-long-state": func(t *testing.T, f fapiCase) {
		f.with("state", strings.Repeat("s", 1000))
		f.happy(f.code())
	},
	"ensure-other-scope-order-succeeds": func(t *testing.T, f fapiCase) {
		f.with("scope", "read offline_access openid")
		f.happy(f.code())
	},
	"test-claims-parameter-identity-claims": func(t *testing.T, f fapiCase) {
		f.with("claims", `{"id_token":{"name":{"essential":true}},"userinfo":{"email":null}}`)
		a := f.happy(f.code())
		if c := f.idToken(a.get("id_token"), f.request.Get("nonce")); c["name"] == nil {
			t.Errorf("the ID token has no name: %v", c)
		}
	},
	"access-token-type-header-case-sensitivity": func(t *testing.T, f fapiCase) {
		a := f.happy(f.code())
		for _, scheme := range []string{"dpop", "DPOP", "dPoP"} {
			if status := f.call(scheme, a.get("access_token")); status != http.StatusOK {
				t.Errorf("%s: %d", scheme, status)
			}
		}
	},
	"check-dpop-proof-nbf-exp": func(t *testing.T, f fapiCase) { // claim by claim in oauth/dpop
		f.withTimes = true
		f.happy(f.code())
	},
	"ensure-dpopproof-with-iat-10seconds-before-succeeds": func(t *testing.T, f fapiCase) {
		f.shift = -10 * time.Second
		f.happy(f.code())
	},
	"ensure-dpopproof-with-iat-10seconds-after-succeeds": func(t *testing.T, f fapiCase) {
		f.shift = 10 * time.Second
		f.happy(f.code())
	},
	"ensure-mismatched-dpop-jkt-fails": func(t *testing.T, f fapiCase) {
		f.with("dpop_jkt", oauth.Challenge("another key"))
		f.push().fails("invalid_dpop_proof", "invalid_request")
	},
	"ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt": func(t *testing.T, f fapiCase) {
		code := f.code() // pushed with a proof
		f.anotherKey()
		f.redeem(code).fails("invalid_grant", "invalid_dpop_proof")
	},
	"ensure-token-endpoint-fails-with-mismatched-dpop-jkt": func(t *testing.T, f fapiCase) {
		f.with("dpop_jkt", f.holder.Thumbprint).bind(f.bound, func() {
			f.anotherKey()
		})
	},
	"ensure-dpopproof-at-par-endpoint-binding-success": func(t *testing.T, f fapiCase) { f.happy(f.code()) },
	"ensure-dpop-auth-code-binding-success": func(t *testing.T, f fapiCase) {
		f.with("dpop_jkt", f.holder.Thumbprint)
		f.withoutProof = true
		code := f.code()
		f.withoutProof = false
		f.happy(code)
	},
	"ensure-different-nonce-inside-and-outside-request-object": signedObject,
	"ensure-different-state-inside-and-outside-request-object": signedObject,
	"ensure-request-object-without-redirect-uri-fails":         signedObject,
	"state-only-outside-request-object-not-used": func(t *testing.T, f fapiCase) {
		f.with("state", "")
		r := f.goOn(f.front(f.pushed(), "state", "outside"))
		if r.Get("code") == "" || r.Get("state") != "" {
			t.Errorf("%v", r.Values)
		}
	},
	"ensure-registered-redirect-uri": func(t *testing.T, f fapiCase) {
		f.with("redirect_uri", f.client.redirect+"/other")
		f.push().fails("invalid_request", "invalid_redirect_uri")
	},
	"plain-fapi-tolerate-unregistered-redirect-uri": func(t *testing.T, f fapiCase) { // or refuse it
		f.with("redirect_uri", "https://client.example/other")
		f.push().fails("invalid_request", "invalid_redirect_uri")
	},
	"ensure-unsigned-authorization-request-without-using-par-fails": func(t *testing.T, f fapiCase) {
		f.refused(f.authorize(), "invalid_request")
	},
	"ensure-redirect-uri-in-authorization-request": func(t *testing.T, f fapiCase) {
		f.with("redirect_uri", "")
		f.push().fails("invalid_request")
	},
	"ensure-response-type-code-idtoken-fails": func(t *testing.T, f fapiCase) {
		f.with("response_type", "code id_token")
		f.push().fails("invalid_request", "unsupported_response_type")
	},
	"ensure-response-type-token-fails": func(t *testing.T, f fapiCase) {
		f.with("response_type", "token")
		f.push().fails("invalid_request", "unsupported_response_type")
	},
	"ensure-client-id-in-token-endpoint": func(t *testing.T, f fapiCase) {
		a := f.send("token_endpoint", url.Values{
			"grant_type": {"authorization_code"}, "code": {f.code()}, "redirect_uri": {f.client.redirect}, "code_verifier": {f.verifier},
			"client_id": {f.op.client[1].id},
		})
		a.fails("invalid_client", "invalid_request")
	},
	"ensure-holder-of-key-required": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.withoutProof = true
		f.redeem(code).fails("invalid_dpop_proof", "invalid_request")
	},
	"ensure-authorization-code-is-bound-to-client": func(t *testing.T, f fapiCase) {
		code, g := f.code(), f.second(f.bound)
		g.holder = f.holder
		g.redeem(code).fails("invalid_grant")
	},
	"attempt-reuse-authorization-code-after-one-second": func(t *testing.T, f fapiCase) {
		code := f.code()
		a := f.happy(code)
		f.Clock.Advance(time.Second)
		f.redeem(code).fails("invalid_grant")
		f.Refresh()
		if status := f.call(dpop.Scheme, a.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("the first token goes on: %d", status)
		}
	},
	"ensure-token-endpoint-fails-with-expired-auth-code": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.Clock.Advance(61 * time.Second)
		f.redeem(code).fails("invalid_grant")
	},
	"ensure-signed-client-assertion-with-RS256-fails": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.alg = jose.RS256
		f.redeem(code).fails("invalid_client")
	},
	"ensure-client-assertion-in-token-endpoint": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.withoutAssertion = true
		f.redeem(code).fails("invalid_client")
	},
	"ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": atToken("exp", func(f *bound) any { return f.Clock.Now().Unix() - 300 }),
	"ensure-client-assertion-with-wrong-aud-fails":                atToken("aud", func(*bound) any { return "https://other.example/" }),
	"ensure-client-assertion-with-no-sub-fails":                   atToken("sub", func(*bound) any { return nil }),
	"dpop-negative-tests": func(t *testing.T, f fapiCase) {
		f.withTimes = true // by a key that is at hand
		forged(t, f.bound, f.happy(f.code()).get("access_token"))
		f.withTimes = false
		f.reset()
		a := f.happy(f.code())
		f.shift = -5 * time.Minute
		if status := f.call(dpop.Scheme, a.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("with an old proof: %d", status)
		}
		f.shift, f.withoutProof = 0, true
		if status := f.call(dpop.Scheme, a.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("without a proof: %d", status)
		}
		if status := f.call("Bearer", a.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("as a bearer token: %d", status)
		}
		f.withoutProof = false
		f.anotherKey()
		if status := f.call(dpop.Scheme, a.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("with another key: %d", status)
		}
	},
	"refresh-token": func(t *testing.T, f fapiCase) {
		a := f.happy(f.code())
		b := f.send("token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.get("refresh_token")}})
		if b.status != http.StatusOK || f.call(dpop.Scheme, b.get("access_token")) != http.StatusOK {
			t.Errorf("renewed: %d %v", b.status, b.body)
		}
		if b.get("refresh_token") != a.get("refresh_token") { // FAPI 2.0, section 5.3.2.1
			t.Error("the refresh token was replaced")
		}
		f.withoutProof = true
		f.send("token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.get("refresh_token")}}).fails("invalid_request", "invalid_grant", "invalid_client")
		f.withoutProof = false
		f.withoutAssertion = true
		for _, named := range []url.Values{{}, {"client_id": {f.client.id}}} { // who does not authenticate gets nothing
			named.Set("grant_type", "refresh_token")
			named.Set("refresh_token", a.get("refresh_token"))
			if c := f.send("token_endpoint", named); c.status != http.StatusBadRequest && c.status != http.StatusUnauthorized || c.get("access_token") != "" {
				t.Errorf("without client authentication: %d %v", c.status, c.body)
			} else {
				c.fails("invalid_client", "invalid_request")
			}
		}
		f.withoutAssertion = false
		g := f.second(f.bound)
		g.send("token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.get("refresh_token")}}).fails("invalid_grant")
		// What the second client has neither key of the first one is good for.
		theirs := g.happy(g.code())
		own, holder := g.key, g.holder
		g.key = f.key
		g.send("token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {theirs.get("refresh_token")}}).fails("invalid_client")
		g.key, g.holder = own, f.holder
		if status := g.call(dpop.Scheme, theirs.get("access_token")); status != http.StatusUnauthorized {
			t.Errorf("the second client's token by the first one's key: %d", status)
		}
		g.holder = holder
		if status := g.call(dpop.Scheme, theirs.get("access_token")); status != http.StatusOK {
			t.Errorf("the second client's token by its own: %d", status)
		}
	},
	"ensure-server-handles-non-matching-intent-id": func(t *testing.T, f fapiCase) {
		f.with("claims", `{"id_token":{"openbanking_intent_id":{"value":"none","essential":true}}}`)
		f.happy(f.code()) // a claim that there is not
	},
	"test-essential-acr-sca-claim": func(t *testing.T, f fapiCase) {
		f.with("claims", `{"id_token":{"acr":{"value":"urn:openbanking:psd2:sca","essential":true}}}`)
		if a := f.push(); a.status == http.StatusCreated {
			f.refused(f.goOn(f.front(a.get("request_uri"))), "unmet_authentication_requirements", "access_denied")
		} else {
			a.fails("unmet_authentication_requirements")
		}
	},
	"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": func(t *testing.T, f fapiCase) {
		uri := f.pushed()
		f.front(uri)
		f.happy(f.must(f.goOn(f.front(uri))).Get("code"))
	},
	"par-attempt-reuse-request_uri": func(t *testing.T, f fapiCase) {
		uri := f.pushed()
		f.must(f.goOn(f.front(uri)))
		f.refused(f.goOn(f.front(uri)), "invalid_request_uri", "invalid_request")
	},
	"par-attempt-to-use-expired-request_uri": func(t *testing.T, f fapiCase) {
		a := f.push()
		uri, life := a.get("request_uri"), a.body["expires_in"].(float64)
		if life < 5 || life >= 600 { // section 5.3.2.2 number 12
			t.Errorf("a request_uri expires in %v s", life)
		}
		f.Clock.Advance(time.Duration(life+1) * time.Second)
		f.refused(f.goOn(f.front(uri)), "invalid_request_uri", "invalid_request")
	},
	"par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted": func(t *testing.T, f fapiCase) {
		f.changed = map[string]any{"nbf": f.Clock.Now().Unix() + 8}
		f.happy(f.code())
	},
	"par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails": atPAR("nbf", func(f *bound) any { return f.Clock.Now().Unix() + 65 }),
	"par-attempt-to-use-request_uri-for-different-client": func(t *testing.T, f fapiCase) {
		uri := f.pushed()
		r := f.second(f.bound)
		page := r.front(uri)
		if _, _, ok := page.Form(url.Values{"login": nil}); ok || page.StatusCode < 400 && !strings.Contains(page.Header.Get("Location"), "error=") {
			t.Errorf("%d %s", page.StatusCode, shown(page))
		}
	},
	"par-authorization-request-containing-request_uri-form-param": func(t *testing.T, f fapiCase) {
		f.with("request_uri", "urn:ietf:params:oauth:request_uri:x")
		f.push().fails("invalid_request")
	},
	"par-attempt-invalid-http-method": func(t *testing.T, f fapiCase) {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
			if status, _, text := f.fetch(t, method, f.at(t, "pushed_authorization_request_endpoint"), nil, nil); status != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d %s", method, status, text)
			}
		}
	},
	"par-ensure-pkce-required": func(t *testing.T, f fapiCase) {
		f.with("code_challenge", "", "code_challenge_method", "")
		f.push().fails("invalid_request")
	},
	"par-plain-pkce-rejected": func(t *testing.T, f fapiCase) {
		f.with("code_challenge", f.verifier, "code_challenge_method", "plain")
		f.push().fails("invalid_request")
	},
	"ensure-pkce-code-verifier-required": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.send("token_endpoint", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.client.redirect}}).
			fails("invalid_grant", "invalid_request")
	},
	"incorrect-pkce-code-verifier-rejected": func(t *testing.T, f fapiCase) {
		code := f.code()
		f.verifier = strings.Repeat("another-verifier", 3)
		f.redeem(code).fails("invalid_grant")
	},
	"par-without-duplicate-parameters": func(t *testing.T, f fapiCase) { f.happy(f.code()) }, // which sends client_id and request_uri alone
	"par-test-array-as-audience-fails": atPAR("aud", func(f *bound) any { return []string{f.Issuer} }),
	"par-test-par-endpoint-url-as-audience-fails": atPAR("aud", func(f *bound) any {
		return f.at(f.t, "pushed_authorization_request_endpoint")
	}),
	"par-test-token-endpoint-url-as-audience-fails": atPAR("aud", func(f *bound) any { return f.at(f.t, "token_endpoint") }),
}

// anotherKey holds another key from now on.
func (f *bound) anotherKey() {
	f.t.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		f.t.Fatal(err)
	}
	f.holder = key
}

// bind pushes without a proof but with dpop_jkt, and redeems after the change.
func (*flow) bind(f *bound, change func()) {
	f.t.Helper()
	f.withoutProof = true
	code := f.code()
	f.withoutProof = false
	change()
	f.redeem(code).fails("invalid_grant", "invalid_dpop_proof")
}

func nonceOf(n int) func(*testing.T, fapiCase) {
	return func(_ *testing.T, f fapiCase) {
		f.with("nonce", strings.Repeat("n", n))
		f.happy(f.code())
	}
}

// signedObject: request objects are of the plans for signed requests; here they are
// refused.
func signedObject(_ *testing.T, f fapiCase) {
	f.with("request", f.assertion())
	f.push().fails("request_not_supported", "invalid_request")
}

func atToken(claim string, value func(*bound) any) func(*testing.T, fapiCase) {
	return func(_ *testing.T, f fapiCase) {
		code := f.code()
		f.changed = map[string]any{claim: value(f.bound)}
		f.redeem(code).fails("invalid_client")
	}
}

func atPAR(claim string, value func(*bound) any) func(*testing.T, fapiCase) {
	return func(_ *testing.T, f fapiCase) {
		f.changed = map[string]any{claim: value(f.bound)}
		f.push().fails("invalid_client")
	}
}

// forged are requests with a token that is bound to the key for assertions, each with a proof
// in which one thing is wrong (RFC 9449 section 4.3), at the API and where tokens are given.
func forged(t *testing.T, f *bound, accessToken string) {
	t.Helper()
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: &f.key.Key.(*ecdsa.PrivateKey).PublicKey}
	type parts struct {
		head, claims map[string]any
		key          *ecdsa.PrivateKey // nil signs nothing
	}
	made := func(method, address, token string, change func(p *parts)) string {
		t.Helper()
		now := f.Clock.Now().Unix()
		p := parts{
			head:   map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": public},
			claims: map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": now},
			key:    f.key.Key.(*ecdsa.PrivateKey),
		}
		if token != "" {
			p.claims["ath"] = dpop.Hash(token)
		}
		change(&p)
		head, err := json.Marshal(p.head)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := json.Marshal(p.claims)
		if err != nil {
			t.Fatal(err)
		}
		input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
		if p.key == nil {
			return input + "."
		}
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return input + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	address := f.OData + "GetVersion()"
	call := func(proof string) (int, string) {
		t.Helper()
		status, header, _ := f.fetch(t, "GET", address, http.Header{"Authorization": {dpop.Scheme + " " + accessToken}, dpop.Header: {proof}}, nil)
		return status, header.Get("WWW-Authenticate")
	}
	push := func(proof string) tokens {
		t.Helper()
		form := maps.Clone(f.request)
		form.Set("client_assertion_type", oauth.AssertionTypeJWT)
		form.Set("client_assertion", f.assertion())
		status, header, text := f.fetch(t, "POST", f.at(t, "pushed_authorization_request_endpoint"), http.Header{dpop.Header: {proof}}, form)
		a := tokens{status: status, header: header, t: t}
		if err := json.Unmarshal([]byte(text), &a.body); err != nil {
			t.Fatalf("%d %s", status, text)
		}
		return a
	}
	pushedAt := f.at(t, "pushed_authorization_request_endpoint")
	right := func(*parts) {}
	once := made("GET", address, accessToken, right)
	if status, said := call(once); status != http.StatusOK {
		t.Fatalf("a right proof: %d %s", status, said)
	}
	if status, said := call(once); status != http.StatusUnauthorized || !strings.Contains(said, `error="invalid_dpop_proof"`) {
		t.Errorf("the same proof again, at the API: %d %s", status, said)
	}
	once = made("POST", pushedAt, "", right)
	if a := push(once); a.status != http.StatusCreated {
		t.Fatalf("a right proof: %d %v", a.status, a.body)
	}
	push(once).fails("invalid_dpop_proof")
	claim := func(name string, value any) func(p *parts) {
		return func(p *parts) {
			if p.claims[name] = value; value == nil {
				delete(p.claims, name)
			}
		}
	}
	head := func(name string, value any) func(p *parts) {
		return func(p *parts) {
			if p.head[name] = value; value == nil {
				delete(p.head, name)
			}
		}
	}
	for name, change := range map[string]func(p *parts){
		"another method":        claim("htm", "PUT"),
		"no method":             claim("htm", nil),
		"another address":       claim("htu", f.Issuer+"/elsewhere"),
		"another host":          claim("htu", "https://other.example/"),
		"no address":            claim("htu", nil),
		"no id":                 claim("jti", nil),
		"no time":               claim("iat", nil),
		"of yesterday":          claim("iat", f.Clock.Now().Add(-24*time.Hour).Unix()),
		"of tomorrow":           claim("iat", f.Clock.Now().Add(24*time.Hour).Unix()),
		"another type":          head("typ", "JWT"),
		"no type":               head("typ", nil),
		"no key":                head("jwk", nil),
		"a private key":         head("jwk", jose.JSONWebKey{Key: f.key.Key}),
		"a symmetric key":       head("jwk", jose.JSONWebKey{Key: []byte(strings.Repeat("k", 32))}),
		"another key's":         head("jwk", jose.JSONWebKey{Key: &another.PublicKey}),
		"another algorithm":     head("alg", "RS256"),
		"a symmetric algorithm": head("alg", "HS256"),
		"unsigned":              func(p *parts) { p.head["alg"], p.key = "none", nil },
		"no signature":          func(p *parts) { p.key = nil },
		"signed by another key": func(p *parts) { p.key = another },
	} {
		if status, said := call(made("GET", address, accessToken, change)); status != http.StatusUnauthorized || !strings.Contains(said, `error="invalid_dpop_proof"`) {
			t.Errorf("%s, at the API: %d %s", name, status, said)
		}
		if a := push(made("POST", pushedAt, "", change)); a.status != http.StatusBadRequest || a.get("error") != "invalid_dpop_proof" {
			t.Errorf("%s, pushed: %d %v", name, a.status, a.body)
		}
	}
	for name, change := range map[string]func(p *parts){"for another token": claim("ath", dpop.Hash("another")), "for no token": claim("ath", nil)} {
		if status, said := call(made("GET", address, accessToken, change)); status != http.StatusUnauthorized || !strings.Contains(said, `error="invalid_dpop_proof"`) {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	// The right key, and the proof of somebody else's: bound is bound.
	stranger := func(p *parts) {
		p.key, p.head["jwk"] = another, jose.JSONWebKey{Key: &another.PublicKey}
	}
	if status, said := call(made("GET", address, accessToken, stranger)); status != http.StatusUnauthorized || !strings.Contains(said, `error="invalid_dpop_proof"`) {
		t.Errorf("a right proof by another key: %d %s", status, said)
	}
}
