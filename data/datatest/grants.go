package datatest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
)

var askedClaims = token.AskedClaims{IDToken: []string{"email", "name"}, Userinfo: []string{"updated_at"}}

var provedTwice = token.Authentication{Methods: []string{"pwd", "otp", "mfa"}, Context: "2", Provider: "corp", Tenant: "a b&c"}

func storedCode(text string) token.StoredCode {
	return token.StoredCode{
		Hash: sha256.Sum256([]byte(text)),
		CodeGrant: token.CodeGrant{
			ApplicationURI: "com.example/portal", UserID: "anna's id", SignInID: "anna's sid", AuthTime: noon.Add(-time.Minute), Authentication: provedTwice,
			RedirectURI: "https://a.example.com/callback", Scope: tandem.Scope{"openid", "read"}, Claims: askedClaims, Nonce: "nonce", CodeChallenge: "challenge", KeyThumbprint: "key",
		},
		IssuedAt: noon, ExpiresAt: noon.Add(time.Minute),
	}
}

func family() *token.Family {
	return &token.Family{
		ID: uuid.NewString(), ApplicationURI: "com.example/portal", UserID: "anna's id", UserType: tandem.InternalUser,
		SignInID: "anna's sid", AuthTime: noon.Add(-time.Minute), Authentication: provedTwice, Scope: tandem.Scope{"openid", "read"}, Claims: askedClaims,
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Generation: 1, RotatedAt: noon.Add(time.Second),
		Secret: []byte{0, 1, 0xff}, KeyThumbprint: "key",
	}
}

// grant stores a code, and the family that it gives.
func grant(t *testing.T, stores *Stores, f *token.Family) token.StoredCode {
	t.Helper()
	c := storedCode(f.ID)
	must(t, stores.Codes.AddCode(t.Context(), c))
	first, err := stores.Codes.UseCode(t.Context(), c.Hash, noon, token.Given{GrantID: f.ID, Family: f})
	if err != nil || !first {
		t.Fatalf("the code was not redeemed: %v, %v", first, err)
	}
	return c
}

func revokedIDs(t *testing.T, stores *Stores, after int64) (ids []string) {
	t.Helper()
	for _, r := range revokedAfter(t, stores, after, noon) {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

func codesAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, codes := t.Context(), stores.Codes
	want := storedCode("one")
	whole(t, want, "UsedAt")
	must(t, codes.AddCode(ctx, want))
	got, err := codes.Code(ctx, want.Hash)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if _, err := codes.Code(ctx, sha256.Sum256([]byte("none"))); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a code that never was: %v", err)
	}
	if err := codes.AddCode(ctx, want); err == nil {
		t.Error("the same code was stored twice")
	}
	later := storedCode("later")
	later.IssuedAt = noon.Add(time.Hour)
	must(t, codes.AddCode(ctx, later))
	must(t, codes.PurgeCodes(ctx, noon.Add(time.Hour)))
	if _, err := codes.Code(ctx, want.Hash); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a purged code: %v", err)
	}
	if _, err := codes.Code(ctx, later.Hash); err != nil {
		t.Errorf("a code issued at the time of the purge: %v", err)
	}
}

func codesAreUsedOnce(t *testing.T, stores *Stores) {
	ctx := t.Context()
	c := storedCode("raced")
	must(t, stores.Codes.AddCode(ctx, c))
	var winner atomic.Pointer[token.Family]
	var won atomic.Int64
	families := make([]*token.Family, racers)
	Together(t, racers, func(i int) error {
		families[i] = family()
		first, err := stores.Codes.UseCode(ctx, c.Hash, noon.Add(time.Second), token.Given{GrantID: families[i].ID, Family: families[i]})
		if first {
			won.Add(1)
			winner.Store(families[i])
		}
		return err
	})
	if won.Load() != 1 {
		t.Fatalf("%d redeemed one code", won.Load())
	}
	for _, f := range families {
		_, err := stores.Families.Family(ctx, f.ID)
		if f == winner.Load() && err != nil || f != winner.Load() && !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("the family of a racer: %v", err)
		}
	}
	if got, err := stores.Codes.Code(ctx, c.Hash); err != nil || !got.UsedAt.Equal(noon.Add(time.Second)) {
		t.Errorf("used at %v, %v", got.UsedAt, err)
	}
}

func codesAreTakenBack(t *testing.T, stores *Stores) {
	ctx := t.Context()
	f := family()
	c := grant(t, stores, f)
	gave, err := stores.Codes.TakeBackCode(ctx, c.Hash, noon.Add(time.Second), noon.Add(time.Hour))
	if err != nil || !gave {
		t.Errorf("TakeBackCode: %v, %v", gave, err)
	}
	got, err := stores.Families.Family(ctx, f.ID)
	if err != nil || !got.EndedAt.Equal(noon.Add(time.Second)) || got.EndReason != token.EndCodeReplayed {
		t.Errorf("the family ended at %v: %q, %v", got.EndedAt, got.EndReason, err)
	}
	if ids := revokedIDs(t, stores, 0); !slices.Equal(ids, []string{f.ID}) {
		t.Errorf("revoked are %v, want %s", ids, f.ID)
	}
	empty := storedCode("gave nothing")
	must(t, stores.Codes.AddCode(ctx, empty))
	_, err = stores.Codes.UseCode(ctx, empty.Hash, noon, token.Given{})
	must(t, err)
	for name, hash := range map[string][sha256.Size]byte{"gave nothing": empty.Hash, "never was": sha256.Sum256([]byte("never"))} {
		if gave, err := stores.Codes.TakeBackCode(ctx, hash, noon, noon); err != nil || gave {
			t.Errorf("a code that %s: %v, %v", name, gave, err)
		}
	}
}

func familiesRotateOnce(t *testing.T, stores *Stores) {
	ctx, families := t.Context(), stores.Families
	want := family()
	whole(t, *want, "EndedAt", "EndReason")
	grant(t, stores, want)
	got, err := families.Family(ctx, want.ID)
	if err != nil || !cmp.Equal(got, *want) {
		t.Errorf("%v\n%s", err, cmp.Diff(*want, got))
	}
	if _, err := families.Family(ctx, "none"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a family that never was: %v", err)
	}
	at := noon.Add(2 * time.Second)
	var won atomic.Int64
	var winner atomic.Value
	Together(t, racers, func(i int) error {
		secret := []byte{byte(i)}
		did, err := families.Rotate(ctx, want.ID, 1, at, secret)
		if did {
			won.Add(1)
			winner.Store(secret)
		}
		return err
	})
	if won.Load() != 1 {
		t.Fatalf("%d rotated one generation", won.Load())
	}
	want.Generation, want.RotatedAt, want.Secret = 2, at, winner.Load().([]byte)
	if got, err = families.Family(ctx, want.ID); err != nil || !cmp.Equal(got, *want) {
		t.Errorf("after the rotation: %v\n%s", err, cmp.Diff(*want, got))
	}
	if did, err := families.Rotate(ctx, want.ID, 2, want.ExpiresAt, []byte{1}); err != nil || did {
		t.Errorf("a family rotated at its end: %v, %v", did, err)
	}
}

func familiesEndOnce(t *testing.T, stores *Stores) {
	ctx, families := t.Context(), stores.Families
	f := family()
	grant(t, stores, f)
	must(t, families.EndFamily(ctx, f.ID, noon.Add(time.Second), time.Time{}, "first"))
	if ids := revokedIDs(t, stores, 0); len(ids) != 0 {
		t.Errorf("an end that leaves the access tokens revokes %v", ids)
	}
	must(t, families.EndFamily(ctx, f.ID, noon.Add(time.Minute), noon.Add(time.Hour), "second"))
	must(t, families.EndFamily(ctx, f.ID, noon.Add(2*time.Minute), time.Time{}, "third"))
	got, err := families.Family(ctx, f.ID)
	if err != nil || !got.EndedAt.Equal(noon.Add(time.Second)) || got.EndReason != "first" || len(got.Secret) > 0 {
		t.Errorf("ended at %v: %q, %v", got.EndedAt, got.EndReason, err)
	}
	if ids := revokedIDs(t, stores, 0); !slices.Equal(ids, []string{f.ID}) {
		t.Errorf("revoked are %v", ids)
	}
	if did, err := families.Rotate(ctx, f.ID, 1, noon.Add(time.Minute), []byte{1}); err != nil || did {
		t.Errorf("an ended family rotated: %v, %v", did, err)
	}
	must(t, families.PurgeFamilies(ctx, f.ExpiresAt))
	if _, err := families.Family(ctx, f.ID); err != nil {
		t.Errorf("a family was purged at its end: %v", err)
	}
	must(t, families.PurgeFamilies(ctx, f.ExpiresAt.Add(time.Microsecond)))
	if _, err := families.Family(ctx, f.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a purged family: %v", err)
	}
}

func familiesEndWithWhatTheyHangOn(t *testing.T, stores *Stores) {
	ctx := t.Context()
	for i, end := range []func(f *token.Family) error{
		func(f *token.Family) error { return stores.Families.EndSignIn(ctx, f.SignInID, noon, "ended") },
		func(f *token.Family) error { return stores.Families.EndUser(ctx, f.UserID, noon, "ended") },
		func(f *token.Family) error {
			return stores.Families.EndApplication(ctx, f.ApplicationURI, noon, "ended")
		},
	} {
		f, other := family(), family()
		f.SignInID, f.UserID, f.ApplicationURI = fmt.Sprint("sid ", i), fmt.Sprint("user ", i), fmt.Sprint("app ", i)
		grant(t, stores, f)
		grant(t, stores, other)
		unused := storedCode(fmt.Sprint("unused ", i))
		unused.SignInID, unused.UserID, unused.ApplicationURI = f.SignInID, f.UserID, f.ApplicationURI
		must(t, stores.Codes.AddCode(ctx, unused))
		must(t, end(f))
		if got, err := stores.Families.Family(ctx, f.ID); err != nil || !got.EndedAt.Equal(noon) || got.EndReason != "ended" {
			t.Errorf("way %d: ended at %v: %q, %v", i, got.EndedAt, got.EndReason, err)
		}
		if got, err := stores.Families.Family(ctx, other.ID); err != nil || !got.EndedAt.IsZero() {
			t.Errorf("way %d ended another's family, %v", i, err)
		}
		if first, err := stores.Codes.UseCode(ctx, unused.Hash, noon, token.Given{}); err != nil || first {
			t.Errorf("way %d left a code: %v, %v", i, first, err)
		}
	}
}

// endsAreInOneOrder ends the same grants in every way there is, at once: each takes many
// rows, and none may wait for another that waits for it.
func endsAreInOneOrder(t *testing.T, stores *Stores) {
	const rounds, grants, signIns = 6, 48, 4
	ctx := t.Context()
	for round := range rounds {
		anna, app := account(fmt.Sprint("anna", round)), fmt.Sprint("com.example/app", round)
		must(t, stores.Users.Create(ctx, anna))
		sid := func(i int) string { return fmt.Sprint("sid ", round, " ", i%signIns) }
		for i := range signIns {
			must(t, stores.SignIns.Create(ctx, signin.SignIn{
				ID: sid(i), CookieHash: sha256.Sum256([]byte(sid(i))), UserID: anna.ID, AuthTime: noon, Authentication: token.ByPassword(),
				CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(time.Hour),
			}))
		}
		var ends []func() error
		for i := range grants {
			f, unused := family(), storedCode(fmt.Sprint("unused ", round, " ", i))
			f.UserID, f.SignInID, f.ApplicationURI = anna.ID, sid(i), app
			unused.UserID, unused.SignInID, unused.ApplicationURI = anna.ID, sid(i), app
			c := grant(t, stores, f)
			must(t, stores.Codes.AddCode(ctx, unused))
			switch i % 3 {
			case 0:
				ends = append(ends, func() error { return stores.Families.EndFamily(ctx, f.ID, noon, noon.Add(time.Hour), "ended") })
			case 1:
				ends = append(ends, func() error {
					_, err := stores.Codes.TakeBackCode(ctx, c.Hash, noon, noon.Add(time.Hour))
					return err
				})
			}
		}
		for i := range signIns {
			ends = append(ends, func() error { return stores.Families.EndSignIn(ctx, sid(i), noon, "ended") },
				func() error { _, err := stores.SignIns.End(ctx, sid(i), noon, noon.Add(time.Hour)); return err })
		}
		for range 2 {
			ends = append(ends, func() error { return stores.Families.EndUser(ctx, anna.ID, noon, "ended") },
				func() error { return stores.Families.EndApplication(ctx, app, noon, "ended") },
				func() error { _, err := stores.SignIns.EndUser(ctx, anna.ID, noon, noon.Add(time.Hour)); return err },
				func() error {
					_, err := stores.Consents.Withdraw(ctx, signin.Withdrawal{UserID: anna.ID, ApplicationURI: app, At: noon, TokensUntil: noon.Add(time.Hour)})
					return err
				})
		}
		rand.Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
		Together(t, len(ends), func(i int) error { return ends[i]() })
	}
}

func revokedTokensStayRevoked(t *testing.T, stores *Stores) {
	ctx, revoked := t.Context(), stores.Revoked
	want := registry.RevokedToken{ID: "jti", RevokedAt: noon, ExpiresAt: noon.Add(time.Minute)}
	whole(t, want)
	must(t, revoked.Revoke(ctx, want))
	again := want
	again.RevokedAt = noon.Add(time.Hour)
	must(t, revoked.Revoke(ctx, again))
	if got := revokedAfter(t, stores, 0, noon); !cmp.Equal(got, []registry.RevokedToken{want}) {
		t.Errorf("%s", cmp.Diff([]registry.RevokedToken{want}, got))
	}
	if got := revokedAfter(t, stores, 0, want.ExpiresAt); len(got) > 0 {
		t.Errorf("expired: %v", got)
	}
	if ids := revokedIDs(t, stores, newest(t, stores).Revocations); len(ids) > 0 {
		t.Errorf("revoked later: %v", ids)
	}
	must(t, revoked.Purge(ctx, want.ExpiresAt))
	if ids := revokedIDs(t, stores, 0); len(ids) != 1 {
		t.Errorf("after a purge at its end: %v", ids)
	}
	must(t, revoked.Purge(ctx, want.ExpiresAt.Add(time.Microsecond)))
	if ids := revokedIDs(t, stores, 0); len(ids) > 0 {
		t.Errorf("after a purge: %v", ids)
	}
}
