package identity_test

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// silentReferences are those of a database that does not answer.
type silentReferences struct{ registry.References }

func (silentReferences) ReferenceByHash(context.Context, [sha256.Size]byte) (tandem.ReferenceToken, error) {
	return tandem.ReferenceToken{}, tandem.Errorf(tandem.CodeUnavailable, "the database does not answer")
}

func (s *site) pat() (made tandem.ReferenceToken, text string) {
	s.t.Helper()
	s.change(portal, func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAuthenticatedUsers })
	made, text, err := s.references().Create(s.t.Context(), by, registry.NewReference{
		Kind: tandem.ReferencePAT, Login: "anna", ApplicationURI: portal, Scope: tandem.Scope{"read"}, ExpiresAt: s.clock.Now().Add(900 * time.Hour),
	})
	s.must(err)
	return made, text
}

// Where it is not known whether there is something to revoke, nobody is told that it is
// done (RFC 7009 section 2.2.1).
func TestARevocationThatCannotBeDoneIsNotPromised(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, pat := s.pat()
	r := s.one()
	good := r.registry.References
	r.registry.References = silentReferences{good}
	revoke := func() int {
		return r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.User, "token", pat).Code
	}
	if got := revoke(); got != http.StatusServiceUnavailable {
		t.Errorf("while the database is silent: %d", got)
	}
	r.registry.References = good
	if got := revoke(); got != http.StatusOK {
		t.Errorf("later: %d", got)
	}
}

// A token that comes from many networks is known to come from them a day later, too.
func TestNetworksOfATokenAreKeptUpToDate(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		made, _ := s.pat()
		store := data.NewReferences(db)
		for range 2 {
			s.clock.Advance(25 * time.Hour)
			for i := range 40 {
				s.must(store.ReferencesUsed(t.Context(), map[string]*registry.ReferenceUse{
					made.ID: {Calls: 1, Last: s.clock.Now(), From: "x", Places: []string{"198.51." + strconv.Itoa(i) + ".0/24"}},
				}))
			}
		}
		var n int
		s.must(db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM reference_token_places WHERE last_at > $1`,
			sqldb.Micros(s.clock.Now().Add(-24*time.Hour))).Scan(&n))
		if n != registry.MaxReferencePlaces {
			t.Errorf("%d networks of the last day are known", n)
		}
	})
}
