package datatest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

func secondFactor(user string, kind signin.FactorKind) signin.Factor {
	return signin.Factor{ID: uuid.NewString(), UserID: user, Kind: kind, Name: "My phone", Secret: []byte{0, 1, 0xff}, CreatedAt: noon}
}

func factorsAreKept(t *testing.T, stores *Stores) {
	ctx, factors := t.Context(), stores.Factors
	anna, bert := account("anna"), account("bert")
	must(t, stores.Users.Create(ctx, anna))
	must(t, stores.Users.Create(ctx, bert))
	app, key, other := secondFactor(anna.ID, signin.FactorTOTP), secondFactor(anna.ID, signin.FactorPasskey), secondFactor(bert.ID, signin.FactorPasskey)
	app.Counter, app.UsedAt, app.UsedFrom = 7, noon.Add(time.Minute), "192.0.2.1"
	key.Handle, other.Handle, key.CreatedAt = "one", "two", noon.Add(time.Second)
	whole(t, app, "Handle")
	for _, f := range []signin.Factor{app, key, other} {
		must(t, factors.AddFactor(ctx, f))
	}
	got, err := factors.FactorsOf(ctx, anna.ID)
	if want := []signin.Factor{app, key}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	again := secondFactor(bert.ID, signin.FactorPasskey)
	again.Handle = "one"
	if err := factors.AddFactor(ctx, again); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("a passkey of another person: %v", err)
	}

	// Of any number of uses at once with one counter exactly one is.
	var used atomic.Int64
	Together(t, 32, func(int) error {
		first, err := factors.UseFactor(ctx, app.ID, 8, noon.Add(time.Hour), "192.0.2.9")
		if first {
			used.Add(1)
		}
		return err
	})
	if used.Load() != 1 {
		t.Errorf("one code was used %d times", used.Load())
	}
	for _, counter := range []int64{8, 7, 0} {
		if first, err := factors.UseFactor(ctx, app.ID, counter, noon, ""); err != nil || first {
			t.Errorf("%d after 8: %v, %v", counter, first, err)
		}
	}
	for range 2 { // a passkey that does not count
		if first, err := factors.UseFactor(ctx, key.ID, 0, noon.Add(time.Hour), ""); err != nil || !first {
			t.Errorf("a passkey without a count: %v, %v", first, err)
		}
	}

	must(t, factors.ReplaceRecovery(ctx, anna.ID, []signin.Factor{secondFactor(anna.ID, signin.FactorRecovery)}))
	codes := []signin.Factor{secondFactor(anna.ID, signin.FactorRecovery), secondFactor(anna.ID, signin.FactorRecovery)}
	must(t, factors.ReplaceRecovery(ctx, anna.ID, codes))
	if got, _ := factors.FactorsOf(ctx, anna.ID); len(got) != 4 {
		t.Errorf("new codes beside old ones: %+v", got)
	}
	if gone, err := factors.DeleteFactor(ctx, bert.ID, key.ID); err != nil || gone {
		t.Errorf("a factor of another person was deleted: %v, %v", gone, err)
	}
	if gone, err := factors.DeleteFactor(ctx, anna.ID, key.ID); err != nil || !gone {
		t.Errorf("deleted: %v, %v", gone, err)
	}
	if n, err := factors.DeleteFactors(ctx, anna.ID); err != nil || n != 1 {
		t.Errorf("deleted %d, %v", n, err)
	}
	must(t, stores.Users.Delete(ctx, bert.ID, noon))
	for _, id := range []string{anna.ID, bert.ID} {
		if got, err := factors.FactorsOf(ctx, id); err != nil || len(got) != 0 {
			t.Errorf("left: %+v, %v", got, err)
		}
	}
}
