package identity_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// Every credential at every grant: each half does its own and nothing of the
// other's, and what was refused changed nothing (A1, A2; I1, I2).
func TestA1_I1_I2_EachCredentialWorksForItsFlowOnly(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		secret := func(app, secret string) func() []string {
			return func() []string { return []string{"client_id", app, "client_secret", secret} }
		}
		signed := func(app string, user bool) func() []string {
			return func() []string {
				key := s.serviceKey
				if user {
					key = s.userKey
				}
				return []string{"client_assertion_type", assertionType, "client_assertion", s.assertion(key, app)}
			}
		}
		const ok, flow, client, grant = "ok", "unauthorized_client", "Unauthorized invalid_client", "invalid_grant"
		for _, test := range []struct {
			name                            string
			app                             string
			proof                           func() []string
			code, refresh, service, revokes string
		}{
			{"user secret", portal, secret(portal, s.portalSecrets.User), ok, ok, flow, ok},
			{"service secret", portal, secret(portal, s.portalSecrets.Service), flow, flow, ok, flow},
			{"user key", portal, signed(portal, true), ok, ok, flow, ok},
			{"service key", portal, signed(portal, false), flow, flow, ok, flow},
			{"classic secret", classic, secret(classic, classicSecret), ok, ok, ok, ok},
			{"public", field, secret(field, ""), ok, ok, flow, ok},
			{"public with a secret", field, secret(field, s.portalSecrets.Service), client, client, client, client},
			{"no proof", portal, secret(portal, ""), client, client, client, client},
			{"unknown", portal, secret("com.example/none", "x"), client, client, client, client},
			{"another application's secret", portal, secret(portal, s.otherSecret.User), client, client, client, client},
			{"another application's key", portal, signed(stranger, true), client, client, client, client},
			// Somebody else, rightly authenticated, with the portal's code and token.
			{"a stranger's user secret", portal, secret(stranger, s.otherSecret.User), grant, grant, flow, ok},
			{"a stranger's service secret", portal, secret(stranger, s.otherSecret.Service), flow, flow, ok, flow},
		} {
			grantee, change := s.front(test.app)
			code := r.code("anna", change...)
			given := grantee(r.code("anna", change...))
			if given.RefreshToken == "" {
				t.Fatalf("%s: no refresh token: %s", test.name, given.Body)
			}
			redirect := back
			if test.app == field {
				redirect = device
			}
			try := func(what, want string, pairs ...string) *answer {
				t.Helper()
				a := r.post("/id/connect/token", append(pairs, test.proof()...)...)
				if a.got() != want {
					t.Errorf("%s, %s: %s, want %s (%s)", test.name, what, a.got(), want, a.Body)
				}
				if want != ok && (a.AccessToken != "" || a.RefreshToken != "" || a.IDToken != "") {
					t.Errorf("%s, %s: refused with a token", test.name, what)
				}
				return a
			}
			service := try("client credentials", test.service, "grant_type", "client_credentials")
			if service.RefreshToken != "" || service.IDToken != "" {
				t.Errorf("%s: a refresh or ID token with a service token", test.name)
			}
			try("code", test.code, "grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier)
			try("refresh", test.refresh, "grant_type", "refresh_token", "refresh_token", given.RefreshToken)
			try("client credentials with a code", test.service, "grant_type", "client_credentials", "code", code, "refresh_token", given.RefreshToken)

			a := r.post("/id/connect/revocation", append([]string{"token", given.RefreshToken}, test.proof()...)...)
			if a.got() != test.revokes {
				t.Errorf("%s, revocation: %s, want %s", test.name, a.got(), test.revokes)
			}
			// Only the application itself, as its front end, can have ended the
			// grant or used up the code.
			mine := test.code == ok
			if left := grantee(code); (left.Code == http.StatusOK) == mine {
				t.Errorf("%s: afterwards the code gives %s", test.name, left.got())
			}
			if left := r.post("/id/connect/token", append([]string{"grant_type", "refresh_token", "refresh_token", given.RefreshToken}, s.frontProof(test.app)...)...); (left.Code == http.StatusOK) == mine {
				t.Errorf("%s: afterwards the refresh token gives %s", test.name, left.got())
			}
		}
	})
}

// front returns how the front end of an application redeems a code, and the
// changes to an authorization request that make it the application's.
func (s *site) front(app string) (redeem func(code string) *answer, change []string) {
	redirect := back
	if app == field {
		redirect = device
	}
	return func(code string) *answer {
		return s.one().post("/id/connect/token", append([]string{
			"grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier,
		}, s.frontProof(app)...)...)
	}, []string{"client_id", app, "redirect_uri", redirect}
}

// frontProof is how the front end of an application authenticates.
func (s *site) frontProof(app string) []string {
	secret := map[string]string{portal: s.portalSecrets.User, stranger: s.otherSecret.User, classic: classicSecret}[app]
	return with([]string{"client_id", app, "client_secret", secret})
}

// A public application never acts as a System User, whatever its record says:
// the administration refuses such a record, and so does the server (A2).
func TestA2_PublicApplicationsHaveNoServiceFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.apps.Update(t.Context(), by, field, func(a *tandem.TrustedApp) error {
		a.SystemUserAllowed, a.SystemUserID = true, s.robot.ID
		return nil
	})
	if tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("the administration let it through: %v", err)
	}
	// Past the administration, straight into the database.
	s.clock.Advance(1)
	_, err = s.apps.Store.Update(t.Context(), field, s.clock.Now(), func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
		a.SystemUserAllowed, a.SystemUserID = true, s.robot.ID
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refresh()
	if app, _ := s.one().registry.App(field); !app.SystemUserAllowed {
		t.Fatal("the record was not changed")
	}
	a := s.one().post("/id/connect/token", "grant_type", "client_credentials", "client_id", field)
	if a.got() != "unauthorized_client" {
		t.Errorf("%s %s", a.got(), a.Body)
	}
	// A token that claims it, signed with the real key, is refused as well.
	m, err := s.one().minter.ServiceAccess(serviceToken(&s.robot, field, "read"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.one().admits(m.JWT); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		t.Errorf("its token is admitted: %v", err)
	}
}

// Scopes of people are never a service's, by whatever spelling (A3, I3).
func TestA3_I3_ServiceTokensHaveNoProtocolScope(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, scope := range []string{
		"openid", "profile", "email", "offline_access", "sec", "openid read", "read openid", "read update offline_access", "read sec", "sec DomainApi",
		"OPENID", "Read", "read,update", "read\tupdate", "read\nupdate", `"read"`, "read\\", "réad", "admin", "*", "read update admin", strings.Repeat("read ", 300),
	} {
		if a := s.one().serve("scope", scope); a.Code != http.StatusBadRequest || a.Error != "invalid_scope" && a.Error != "invalid_request" || a.AccessToken != "" {
			t.Errorf("%q: %d %s", scope, a.Code, a.Body)
		}
	}
	for scope, want := range map[string]string{
		"": "read update", "read": "read", "update read": "update read", "read read": "read", " read  update ": "read update",
		"DomainApi": "read update", "DomainApi read": "read",
	} {
		if a := s.one().serve("scope", scope); a.got() != "ok" || a.Scope != want || a.RefreshToken != "" || a.IDToken != "" {
			t.Errorf("%q: %s, scope %q, want %q", scope, a.got(), a.Scope, want)
		}
	}
	// The obsolete scope leaves a warning in the record.
	warned := 0
	for _, e := range s.audit.Of(tandem.AuditTokenIssued) {
		if strings.Contains(e.Detail, "DomainApi") {
			warned++
		}
	}
	if warned != 2 {
		t.Errorf("%d warnings about the obsolete scope", warned)
	}
	// Nothing is left for the flow.
	s.change(portal, func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{} })
	if a := s.one().serve(); a.Error != "invalid_scope" {
		t.Errorf("no scope at all: %s", a.Body)
	}
}

// A service token is nobody at the resources of people, and proves no sign-out
// (A4, I3); a person's token ends nothing of the service half (I6).
func TestA4_I3_ServiceTokensAreNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	service, anna := r.serve(), r.signIn("anna")
	for _, path := range []string{userinfo, me} {
		if a := r.get(path, service.AccessToken); a.Code != http.StatusForbidden || strings.Contains(a.Body.String(), s.robot.ID) {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	for name, hint := range map[string]string{"service token": service.AccessToken, "access token": anna.AccessToken, "refresh token": anna.RefreshToken} {
		q := r.browser().authorize("anna", "id_token_hint", hint)
		if q.Get("error") != "invalid_request" || q.Has("code") {
			t.Errorf("%s as a hint at authorize: %v", name, q)
		}
		b := r.browser()
		b.authorize("anna")
		w := b.do("GET", "/id/connect/endsession?id_token_hint="+hint, nil)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `action="/id/account/signout"`) || b.authorize("anna", "prompt", "none").Get("code") == "" {
			t.Errorf("%s as a hint at sign-out: %d", name, w.Code)
		}
	}
	// Each half's token is its own to revoke, and the other half is told no more than of a
	// token that there is not.
	unknown := r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.Service, "token", "x")
	r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.Service, "token", anna.AccessToken)
	if told := s.audit.Of(tandem.AuditTokenRefused); len(told) != 1 || !strings.Contains(told[0].Facts, string(tandem.RuleCredOtherFlow)) {
		t.Errorf("on record is %v", told)
	}
	for name, test := range map[string]struct{ secret, token, want string }{
		"front end, service token":  {s.portalSecrets.User, service.AccessToken, "ok"},
		"back end, user token":      {s.portalSecrets.Service, anna.AccessToken, "ok"},
		"back end, refresh token":   {s.portalSecrets.Service, anna.RefreshToken, "unauthorized_client"},
		"back end, no token at all": {s.portalSecrets.Service, "x", "ok"},
	} {
		a := r.post("/id/connect/revocation", "client_id", portal, "client_secret", test.secret, "token", test.token)
		if a.got() != test.want || test.want == "ok" && (a.Body.String() != unknown.Body.String() || !cmp.Equal(a.Header(), unknown.Header())) {
			t.Errorf("%s: %s %v, want %s", name, a.got(), a.Header(), test.want)
		}
	}
	s.refresh()
	for name, jwt := range map[string]string{"service": service.AccessToken, "user": anna.AccessToken} {
		if err := r.admits(jwt); err != nil {
			t.Errorf("the %s token died: %v", name, err)
		}
	}
	if a := r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.User, "token", anna.AccessToken); a.got() != "ok" {
		t.Fatal(a.got())
	}
	s.refresh()
	if r.admits(anna.AccessToken) == nil || r.admits(service.AccessToken) != nil {
		t.Errorf("after revocation of the user token: user %v, service %v", r.admits(anna.AccessToken), r.admits(service.AccessToken))
	}
	if a := r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.Service, "token", service.AccessToken); a.got() != "ok" {
		t.Fatal(a.got())
	}
	s.refresh()
	if r.admits(service.AccessToken) == nil {
		t.Error("a revoked service token is admitted")
	}
}

// A login and an ApplicationURI are never equal, whichever comes first, and a
// name that looks like the other kind's decides nothing (A5, I7).
func TestA5_I7_NamesOfPeopleAndApplicationsAreApart(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		if _, _, err := s.apps.Create(t.Context(), by, tandem.TrustedApp{ApplicationURI: "anna", ClientType: tandem.ClientPublic}); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("an application with a user's login: %v", err)
		}
		s.register(tandem.TrustedApp{ApplicationURI: "app.one", ClientType: tandem.ClientPublic})
		if _, err := s.accounts.Create(t.Context(), by, newInternal("app.one")); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("a user with an application's name: %v", err)
		}
		// The System User's login as the client, and the application's as the login.
		if a := s.one().serve("client_id", s.robot.Login); a.Code != http.StatusUnauthorized {
			t.Errorf("%s", a.Body)
		}
	})
}

// Claims come from the records, never from a request (A6).
func TestA6_SmuggledClaimsAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	smuggled := []string{
		"sub", "root", "id", "1", "user_id", "1", "user_type", "InternalUser", "is_admin", "true", "db", "other", "sid", "chosen", "email", "a@evil.example",
		"client_system_user", "anna", "client_system_user_id", s.anna.ID, "client_db", "other", "auth_time", "1", "aud", "other", "audience", "other",
		"token_kind", "user", "username", "anna", "password", password, "claims", `{"access_token":{"sub":{"value":"root"}}}`, "subject_token", "x", "iss", "x", "exp", "9999999999",
	}
	plain, odd := s.one().serve(), s.one().serve(smuggled...)
	if got, want := claims(t, odd.AccessToken), claims(t, plain.AccessToken); !sameBut(got, want, "jti") {
		t.Errorf("service token\n got %v\nwant %v", got, want)
	}
	plainUser := s.one().signIn("paul")
	oddUser := s.one().redeem(s.one().code("paul", smuggled...), smuggled...)
	for name, pair := range map[string][2]string{
		"access": {oddUser.AccessToken, plainUser.AccessToken}, "ID": {oddUser.IDToken, plainUser.IDToken},
	} {
		if got, want := claims(t, pair[0]), claims(t, pair[1]); !sameBut(got, want, "jti", "sid", "at_hash", "grant_id") {
			t.Errorf("%s token\n got %v\nwant %v", name, got, want)
		}
	}
	again := s.one().renew(oddUser.RefreshToken, smuggled...)
	if got, want := claims(t, again.AccessToken), claims(t, oddUser.AccessToken); !sameBut(got, want, "jti") {
		t.Errorf("refreshed\n got %v\nwant %v", got, want)
	}
}

// A secret of the one application never opens another, even on one issuer with
// a warm server (A9, the server's part).
func TestA9_CredentialsBelongToOneApplication(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 2 { // the second time the first application's answer is warm
		if a := s.one().serve(); a.got() != "ok" || claims(t, a.AccessToken)["client_id"] != portal {
			t.Fatal(a.Body)
		}
		for _, secret := range []string{s.otherSecret.Service, s.portalSecrets.User, s.portalSecrets.Service + "x", s.portalSecrets.Service[:20], strings.ToUpper(s.portalSecrets.Service)} {
			if a := s.one().serve("client_secret", secret); a.Code == http.StatusOK {
				t.Errorf("%.6s… opened the portal", secret)
			}
		}
	}
}
