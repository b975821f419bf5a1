package datatest

import (
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"
)

func assertionsAreUsedOnce(t *testing.T, stores *Stores) {
	ctx, assertions := t.Context(), stores.Assertions
	id := sha256.Sum256([]byte("client and jti"))
	var won atomic.Int64
	Together(t, racers, func(int) error {
		first, err := assertions.UseAssertion(ctx, id, noon)
		if first {
			won.Add(1)
		}
		return err
	})
	if won.Load() != 1 {
		t.Errorf("%d used one assertion first", won.Load())
	}
	must(t, assertions.PurgeAssertions(ctx, noon))
	if first, err := assertions.UseAssertion(ctx, id, noon); err != nil || first {
		t.Errorf("an assertion was forgotten at its end: %v, %v", first, err)
	}
	must(t, assertions.PurgeAssertions(ctx, noon.Add(time.Microsecond)))
	if first, err := assertions.UseAssertion(ctx, id, noon); err != nil || !first {
		t.Errorf("an assertion was kept after its end: %v, %v", first, err)
	}
}

func failuresAreCountedExactly(t *testing.T, stores *Stores) {
	ctx, failures := t.Context(), stores.Failures
	var sum atomic.Int64
	Together(t, racers, func(int) error {
		n, err := failures.CountFailure(ctx, "key", 7)
		sum.Add(n)
		return err
	})
	if sum.Load() != racers*(racers+1)/2 { // each was told another number
		t.Errorf("the counts of %d failures add up to %d", racers, sum.Load())
	}
	count := func(key string, minute, want int64) {
		t.Helper()
		if n, err := failures.CountFailure(ctx, key, minute); err != nil || n != want {
			t.Errorf("%s in minute %d: %d, want %d, %v", key, minute, n, want, err)
		}
	}
	count("other", 7, 1)
	count("key", 8, 1)
	must(t, failures.PurgeFailures(ctx, 8))
	count("other", 7, 1)
	count("key", 8, 2)
	must(t, failures.ForgetFailures(ctx, "key"))
	count("key", 8, 1)
	count("other", 7, 2)
}
