package token_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// An instance that is told to sign with another algorithm publishes the key as long as any
// before it signs; tokens of before go on, and a replica that was not told yet takes both
// (D25).
func TestD25_AnotherAlgorithmIsPublishedFirst(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for _, algorithm := range []string{"RS256", "EdDSA"} {
			c, store := testkit.NewClock(), data.NewKeys(db)
			before := newReplica(t, store, c)
			old := before.service(t)
			told, second := newReplicaOf(t, store, c, algorithm), newReplicaOf(t, store, c, algorithm)
			before.refresh(t)
			key := second.keyOf(t, algorithm)
			if key.State != token.KeyNext || told.keyOf(t, algorithm).ID != key.ID || !slices.Contains(before.published(t)[algorithm], key.ID) {
				t.Fatalf("%s: %+v, published %v", algorithm, key, before.published(t))
			}
			for c.Advance(token.PublishLead - time.Second); kid(t, told.service(t)) != kid(t, old); {
				t.Fatalf("%s signs before its time", algorithm)
			}
			told.refresh(t)
			if n := len(told.published(t)[algorithm]); n != len(second.published(t)[algorithm]) {
				t.Errorf("%s: a second key while the first waits: %d", algorithm, n)
			}
			c.Advance(time.Second)
			fresh := told.service(t)
			if header, _ := parts(t, fresh); kid(t, fresh) != key.ID || header["alg"] != algorithm || header["typ"] != oauth.TypeAccessToken {
				t.Errorf("%s: after its time %v signs", algorithm, header)
			}
			for name, r := range map[string]*replica{"told": told, "second": second, "not told": before} {
				if !r.access(old) || !r.access(fresh) {
					t.Errorf("%s, %s: takes the old token %v, the new one %v", algorithm, name, r.access(old), r.access(fresh))
				}
			}
			if kid(t, before.service(t)) != kid(t, old) {
				t.Errorf("%s: a replica that was not told signs with it", algorithm)
			}
			// By command, from a process that was told nothing, and by schedule.
			if _, err := before.keys.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			told.refresh(t)
			if c.Advance(token.PublishLead); kid(t, told.service(t)) == key.ID || !told.access(fresh) {
				t.Errorf("%s is not rotated with the others", algorithm)
			}
			if _, err := before.keys.Remove(t.Context(), key.ID); err != nil {
				t.Fatal(err)
			}
			if told.refresh(t); told.access(fresh) || !told.access(told.service(t)) {
				t.Errorf("%s: a removed key verifies, or none signs", algorithm)
			}
		}
	})
}

// keyOf is the newest key for access tokens with the algorithm.
func (r *replica) keyOf(t testing.TB, algorithm string) token.KeyInfo {
	t.Helper()
	for _, k := range slices.Backward(r.keys.List()) {
		if k.Use == token.KeyUse("access "+algorithm) {
			return k
		}
	}
	t.Fatalf("no key for %s", algorithm)
	return token.KeyInfo{}
}

// A new instance signs with what it was told at once: nobody has read its keys before.
func TestFirstKeysSignAtOnce(t *testing.T) {
	t.Parallel()
	for _, algorithm := range token.AccessAlgorithms {
		r := newReplicaOf(t, &memory{}, testkit.NewClock(), algorithm)
		if header, _ := parts(t, r.service(t)); header["alg"] != algorithm {
			t.Errorf("%s: %v", algorithm, header)
		}
	}
}

// The key of the one use is nothing to the other, also where both sign with RS256 and say
// that they are JWTs (D24, I7).
func TestD24_I7_KeysHaveOneUse(t *testing.T) {
	t.Parallel()
	f := newForgeOf(t, oauth.FormatRFC9068, "RS256")
	f.minter.PlainType = true
	user, id := f.user(t, anna)
	service := f.service(t)
	for name, jwt := range map[string]string{"user": user, "service": service} {
		if header, _ := parts(t, jwt); header["typ"] != oauth.TypeJWT || !f.access(jwt) || f.hint(jwt) {
			t.Errorf("%s: %v, taken %v, as a hint %v", name, header, f.access(jwt), f.hint(jwt))
		}
	}
	_, claims := parts(t, user)
	header, _ := parts(t, id)
	if f.access(f.raw(t, text(header), text(claims), f.rsa)) {
		t.Error("the key of ID tokens signs access tokens")
	}
	logout, err := f.minter.Logout(token.LogoutToken{ApplicationURI: "com.example/portal", SignInID: "sid-1"})
	if err != nil || f.access(logout.JWT) || f.access(id) {
		t.Errorf("another kind is taken as an access token: %v", err)
	}
	p, err := f.api.VerifyAccess(t.Context(), service)
	if err != nil || p.User != nil || p.Service == nil || !p.Scope.Has(tandem.ScopeRead) {
		t.Errorf("%+v, %v", p, err)
	}
}
