package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// No JWT of an application of the profile is signed with RS256 (FAPI 2.0 Security Profile
// section 5.4.1): neither its proofs, wherever they are sent, nor its access tokens where
// the instance signs others so.
func TestFAPITakesAndGivesNoRS256(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	r.keys.AccessAlgorithm = string(jose.RS256)
	if err := r.keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(token.PublishLead)
	if alg := header(t, r.post(oauth.PathToken, r.service()...).AccessToken)["alg"]; alg != "RS256" {
		t.Fatalf("another application's token is signed with %v", alg)
	}
	key := s.fapi()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	held := func(alg jose.SignatureAlgorithm) *holding {
		k, err := dpop.KeyOf(private, alg)
		if err != nil {
			t.Fatal(err)
		}
		return r.holding(k)
	}
	wrong, right := held(jose.RS256), held(jose.PS256)
	if got := wrong.post(oauth.PathPushed, s.signed(key, nil, pushedParameters...)...).got(); got != "invalid_dpop_proof" {
		t.Errorf("at the endpoint of pushed requests: %s", got)
	}
	pushed := requestURI(t, right.post(oauth.PathPushed, s.signed(key, nil, pushedParameters...)...))
	b := r.browser()
	code := b.signInOn(b.do("GET", "/id/connect/authorize?client_id="+portal+"&request_uri="+url.QueryEscape(pushed), nil), "anna")
	redemption := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier}
	if got := wrong.post(oauth.PathToken, s.signed(key, nil, redemption...)...).got(); got != "invalid_dpop_proof" {
		t.Errorf("at the token endpoint: %s", got)
	}
	given := right.post(oauth.PathToken, s.signed(key, nil, redemption...)...)
	if given.got() != "ok" || header(t, given.AccessToken)["alg"] != "ES256" {
		t.Fatalf("%s", given.Body)
	}
	for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
		for h, want := range map[*holding]int{wrong: http.StatusUnauthorized, right: http.StatusOK} {
			if w := r.fetch(path, "Authorization", "DPoP "+given.AccessToken, dpop.Header, h.proof("GET", path, given.AccessToken)); w.Code != want {
				t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
			}
		}
	}
}
