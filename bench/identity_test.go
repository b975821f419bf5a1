package bench

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// BenchmarkIdentity is what the endpoints cost beside the signatures that they cannot do
// without, in CPU time of the process that answers, by turns with these: a code and a
// refresh token for one signature of ES256 and one of RS256 (to be 3 × at most),
// introspection of an access token for one ES256 verification (2.5 ×), a proof of
// possession with a service token, and with a call of the API, for one verification more
// (1.3 ×). Discovery and keys are
// compared by the clock, over HTTP, with a handler that has their bytes (rate 0.7 at least).
func BenchmarkIdentity(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			s := newEndpoints(b, tandemtest.Options{Engine: engine})
			var code, refresh, introspection, proof, call, discovery, keys []float64
			for b.Loop() {
				signing, verifying := s.crypto.sign(b), s.crypto.verify(b)
				code = append(code, block(b, few, s.redemptions(b, few))/signing)
				refresh = append(refresh, block(b, few, s.refreshes(b, few))/signing)
				introspection = append(introspection, block(b, asked, s.introspections(b, asked))/verifying)
				atToken, atCall := s.proofs(b)
				proof, call = append(proof, atToken), append(call, atCall)
				discovery = append(discovery, s.static(b, oauth.PathDiscovery))
				keys = append(keys, s.static(b, oauth.PathJWKS))
			}
			for name, ratios := range map[string][]float64{"code/signing": code, "refresh/signing": refresh, "introspection/verifying": introspection,
				"proof/verifying": proof, "call-proof/verifying": call, "discovery-rate/static": discovery, "keys-rate/static": keys} {
				b.ReportMetric(median(ratios), name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// asked is how often each is done in one turn, and few what takes long.
var asked, few = testkit.Size(200, 2), testkit.Size(20, 1)

// block is the CPU time of one of n doings, in µs.
func block(b *testing.B, n int, do func(i int)) float64 {
	b.Helper()
	before := used(b)
	for i := range n {
		do(i)
	}
	return float64((used(b) - before).Nanoseconds()) / 1000 / float64(n)
}

// endpoints is an instance with what is sent to it.
type endpoints struct {
	*tandemtest.Instance
	h       http.Handler
	crypto  *yardstick
	browser *tandemtest.Browser
	held    string // the refresh token that goes on
	key     *dpop.Key
}

func newEndpoints(b *testing.B, o tandemtest.Options) *endpoints {
	b.Helper()
	in := tandemtest.Start(b, o)
	s := &endpoints{Instance: in, h: in.Platform.Handler(), crypto: newYardstick(b), browser: in.Browser()}
	s.held = in.Redeem(s.browser.Authorize("anna", tandemtest.Password)).Refresh
	var err error
	if s.key, err = dpop.NewKey(); err != nil {
		b.Fatal(err)
	}
	return s
}

// post answers a form in this process.
func (s *endpoints) post(b *testing.B, path string, form url.Values, proof string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), "POST", s.URL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		r.Header.Set(dpop.Header, proof)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w
}

func (s *endpoints) client(flow tandem.Flow, form url.Values) url.Values {
	secret := s.UserSecret
	if flow == tandem.FlowService {
		secret = s.ServiceSecret
	}
	form.Set("client_id", tandemtest.Portal)
	form.Set("client_secret", secret)
	return form
}

// get answers a request in this process that has these headers, and their values.
func (s *endpoints) get(b *testing.B, h http.Handler, address string, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), "GET", address, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= http.StatusBadRequest {
		b.Fatalf("%s: %d %s", address, w.Code, w.Body)
	}
	return w
}

// code is one for anna, who is signed in.
func (s *endpoints) code(b *testing.B, verifier string) string {
	b.Helper()
	address, err := url.Parse(s.URL + oauth.PathAuthorize + "?" + url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "prompt": {"none"},
		"scope": {"openid profile offline_access read update"}, "code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		b.Fatal(err)
	}
	var cookies []string
	for _, c := range s.browser.Client.Jar.Cookies(address) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	answer := s.get(b, s.h, address.String(), "Cookie", strings.Join(cookies, "; "))
	to, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		b.Fatalf("no code: %v %s %v", to, answer.Body, err)
	}
	return to.Query().Get("code")
}

// redemptions are of n codes, which are got before.
func (s *endpoints) redemptions(b *testing.B, n int) func(i int) {
	forms := make([]url.Values, n)
	for i := range forms {
		verifier := rand.Text() + rand.Text()
		forms[i] = s.client(tandem.FlowUser, url.Values{"grant_type": {"authorization_code"}, "code": {s.code(b, verifier)},
			"redirect_uri": {tandemtest.RedirectURI}, "code_verifier": {verifier}})
	}
	return func(i int) { s.post(b, oauth.PathToken, forms[i], "") }
}

func (s *endpoints) refreshes(b *testing.B, _ int) func(i int) { return func(int) { s.refresh(b) } }

// refresh is anna's next access token.
func (s *endpoints) refresh(b *testing.B) string {
	b.Helper()
	var got tandemtest.Tokens
	answer := s.post(b, oauth.PathToken, s.client(tandem.FlowUser, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.held}}), "")
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		b.Fatal(err)
	}
	s.held = got.Refresh
	return got.Access
}

func (s *endpoints) introspections(b *testing.B, _ int) func(i int) {
	form := s.client(tandem.FlowService, url.Values{"token": {s.ServiceToken()}})
	return func(int) {
		if answer := s.post(b, oauth.PathIntrospection, form, "").Body.String(); !strings.Contains(answer, `"active":true`) {
			b.Fatal(answer)
		}
	}
}

// proofs is what a proof of possession costs more with a service token, and what a call of the
// API costs more with one, each to what one verification more costs in the same place. A loop
// that verifies the same all the time is no yardstick: among other work, and with another
// signature each time, a verification takes up to a third longer than that.
func (s *endpoints) proofs(b *testing.B) (atToken, atCall float64) {
	form := s.client(tandem.FlowService, url.Values{"grant_type": {"client_credentials"}})
	nonce := s.nonce(b, form)
	prove := func(r dpop.Request) string {
		text, err := s.key.Proof(r, nonce, s.Clock.Now())
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	var bound struct {
		Token string `json:"access_token"`
	}
	answer := s.post(b, oauth.PathToken, form, prove(dpop.Request{Method: "POST", URL: s.URL + oauth.PathToken}))
	if err := json.Unmarshal(answer.Body.Bytes(), &bound); err != nil {
		b.Fatal(err)
	}
	address, bearer := s.OData+"GetVersion()", s.ServiceToken()
	issued, called := make([]string, asked), make([]string, asked)
	for i := range asked {
		issued[i] = prove(dpop.Request{Method: "POST", URL: s.URL + oauth.PathToken})
		called[i] = prove(dpop.Request{Method: "GET", URL: address, AccessToken: bound.Token})
	}
	token := func(i int) { s.post(b, oauth.PathToken, form, "") }
	atToken = s.dearer(b, token, func(i int) { s.post(b, oauth.PathToken, form, issued[i]) })
	call := func(i int) { s.get(b, s.h, address, "Authorization", "Bearer "+bearer) }
	atCall = s.dearer(b, call, func(i int) {
		s.get(b, s.h, address, "Authorization", "DPoP "+bound.Token, dpop.Header, called[i])
	})
	return atToken, atCall
}

// dearer is what one doing costs more than a plain one, to what a verification after the plain
// one costs more. The three take turns of some calls each, so that a processor that changes its
// speed does so for all.
func (s *endpoints) dearer(b *testing.B, plain, proved func(i int)) float64 {
	verified := func(i int) {
		plain(i)
		s.crypto.verifyOne(b, i)
	}
	var sum [3]float64
	const turn = 10
	for first := 0; first < asked; first += turn {
		for k, do := range [...]func(i int){plain, verified, proved} {
			sum[k] += block(b, min(turn, asked-first), func(i int) { do(first + i) })
		}
	}
	return (sum[2] - sum[0]) / (sum[1] - sum[0])
}

// nonce is the one that the server takes now.
func (s *endpoints) nonce(b *testing.B, form url.Values) string {
	proof, err := s.key.Proof(dpop.Request{Method: "POST", URL: s.URL + oauth.PathToken}, "", s.Clock.Now())
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), "POST", s.URL+oauth.PathToken, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(dpop.Header, proof)
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Header().Get(dpop.NonceHeader)
}

// static is the rate of a document over HTTP, to that of a handler that has its bytes.
func (s *endpoints) static(b *testing.B, path string) float64 {
	fetch := func(address string) []byte {
		r, err := http.NewRequestWithContext(b.Context(), "GET", address, nil)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			b.Fatal(answer.StatusCode, err)
		}
		return body
	}
	body := fetch(s.URL + path)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	defer plain.Close()
	fetch(plain.URL)
	took := map[string]time.Duration{}
	for range 2 * asked { // by turns
		for _, address := range []string{s.URL + path, plain.URL} {
			start := time.Now()
			fetch(address)
			took[address] += time.Since(start)
		}
	}
	return took[plain.URL].Seconds() / took[s.URL+path].Seconds()
}

// yardstick has the signatures alone.
type yardstick struct {
	ec        *ecdsa.PrivateKey
	rsa       *rsa.PrivateKey
	hash      [32]byte
	signature []byte
	hashes    [][32]byte
	several   [][]byte // a signature of each of these
}

func newYardstick(b *testing.B) *yardstick {
	b.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	y := &yardstick{ec: ec, rsa: r, hash: sha256.Sum256([]byte("what is signed"))}
	if y.signature, err = ecdsa.SignASN1(rand.Reader, ec, y.hash[:]); err != nil {
		b.Fatal(err)
	}
	for i := range asked {
		hash := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		signature, err := ecdsa.SignASN1(rand.Reader, ec, hash[:])
		if err != nil {
			b.Fatal(err)
		}
		y.hashes, y.several = append(y.hashes, hash), append(y.several, signature)
	}
	return y
}

// sign is one ES256 and one RS256.
func (y *yardstick) sign(b *testing.B) float64 {
	return block(b, asked, func(int) {
		_, err := ecdsa.SignASN1(rand.Reader, y.ec, y.hash[:])
		if err == nil {
			_, err = rsa.SignPKCS1v15(rand.Reader, y.rsa, crypto.SHA256, y.hash[:])
		}
		if err != nil {
			b.Fatal(err)
		}
	})
}

func (y *yardstick) verify(b *testing.B) float64 {
	return block(b, asked, func(int) {
		if !ecdsa.VerifyASN1(&y.ec.PublicKey, y.hash[:], y.signature) {
			b.Fatal("not verified")
		}
	})
}

// verifyOne verifies another signature for each number below asked.
func (y *yardstick) verifyOne(b *testing.B, i int) {
	if !ecdsa.VerifyASN1(&y.ec.PublicKey, y.hashes[i][:], y.several[i]) {
		b.Fatal("not verified")
	}
}
