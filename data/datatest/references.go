package datatest

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// reference has something in every field that is written once.
func reference(a tandem.TrustedApp, user string) tandem.ReferenceToken {
	return tandem.ReferenceToken{
		ID: uuid.Must(uuid.NewV7()).String(), Kind: tandem.ReferencePAT, ApplicationID: a.ID, ApplicationURI: a.ApplicationURI, UserID: user,
		Name: "reports O'Neil", Scope: tandem.Scope{"read", "update"}, CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour), CreatedBy: "maria", CreatedFrom: "10.0.0.5",
		LastUsedAt: noon.Add(time.Hour), LastUsedFrom: "10.0.0.6", Calls: 3, LastWrittenAt: noon.Add(time.Minute), RevokedAt: noon.Add(2 * time.Hour), RevokedBy: "admin", SuccessorOf: uuid.NewString(),
	}
}

func referencesAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, store := t.Context(), stores.References
	app, err := stores.Applications.Create(ctx, application("com.example/scripts"))
	must(t, err)
	anna := createUser(t, stores, "anna")
	want, hash := reference(app, anna), sha256.Sum256([]byte("x"))
	whole(t, want)
	must(t, store.AddReference(ctx, want, hash, 10))
	if got, err := store.ReferenceByHash(ctx, hash); err != nil || !cmp.Equal(got, want) {
		t.Errorf("by hash: %v\n%s", err, cmp.Diff(want, got))
	}
	if got, err := store.ReferenceByID(ctx, want.ID); err != nil || !cmp.Equal(got, want) {
		t.Errorf("by id: %v\n%s", err, cmp.Diff(want, got))
	}
	for _, f := range []registry.ReferenceFilter{{}, {ApplicationURI: app.ApplicationURI}, {UserID: anna}, {Kind: tandem.ReferencePAT},
		{ExpiresBefore: want.ExpiresAt.Add(time.Second)}, {UnusedSince: want.LastUsedAt.Add(time.Second)}} {
		if got, err := store.PageReferences(ctx, f, "", 10); err != nil || len(got) != 1 || got[0].User != "anna" || !cmp.Equal(got[0].ReferenceToken, want) {
			t.Errorf("%+v: %v, %v", f, got, err)
		}
	}
	for _, f := range []registry.ReferenceFilter{{ApplicationURI: "com.example/other"}, {UserID: "x"}, {Kind: tandem.ReferenceSAT}, {LiveAt: noon},
		{ExpiresBefore: want.ExpiresAt}, {UnusedSince: want.LastUsedAt}, {UnusedSince: want.CreatedAt}} {
		if got, err := store.PageReferences(ctx, f, "", 10); err != nil || len(got) != 0 {
			t.Errorf("%+v: %v, %v", f, got, err)
		}
	}
	if got, err := store.PageReferences(ctx, registry.ReferenceFilter{}, want.ID, 10); err != nil || len(got) != 0 {
		t.Errorf("after the last: %v, %v", got, err)
	}
	for _, err := range []error{
		func() error { _, err := store.ReferenceByHash(ctx, sha256.Sum256(nil)); return err }(),
		func() error { _, err := store.ReferenceByID(ctx, "none"); return err }(),
	} {
		if tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Error("one that there is not:", err)
		}
	}
}

func createUser(t *testing.T, stores *Stores, login string) (id string) {
	t.Helper()
	u := account(login)
	must(t, stores.Users.Create(t.Context(), u))
	return u.ID
}

// live is a token that can be used.
func liveReference(a tandem.TrustedApp, user string) tandem.ReferenceToken {
	r := reference(a, user)
	r.LastUsedAt, r.LastUsedFrom, r.Calls, r.LastWrittenAt, r.RevokedAt, r.RevokedBy, r.SuccessorOf = time.Time{}, "", 0, time.Time{}, time.Time{}, "", ""
	return r
}

// What ends a token is told to who follows, once, and nothing else is.
func referencesEndAndAreTold(t *testing.T, stores *Stores) {
	ctx, store := t.Context(), stores.References
	app, err := stores.Applications.Create(ctx, application("com.example/scripts"))
	must(t, err)
	anna, paul := createUser(t, stores, "anna"), createUser(t, stores, "paul")
	tokens := map[string]tandem.ReferenceToken{}
	for i, name := range []string{"revoked", "rolled", "ended", "hers", "his"} {
		r := liveReference(app, anna)
		if name == "his" {
			r.UserID = paul
		}
		must(t, store.AddReference(ctx, r, sha256.Sum256([]byte{byte(i)}), 10))
		tokens[name] = r
	}
	mark := func() int64 {
		m, err := stores.Changes.Newest(ctx)
		must(t, err)
		return m.References
	}
	after := func(mark int64) (ids []string) {
		must(t, store.ReferencesAfter(ctx, mark, func(id string) { ids = append(ids, id) }))
		slices.Sort(ids)
		return ids
	}
	begin := mark()
	must(t, store.ReferencesUsed(ctx, map[string]*registry.ReferenceUse{tokens["his"].ID: {Calls: 2, Last: noon, Wrote: noon, From: "10.0.0.7", Places: []string{"10.0.0.7"}}}))
	if mark() != begin || len(after(0)) != 0 {
		t.Error("making and using tokens is told as a change")
	}
	first, err := store.RevokeReference(ctx, tokens["revoked"].ID, "admin", noon)
	again, err2 := store.RevokeReference(ctx, tokens["revoked"].ID, "other", noon.Add(time.Hour))
	none, err3 := store.RevokeReference(ctx, "none", "other", noon)
	if err != nil || err2 != nil || err3 != nil || !first || again || none {
		t.Errorf("revoked %t, again %t, none %t: %v %v %v", first, again, none, err, err2, err3)
	}
	if r, err := store.ReferenceByID(ctx, tokens["revoked"].ID); err != nil || r.RevokedBy != "admin" || !r.RevokedAt.Equal(noon) {
		t.Errorf("%+v %v", r, err)
	}
	next := func(of string) tandem.ReferenceToken {
		r := liveReference(app, anna)
		r.SuccessorOf = tokens[of].ID
		return r
	}
	must(t, store.ReplaceReference(ctx, tokens["rolled"].ID, noon.Add(time.Hour), next("rolled"), sha256.Sum256([]byte("a")), 100))
	must(t, store.ReplaceReference(ctx, tokens["ended"].ID, noon, next("ended"), sha256.Sum256([]byte("b")), 100))
	if err := store.ReplaceReference(ctx, tokens["ended"].ID, noon.Add(time.Hour), next("ended"), sha256.Sum256([]byte("c")), 100); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Error("a revoked one is replaced:", err)
	}
	rolled, err := store.ReferenceByID(ctx, tokens["rolled"].ID)
	ended, err2 := store.ReferenceByID(ctx, tokens["ended"].ID)
	if err != nil || err2 != nil || !rolled.ExpiresAt.Equal(noon.Add(time.Hour)) || !rolled.RevokedAt.IsZero() || ended.RevokedAt.IsZero() {
		t.Errorf("rolled %+v, ended %+v", rolled, ended)
	}
	want := []string{tokens["revoked"].ID, tokens["rolled"].ID, tokens["ended"].ID}
	slices.Sort(want)
	if got := after(begin); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	before := mark()
	must(t, stores.Users.Delete(ctx, paul, noon))
	if got := after(before); !slices.Equal(got, []string{tokens["his"].ID}) {
		t.Errorf("of a deleted account %v", got)
	}
	his, err := store.ReferenceByID(ctx, tokens["his"].ID)
	if err != nil || his.RevokedAt.IsZero() || his.Calls != 2 || his.LastUsedFrom != "10.0.0.7" || !his.LastWrittenAt.Equal(noon) {
		t.Errorf("%+v %v", his, err)
	}
	must(t, stores.Applications.Delete(ctx, app.ApplicationURI, noon, "admin"))
	if r, err := store.ReferenceByID(ctx, tokens["hers"].ID); err != nil || r.RevokedAt.IsZero() {
		t.Errorf("of a deleted application: %+v %v", r, err)
	}
	must(t, store.PurgeReferences(ctx, noon.Add(25*time.Hour), noon.Add(time.Hour)))
	if left, err := store.PageReferences(ctx, registry.ReferenceFilter{}, "", 10); err != nil || len(left) != 0 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

// Of many who make tokens at once no more have success than there is room, and of many
// who revoke or replace one, one.
func referencesAreBoundedUnderRace(t *testing.T, stores *Stores) {
	ctx, store := t.Context(), stores.References
	app, err := stores.Applications.Create(ctx, application("com.example/scripts"))
	must(t, err)
	anna := createUser(t, stores, "anna")
	const room = 5
	var made atomic.Int64
	var some atomic.Value
	Together(t, racers, func(i int) error {
		r := liveReference(app, anna)
		err := store.AddReference(ctx, r, sha256.Sum256([]byte{byte(i)}), room)
		if tandem.ErrorCode(err) == tandem.CodeConflict {
			return nil
		}
		made.Add(1)
		some.Store(r.ID)
		return err
	})
	if made.Load() != room {
		t.Errorf("%d tokens, with room for %d", made.Load(), room)
	}
	var revoked atomic.Int64
	Together(t, racers, func(int) error {
		first, err := store.RevokeReference(ctx, some.Load().(string), "x", noon)
		if first {
			revoked.Add(1)
		}
		return err
	})
	if revoked.Load() != 1 {
		t.Errorf("one token was revoked %d times", revoked.Load())
	}
}
