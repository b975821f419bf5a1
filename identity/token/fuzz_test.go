package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/seal"
)

// A scope that is taken holds only words that scopes may have, each once, and
// never what is reserved or obsolete.
func FuzzReadScope(f *testing.F) {
	for _, s := range []string{"", "read", "read update", " read  read ", "openid DomainApi", "sec", "re\"ad", "\x00", "réad", strings.Repeat("a ", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		asked, refusal := token.ReadScope(text)
		if refusal != nil {
			if len(asked.Scope) > 0 && refusal.Code != "invalid_scope" {
				t.Errorf("refused with %s", refusal.Code)
			}
			return
		}
		if got := tandem.ParseScope(asked.Scope.String()); !slices.Equal(got, asked.Scope) {
			t.Errorf("%q reads as %q", asked.Scope, got)
		}
		for _, word := range asked.Scope {
			if word == "sec" || word == "DomainApi" || strings.ContainsAny(word, " \"\\") || len(text) > token.MaxScope {
				t.Errorf("%q has the word %q", text, word)
			}
		}
	})
}

// No text makes the verifier panic, and none verifies that the keys have not
// signed.
func FuzzVerifyAccess(f *testing.F) {
	forge := newForge(f)
	user, id := forge.user(f, anna)
	service := forge.service(f)
	good := map[string]bool{user: true, service: true}
	for _, s := range []string{"", "..", "a.b.c", user, id, service, user + "=", user[:len(user)-1], strings.ToUpper(user), strings.Replace(user, ".", "..", 1),
		"eyJhbGciOiJub25lIn0.e30.", b64([]byte(`{"alg":"none","alg":"ES256"}`)) + ".e30.AA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := forge.api.VerifyAccess(context.Background(), text)
		if (err == nil) != good[text] || (err == nil) == (p == nil) {
			t.Errorf("%q: %v, %v", text, p, err)
		}
		if forge.hint(text) != (text == id) {
			t.Errorf("%q: a hint", text)
		}
	})
}

// Claims signed with the real key, but made of anything: what verifies has
// exactly one kind.
func FuzzSignedClaims(f *testing.F) {
	forge := newForge(f)
	user, id := forge.user(f, anna)
	for _, jwt := range []string{user, id, forge.service(f)} {
		_, c := parts(f, jwt)
		f.Add(text(c))
	}
	for _, s := range []string{"", "{}", "[]", "null", `{"token_kind":"user","token_kind":"service"}`, `{"exp":1e400}`, `{"aud":[null]}`, strings.Repeat("[", 9000)} {
		f.Add(s)
	}
	header := text(map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid(f, user)})
	f.Fuzz(func(t *testing.T, payload string) {
		p, err := forge.api.VerifyAccess(context.Background(), forge.raw(t, header, payload, forge.elliptic))
		if err == nil && (p.User == nil) == (p.Service == nil) {
			t.Errorf("%s: %+v", payload, p)
		}
		if err != nil && tandem.ErrorCode(err) != tandem.CodeUnauthorized {
			t.Error(err)
		}
	})
}

// No text makes the reader of assertions panic, and none proves a client but
// the one that its key has signed.
func FuzzReadAssertion(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: private.Public(), KeyID: "k"})
	if err != nil {
		f.Fatal(err)
	}
	forge := &forge{}
	now := testkit.NewClock().Now()
	good := forge.raw(f, `{"alg":"ES256","kid":"k","typ":"JWT"}`, text(map[string]any{"iss": "c", "sub": "c", "aud": issuer, "exp": now.Unix() + 60, "jti": "j"}), private)
	for _, s := range []string{"", "..", good, good[:len(good)-2], good + "A", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := token.ReadAssertion(text)
		if err != nil {
			return
		}
		if a.ClientID == "" {
			t.Error("an assertion of nobody")
		}
		if err := a.Verify(public, []string{issuer}, now); (err == nil) != (text == good) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// No text makes the reader of refresh tokens panic, and none is anybody's.
func FuzzRefreshToken(f *testing.F) {
	box, err := seal.New("refresh", make([]byte, seal.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	families := &token.Families{Store: noFamilies{}, Box: box}
	_, real, err := families.New(token.NewGrantID(), token.StoredCode{}, anna, tandem.Scope{"read"}, tandem.ClientPublic, "")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "tdrt_", real, real[:len(real)-1], "tdrt_" + strings.Repeat("\n", len(real)-5), "tdrt_" + strings.Repeat("_", len(real)-5)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := families.Find(context.Background(), text, "a", ""); err == nil {
			t.Errorf("%q is somebody's", text)
		}
		if _, err := families.Revoke(context.Background(), text, "a"); err != nil {
			t.Error(err)
		}
	})
}

// noFamilies has given nothing to anybody.
type noFamilies struct{ token.FamilyStore }

func (noFamilies) Family(context.Context, string) (token.Family, error) {
	return token.Family{}, tandem.ErrNotFound
}
