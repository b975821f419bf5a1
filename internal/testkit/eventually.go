package testkit

import (
	"testing"
	"time"
)

// Patience is how long tests wait for what takes a moment on a calm machine. It
// is long, because a test must pass on a machine that is busy with other things:
// it bounds how long a test that fails takes, and says nothing of what the
// system promises.
const Patience = 3 * time.Minute

// Eventually asks again and again until happened is true, and fails the test
// after [Patience]. It must be called by the goroutine of the test.
func Eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	// Soon at first, because most things have happened almost at once.
	wait := time.Millisecond
	for end := time.Now().Add(Patience); !happened(); wait = min(2*wait, 20*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", Patience, what)
		}
		time.Sleep(wait)
	}
}
