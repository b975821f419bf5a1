package identity_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
)

// What a token says of each kind of holder, name by name (I3, I4, I5): the
// specification's table, with the platform's token_kind.
func TestI3_I4_I5_ClaimNamesAndLifetimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	common := []string{"iss", "aud", "iat", "nbf", "exp", "jti", "scope", "client_id", "token_kind"}
	person := []string{"sub", "id", "user_type", "is_admin", "auth_time", "sid", "db"}
	granted := []string{"grant_id", "acr", "amr"}
	named, told := []string{"name", "email"}, []string{"locale", "zoneinfo"}
	system := []string{"client_system_user", "client_system_user_type", "client_system_user_id", "client_db"}
	identity := slices.Concat([]string{"iss", "aud", "iat", "exp", "jti", "token_kind", "at_hash", "nonce", "acr", "amr", "idp"}, person)
	idNamed := []string{"name"}
	verified := []string{"email_verified"}
	api, resources := []any{"DomainAPI", issuer + "/resources"}, issuer+"/resources"

	anna, plain, paul := r.signIn("anna"), r.signIn("anna", "scope", "openid read"), r.signIn("paul")
	for name, test := range map[string]struct {
		jwt      string
		names    []string
		is       map[string]any
		lifetime float64
	}{
		"user": {anna.AccessToken, slices.Concat(common, person, granted, named, told, verified), map[string]any{
			"aud": api, "sub": "anna", "id": s.anna.ID, "user_type": "InternalUser", "is_admin": true, "name": "Anna Ivanova", "email": "anna@example.com",
			"locale": "bg", "zoneinfo": "Europe/Sofia", "token_kind": "user", "client_id": portal, "db": "db-1", "scope": []any{"openid", "profile", "offline_access", "read", "update"}}, 3600},
		"user without profile": {plain.AccessToken, slices.Concat(common, person, granted), map[string]any{"aud": api, "scope": []any{"openid", "read"}}, 3600},
		"user without read or update": {r.signIn("anna", "scope", "openid").AccessToken, slices.Concat(common, person, granted), map[string]any{
			"aud": resources, "scope": []any{"openid"}}, 3600},
		"external user": {paul.AccessToken, slices.Concat(common, person, granted, named, verified), map[string]any{
			"aud": resources, "sub": "paul", "user_type": "ExternalCommunityUser", "is_admin": false, "scope": []any{"openid", "profile", "offline_access"}}, 3600},
		"service": {r.serve().AccessToken, slices.Concat(common, system), map[string]any{
			"aud": api, "client_system_user": "svc.portal", "client_system_user_type": "SystemUserNoLogin", "client_system_user_id": s.robot.ID,
			"client_db": "db-1", "token_kind": "service", "client_id": portal, "scope": []any{"read", "update"}}, 3600},
		"service instance": {r.serve("service_instance", "worker-2", "scope", "read").AccessToken, slices.Concat(common, system, []string{"service_instance"}), map[string]any{
			"service_instance": "worker-2", "scope": []any{"read"}}, 3600},
		"ID token": {anna.IDToken, slices.Concat(identity, idNamed, told), map[string]any{
			"aud": portal, "token_kind": "id", "nonce": "n0nce", "acr": "1", "amr": []any{"pwd"}, "idp": "local", "sid": claims(t, anna.AccessToken)["sid"]}, 300},
		"ID token of an external user":  {paul.IDToken, slices.Concat(identity, idNamed), map[string]any{"user_type": "ExternalCommunityUser"}, 300},
		"ID token without profile":      {plain.IDToken, identity, nil, 300},
		"ID token with the scope email": {r.signIn("anna", "scope", "openid email").IDToken, identity, nil, 300},
		"ID token by refresh": {r.renew(anna.RefreshToken).IDToken, slices.DeleteFunc(slices.Concat(identity, idNamed, told), func(n string) bool { return n == "nonce" }), map[string]any{
			"auth_time": claims(t, anna.IDToken)["auth_time"]}, 300},
	} {
		c := claims(t, test.jwt)
		for _, want := range test.names {
			if _, ok := c[want]; !ok {
				t.Errorf("%s: no claim %s", name, want)
			}
		}
		for got := range c {
			if !slices.Contains(test.names, got) {
				t.Errorf("%s: has the claim %s", name, got)
			}
		}
		for claim, want := range test.is {
			if got := c[claim]; !sameBut(map[string]any{"": got}, map[string]any{"": want}) {
				t.Errorf("%s: %s is %v, want %v", name, claim, got, want)
			}
		}
		if c["iss"] != issuer || c["iat"] != float64(s.clock.Now().Unix()) || c["exp"].(float64)-c["iat"].(float64) != test.lifetime {
			t.Errorf("%s: iss %v, iat %v, exp %v", name, c["iss"], c["iat"], c["exp"])
		}
		h := header(t, test.jwt)
		want := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": h["kid"]}
		if test.lifetime == 300 {
			want["alg"], want["typ"] = "RS256", "JWT"
		}
		if !sameBut(h, want) || h["kid"] == "" {
			t.Errorf("%s: header %v", name, h)
		}
	}
	if anna.ExpiresIn != 3600 || anna.TokenType != "Bearer" || anna.Scope != "openid profile offline_access read update" {
		t.Errorf("answer %+v", anna.TokenResponse)
	}
	s.clock.Advance(time.Hour + token.Skew - time.Second)
	s.refresh()
	if err := r.admits(anna.AccessToken); err != nil {
		t.Errorf("within its hour: %v", err)
	}
	s.clock.Advance(time.Second)
	if r.admits(anna.AccessToken) == nil {
		t.Error("lives after its hour")
	}
}

// An external user's token has no API scope and no API audience, whatever was
// asked for, and no API takes it (I5).
func TestI5_ExternalUsersHaveNoAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for ask, want := range map[string]string{"openid read update": "openid", "read openid profile": "openid profile", "openid DomainApi": "openid", "email": "email"} {
		a := r.signIn("paul", "scope", ask)
		if a.Scope != want || r.admits(a.AccessToken) == nil {
			t.Errorf("%q: scope %q, API: %v", ask, a.Scope, r.admits(a.AccessToken))
		}
	}
	for _, ask := range []string{"read", "read update", ""} {
		if q := r.browser().authorize("paul", "scope", ask); q.Get("error") != "invalid_scope" {
			t.Errorf("%q: %v", ask, q)
		}
	}
	a := r.signIn("paul")
	for _, ask := range []string{"read", "openid update"} {
		if b := r.renew(a.RefreshToken, "scope", ask); b.got() != "invalid_scope" {
			t.Errorf("refresh with %q: %s", ask, b.got())
		}
	}
	if b := r.renew(a.RefreshToken); b.Scope != "openid profile offline_access" || r.admits(b.AccessToken) == nil {
		t.Errorf("refreshed: %q", b.Scope)
	}
	for _, path := range []string{userinfo, me} {
		if b := r.get(path, a.AccessToken); b.Code != 200 {
			t.Errorf("%s: %d", path, b.Code)
		}
	}
}

var (
	appScopes   = []string{"read", "update"}
	askedScopes = []string{"read", "update", "openid", "profile", "email", "offline_access", "sec", "DomainApi", "admin", "READ"}
)

// Whatever an application is configured with, whatever is asked for and in
// whatever order: token ⊆ flow ⊆ application, at the code, at every refresh and
// for services (I10).
func TestI10_ScopeNeverGrows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	narrower := rapid.OneOf(rapid.Just[tandem.Scope](nil), rapid.Map(rapid.SliceOfDistinct(rapid.SampledFrom(appScopes), rapid.ID), func(w []string) tandem.Scope { return append(tandem.Scope{}, w...) }))
	ask := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(askedScopes), 0, 6), func(w []string) string { return tandem.Scope(w).String() })
	configure := func(rt *rapid.T, label string) (userLimit, serviceLimit tandem.Scope) {
		scope := append(tandem.Scope{}, rapid.SliceOfDistinct(rapid.SampledFrom(appScopes), rapid.ID).Draw(rt, label+" scope")...)
		user, service := narrower.Draw(rt, label+" user scope").Intersect(scope), narrower.Draw(rt, label+" service scope")
		s.change(portal, func(a *tandem.TrustedApp) {
			a.Scope, a.UserScope = scope, user
			if a.ServiceScope = service; service != nil {
				a.ServiceScope = service.Intersect(scope)
			}
		})
		app, ok := r.registry.App(portal)
		if !ok {
			rt.Fatal("no application")
		}
		return app.FlowScope(tandem.FlowUser), app.FlowScope(tandem.FlowService)
	}
	within := func(rt *rapid.T, what string, a *answer, limit tandem.Scope, protocol bool) {
		if a.Code != 200 {
			return
		}
		granted := tandem.Scope{}
		for _, word := range claims(t, a.AccessToken)["scope"].([]any) {
			granted = append(granted, word.(string))
		}
		if granted.String() != a.Scope || len(granted) == 0 {
			rt.Fatalf("%s: the token has %q, the answer says %q", what, granted, a.Scope)
		}
		app, err := data.NewApplications(s.db).ByURI(t.Context(), portal)
		if err != nil {
			rt.Fatal(err)
		}
		for _, word := range granted {
			if tandem.IsProtocolScope(word) && protocol {
				continue
			}
			if !limit.Has(word) || !app.Scope.Has(word) {
				rt.Fatalf("%s: %s is outside %q within %q", what, word, limit, app.Scope)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		user, service := configure(rt, "first")
		asked := ask.Draw(rt, "asked")
		within(rt, "service", r.serve("scope", asked), service, false)
		who := rapid.SampledFrom([]string{"anna", "paul"}).Draw(rt, "who")
		q := r.browser().authorize(who, "scope", asked)
		if q.Get("code") == "" {
			return
		}
		if rapid.Bool().Draw(rt, "changed before the code is redeemed") {
			user, _ = configure(rt, "second")
		}
		a := r.redeem(q.Get("code"))
		limit := user
		if who == "paul" {
			limit = nil
		}
		within(rt, "code", a, limit, true)
		grant := tandem.ParseScope(a.Scope)
		for a.RefreshToken != "" && rapid.Bool().Draw(rt, "refresh") {
			if rapid.Bool().Draw(rt, "changed before the refresh") {
				if user, _ = configure(rt, "later"); who != "paul" {
					limit = user
				}
			}
			next := r.renew(a.RefreshToken, "scope", ask.Draw(rt, "refresh asked"))
			within(rt, "refresh", next, limit, true)
			if !tandem.ParseScope(next.Scope).Within(grant) {
				rt.Fatalf("refresh: %q grew out of %q", next.Scope, grant)
			}
			if next.Code == 200 {
				a = next
			}
		}
	})
}

// The administration itself lets no flow have more than the application (I10).
// Protocol scopes, which records of ERP.net have, mean nothing in it.
func TestI10_ConfigurationCannotGrowScope(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, f := range map[string]func(*tandem.TrustedApp){
		"user flow wider": func(a *tandem.TrustedApp) {
			a.Scope, a.UserScope = tandem.Scope{"read"}, tandem.Scope{"read", "update"}
		},
		"service flow wider": func(a *tandem.TrustedApp) { a.Scope, a.ServiceScope = tandem.Scope{"read"}, tandem.Scope{"update"} },
		"sec":                func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read", "sec"} },
		"an invention":       func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"admin"} },
	} {
		_, err := s.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error { f(a); return nil })
		if tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		// However it came into the record, the registry does not hand it on.
		app := tandem.TrustedApp{Scope: tandem.Scope{"read"}}
		f(&app)
		for _, flow := range []tandem.Flow{tandem.FlowUser, tandem.FlowService} {
			got := registry.NewApp(app).FlowScope(flow)
			if !got.Within(app.Scope) || got.Has("sec") || got.Has("openid") {
				t.Errorf("%s: the %s flow may have %q", name, flow, got)
			}
		}
	}
	r := s.one()
	for name, narrow := range map[string]tandem.Scope{"for both": nil, "in a narrower scope, too": {"offline_access", "read"}} {
		_, err := s.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error {
			a.Scope, a.UserScope, a.ServiceScope = tandem.ParseScope("openid offline_access profile email DomainApi read"), narrow, narrow
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.refresh()
		if a := r.serve("client_secret", s.portalSecrets.Service); a.got() != "ok" || a.Scope != "read" {
			t.Errorf("%s: a service that asks for nothing gets %s, %q", name, a.got(), a.Scope)
		}
		if a := r.serve("scope", "read offline_access"); a.got() != "invalid_scope" {
			t.Errorf("%s: a service gets offline_access: %s", name, a.got())
		}
		if a := r.signIn("anna", "scope", ""); a.got() != "ok" || a.Scope != "read" || a.RefreshToken != "" || a.IDToken != "" {
			t.Errorf("%s: a person who asks for nothing gets %s, %q", name, a.got(), a.Scope)
		}
		if a := r.signIn("anna", "scope", "openid offline_access"); a.got() != "ok" || a.Scope != "openid offline_access" || a.RefreshToken == "" {
			t.Errorf("%s: a person who asks for protocol scopes gets %s, %q", name, a.got(), a.Scope)
		}
	}
}
