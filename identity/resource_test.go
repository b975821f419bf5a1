package identity_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	cloud      = "com.example/field-cloud"
	cloudAPI   = "https://field.example/field-api"
	drawing    = "com.example/drawings"
	drawingAPI = "urn:example:drawings"
)

// resourced is a site with two registered resources: visits for the public application and
// the portal, drawings for the portal alone. The portal may read besides.
type resourced struct {
	*site
	cloudSecrets, drawingSecrets registry.Secrets
}

func newResourced(t *testing.T, db *sqldb.DB) *resourced {
	s := &resourced{site: newSiteOn(t, db)}
	for _, r := range []struct {
		uri, resource, scope string
		from                 []string
		secrets              *registry.Secrets
	}{{cloud, cloudAPI, "visits", []string{field, portal}, &s.cloudSecrets}, {drawing, drawingAPI, "drawings sketch", []string{portal}, &s.drawingSecrets}} {
		*r.secrets = s.register(tandem.TrustedApp{
			ApplicationURI: r.uri, Enabled: true, ClientType: tandem.ClientConfidential, ExternalUsers: true, RedirectURIs: []string{back},
			SystemUserAllowed: true, SystemUserID: s.robot.ID, Scope: tandem.Scope{"read"},
			Resource: r.resource, ResourceScopes: tandem.ParseScope(r.scope), AcceptsFrom: r.from,
		})
	}
	s.change(field, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"visits"} })
	s.change(portal, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read", "update", "visits", "drawings"} })
	return s
}

// granted signs in for a resource and redeems the code.
func (s *resourced) granted(login, scope, resource string) *answer {
	s.t.Helper()
	return s.one().redeem(s.one().code(login, "scope", scope, "resource", resource))
}

// A token for a registered resource has that audience alone, says that it is a person's,
// and has no scope of the ERP, also for people from outside (RFC 8707; I5).
func TestI5_I10_TokensForAResource(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newResourced(t, db)
		r := s.one()
		for _, login := range []string{"anna", "paul"} {
			a := r.post("/id/connect/token", "grant_type", "authorization_code", "code", r.code(login, append(inField, "scope", "openid offline_access visits", "resource", cloudAPI)...),
				"redirect_uri", device, "code_verifier", verifier, "client_id", field, "resource", cloudAPI)
			if a.got() != "ok" || a.Scope != "openid offline_access visits" || a.IDToken == "" || a.RefreshToken == "" {
				t.Fatalf("%s: %s", login, a.Body)
			}
			c := claims(t, a.AccessToken)
			if c["aud"] != cloudAPI || c["token_kind"] != "user" || c["sub"] != login || c["client_id"] != field || c["client_system_user"] != nil {
				t.Errorf("%s: the token says %v", login, c)
			}
			if claims(t, a.IDToken)["aud"] != field {
				t.Errorf("%s: the ID token is for %v", login, claims(t, a.IDToken)["aud"])
			}
			if r.admits(a.AccessToken) == nil {
				t.Errorf("%s: an API of the instance takes the token", login)
			}
			for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
				if got := r.get(path, a.AccessToken).got(); got != "Unauthorized invalid_token" {
					t.Errorf("%s at %s: %s", login, path, got)
				}
			}
			if p, err := r.handler.Verifier.VerifyOwn(t.Context(), a.AccessToken); err != nil || p.Resource != cloudAPI || r.registry.Check(t.Context(), p) != nil {
				t.Errorf("%s: the issuer itself knows %+v, %v", login, p, err)
			}
			if events := s.audit.Of(tandem.AuditTokenIssued); !strings.Contains(events[len(events)-1].Facts, `"aud":"`+cloudAPI+`"`) {
				t.Errorf("on record: %s", events[len(events)-1].Facts)
			}
		}
	})
}

// Each token is for one target, which is part of the grant (I10).
func TestI10_OneRefreshTokenForSeveralResources(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newResourced(t, db)
		r := s.one()
		code := r.browser().authorizeRaw("anna", authorizeURL("scope", "openid offline_access read visits drawings")+several(cloudAPI, drawingAPI, "DomainAPI"))
		first := r.redeem(code)
		if first.got() != "ok" || first.Scope != "openid offline_access read" {
			t.Fatalf("without the parameter it is for the instance: %s", first.Body)
		}
		s.must(r.admits(first.AccessToken))
		refresh := first.RefreshToken
		for _, test := range []struct{ resource, scope, want, aud string }{
			{cloudAPI, "", "openid offline_access visits", cloudAPI},
			{drawingAPI, "", "openid offline_access drawings", drawingAPI},
			{drawingAPI, "drawings", "drawings", drawingAPI},
			{root + "/api/domain/odata/", "", "openid offline_access read", "DomainAPI"},
			{"", "", "openid offline_access read", "DomainAPI"},
			{"", "visits", "visits", cloudAPI},
			{issuer + "/resources", "openid", "openid", issuer + "/resources"},
			{drawingAPI, "visits", "invalid_target", ""},
			{cloudAPI, "openid", "invalid_target", ""},
			{"", "visits drawings", "invalid_target", ""},
			{cloudAPI, "visits update", "invalid_scope", ""},
			{drawingAPI, "sketch", "invalid_scope", ""},
			{"https://nowhere.example", "", "invalid_target", ""},
			{cloudAPI + "/", "", "invalid_target", ""},
			{strings.ToUpper(cloudAPI), "", "invalid_target", ""},
			{cloudAPI + "#x", "", "invalid_target", ""},
		} {
			a := r.renew(refresh, "resource", test.resource, "scope", test.scope)
			if a.got() != "ok" {
				if a.got() != test.want {
					t.Errorf("%+v: %s", test, a.Body)
				}
				continue
			}
			refresh = a.RefreshToken
			aud := claims(t, a.AccessToken)["aud"]
			if list, ok := aud.([]any); ok {
				aud = list[0]
			}
			if a.Scope != test.want || aud != test.aud {
				t.Errorf("%+v: for %v %s", test, aud, a.Body)
			}
		}
		// Several values at the token endpoint are for no one target.
		if got := r.post("/id/connect/token", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", portal, "client_secret", s.portalSecrets.User,
			"resource", cloudAPI, "resource", drawingAPI).got(); got != "invalid_target" {
			t.Errorf("two resources at once: %s", got)
		}
		// What was refused has used nothing up.
		if got := r.renew(refresh).got(); got != "ok" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func several(resources ...string) string { return "&" + url.Values{"resource": resources}.Encode() }

// authorizeRaw is authorize for an address.
func (b *browser) authorizeRaw(login, address string) string {
	b.r.s.t.Helper()
	w := b.do("GET", address, nil)
	form := url.Values{"login": {login}, "password": {password}}
	for _, m := range hiddenField.FindAllStringSubmatch(w.Body.String(), -1) {
		form.Set(m[1], m[2])
	}
	to, err := url.Parse(b.do("POST", "/id/account/signin", form).Header().Get("Location"))
	b.r.s.must(err)
	return to.Query().Get("code")
}

// What is refused, at each door where a resource can be asked for.
func TestI2_I3_NobodyGetsAResourceThatIsNotForThem(t *testing.T) {
	t.Parallel()
	s := newResourced(t, datatest.Open(t, sqldb.SQLite))
	r := s.one()
	for _, test := range []struct {
		name string
		ask  []string
		want string
	}{
		{"a scope of the instance that is not named", []string{"scope", "read visits", "resource", cloudAPI}, "invalid_scope"},
		{"a scope of another resource", []string{"scope", "visits drawings", "resource", cloudAPI}, "invalid_scope"},
		{"a scope without its resource", []string{"scope", "openid visits"}, "invalid_scope"},
		{"a resource without its scope", []string{"scope", "openid", "resource", cloudAPI}, "invalid_scope"},
		{"a scope that the application has not", []string{"scope", "sketch", "resource", drawingAPI}, "invalid_scope"},
		{"a resource that is unknown", []string{"scope", "openid", "resource", "https://nowhere.example"}, "invalid_target"},
		{"a resource that does not accept", append(slices.Clone(inField), "scope", "drawings", "resource", drawingAPI), "invalid_target"},
		{"the parts of a fragment", []string{"scope", "visits", "resource", cloudAPI + "#"}, "invalid_target"},
		{"an ApplicationURI", []string{"scope", "visits", "resource", cloud}, "invalid_target"},
	} {
		if got := r.browser().authorize("anna", test.ask...).Get("error"); got != test.want {
			t.Errorf("%s: %q, want %s", test.name, got, test.want)
		}
		if test.ask[0] == "scope" {
			if a := r.push(test.ask...); a.got() != test.want {
				t.Errorf("%s, pushed: %s", test.name, a.Body)
			}
		}
	}
	if a, _ := r.begin("visits", "client_id", field, "resource", drawingAPI); a.got() != "invalid_target" {
		t.Errorf("a device for a resource that does not accept: %s", a.Body)
	}
	for name, ask := range map[string][]string{
		"resource": {"resource", cloudAPI}, "scope": {"scope", "visits"}, "both": {"scope", "visits", "resource", cloudAPI}, "beside": {"scope", "read visits"},
	} {
		if a := r.serve(ask...); a.got() != "invalid_target" && a.got() != "invalid_scope" || a.AccessToken != "" {
			t.Errorf("a back end, by %s: %s", name, a.Body)
		}
	}
	if a := r.serve(); a.Scope != "read update" {
		t.Errorf("a back end that asks for nothing: %s", a.Body)
	}
	if a := r.signIn("anna", "scope", ""); a.Scope != "read update" {
		t.Errorf("people for whom nothing is asked: %s", a.Body)
	}
	// Nothing asked for, with a resource, is all of it.
	if a := s.granted("anna", "", cloudAPI); a.got() != "ok" || a.Scope != "visits" || claims(t, a.AccessToken)["aud"] != cloudAPI {
		t.Errorf("with a resource: %s", a.Body)
	}
	// The whole way by a pushed request, and by a device.
	uri := r.pushed("scope", "openid visits", "resource", cloudAPI)
	if a := r.redeem(r.browser().authorizeRaw("paul", bring(portal, uri))); a.Scope != "openid visits" || claims(t, a.AccessToken)["aud"] != cloudAPI {
		t.Errorf("pushed: %s", a.Body)
	}
	_, codes := r.begin("openid visits", "client_id", field, "resource", cloudAPI)
	if page := r.browser().decide("paul", codes.UserCode, "allow"); !strings.Contains(page, "Connected") {
		t.Fatal(page)
	}
	if a := r.poll(codes.DeviceCode, "client_id", field, "resource", cloudAPI); a.Scope != "openid visits" || claims(t, a.AccessToken)["aud"] != cloudAPI {
		t.Errorf("a device: %s", a.Body)
	}
}

// The owner's back end alone asks about tokens for its resource; they end as others do
// (D27, I6, A11).
func TestD27_I6_TheOwnerSeesTokensForItsResource(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newResourced(t, db)
		r := s.one()
		anna := func() *answer { return s.granted("anna", "openid offline_access visits", cloudAPI) }
		owner := []string{"client_id", cloud, "client_secret", s.cloudSecrets.Service}
		a := anna()
		who := s.introspectors()
		who["owner"], who["owner's service token"] = owner, []string{"bearer", r.serve("client_id", cloud, "client_secret", s.cloudSecrets.Service).AccessToken}
		who["owner's front end"] = []string{"client_id", cloud, "client_secret", s.cloudSecrets.User}
		who["another owner"] = []string{"client_id", drawing, "client_secret", s.drawingSecrets.Service}
		for _, name := range slices.Sorted(maps.Keys(who)) {
			_, told := r.introspect(who[name], a.AccessToken)
			want := name == "owner" || name == "owner's service token" || name == "user secret"
			if told["active"] != want || !want && len(told) != 1 {
				t.Errorf("%s is told %v", name, told)
			}
			if want && (!slices.Equal(told["aud"].([]any), []any{cloudAPI}) || told["sub"] != "anna" || told["client_id"] != portal || told["scope"] != "openid offline_access visits") {
				t.Errorf("%s is told %v", name, told)
			}
		}
		if _, told := r.introspect(owner, r.signIn("anna").AccessToken); told["active"] != false {
			t.Errorf("of a token for the instance the owner is told %v", told)
		}
		alive := func(token string) bool {
			t.Helper()
			_, told := r.introspect(owner, token)
			return told["active"] == true
		}
		back := func(uri string, f func(*tandem.TrustedApp)) func() {
			was, err := s.apps.Get(t.Context(), uri)
			s.must(err)
			s.change(uri, f)
			return func() { s.change(uri, func(a *tandem.TrustedApp) { *a = was }) }
		}
		for name, end := range map[string]func(a *answer) (undo func()){
			"revoked": func(a *answer) func() {
				r.post(oauth.PathRevocation, "token", a.AccessToken, "client_id", portal, "client_secret", s.portalSecrets.User)
				s.refresh()
				return func() {}
			},
			"family revoked": func(a *answer) func() {
				r.post(oauth.PathRevocation, "token", a.RefreshToken, "client_id", portal, "client_secret", s.portalSecrets.User)
				s.refresh()
				return func() {}
			},
			"application off": func(*answer) func() { return back(portal, func(a *tandem.TrustedApp) { a.Enabled = false }) },
			"not accepted": func(*answer) func() {
				return back(cloud, func(a *tandem.TrustedApp) { a.AcceptsFrom = []string{field} })
			},
			"scope taken": func(*answer) func() {
				return back(portal, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read"} })
			},
			"scope renamed": func(*answer) func() {
				return back(cloud, func(a *tandem.TrustedApp) { a.ResourceScopes = tandem.Scope{"tours"} })
			},
			"resource gone": func(*answer) func() {
				return back(cloud, func(a *tandem.TrustedApp) { a.Resource, a.ResourceScopes, a.AcceptsFrom = "", nil, nil })
			},
			"person off": func(*answer) func() {
				_, err := s.accounts.Disable(t.Context(), by, "anna")
				s.must(err)
				s.refresh()
				return func() { _, err := s.accounts.Enable(t.Context(), by, "anna"); s.must(err); s.refresh() }
			},
		} {
			a := anna()
			if a.got() != "ok" || !alive(a.AccessToken) {
				t.Fatalf("before %s: %s", name, a.Body)
			}
			undo := end(a)
			if alive(a.AccessToken) {
				t.Errorf("%s: the token lives", name)
			}
			if got := r.renew(a.RefreshToken, "resource", cloudAPI); name != "revoked" && got.AccessToken != "" {
				t.Errorf("%s: a new one is given: %s", name, got.Body)
			}
			undo()
		}
		// The owner's own switch.
		a = anna()
		on := back(cloud, func(a *tandem.TrustedApp) { a.Enabled = false })
		if got := r.renew(a.RefreshToken, "resource", cloudAPI).got(); got != "invalid_target" {
			t.Errorf("for an owner that is switched off: %s", got)
		}
		p, err := r.handler.Verifier.VerifyOwn(t.Context(), a.AccessToken)
		if s.must(err); r.registry.Check(t.Context(), p) == nil {
			t.Error("a token for an owner that is switched off is good")
		}
		on()
	})
}

// Nothing that a token names can be equal to another thing that one names, also when both
// are made at the same moment (I7).
func TestI7_ResourcesAreApart(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newResourced(t, db)
		owner := func(uri, resource, scope string) tandem.TrustedApp {
			return tandem.TrustedApp{
				ApplicationURI: uri, ClientType: tandem.ClientConfidential, Resource: resource, ResourceScopes: tandem.ParseScope(scope), Scope: tandem.Scope{},
			}
		}
		create := func(a tandem.TrustedApp) error { _, _, err := s.apps.Create(t.Context(), by, a); return err }
		for name, test := range map[string]struct {
			app  tandem.TrustedApp
			want tandem.Code
		}{
			"the same resource":      {owner("com.example/x", cloudAPI, "x"), tandem.CodeConflict},
			"in another case":        {owner("com.example/x", strings.ToUpper(cloudAPI), "x"), tandem.CodeConflict},
			"the same scope":         {owner("com.example/x", "https://x.example", "visits"), tandem.CodeConflict},
			"its own name":           {owner("https://x.example/self", "https://x.example/self", "x"), tandem.CodeConflict},
			"a resource as the name": {owner(cloudAPI, "https://x.example", "x"), tandem.CodeConflict},
			"a fragment":             {owner("com.example/x", "https://x.example#y", "x"), tandem.CodeInvalid},
			"a relative one":         {owner("com.example/x", "DomainAPI", "x"), tandem.CodeInvalid},
			"a path":                 {owner("com.example/x", "/api", "x"), tandem.CodeInvalid},
			"a user in it":           {owner("com.example/x", "https://a@x.example", "x"), tandem.CodeInvalid},
			"a space":                {owner("com.example/x", "https://x.example/ y", "x"), tandem.CodeInvalid},
			"a scope of the ERP":     {owner("com.example/x", "https://x.example", "read"), tandem.CodeInvalid},
			"one in another case":    {owner("com.example/x", "https://x.example", "OpenID"), tandem.CodeInvalid},
			"sec":                    {owner("com.example/x", "https://x.example", "sec"), tandem.CodeInvalid},
			"no scope":               {owner("com.example/x", "https://x.example", ""), tandem.CodeInvalid},
		} {
			if err := create(test.app); tandem.ErrorCode(err) != test.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		public := owner("com.example/x", "https://x.example", "x")
		public.ClientType = tandem.ClientPublic
		if err := create(public); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("a public application: %v", err)
		}
		unknown := tandem.TrustedApp{ApplicationURI: "com.example/x", ClientType: tandem.ClientPublic, Scope: tandem.Scope{"nobodys"}}
		if err := create(unknown); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("a scope of nobody: %v", err)
		}
		// Of a resource and an application of the same name that come at once, one comes to be.
		for round := range 4 {
			name := "https://race.example/" + string(rune('a'+round))
			errs := make([]error, 2)
			var wg sync.WaitGroup
			wg.Go(func() {
				errs[0] = create(owner("com.example/race"+string(rune('a'+round)), name, "race"+string(rune('a'+round))))
			})
			wg.Go(func() { errs[1] = create(tandem.TrustedApp{ApplicationURI: name, ClientType: tandem.ClientPublic}) })
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("round %d: %v", round, errs)
			}
		}
		// What is given back is free, and a deleted application comes back only where it still is.
		s.must(s.apps.Delete(t.Context(), by, drawing))
		s.must(create(owner("com.example/next", drawingAPI, "drawings sketch")))
		if _, err := s.apps.Restore(t.Context(), by, drawing); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("restored beside its successor: %v", err)
		}
		// Its name accepts nobody by itself: what the portal was granted is not for the successor.
		s.refresh()
		if a := s.one().browser().authorize("anna", "scope", "drawings", "resource", drawingAPI); a.Get("error") != "invalid_target" {
			t.Errorf("the successor takes the portal's people: %v", a)
		}
		s.change("com.example/next", func(a *tandem.TrustedApp) { a.Resource, a.ResourceScopes = "", nil })
		_, err := s.apps.Restore(t.Context(), by, drawing)
		s.must(err)
	})
}
