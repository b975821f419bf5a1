package identity_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// hybrid makes an authorization request one for an ID token beside the code.
func hybrid(change ...string) []string {
	return append([]string{"response_type", "code id_token"}, change...)
}

// inFragment reads a response in the fragment of the redirect URI.
func inFragment(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || !strings.HasPrefix(u.String(), back) {
		t.Fatalf("no response: %d %s %s", w.Code, w.Header(), w.Body)
	}
	if u.RawQuery != "" {
		t.Errorf("the query holds %s", u.RawQuery)
	}
	fields, err := url.ParseQuery(u.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

var postedField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// inForm reads a response in a page that posts itself.
func inForm(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	fields := url.Values{}
	for _, m := range postedField.FindAllStringSubmatch(w.Body.String(), -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `action="`+back+`"`) {
		t.Fatalf("no form: %d %s", w.Code, w.Body)
	}
	return fields
}

func halfHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// An ID token beside the code is bound to the code, the state and the nonce, is on
// record before it leaves, and the code gives what every code gives (the hybrid
// certification plan with code id_token).
func TestHybridFlow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		for name, test := range map[string]struct {
			read   func(*testing.T, *httptest.ResponseRecorder) url.Values
			change []string
		}{
			"fragment":                  {inFragment, hybrid()},
			"the words the other way":   {inFragment, []string{"response_type", "id_token code"}},
			"fragment, as it was asked": {inFragment, hybrid("response_mode", "fragment")},
			"form_post":                 {inForm, hybrid("response_mode", "form_post")},
			"no state":                  {inFragment, hybrid("state", "")},
		} {
			before := len(s.audit.Of(tandem.AuditTokenIssued))
			got := test.read(t, r.browser().respond("anna", test.change...))
			if got.Get("error") != "" || got.Get("access_token") != "" {
				t.Fatalf("%s: %v", name, got)
			}
			id := claims(t, got.Get("id_token"))
			want := map[string]any{
				"iss": issuer, "aud": portal, "sub": "anna", "nonce": "n0nce", "token_kind": "id", "c_hash": halfHash(got.Get("code")),
				"s_hash": any(halfHash("st4te &=?#")), "at_hash": nil, "email": nil,
			}
			if state := got.Get("state"); state == "" {
				want["s_hash"] = nil
			} else if state != "st4te &=?#" {
				t.Errorf("%s: state %q", name, state)
			}
			for claim, value := range want {
				if id[claim] != value {
					t.Errorf("%s: %s is %v, not %v", name, claim, id[claim], value)
				}
			}
			if header(t, got.Get("id_token"))["alg"] != "RS256" || got.Get("iss") != issuer {
				t.Errorf("%s: header %v, iss %q", name, header(t, got.Get("id_token")), got.Get("iss"))
			}
			events := s.audit.Of(tandem.AuditTokenIssued)[before:]
			if len(events) != 1 || events[0].TokenID != id["jti"] || events[0].Actor != "anna" || events[0].ApplicationURI != portal {
				t.Errorf("%s: record %+v", name, events)
			}
			given := r.redeem(got.Get("code"))
			second := claims(t, given.IDToken)
			if given.got() != "ok" || second["sub"] != id["sub"] || second["iss"] != id["iss"] || second["nonce"] != "n0nce" || second["c_hash"] != nil {
				t.Errorf("%s: the code gave %s: %v", name, given.got(), second)
			}
		}
	})
}

// What is wrong with such a request comes where its response would have come.
func TestHybridFlowIsRefusedInTheFragment(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	b := r.browser()
	b.respond("anna") // is signed in
	for name, test := range map[string]struct {
		change []string
		want   string
	}{
		"no nonce":                          {hybrid("nonce", ""), "invalid_request"},
		"no openid":                         {hybrid("scope", "profile read"), "invalid_request"},
		"in the query":                      {hybrid("response_mode", "query"), "invalid_request"},
		"an unknown mode":                   {hybrid("response_mode", "web_message"), "invalid_request"},
		"code id_token token":               {[]string{"response_type", "code id_token token"}, "unsupported_response_type"},
		"implicit":                          {[]string{"response_type", "token"}, "unsupported_response_type"},
		"code token":                        {[]string{"response_type", "code token"}, "unsupported_response_type"},
		"id_token":                          {[]string{"response_type", "id_token"}, "unsupported_response_type"},
		"a word twice":                      {[]string{"response_type", "code code id_token"}, "unsupported_response_type"},
		"a scope of nobody":                 {hybrid("scope", "openid everything"), "invalid_scope"},
		"nobody may be asked":               {hybrid("prompt", "none", "max_age", "0"), "login_required"},
		"a public application without PKCE": {append(hybrid(inField...), "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
	} {
		w := b.respond("anna", test.change...)
		u, err := url.Parse(w.Header().Get("Location"))
		if err != nil || u.RawQuery != "" {
			t.Errorf("%s: %v went to %s", name, err, u)
			continue
		}
		got, err := url.ParseQuery(u.EscapedFragment())
		if err != nil || got.Get("error") != test.want || got.Get("state") != "st4te &=?#" || got.Get("iss") != issuer || got.Get("code")+got.Get("id_token") != "" {
			t.Errorf("%s: %v %v", name, err, got)
		}
	}
	if n := len(s.audit.Of(tandem.AuditTokenIssued)); n != 0 {
		t.Errorf("%d tokens are on record", n)
	}
}
