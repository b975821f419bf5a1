package identity_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/hybridapps/tandem"
)

// factsOf are the facts of the newest event of the kind.
func factsOf(t *testing.T, s *site, kind tandem.AuditKind) (tandem.AuditEvent, tandem.Facts) {
	t.Helper()
	events := s.audit.Of(kind)
	if len(events) == 0 {
		t.Fatalf("no event of the kind %s", kind)
	}
	e := events[len(events)-1]
	f, err := tandem.ParseFacts(e.Facts)
	if err != nil {
		t.Fatal(err)
	}
	return e, f
}

// What a token was decided by is on record with it: the credential, what was asked for,
// given and could have been given, and by which registration and account.
func TestTokensTellWhatDecided(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	app, _ := r.registry.App(portal)
	credential := map[tandem.Flow]string{}
	for _, c := range app.Credentials {
		if c.Kind == tandem.CredentialSecret {
			credential[c.Flow] = c.ID
		}
	}
	if a := r.serve("scope", "read DomainApi"); a.Code != http.StatusOK {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	e, f := factsOf(t, s, tandem.AuditTokenIssued)
	want := tandem.Facts{
		Grant: "client_credentials", Credential: credential[tandem.FlowService], Auth: f.Auth, Asked: "read", Scope: "read", Limit: "read update",
		Dropped:    []tandem.Dropped{{Scope: "DomainApi", Rule: tandem.RuleScopeObsolete}},
		AppVersion: app.Version, UserVersion: s.robot.Version, Audience: "DomainAPI", Expires: s.clock.Now().Unix() + 3600, KeyID: f.KeyID,
	}
	if !reflect.DeepEqual(f, want) || e.TokenID == "" || len(f.KeyID) != 43 || len(f.Auth) == 0 {
		t.Errorf("service token: %+v, want %+v", f, want)
	}

	given := r.signIn("paul", "scope", "openid read offline_access")
	e, f = factsOf(t, s, tandem.AuditTokenIssued)
	if f.Grant != "authorization_code" || f.Scope != "openid offline_access" || f.Credential != credential[tandem.FlowUser] || f.AMR != "pwd" ||
		f.UserType != tandem.ExternalCommunityUser || f.Audience != "" || f.Family[36:] != "#1" || e.SignInID == "" {
		t.Errorf("user token by code: %+v", f)
	}
	family := f.Family[:36]
	if a := r.renew(given.RefreshToken); a.Code != http.StatusOK {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	if _, f = factsOf(t, s, tandem.AuditTokenIssued); f.Family != family+"#2" || f.Grant != "refresh_token" {
		t.Errorf("user token by refresh: %+v", f)
	}
	_, f = factsOf(t, s, tandem.AuditCodeIssued)
	if want := []tandem.Dropped{{Scope: "read", Rule: tandem.RuleScopeExternal}}; f.Scope != "openid offline_access" || !reflect.DeepEqual(f.Dropped, want) {
		t.Errorf("code: %+v", f)
	}
}
