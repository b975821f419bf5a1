package oauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/oauth"
)

func TestScopeAndAudienceForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ scope, audience []string }{
		`"read update"`:          {[]string{"read", "update"}, []string{"read update"}},
		`"  read   update "`:     {[]string{"read", "update"}, []string{"  read   update "}},
		`"read"`:                 {[]string{"read"}, []string{"read"}},
		`""`:                     {[]string{}, []string{""}},
		`["read","update"]`:      {[]string{"read", "update"}, []string{"read", "update"}},
		`[]`:                     {[]string{}, []string{}},
		` ["read update", "x"] `: {[]string{"read update", "x"}, []string{"read update", "x"}},
	} {
		var got struct {
			Scope oauth.Scope    `json:"scope"`
			Aud   oauth.Audience `json:"aud"`
		}
		if err := json.Unmarshal([]byte(`{"scope":`+text+`,"aud":`+text+`}`), &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !cmp.Equal([]string(got.Scope), want.scope) || !cmp.Equal([]string(got.Aud), want.audience) {
			t.Errorf("%s was read as %q and %q", text, got.Scope, got.Aud)
		}
	}
	for _, text := range []string{`7`, `{}`, `true`, `[7]`, `["read",null,{}]`, `[["read"]]`, `{"0":"read"}`} {
		var scope oauth.Scope
		var audience oauth.Audience
		if json.Unmarshal([]byte(text), &scope) == nil || json.Unmarshal([]byte(text), &audience) == nil {
			t.Errorf("%s was read as %q and %q", text, scope, audience)
		}
	}
}

// texts that a writer of JSON can get wrong.
var nasty = []string{"", "anna", `O"Neil\`, "Анна \U0001F600", "<script>&", "tab\tnul\x00", "bad\xffbytes", "\u2028\u2029", "\x7f"}

// same holds what was appended against encoding/json: the same claims with the
// same values, each once. What differs is meant: email_verified is told whenever
// an address is, an empty list is an empty array, one audience is a string.
func same(t *testing.T, appended []byte, value any) {
	t.Helper()
	standard, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(appended, &got); err != nil {
		t.Fatalf("%v in %s", err, appended)
	}
	if err := json.Unmarshal(standard, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"scope", "aud"} {
		if list, has := want[name]; has && list == nil {
			want[name] = []any{}
		}
	}
	if aud, ok := want["aud"].([]any); ok && len(aud) == 1 {
		want["aud"] = aud[0]
	}
	if !cmp.Equal(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	if n := names(t, appended); n != len(got) {
		t.Errorf("%d names, %d of them different: %s", n, len(got), appended)
	}
}

// names counts the names of an object whose values are flat.
func names(t *testing.T, object []byte) (n int) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	depth, name := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case token == json.Delim('{') || token == json.Delim('['):
			depth++
			name = depth == 1
		case token == json.Delim('}') || token == json.Delim(']'):
			depth--
			name = true
		case depth == 1:
			if name {
				n++
			}
			name = !name
		}
	}
}

func access(s string, audience ...string) oauth.AccessClaims {
	return oauth.AccessClaims{
		RegisteredClaims: oauth.RegisteredClaims{Issuer: "https://erp.example/id" + s, Audience: audience, IssuedAt: 1_790_000_000, ExpiresAt: 1_790_003_600, ID: s},
		Kind:             oauth.KindUser, ClientID: "com.example/portal" + s, Scope: oauth.Scope{"read", "update" + s},
	}
}

func person(s string, verified bool) oauth.UserClaims {
	c := oauth.UserClaims{Subject: "anna" + s, UserID: "id" + s, UserType: "InternalUser" + s, Admin: verified, Name: s, Locale: s, Zoneinfo: s}
	c.SetEmail(s, verified)
	return c
}

func TestAppendedClaimsAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for i, s := range nasty {
		audience := [][]string{nil, {"one"}, {"one", s}}[i%3]
		verified := i%2 == 0
		user := oauth.UserAccessClaims{AccessClaims: access(s, audience...), UserClaims: person(s, verified), AuthTime: 1_789_999_999, SignInID: "sid" + s, Database: s}
		service := oauth.ServiceAccessClaims{AccessClaims: access(s, audience...), SystemUser: "svc" + s, SystemUserType: s, SystemUserID: s, Database: s, Instance: s}
		id := oauth.IDClaims{RegisteredClaims: access(s, audience...).RegisteredClaims, UserClaims: person(s, verified), Picture: s, Kind: oauth.KindID, AuthTime: 1, Nonce: s, AccessTokenHash: s, CodeHash: s, StateHash: s, ContextClass: s, Methods: []string{s}, IdentityProvider: s, SignInID: s, Database: s}
		response := oauth.TokenResponse{AccessToken: "at" + s, TokenType: oauth.TokenTypeBearer, ExpiresIn: 3600, RefreshToken: s, IDToken: s, Scope: s}
		if verified {
			user.NotBefore, service.Scope = 1_790_000_000, nil
		}
		t.Run(fmt.Sprintf("%q", s), func(t *testing.T) {
			t.Parallel()
			same(t, user.AppendJSON(nil, oauth.FormatERPNet), user)
			same(t, service.AppendJSON(nil, oauth.FormatERPNet), service)
			same(t, id.AppendJSON(nil), id)
			same(t, response.AppendJSON(nil), response)
			if got := response.AppendJSON([]byte("before ")); !bytes.HasPrefix(got, []byte(`before {"access_token":`)) {
				t.Errorf("appended to something: %s", got)
			}
		})
	}
}

func TestScopeAsAString(t *testing.T) {
	t.Parallel()
	user := oauth.UserAccessClaims{AccessClaims: access("", "a"), UserClaims: person("", false)}
	service := oauth.ServiceAccessClaims{AccessClaims: access("", "a")}
	for _, scope := range []oauth.Scope{nil, {"read"}, {"read", "update"}} {
		user.Scope, service.Scope = scope, scope
		for _, text := range [][]byte{user.AppendJSON(nil, oauth.FormatRFC9068), service.AppendJSON(nil, oauth.FormatRFC9068)} {
			var got struct{ Scope any }
			if err := json.Unmarshal(text, &got); err != nil || got.Scope != strings.Join(scope, " ") {
				t.Errorf("%q was written as %v, %v", scope, got.Scope, err)
			}
		}
	}
}

// I3: nothing that a service token says can be a person's claim.
func TestI3_ServiceClaimsNameNobody(t *testing.T) {
	t.Parallel()
	service := oauth.ServiceAccessClaims{AccessClaims: access("x", "a"), SystemUser: "svc", SystemUserType: "t", SystemUserID: "i", Database: "d", Instance: "n"}
	var got, rfc map[string]any
	if err := json.Unmarshal(service.AppendJSON(nil, oauth.FormatRFC9068), &rfc); err != nil || rfc["sub"] != service.ClientID {
		t.Errorf("%v, and not its client: %v", rfc["sub"], err)
	}
	delete(rfc, "sub")
	if err := json.Unmarshal(service.AppendJSON(nil, oauth.FormatERPNet), &got); err != nil {
		t.Fatal(err)
	}
	if rfc["scope"], got["scope"] = nil, nil; !cmp.Equal(got, rfc) {
		t.Errorf("the formats differ in more than scope and sub: %s", cmp.Diff(got, rfc))
	}
	for _, name := range []string{"sub", "sid", "email", "auth_time", "id", "user_type", "is_admin", "name", "nonce", "at_hash"} {
		if v, has := got[name]; has {
			t.Errorf("a service token says %s: %v", name, v)
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, s := range nasty {
		f.Add(s, s, int64(len(s)))
	}
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		user := oauth.UserAccessClaims{AccessClaims: access(a, b), UserClaims: person(b, n > 0), AuthTime: n, SignInID: a, Database: b}
		same(t, user.AppendJSON(nil, oauth.FormatERPNet), user)
		response := oauth.TokenResponse{AccessToken: a, TokenType: b, ExpiresIn: n, RefreshToken: b}
		same(t, response.AppendJSON(nil), response)
	})
}
