package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Claims that are asked for one by one are told where they are asked for, and for as
// long as the grant lives (OpenID Connect Core section 5.5; oidcc-claims-essential,
// fapi2-security-profile-final-test-claims-parameter-identity-claims).
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		const about = "name preferred_username locale zoneinfo updated_at picture email"
		for name, test := range map[string]struct{ ask, inIDToken, atUserinfo string }{
			"nothing":                    {``, ``, ``},
			"essential at userinfo":      {`{"userinfo":{"name":{"essential":true}}}`, ``, `name`},
			"in the ID token":            {`{"id_token":{"email":null,"preferred_username":null},"userinfo":{}}`, `email preferred_username`, ``},
			"in both":                    {`{"id_token":{"updated_at":null},"userinfo":{"updated_at":{},"email_verified":null}}`, `updated_at`, `updated_at email`},
			"the picture":                {`{"id_token":{"picture":null},"userinfo":{"picture":{"essential":true}}}`, `picture`, `picture`},
			"what nobody knows":          {`{"id_token":{"shoe_size":{"essential":true}},"somewhere":7}`, ``, ``},
			"of a name that is no claim": {`{"userinfo":{"is_admin":{"value":false},"id":{"value":"1"}}}`, ``, ``},
			"the person who signs in":    {`{"id_token":{"sub":{"value":"anna"},"acr":{"essential":true,"values":["9","1"]},"auth_time":{"essential":true}}}`, ``, ``},
			"members that say nothing":   {`{"id_token":{"sub":{"essential":true,"value":null,"values":null},"acr":{"essential":true,"value":null},"email":{"essential":null,"value":null}}}`, `email`, ``},
			"values without value":       {`{"userinfo":{"sub":{"essential":null,"value":null,"values":["boris",null,"anna"]},"acr":{"essential":true,"value":"1","values":null}}}`, ``, ``},
			"an acr that would be nice":  {`{"id_token":{"acr":{"value":"9"}}}`, ``, ``},
		} {
			got := r.browser().authorize("anna", "scope", "openid offline_access", "claims", test.ask)
			if got.Get("error") != "" {
				t.Fatalf("%s: %v", name, got)
			}
			given := r.redeem(got.Get("code"))
			for round := range 3 { // by the code, and by each refresh
				id, info := claims(t, given.IDToken), r.userinfo(given.AccessToken)
				for claim := range strings.FieldsSeq(about) {
					if _, told := id[claim]; told != slices.Contains(strings.Fields(test.inIDToken), claim) {
						t.Errorf("%s, round %d: the ID token has %s: %v", name, round, claim, told)
					}
					if _, told := info[claim]; told != slices.Contains(strings.Fields(test.atUserinfo), claim) {
						t.Errorf("%s, round %d: userinfo has %s: %v", name, round, claim, told)
					}
				}
				if info["id"] != id["id"] || info["id"] == "1" || id["acr"] != "1" || id["sub"] != "anna" {
					t.Errorf("%s: %v %v", name, id, info)
				}
				given = r.renew(given.RefreshToken)
			}
		}
	})
}

// Whatever the scopes tell of a person is told for the asking, too, or is in every ID token;
// an address never comes without whether it is theirs.
func TestWhatScopesTellCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	s.must2(s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.EmailVerified = false }))
	bare := claims(t, r.redeem(r.browser().authorize("anna", "scope", "openid").Get("code")).IDToken)
	all := r.userinfo(r.redeem(r.browser().authorize("anna", "scope", "openid profile email").Get("code")).AccessToken)
	if all["email"] == nil || all["picture"] == nil || all["email_verified"] != false {
		t.Errorf("userinfo: %v", all)
	}
	for name, value := range all {
		if _, always := bare[name]; always {
			continue
		}
		asked := fmt.Sprintf(`{"id_token":{%[1]q:null},"userinfo":{%[1]q:null}}`, name)
		given := r.redeem(r.browser().authorize("anna", "scope", "openid", "claims", asked).Get("code"))
		for where, told := range map[string]map[string]any{"the ID token": claims(t, given.IDToken), "userinfo": r.userinfo(given.AccessToken)} {
			if told[name] != value {
				t.Errorf("%s says %s: %v, want %v", where, name, told[name], value)
			}
		}
		want := http.StatusForbidden
		if name == "picture" {
			want = http.StatusOK
		}
		for path, want := range map[string]int{"/profile/me/picture/128": want, "/profile/me": http.StatusForbidden} {
			if w := r.fetch(path, "Authorization", "Bearer "+given.AccessToken); w.Code != want {
				t.Errorf("%s with the token that was asked for with %s: %d", path, name, w.Code)
			}
		}
	}
}

// Who must be signed in, and how, is no wish: somebody else, or less, is refused
// (Core sections 5.5.1 and 5.5.1.1). What cannot be read is told so.
func TestClaimsParameterIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for ask, want := range map[string]string{
		`{"id_token":{"sub":{"value":"root"}}}`:                                      "login_required",
		`{"userinfo":{"sub":{"values":["root","boris"]}}}`:                           "login_required",
		`{"id_token":{"sub":{"value":null,"values":[null]}}}`:                        "login_required",
		`{"id_token":{"sub":{"value":"","values":null}}}`:                            "login_required",
		`{"id_token":{"acr":{"essential":true,"value":null,"values":["2"]}}}`:        "unmet_authentication_requirements",
		`{"id_token":{"sub":{"value":7}}}`:                                           "login_required",
		`{"id_token":{"sub":{"value":"anna"}},"userinfo":{"sub":{"value":"boris"}}}`: "login_required",
		`{"id_token":{"acr":{"essential":true,"value":"2"}}}`:                        "unmet_authentication_requirements",
		`{"id_token":{"acr":{"essential":true,"values":[]}}}`:                        "unmet_authentication_requirements",
		`[]`:                         "invalid_request",
		`{`:                          "invalid_request",
		`null`:                       "invalid_request",
		`"name"`:                     "invalid_request",
		`{"id_token":[]}`:            "invalid_request",
		`{"userinfo":{"name":true}}`: "invalid_request",
		`{"id_token":{"name":{"essential":"yes"}}}`:               "invalid_request",
		`{"id_token":` + strings.Repeat(`{"a":`, 2000):            "invalid_request",
		`{"id_token":{"` + strings.Repeat("x", 9000) + `":null}}`: "invalid_request",
	} {
		if got := r.browser().authorize("anna", "scope", "openid", "claims", ask); got.Get("error") != want || got.Get("code") != "" {
			t.Errorf("%.80s: %v", ask, got)
		}
	}
	// With somebody signed in, nobody is asked: prompt=none tells at once.
	b := r.browser()
	b.authorize("anna")
	got := b.authorize("anna", "prompt", "none", "claims", `{"id_token":{"sub":{"value":"boris"}}}`)
	if got.Get("error") != "login_required" {
		t.Errorf("prompt none for somebody else: %v", got)
	}
}

// What is asked for travels sealed and is kept: reading it again gives the same.
func FuzzReadClaims(f *testing.F) {
	f.Add(`{"id_token":{"name":{"essential":true},"sub":{"value":"anna"}},"userinfo":{"email":null}}`)
	f.Add(`{"userinfo":{"acr":{"values":["1",2,null]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		asked, demands, refused := token.ReadClaims(text)
		if refused == nil && text != "" && !json.Valid([]byte(text)) {
			t.Errorf("%q was taken", text)
		}
		if spelled, ok := spellOut(text); ok {
			again, same, refusedAgain := token.ReadClaims(spelled)
			if !reflect.DeepEqual(again, asked) || !reflect.DeepEqual(same, demands) || (refusedAgain == nil) != (refused == nil) {
				t.Errorf("%q asks for %v %v, and %q for %v %v", text, asked, demands, spelled, again, same)
			}
		}
		if again := token.ParseAskedClaims(asked.String()); !reflect.DeepEqual(again, asked) {
			t.Errorf("%q: kept as %v, read as %v", text, asked, again)
		}
	})
}

// spellOut says of each claim by null what is not said of it, as many serialisers do.
func spellOut(text string) (string, bool) {
	var members map[string]map[string]map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		return "", false
	}
	for _, claims := range members {
		for _, said := range claims {
			for _, name := range []string{"essential", "value", "values"} {
				given := false
				for other := range said {
					given = given || strings.EqualFold(other, name) // as encoding/json reads it
				}
				if said != nil && !given {
					said[name] = nil
				}
			}
		}
	}
	spelled, err := json.Marshal(members)
	return string(spelled), err == nil
}

// userinfo is what userinfo tells.
func (r *replica) userinfo(accessToken string) (told map[string]any) {
	r.s.t.Helper()
	req := httptest.NewRequestWithContext(r.s.t.Context(), "GET", userinfo, nil)
	req.Header.Set("Authorization", "Bearer "+accessToken)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil || w.Code != http.StatusOK {
		r.s.t.Fatalf("userinfo: %d %s", w.Code, w.Body)
	}
	return told
}
