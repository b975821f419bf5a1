package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/oauth"
)

// The example of RFC 7636, appendix B.
const (
	rfcVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestPKCE(t *testing.T) {
	t.Parallel()
	if got := oauth.Challenge(rfcVerifier); got != rfcChallenge {
		t.Errorf("challenge %s", got)
	}
	if !oauth.VerifierMatches(rfcVerifier, rfcChallenge) || !oauth.ValidChallenge(rfcChallenge) {
		t.Error("the example of the RFC is refused")
	}
	a, b := oauth.NewVerifier(), oauth.NewVerifier()
	if a == b || !oauth.ValidVerifier(a) || !oauth.VerifierMatches(a, oauth.Challenge(a)) || oauth.VerifierMatches(a, oauth.Challenge(b)) {
		t.Errorf("verifiers %s and %s", a, b)
	}
}

// C18: wrong lengths, alphabets and near misses.
func TestC18_VerifiersAndChallengesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]string{
		"empty": "", "42 characters": strings.Repeat("a", 42), "129 characters": strings.Repeat("a", 129),
		"a space": strings.Repeat("a", 42) + " ", "a plus": strings.Repeat("a", 42) + "+", "padding": strings.Repeat("a", 43) + "=",
		"a slash": strings.Repeat("a", 42) + "/", "a letter of two bytes": strings.Repeat("a", 42) + "я", "a NUL": strings.Repeat("a", 42) + "\x00",
	} {
		if oauth.ValidVerifier(v) {
			t.Errorf("verifier with %s is valid", name)
		}
		if oauth.VerifierMatches(v, oauth.Challenge(v)) {
			t.Errorf("verifier with %s matches its challenge", name)
		}
	}
	for _, n := range []int{43, 128} {
		if v := strings.Repeat("~._-aZ09", 16)[:n]; !oauth.ValidVerifier(v) {
			t.Errorf("a verifier of %d characters is refused", n)
		}
	}
	for name, c := range map[string]string{
		"empty": "", "42 characters": rfcChallenge[1:], "44 characters": rfcChallenge + "A", "padding": rfcChallenge[:42] + "=",
		"the plain alphabet": strings.Replace(rfcChallenge, "-", "+", 1), "bits that are lost": rfcChallenge[:42] + "N", "the verifier's dot": rfcChallenge[:42] + ".",
	} {
		if oauth.ValidChallenge(c) {
			t.Errorf("challenge with %s is valid", name)
		}
		if oauth.VerifierMatches(rfcVerifier, c) {
			t.Errorf("the verifier matches a challenge with %s", name)
		}
	}
	if oauth.VerifierMatches(rfcVerifier, rfcVerifier) {
		t.Error("the method plain is taken")
	}
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err        *oauth.Error
		basic      bool
		status     int
		body       string
		challenge  string
		retryAfter string
	}{
		"default status": {oauth.Refuse(oauth.InvalidGrant, "the code was used"), true, 400, `{"error":"invalid_grant","error_description":"the code was used"}`, "", ""},
		"no description": {&oauth.Error{Code: oauth.InvalidRequest}, false, 400, `{"error":"invalid_request"}`, "", ""},
		"basic tried":    {&oauth.Error{Code: oauth.InvalidClient, Status: 401}, true, 401, `{"error":"invalid_client"}`, `Basic realm="token", charset="UTF-8"`, ""},
		"posted":         {&oauth.Error{Code: oauth.InvalidClient, Status: 401}, false, 401, `{"error":"invalid_client"}`, "", ""},
		"slow down":      {&oauth.Error{Code: oauth.SlowDown, Status: 429, RetryAfter: 1500 * time.Millisecond}, false, 429, `{"error":"slow_down"}`, "", "2"},
	} {
		w := httptest.NewRecorder()
		oauth.WriteError(w, test.err, test.basic)
		h := w.Header()
		if w.Code != test.status || w.Body.String() != test.body || h.Get("WWW-Authenticate") != test.challenge || h.Get("Retry-After") != test.retryAfter {
			t.Errorf("%s: %d %s %v", name, w.Code, w.Body, h)
		}
		if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
			t.Errorf("%s: %v", name, h)
		}
		got := oauth.ParseError(w.Code, w.Body.Bytes())
		want := &oauth.Error{Code: test.err.Code, Description: test.err.Description, Status: test.status}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: read back as %+v", name, got)
		}
	}
}

// RFC 6749 section 5.2: error_description has no quote, no backslash and
// nothing beyond printable ASCII.
func TestDescriptionsKeepToTheirAlphabet(t *testing.T) {
	t.Parallel()
	e := oauth.Refuse(oauth.InvalidRequest, "%s", "a \"b\" \\ c\r\nSet-Cookie: x=\u0000 Анна \x7f\xff")
	if want := "a 'b' ? c??Set-Cookie: x=? ???? ??"; e.Description != want {
		t.Errorf("%q, want %q", e.Description, want)
	}
	if e.Error() != "invalid_request: "+e.Description || (&oauth.Error{Code: oauth.InvalidScope}).Error() != "invalid_scope" {
		t.Errorf("as an error: %q", e.Error())
	}
}

func TestParseErrorOfWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>502</html>", `"invalid_grant"`, `{}`, `{"error":""}`, `{"error":7}`, `{"error":{"code":1}}`, `null`, `[]`, `{"error":"x"`} {
		if e := oauth.ParseError(http.StatusBadGateway, []byte(body)); e != nil {
			t.Errorf("%q was read as %+v", body, e)
		}
	}
}

func FuzzParseError(f *testing.F) {
	for _, body := range []string{`{"error":"invalid_grant","error_description":"x"}`, `{"error":null}`, "<html>", `{"error":"\ud800"}`} {
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if e := oauth.ParseError(status, body); e != nil && (e.Code == "" || e.Status != status || !json.Valid(body)) {
			t.Errorf("%q was read as %+v", body, e)
		}
	})
}

func TestServiceInstance(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"": true, "worker-1": true, "A.b_c-9": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, "a b": false, "a/b": false, "a\n": false, "я": false, "a\x00": false, " ": false, "a%20": false,
	} {
		if oauth.ValidServiceInstance(name) != want {
			t.Errorf("%q: valid is not %v", name, want)
		}
	}
}
