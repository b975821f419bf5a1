package token_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// spoil makes a stored key one that does not open, as when it is gone from the module that
// it is kept in, or somebody wrote to the database.
func spoil(t *testing.T, db *sqldb.DB, id string) {
	t.Helper()
	if _, err := db.Writer().ExecContext(t.Context(), `UPDATE signing_keys SET sealed = $1 WHERE id = $2`, []byte("nothing of ours"), id); err != nil {
		t.Fatal(err)
	}
}

func (r *replica) remove(t *testing.T, id string) {
	t.Helper()
	if _, err := r.keys.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// A retired key that does not open keeps nobody from starting, and verifies what it has
// signed until it is distrusted (D25).
func TestD25_ARetiredKeyThatIsLostVerifies(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, store := testkit.NewClock(), data.NewKeys(db)
		r := newReplica(t, store, c)
		old := r.signs(t)
		if _, err := r.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Advance(token.PublishLead - time.Second)
		jwt := r.service(t)
		c.Advance(2 * time.Second)
		r.refresh(t)
		spoil(t, db, old)
		started := newReplica(t, store, c)
		if kid(t, jwt) != old || !started.access(jwt) || !slices.Contains(started.published(t)["ES256"], old) || started.signs(t) == old {
			t.Errorf("signed by %s: %v, the others are %v", kid(t, jwt), started.access(jwt), started.keys.List())
		}
		if _, err := started.keys.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
		started.remove(t, old)
		r.refresh(t)
		if started.access(jwt) || r.access(jwt) || started.state(token.UseAccess, old) != "gone" {
			t.Error("a lost key that is distrusted verifies")
		}
	})
}

// A row that nobody of ours has written stops neither the rotation nor the distrust of keys.
func TestD25_ARowThatDoesNotOpenStopsNothing(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, store := testkit.NewClock(), data.NewKeys(db)
		r := newReplica(t, store, c)
		first, jwt := r.signs(t), r.service(t)
		for generation := range int64(3) {
			planted := token.StoredKey{ID: "planted" + string(rune('0'+generation)), Use: token.UseAccess, Generation: generation + 2, Sealed: []byte("x"), CreatedAt: c.Now(), ActivateAt: c.Now()}
			if added, err := store.AddKey(t.Context(), planted); err != nil || !added {
				t.Fatal(added, err)
			}
		}
		started := newReplica(t, store, c)
		r.refresh(t)
		if r.signs(t) != first || started.signs(t) != first || len(r.published(t)["ES256"]) != 1 || r.state(token.UseAccess, "planted0") != token.KeyLost {
			t.Errorf("%v", r.keys.List())
		}
		if _, err := started.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.refresh(t)
		if len(r.published(t)["ES256"]) != 2 {
			t.Errorf("no next key: %v", r.keys.List())
		}
		r.remove(t, first)
		started.refresh(t)
		if r.access(jwt) || started.access(jwt) || r.signs(t) == first || started.signs(t) != r.signs(t) {
			t.Error("a key that is distrusted signs or verifies")
		}
		r.remove(t, "planted0")
		if r.state(token.UseAccess, "planted0") != "gone" {
			t.Error("a row that does not open cannot be deleted")
		}
	})
}

// A next key that is lost is replaced before it would sign, whether it is of the schedule
// or somebody asked for it.
func TestALostNextKeyIsReplaced(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{false, true} {
		datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
			c, store := testkit.NewClock(), data.NewKeys(db)
			r := newReplica(t, store, c)
			if asked {
				if _, err := r.keys.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				c.Advance(token.RotateEvery - token.PublishLead)
				r.refresh(t)
			}
			lost := map[string]bool{}
			for _, k := range r.keys.List() {
				if k.State == token.KeyNext {
					spoil(t, db, k.ID)
					lost[k.ID] = true
				}
			}
			started := newReplica(t, store, c)
			before := started.service(t)
			c.Advance(token.PublishLead + time.Second)
			for range 2 {
				started.refresh(t)
				r.refresh(t)
			}
			if len(lost) == 0 || !started.access(before) || !r.access(started.service(t)) || !started.access(r.service(t)) || lost[started.signs(t)] || len(started.published(t)["ES256"]) != 3 {
				t.Errorf("asked for %v: %v", asked, started.keys.List())
			}
		})
	}
}

// Where the key that signs is lost nobody starts in its place: the key of the instance may
// be the wrong one. Whoever distrusts it goes on with a new one.
func TestD25_TheSigningKeyThatIsLostCanBeDistrusted(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, store := testkit.NewClock(), data.NewKeys(db)
		r := newReplica(t, store, c)
		id, jwt := r.signs(t), r.service(t)
		spoil(t, db, id)
		started := &token.Keys{Store: store, Box: r.keys.Box, Clock: c.Now}
		if err := started.Refresh(t.Context()); err == nil {
			t.Fatal("a replica starts with a key that does not open")
		}
		if _, err := started.Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.refresh(t)
		if r.access(jwt) || r.signs(t) == id || started.Ready() != nil {
			t.Errorf("%v", r.keys.List())
		}
	})
}
