package datatest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
)

func signingKey(id string, generation int64) token.StoredKey {
	return token.StoredKey{
		ID: id, Use: token.UseAccess, Generation: generation, Sealed: []byte{0, 1, 0xff}, CreatedAt: noon, ActivateAt: noon.Add(time.Hour),
	}
}

func keysHaveOneOfEachGeneration(t *testing.T, stores *Stores) {
	ctx, keys := t.Context(), stores.Keys
	if all, err := keys.Keys(ctx); err != nil || len(all) > 0 {
		t.Errorf("a new database has the keys %v, %v", all, err)
	}
	var won atomic.Int64
	Together(t, racers, func(i int) error {
		added, err := keys.AddKey(ctx, signingKey(fmt.Sprint("raced ", i), 1))
		if added {
			won.Add(1)
		}
		return err
	})
	all, err := keys.Keys(ctx)
	if won.Load() != 1 || err != nil || len(all) != 1 {
		t.Fatalf("%d made the first key; there are %v, %v", won.Load(), all, err)
	}
	must(t, keys.DeleteKey(ctx, all[0].ID))
	must(t, keys.DeleteKey(ctx, "none"))
	published := token.PublishedKey{ID: all[0].ID, Use: token.UseAccess, Sealed: []byte{0, 1, 0xff}, PublishedAt: noon}
	whole(t, published)
	if got, err := keys.PublishedKey(ctx, published.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a key that nobody published: %v, %v", got, err)
	}
	must(t, keys.PublishKey(ctx, published))
	must(t, keys.PublishKey(ctx, token.PublishedKey{ID: published.ID, Use: token.UseID, Sealed: []byte{2}, PublishedAt: noon})) // stays as it was
	if got, err := keys.PublishedKey(ctx, published.ID); err != nil || !cmp.Equal(got, published) {
		t.Errorf("%v\n%s", err, cmp.Diff(published, got))
	}
	want := signingKey("next", 2)
	whole(t, want)
	if added, err := keys.AddKey(ctx, want); err != nil || !added {
		t.Errorf("the second key: %v, %v", added, err)
	}
	if all, err = keys.Keys(ctx); err != nil || !cmp.Equal(all, []token.StoredKey{want}) {
		t.Errorf("%v\n%s", err, cmp.Diff([]token.StoredKey{want}, all))
	}
}
