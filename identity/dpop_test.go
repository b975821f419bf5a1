package identity_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/sqldb"
)

// holding is a client at a replica that has a key.
type holding struct {
	*replica
	key   *dpop.Key
	nonce string
}

func (r *replica) holding(key *dpop.Key) *holding { return &holding{replica: r, key: key} }

func newKey(t *testing.T) *dpop.Key {
	t.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (h *holding) proof(method, path, accessToken string) string {
	h.s.t.Helper()
	text, err := h.key.Proof(dpop.Request{Method: method, URL: root + path, AccessToken: accessToken}, h.nonce, h.s.clock.Now())
	if err != nil {
		h.s.t.Fatal(err)
	}
	return text
}

// post sends a form with a proof.
func (h *holding) post(path string, pairs ...string) *answer {
	h.s.t.Helper()
	req := h.request(path, pairs...)
	req.Header.Set(dpop.Header, h.proof("POST", path, ""))
	return h.send(req)
}

// get reads a resource of the identity server.
func (r *replica) fetch(path string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(r.s.t.Context(), "GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// object is the JSON of an answer.
func object(t *testing.T, a *answer) (told map[string]any) {
	t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), &told); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return told
}

// bound is the thumbprint in the claim cnf of an access token.
func bound(t *testing.T, text string) any {
	t.Helper()
	cnf, _ := claims(t, text)["cnf"].(map[string]any)
	return cnf["jkt"]
}

func (r *replica) service(pairs ...string) []string {
	return append([]string{"grant_type", "client_credentials", "client_id", portal, "client_secret", r.s.portalSecrets.Service}, pairs...)
}

func (r *replica) redemption(code string) []string {
	return []string{
		"grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier,
		"client_id", portal, "client_secret", r.s.portalSecrets.User,
	}
}

// Tokens of both flows are bound to the key that the client proves (RFC 9449 section
// 5), and say so; without a proof they are a bearer's.
func TestTokensAreBoundToAKey(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		h := r.holding(newKey(t))
		service := h.post(oauth.PathToken, r.service()...)
		user := h.post(oauth.PathToken, r.redemption(r.code("anna"))...)
		for name, a := range map[string]*answer{"service": service, "user": user} {
			if a.got() != "ok" || a.TokenType != "DPoP" || bound(t, a.AccessToken) != h.key.Thumbprint || a.Header().Get(dpop.NonceHeader) == "" {
				t.Errorf("%s: %s %s", name, a.got(), a.Body)
			}
		}
		if plain := r.serve(); plain.TokenType != "Bearer" || bound(t, plain.AccessToken) != nil {
			t.Errorf("without a proof: %s", plain.Body)
		}
		renewed := h.post(oauth.PathToken, "grant_type", "refresh_token", "refresh_token", user.RefreshToken, "client_id", portal, "client_secret", s.portalSecrets.User)
		if renewed.got() != "ok" || bound(t, renewed.AccessToken) != h.key.Thumbprint {
			t.Errorf("renewed: %s", renewed.Body)
		}
		told := r.post(oauth.PathIntrospection, "token", service.AccessToken, "client_id", portal, "client_secret", s.portalSecrets.Service)
		if says := object(t, told); says["token_type"] != "DPoP" || says["cnf"].(map[string]any)["jkt"] != h.key.Thumbprint {
			t.Errorf("introspection: %s", told.Body)
		}
	})
}

// A token that is bound is of no use without the key: at userinfo, at /profile/me and
// for asking about tokens.
func TestBoundTokensNeedTheirProof(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	h, thief := r.holding(newKey(t)), r.holding(newKey(t))
	user := h.post(oauth.PathToken, r.redemption(r.code("anna"))...).AccessToken
	for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
		proof := h.proof("GET", path, user)
		for _, test := range []struct {
			name    string
			headers []string
			status  int
		}{
			{"with its proof", []string{"Authorization", "DPoP " + user, dpop.Header, proof}, http.StatusOK},
			{"with the same proof again", []string{"Authorization", "DPoP " + user, dpop.Header, proof}, http.StatusUnauthorized},
			{"as a bearer's", []string{"Authorization", "Bearer " + user, dpop.Header, h.proof("GET", path, user)}, http.StatusUnauthorized},
			{"without a proof", []string{"Authorization", "DPoP " + user}, http.StatusUnauthorized},
			{"with another's proof", []string{"Authorization", "DPoP " + user, dpop.Header, thief.proof("GET", path, user)}, http.StatusUnauthorized},
			{"with a proof for another token", []string{"Authorization", "DPoP " + user, dpop.Header, h.proof("GET", path, "x")}, http.StatusUnauthorized},
			{"with a proof for another method", []string{"Authorization", "DPoP " + user, dpop.Header, h.proof("POST", path, user)}, http.StatusUnauthorized},
		} {
			w := r.fetch(path, test.headers...)
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code != test.status || w.Code == http.StatusUnauthorized && !strings.HasPrefix(challenge, `DPoP realm="identity", algs="ES256`) {
				t.Errorf("%s %s: %d %s", path, test.name, w.Code, challenge)
			}
		}
		// A nonce of the token endpoint gets old here, too: the refusal tells a new one.
		old := &holding{replica: r, key: h.key, nonce: "of long ago"}
		w := r.fetch(path, "Authorization", "DPoP "+user, dpop.Header, old.proof("GET", path, user))
		if old.nonce = w.Header().Get(dpop.NonceHeader); w.Code != http.StatusUnauthorized || old.nonce == "" || !strings.Contains(w.Header().Get("WWW-Authenticate"), "use_dpop_nonce") {
			t.Errorf("%s with an old nonce: %d %v", path, w.Code, w.Header())
		}
		if w := r.fetch(path, "Authorization", "DPoP "+user, dpop.Header, old.proof("GET", path, user)); w.Code != http.StatusOK || w.Header().Get(dpop.NonceHeader) == "" {
			t.Errorf("%s with the nonce that it told: %d %v", path, w.Code, w.Header())
		}
	}
	service := h.post(oauth.PathToken, r.service()...).AccessToken
	ask := func(scheme, proof string) int {
		req := r.request(oauth.PathIntrospection, "token", service)
		req.Header.Set("Authorization", scheme+" "+service)
		if proof != "" {
			req.Header.Set(dpop.Header, proof)
		}
		return r.send(req).Code
	}
	if got := ask("Bearer", ""); got != http.StatusUnauthorized {
		t.Errorf("asking with a bound token as a bearer's: %d", got)
	}
	if got := ask("DPoP", h.proof("POST", oauth.PathIntrospection, service)); got != http.StatusOK {
		t.Errorf("asking with its proof: %d", got)
	}
}

// A code can be bound to a key before anybody has it: by the parameter dpop_jkt, or by a
// proof with the pushed request (RFC 9449 section 10;
// fapi2-security-profile-final-ensure-dpop-auth-code-binding-success,
// -ensure-dpopproof-at-par-endpoint-binding-success, -ensure-mismatched-dpop-jkt-fails,
// -ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt, -with-mismatched-dpop-jkt).
func TestCodesAreBoundToAKey(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		h, thief := r.holding(newKey(t)), r.holding(newKey(t))
		code := func() string { return r.code("anna", "dpop_jkt", h.key.Thumbprint) }
		if a := h.post(oauth.PathToken, r.redemption(code())...); a.got() != "ok" {
			t.Errorf("by the key: %s", a.Body)
		}
		if a := thief.post(oauth.PathToken, r.redemption(code())...); a.got() != "invalid_grant" {
			t.Errorf("by another key: %s", a.Body)
		}
		if a := r.post(oauth.PathToken, r.redemption(code())...); a.got() != "invalid_grant" {
			t.Errorf("without a key: %s", a.Body)
		}
		push := func(by *holding, more ...string) *answer {
			return by.post(oauth.PathPushed, append([]string{
				"client_id", portal, "client_secret", s.portalSecrets.User, "redirect_uri", back, "response_type", "code", "scope", "openid",
				"code_challenge", oauth.Challenge(verifier), "code_challenge_method", "S256",
			}, more...)...)
		}
		if a := push(h, "dpop_jkt", thief.key.Thumbprint); a.got() != "invalid_dpop_proof" {
			t.Errorf("pushed by one key for another: %s", a.Body)
		}
		for _, more := range [][]string{nil, {"dpop_jkt", h.key.Thumbprint}} {
			pushed, _ := object(t, push(h, more...))["request_uri"].(string)
			b := r.browser()
			b.authorize("anna")
			code := b.do("GET", "/id/connect/authorize?client_id="+portal+"&request_uri="+pushed, nil).Header().Get("Location")
			_, code, _ = strings.Cut(code, "code=")
			code, _, _ = strings.Cut(code, "&")
			if a := thief.post(oauth.PathToken, r.redemption(code)...); a.got() != "invalid_grant" {
				t.Errorf("pushed, redeemed by another key: %s", a.Body)
			}
		}
		for _, bad := range []string{"x", h.key.Thumbprint + "=", strings.Repeat("A", 44)} {
			if got := r.browser().authorize("anna", "dpop_jkt", bad); got.Get("error") != "invalid_request" {
				t.Errorf("dpop_jkt %s: %v", bad, got)
			}
		}
	})
}

// The refresh token of a public application is bound to its key. Who has the key may
// fetch the last successor again for a day, and who has not can do nothing with it
// (invariant I9).
func TestI9_RefreshTokensAreBoundToAKey(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		h, thief := r.holding(newKey(t)), r.holding(newKey(t))
		code := r.browser().authorize("anna", append([]string{"scope", "openid offline_access"}, inField...)...).Get("code")
		first := h.post(oauth.PathToken, "grant_type", "authorization_code", "code", code, "redirect_uri", device, "code_verifier", verifier, "client_id", field)
		if first.got() != "ok" || first.RefreshToken == "" {
			t.Fatal(first.Body)
		}
		renew := func(by func(path string, pairs ...string) *answer, text string) *answer {
			return by(oauth.PathToken, "grant_type", "refresh_token", "refresh_token", text, "client_id", field)
		}
		for name, by := range map[string]func(string, ...string) *answer{"another key": thief.post, "no key": r.post} {
			if a := renew(by, first.RefreshToken); a.got() != "invalid_grant" {
				t.Errorf("by %s: %s", name, a.Body)
			}
		}
		second := renew(h.post, first.RefreshToken)
		s.clock.Advance(23 * time.Hour)
		again := renew(h.post, first.RefreshToken)
		if second.got() != "ok" || again.RefreshToken != second.RefreshToken || bound(t, again.AccessToken) != h.key.Thumbprint {
			t.Fatalf("23 hours later: %s, then %s", second.Body, again.Body)
		}
		if a := renew(thief.post, first.RefreshToken); a.got() != "invalid_grant" {
			t.Errorf("a replaced one by another key: %s", a.Body)
		}
		third := renew(h.post, second.RefreshToken) // unharmed by the thief
		if third.got() != "ok" {
			t.Fatalf("after a thief: %s", third.Body)
		}
		if a := renew(h.post, first.RefreshToken); a.got() != "invalid_grant" {
			t.Errorf("one that was replaced twice: %s", a.Body)
		}
		if a := renew(h.post, third.RefreshToken); a.got() != "invalid_grant" {
			t.Errorf("the family lives after a replay by its own key: %s", a.Body)
		}
	})
}

// A proof is good for one request, whatever the number of requests and replicas.
func TestProofsAreUsedOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		log := &audit.Log{Store: data.NewAudit(db)}
		go log.Run(t.Context())
		s.audit.Also = log // which uses them up
		replicas := []*replica{s.one(), s.start()}
		h := s.one().holding(newKey(t))
		proof := h.proof("POST", oauth.PathToken, "")
		var taken, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				r := replicas[i%2]
				req := r.request(oauth.PathToken, r.service()...)
				req.Header.Set(dpop.Header, proof)
				switch r.send(req).got() {
				case "ok":
					taken.Add(1)
				case "invalid_dpop_proof":
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 || refused.Load() != 31 {
			t.Errorf("%d took it, %d were told", taken.Load(), refused.Load())
		}
	})
}

// A nonce that is not ours is refused with one that is, at every replica.
func TestNoncesOfProofs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	h := r.holding(newKey(t))
	h.nonce = "made up"
	a := h.post(oauth.PathToken, r.service()...)
	if a.got() != "use_dpop_nonce" || a.Header().Get(dpop.NonceHeader) == "" {
		t.Fatalf("%s %v", a.Body, a.Header())
	}
	other := s.start().holding(h.key)
	other.nonce = a.Header().Get(dpop.NonceHeader)
	if a := other.post(oauth.PathToken, r.service()...); a.got() != "ok" {
		t.Errorf("with the nonce: %s", a.Body)
	}
	s.clock.Advance(5 * time.Minute)
	if a := other.post(oauth.PathToken, r.service()...); a.got() != "use_dpop_nonce" {
		t.Errorf("with an old nonce: %s", a.Body)
	}
	req := r.request(oauth.PathToken, r.service()...)
	req.Header.Add(dpop.Header, h.proof("POST", oauth.PathToken, ""))
	req.Header.Add(dpop.Header, h.proof("POST", oauth.PathToken, ""))
	if a := r.send(req); a.got() != "invalid_dpop_proof" {
		t.Errorf("two proofs: %s", a.Body)
	}
}

// Who has nothing to redeem leaves nothing behind: anybody can name a public application.
func TestProofsOfNobodyAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.one().holding(newKey(t))
	for range 50 {
		if a := h.post(oauth.PathToken, "grant_type", "authorization_code", "code", "x", "client_id", field); a.got() != "invalid_grant" {
			t.Fatal(a.Body)
		}
	}
	var n int
	s.must(s.db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM client_assertions`).Scan(&n))
	if n != 0 {
		t.Errorf("%d proofs are kept", n)
	}
}

// A client that is told to prove its key with another nonce may try again with the assertion
// that it proved itself with: that is used up by a request that is right in all else, and by
// one alone, of however many come at once. Who has no right assertion is told the nonce, too.
func TestAssertionsOutliveTheNonceOfAProof(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, other := s.one(), s.start()
		key, refused := s.fapi(), map[string]string{"": "use_dpop_nonce", "made up": "use_dpop_nonce"}
		for _, wanted := range []bool{false, true} {
			s.change(portal, func(a *tandem.TrustedApp) { a.ProofNonce = wanted })
			if !wanted {
				delete(refused, "") // as good as any
			} else {
				refused[""] = "use_dpop_nonce"
			}
			for _, path := range []string{oauth.PathPushed, oauth.PathToken} {
				pairs, taken := pushedParameters, "" // 201
				if path == oauth.PathToken {
					pairs, taken = []string{"grant_type", "refresh_token", "refresh_token", "x"}, "invalid_grant"
				}
				s.clock.Advance(time.Minute) // or too many have failed
				pairs = s.signed(key, nil, slices.Clip(pairs)...)
				h := r.holding(newKey(t))
				nonce := ""
				for h.nonce = range refused {
					a := h.post(path, pairs...)
					if nonce = a.Header().Get(dpop.NonceHeader); a.got() != refused[h.nonce] || nonce == "" {
						t.Fatalf("%s, nonce %q: %s", path, h.nonce, a.Body)
					}
				}
				wrong := other.holding(h.key)
				if a := wrong.post(path, s.signed(newClientKey(t), nil, slices.Clip(pairs[:len(pairs)-4])...)...); a.got() != "Unauthorized invalid_client" || a.Header().Get(dpop.NonceHeader) == "" {
					t.Errorf("%s, an assertion by another key: %s %v", path, a.Body, a.Header())
				}
				var won, replays atomic.Int64
				var wg sync.WaitGroup
				for i := range 32 {
					racer := []*replica{r, other}[i%2].holding(h.key)
					racer.nonce = nonce
					wg.Go(func() {
						switch a := racer.post(path, pairs...); {
						case a.got() == "Unauthorized invalid_client", a.Code == http.StatusTooManyRequests:
							replays.Add(1)
						case a.got() == taken || taken == "" && a.Code == http.StatusCreated:
							won.Add(1)
						default:
							t.Errorf("%s: %s", path, a.Body)
						}
					})
				}
				wg.Wait()
				if won.Load() != 1 || replays.Load() != 31 {
					t.Errorf("%s, nonce wanted %v: %d used the assertion, %d were refused", path, wanted, won.Load(), replays.Load())
				}
			}
		}
	})
}
