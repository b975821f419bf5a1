package testkit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
)

func TestClockStandsStillUntilItIsMoved(t *testing.T) {
	t.Parallel()
	c := testkit.NewClock()
	noon := tandem.Clock(c.Now).Now()
	c.Advance(time.Hour)
	c.Advance(-time.Minute)
	if got := c.Now().Sub(noon); got != 59*time.Minute {
		t.Errorf("moved by %v, want 59m", got)
	}
}

func TestRecordKeepsRefusesAndPassesOn(t *testing.T) {
	t.Parallel()
	var also testkit.Record
	r := testkit.Record{Also: &also}
	record := func(kind tandem.AuditKind, detail string) error {
		return r.Record(context.Background(), tandem.AuditEvent{Kind: kind, Detail: detail})
	}
	broken := errors.New("broken")
	also.Fail(broken)
	if err := record(tandem.AuditTokenIssued, "kept here only"); !errors.Is(err, broken) {
		t.Errorf("what the second record said is not returned: %v", err)
	}
	also.Fail(nil)
	r.Fail(broken)
	if err := record(tandem.AuditTokenIssued, "nowhere"); !errors.Is(err, broken) {
		t.Errorf("it was to refuse, and said %v", err)
	}
	r.Fail(nil)
	for _, kind := range []tandem.AuditKind{tandem.AuditSignIn, tandem.AuditTokenIssued} {
		if err := record(kind, "both"); err != nil {
			t.Error(err)
		}
	}
	if got := r.Details(tandem.AuditTokenIssued); !slices.Equal(got, []string{"kept here only", "both"}) {
		t.Errorf("details are %q", got)
	}
	if len(r.All()) != 3 || len(also.All()) != 2 {
		t.Errorf("%d and %d events are kept, want 3 and 2", len(r.All()), len(also.All()))
	}
}

func TestBufferIsWrittenAndReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	var b testkit.Buffer
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { fmt.Fprint(&b, "12345678", b.String()[:0]) })
	}
	all.Wait()
	if n := len(b.String()); n != 64 {
		t.Errorf("%d bytes are there, want 64", n)
	}
}

func TestEventuallyAsksUntilItIsTrue(t *testing.T) {
	t.Parallel()
	asked := 0
	testkit.Eventually(t, "asked three times", func() bool { asked++; return asked == 3 })
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func TestHasToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                    false,
		"Bearer abc":                          false,
		"Bearer eyJhbGciOiJFUzI1NiJ9.e30.AA":  true,
		"id_token_hint%3DeyJhbGciOiJub25lIn0": true,
		"answered eyJhbG…":                    true, // cut
		"eyJ":                                 true,
		"xeyJ_-8H3kQ9zW1":                     false, // of a thumbprint
		"eyJ_-8H3kQ9z eyJhbGciOiJFUzI1NiJ9":   true,
	} {
		if got := testkit.HasToken(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
