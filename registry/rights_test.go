package registry_test

import (
	"context"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// TestE4_ChangesActOnEveryReplica: what is granted, and to whom, holds on every replica
// after its next look, for principals of before.
func TestE4_ChangesActOnEveryReplica(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		store := data.NewPermissions(db)
		other := w.replica()
		w.must(other.Refresh(t.Context()))
		key := permission.SetKeyID("Set")
		sees := func(what string, want bool) {
			t.Helper()
			for i, replica := range []*registry.Registry{w.live, other} {
				w.must(replica.Refresh(t.Context()))
				r, err := replica.Rights(t.Context(), w.token(w.svc, "read"))
				if err != nil || r.Set("Set", permission.Read) != want {
					t.Errorf("%s: replica %d: %t, %v", what, i, r.Set("Set", permission.Read), err)
				}
			}
		}
		sees("at first", false)
		w.must(store.PutKey(t.Context(), permission.Key{ID: key, Kind: permission.SetKey, EntityName: "Set"}))
		w.must(store.PutGroup(t.Context(), permission.Group{ID: "g", Name: "G", Type: permission.NormalGroup}))
		w.must(granted(t.Context(), store, key, &permission.Grant{Group: "g", Key: key, Rights: permission.Read}))
		sees("in no group", false)
		_, err := store.PutMember(t.Context(), "g", w.svc.ID)
		w.must(err)
		sees("put into a group", true)
		w.must(granted(t.Context(), store, key, nil))
		sees("the grant taken away", false)
		w.must(granted(t.Context(), store, key, &permission.Grant{Group: "g", Key: key, Rights: permission.Read}))
		sees("granted again", true)
		_, err = store.RemoveMember(t.Context(), "g", w.svc.ID)
		w.must(err)
		sees("taken out", false)
		_, err = store.PutMember(t.Context(), "g", w.svc.ID)
		w.must(err)
		w.must(store.DeleteGroup(t.Context(), "g"))
		sees("without the group", false)
	})
}

// TestRightsAfterARestore: a version of the definitions that comes again after a backup
// was restored is another one.
func TestRightsAfterARestore(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		store := data.NewPermissions(db)
		key := permission.SetKeyID("Set")
		w.must(store.PutKey(t.Context(), permission.Key{ID: key, Kind: permission.SetKey, EntityName: "Set"}))
		w.must(store.PutGroup(t.Context(), permission.Group{ID: "g", Name: "G", Type: permission.NormalGroup}))
		_, err := store.PutMember(t.Context(), "g", w.svc.ID)
		w.must(err)
		before, err := store.Version(t.Context())
		w.must(err)
		reads := func() bool {
			w.must(w.live.Refresh(t.Context()))
			r, err := w.live.Rights(t.Context(), w.token(w.svc, "read"))
			w.must(err)
			return r.Set("Set", permission.Read)
		}
		w.must(granted(t.Context(), store, key, &permission.Grant{Group: "g", Key: key, Rights: permission.Read}))
		if !reads() {
			t.Error("what is granted cannot be done")
		}
		// The backup is of before the grant, and something else is changed after it.
		_, err = db.Writer().ExecContext(t.Context(), `DELETE FROM permission_grants`)
		w.must(err)
		_, err = db.Writer().ExecContext(t.Context(), `UPDATE change_counters SET last = $1 WHERE name = 'permissions'`, before)
		w.must(err)
		w.must(w.live.Refresh(t.Context()))
		w.must(store.PutGroup(t.Context(), permission.Group{ID: "h", Name: "H", Type: permission.NormalGroup}))
		if reads() {
			t.Error("a grant that the backup does not have acts")
		}
	})
}

// TestRightsStayTheSame: a change that is nothing to an account leaves its rights as they
// were made, with all that is prepared for them.
func TestRightsStayTheSame(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		store := data.NewPermissions(db)
		rights := func() *permission.Rights {
			w.must(w.live.Refresh(t.Context()))
			r, err := w.live.Rights(t.Context(), w.token(w.svc, "read"))
			w.must(err)
			return r
		}
		w.must(store.PutKey(t.Context(), permission.Key{ID: "k", Kind: permission.RowKey, EntityName: "Set"}))
		_, err := store.PutMember(t.Context(), permission.AllDataID, w.svc.ID)
		w.must(err)
		first := rights()
		w.must(store.PutGroup(t.Context(), permission.Group{ID: "h", Name: "H", Type: permission.NormalGroup}))
		if rights().Serial() != first.Serial() {
			t.Error("another group made other rights")
		}
		_, err = store.RemoveMember(t.Context(), permission.AllDataID, w.svc.ID)
		w.must(err)
		if rights().Serial() == first.Serial() {
			t.Error("an account out of the group has its rights")
		}
	})
}

// TestE10_OldRightsAreNotGiven: when the database has been silent for too long there is no
// answer, rather than an old one.
func TestE10_OldRightsAreNotGiven(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		p := w.token(w.svc, "read")
		if _, err := w.live.Rights(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		w.must(db.Close())
		w.clock.Advance(2 * registry.MaxStale)
		if err := w.live.Refresh(t.Context()); err == nil {
			t.Fatal("a closed database answers")
		}
		if _, err := w.live.Rights(t.Context(), p); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("rights of a silent database: %v", err)
		}
	})
}

func (memory) Definitions(context.Context) (permission.Definitions, error) {
	return permission.Definitions{Version: 1}, nil
}

func (memory) GroupsOf(context.Context, string) ([]string, int64, error) { return nil, 1, nil }

// TestRightsAreLookedUpWithoutAllocating: every call of the API asks for them.
func TestRightsAreLookedUpWithoutAllocating(t *testing.T) {
	live, p := remembered(t)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := live.Rights(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// remembered is a view that has seen the account of the principal.
func remembered(t testing.TB) (*registry.Registry, *tandem.Principal) {
	t.Helper()
	m := memory{map[string]tandem.User{"svc": {ID: "svc", Login: "svc", Type: tandem.SystemUserNoLogin, Enabled: true}}}
	live := &registry.Registry{Changes: m, Users: m, Permissions: m}
	if err := live.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return live, &tandem.Principal{Service: &tandem.ServiceIdentity{SystemUserID: "svc", SystemUserLogin: "svc"}}
}

// BenchmarkRightsOf is what every call of the API asks of its account.
func BenchmarkRightsOf(b *testing.B) {
	live, p := remembered(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := live.Rights(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

// granted gives the group "g" what it is to be granted on the key of a set; nil is nothing.
func granted(ctx context.Context, store *data.Permissions, key string, what *permission.Grant) error {
	k := permission.Key{ID: key, Kind: permission.SetKey, EntityName: "Set"}
	return store.ChangeGrant(ctx, "g", k, func(*permission.Grant) (*permission.Grant, error) { return what, nil })
}
