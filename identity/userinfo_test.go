package identity_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

// people is userinfo and /profile/me with real keys, registry and database.
type people struct {
	*http.ServeMux
	minter   *token.Minter
	registry *registry.Registry
	users    *data.Users
	apps     *data.Applications
	anna     tandem.User // internal, everything filled in
	paul     tandem.User // external
	robot    tandem.User // the System User
}

type noAudit struct{}

func (noAudit) Record(context.Context, tandem.AuditEvent) error { return nil }

func newPeople(t *testing.T) *people {
	ctx, db := t.Context(), datatest.Open(t, sqldb.SQLite)
	box, err := seal.New("signing keys", make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	keys := &token.Keys{Store: data.NewKeys(db), Box: box, Log: slog.New(slog.DiscardHandler)}
	if err := keys.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	p := &people{ServeMux: http.NewServeMux(), users: data.NewUsers(db), apps: data.NewApplications(db)}
	accounts := &signin.Accounts{Users: p.users, Passwords: signin.NewPasswords(signin.PasswordParams{Memory: 8, Time: 1, Threads: 1}, 1), Audit: noAudit{}}
	create := func(n signin.NewUser) tandem.User {
		u, err := accounts.Create(ctx, by, n)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	p.anna = create(signin.NewUser{Login: "anna", Type: tandem.InternalUser, Name: "Anna Ivanova", Email: "anna@example.com", Locale: "bg", Zoneinfo: "Europe/Sofia", Admin: true})
	p.paul = create(signin.NewUser{Login: "paul", Type: tandem.ExternalCommunityUser, Name: "Paul"})
	p.robot = create(signin.NewUser{Login: "svc.portal", Type: tandem.SystemUserNoLogin})
	now := time.Now().Add(-time.Minute)
	_, err = p.apps.Create(ctx, tandem.TrustedApp{
		ID: "1", ApplicationURI: "com.example/portal", Name: "Portal", Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, ExternalUsers: true,
		SystemUserAllowed: true, SystemUserID: p.robot.ID, Scope: tandem.Scope{"read", "update"}, AccessTokens: tandem.AccessTokensNone, CreatedAt: now, ChangedAt: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.registry = &registry.Registry{Changes: data.NewChanges(db), Users: p.users}
	p.refresh(t)
	const issuer = "https://erp.example/id"
	p.minter = &token.Minter{Issuer: issuer, Keys: keys, Database: "db-1"}
	verifier := &token.Verifier{Issuer: issuer, Keys: keys, Audience: token.ResourcesAudience(issuer)}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	refusals := audit.NewRefusals(&testkit.Record{}, nil)
	p.Handle("/id/connect/userinfo", &identity.Userinfo{Tokens: verifier, Registry: p.registry, URL: "https://erp.example", Refusals: refusals, Log: log})
	p.Handle("GET /profile/me", &identity.ProfileMe{Tokens: verifier, Registry: p.registry, Database: "db-1", URL: "https://erp.example", Refusals: refusals, Log: log})
	return p
}

func (p *people) refresh(t *testing.T) {
	t.Helper()
	if err := p.registry.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (p *people) token(t *testing.T, u tandem.User, scope string) string {
	t.Helper()
	m, err := p.minter.UserAccess(token.UserToken{User: &u, ApplicationURI: "com.example/portal", Scope: tandem.ParseScope(scope), SignInID: "sid-1", AuthTime: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return m.JWT
}

func (p *people) serviceToken(t *testing.T, scope string) string {
	t.Helper()
	m, err := p.minter.ServiceAccess(token.ServiceToken{SystemUser: &p.robot, ApplicationURI: "com.example/portal", Scope: tandem.ParseScope(scope)})
	if err != nil {
		t.Fatal(err)
	}
	return m.JWT
}

func (p *people) get(path, bearer string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

const userinfo, me = "/id/connect/userinfo", "/profile/me"

func TestUserinfoClaimsFollowScope(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	base := func(u tandem.User) map[string]any {
		return map[string]any{"sub": u.Login, "id": u.ID, "user_type": string(u.Type), "is_admin": u.Admin}
	}
	with := func(m map[string]any, more ...any) map[string]any {
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	changed := float64(p.anna.ChangedAt.Unix())
	for name, test := range map[string]struct {
		user  tandem.User
		scope string
		want  map[string]any
	}{
		"openid":   {p.anna, "openid", base(p.anna)},
		"email":    {p.anna, "openid email read", with(base(p.anna), "email", "anna@example.com", "email_verified", true)},
		"external": {p.paul, "openid", base(p.paul)},
		"profile": {p.anna, "openid profile", with(base(p.anna), "email", "anna@example.com", "email_verified", true, "name", "Anna Ivanova",
			"locale", "bg", "zoneinfo", "Europe/Sofia", "preferred_username", "anna", "updated_at", changed, "picture", "https://erp.example/profile/me/picture/128")},
	} {
		w := p.get(userinfo, p.token(t, test.user, test.scope))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || !cmp.Equal(got, test.want) {
			t.Errorf("%s: %d, %v\n%s", name, w.Code, err, cmp.Diff(test.want, got))
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be stored", name)
		}
	}
}

func TestI3_A4_ServiceTokenIsNobody(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	for _, path := range []string{userinfo, me} {
		// Also when somebody managed to have protocol scopes in it.
		for _, scope := range []string{"read update", "openid profile read"} {
			w := p.get(path, p.serviceToken(t, scope))
			if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), p.robot.ID) {
				t.Errorf("%s with %q: %d %s", path, scope, w.Code, w.Body)
			}
		}
	}
}

func TestUserinfoWantsABearerTokenOnce(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	good := p.token(t, p.anna, "openid profile")
	id, err := p.minter.IDToken(token.UserToken{User: &p.anna, ApplicationURI: "com.example/portal", Scope: tandem.Scope{"openid"}, SignInID: "s", AuthTime: time.Now()}, token.Bound{AccessToken: good})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"access_token": {good}}.Encode()
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		challenge          string
	}{
		"header":             {"GET", userinfo, "", []string{"Authorization", "Bearer " + good}, 200, ""},
		"scheme in any case": {"GET", userinfo, "", []string{"Authorization", "bearer  " + good}, 200, ""},
		"form":               {"POST", userinfo, form, nil, 200, ""},
		"POST with header":   {"POST", userinfo, "", []string{"Authorization", "Bearer " + good}, 200, ""},
		"PUT":                {"PUT", userinfo, "", []string{"Authorization", "Bearer " + good}, 405, ""},
		"DELETE":             {"DELETE", userinfo, "", []string{"Authorization", "Bearer " + good}, 405, ""},
		"PATCH, and a form":  {"PATCH", userinfo, form, nil, 405, ""},
		"nothing":            {"GET", userinfo, "", nil, 401, `Bearer realm="identity", error="invalid_token"`},
		"query":              {"GET", userinfo + "?access_token=" + good, "", nil, 400, "invalid_request"},
		"query and header":   {"GET", userinfo + "?access_token=", "", []string{"Authorization", "Bearer " + good}, 400, "invalid_request"},
		"form and header":    {"POST", userinfo, form, []string{"Authorization", "Bearer " + good}, 400, "invalid_request"},
		"form twice":         {"POST", userinfo, form + "&" + form, nil, 400, "invalid_request"},
		"two headers":        {"GET", userinfo, "", []string{"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, 400, "invalid_request"},
		"Basic":              {"GET", userinfo, "", []string{"Authorization", "Basic YTpi"}, 401, `Bearer realm="identity", error="invalid_token"`},
		"nothing, at me":     {"GET", me, "", nil, 401, `Bearer realm="identity", error="invalid_token"`},
		"cut short":          {"GET", userinfo, "", []string{"Authorization", "Bearer " + good[:len(good)-4]}, 401, "invalid_token"},
		"ID token":           {"GET", userinfo, "", []string{"Authorization", "Bearer " + id.JWT}, 401, "invalid_token"},
		"without openid":     {"GET", userinfo, "", []string{"Authorization", "Bearer " + p.token(t, p.anna, "profile read")}, 403, "insufficient_scope"},
		"huge form":          {"POST", userinfo, "x=" + strings.Repeat("x", 40_000), nil, 400, "invalid_request"},
	} {
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		if test.body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(test.header); i += 2 {
			r.Header.Add(test.header[i], test.header[i+1])
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != test.status || !strings.Contains(w.Header().Get("WWW-Authenticate"), test.challenge) {
			t.Errorf("%s: %d %q %s", name, w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
		}
		if w.Code != 200 && strings.Contains(w.Body.String()+w.Header().Get("WWW-Authenticate"), good[:20]) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
}

func TestProfileMe(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	w := p.get(me, p.token(t, p.anna, "profile"))
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": p.anna.ID, "login": "anna", "name": "Anna Ivanova", "email": "anna@example.com", "isAdmin": true, "isActive": true, "userType": "InternalUser",
		"preferredLanguage": "bg", "instance": map[string]any{"database": "db-1", "url": "https://erp.example"},
		"links":      map[string]any{"profile": "https://erp.example/profile/", "changePassword": "https://erp.example/profile/security/password", "accessTokens": "https://erp.example/profile/security/tokens", "devices": "https://erp.example/profile/security/sessions"},
		"pictureUrl": "https://erp.example/profile/me/picture/64", "largePictureUrl": "https://erp.example/profile/me/picture/128",
	}
	if w.Code != http.StatusOK || !cmp.Equal(got, want) || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Language") != "bg" {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), cmp.Diff(want, got))
	}
	if vary := w.Header().Get("Vary"); vary != "Authorization, X-Api-Key, Api-Key, Cookie" {
		t.Errorf("the answer depends on %q", vary)
	}
	for name, test := range map[string]struct {
		token  string
		status int
	}{
		"external":     {p.token(t, p.paul, "openid profile"), 200},
		"with read":    {p.token(t, p.anna, "read"), 200},
		"openid alone": {p.token(t, p.anna, "openid"), 403},
		"none":         {"", 401},
	} {
		if w := p.get(me, test.token); w.Code != test.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// A live token dies with its person and with its application (A11).
func TestA11_TokensOfTheDisabledAreRefused(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	annas, pauls := p.token(t, p.anna, "openid profile"), p.token(t, p.paul, "openid profile")
	if w := p.get(userinfo, annas); w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	_, err := p.users.Update(t.Context(), p.anna.ID, func(a signin.Account) (signin.Account, error) {
		a.Enabled, a.ChangedAt = false, time.Now()
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.refresh(t)
	if w := p.get(userinfo, annas); w.Code != http.StatusUnauthorized {
		t.Errorf("disabled user: %d", w.Code)
	}
	if w := p.get(userinfo, pauls); w.Code != http.StatusOK {
		t.Errorf("somebody else: %d", w.Code)
	}
	_, err = p.apps.Update(t.Context(), "com.example/portal", time.Now(), func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
		a.Enabled = false
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.refresh(t)
	for _, path := range []string{userinfo, me} {
		if w := p.get(path, pauls); w.Code != http.StatusUnauthorized {
			t.Errorf("disabled application at %s: %d", path, w.Code)
		}
	}
}
