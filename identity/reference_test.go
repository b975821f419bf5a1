package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

type noSessions struct{}

func (noSessions) CloseByKey(context.Context, string, tandem.EndReason) error { return nil }

// D27, I1: a resource server asks about a reference token as about a JWT: each half learns
// of its own, and strangers learn nothing. A client that has got hold of one ends it.
func TestD27_I1_ReferenceTokensAreIntrospectedAndRevoked(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.change(portal, func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAuthenticatedUsers })
		r := s.one()
		create := func(kind tandem.ReferenceKind, login string) (id, text string) {
			made, text, err := s.references().Create(t.Context(), by, registry.NewReference{
				Kind: kind, Login: login, ApplicationURI: portal, Scope: tandem.Scope{"read"}, ExpiresAt: s.clock.Now().Add(time.Hour),
			})
			s.must(err)
			return made.ID, text
		}
		patID, pat := create(tandem.ReferencePAT, "anna")
		satID, sat := create(tandem.ReferenceSAT, "")
		for who, secret := range s.introspectors() {
			for _, c := range []struct {
				text, id string
				tells    bool
				member   string
				value    any
			}{
				{pat, patID, who == "user secret", "sub", "anna"},
				{sat, satID, who == "service secret" || who == "service token", "scope", "read"},
				{tandem.ReferencePrefix, "", false, "", nil},
			} {
				_, told := r.introspect(secret, c.text)
				if !c.tells && (len(told) != 1 || told["active"] != false) || c.tells && (told["active"] != true || told["jti"] != c.id || told[c.member] != c.value || told["client_id"] != portal) {
					t.Errorf("%s asks about %s: %v", who, c.id, told)
				}
			}
		}
		revoke := func(secret, text string) string {
			return r.post("/id/connect/revocation", "client_id", portal, "client_secret", secret, "token", text).got()
		}
		user, service := s.introspectors()["user secret"], s.introspectors()["service secret"]
		if got := revoke(s.portalSecrets.Service, pat); got != "ok" { // and does nothing
			t.Errorf("the back end revokes a person's token: %s", got)
		}
		if _, told := r.introspect(user, pat); told["active"] != true {
			t.Error("and ended it")
		}
		r.post("/id/connect/revocation", "client_id", stranger, "client_secret", s.otherSecret.User, "token", pat)
		if _, told := r.introspect(user, pat); told["active"] != true {
			t.Error("a stranger ended it")
		}
		for _, c := range []struct {
			who          []string
			secret, text string
		}{{user, s.portalSecrets.User, pat}, {service, s.portalSecrets.Service, sat}} {
			if got := revoke(c.secret, c.text); got != "ok" {
				t.Errorf("revoked: %s", got)
			}
			s.refresh()
			if _, told := r.introspect(c.who, c.text); told["active"] != false {
				t.Errorf("revoked, and %v", told)
			}
		}
	})
}
