package tandem_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
)

func TestErrorf(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("while reading: %w", tandem.Errorf(tandem.CodeNotFound, "there is no %q; look at %s", "x%y", "the list"))
	var e *tandem.Error
	if !errors.As(err, &e) || e.Code != tandem.CodeNotFound || e.Message != `there is no "x%y"; look at the list` {
		t.Errorf("got %#v", e)
	}
	if !errors.Is(err, tandem.ErrNotFound) {
		t.Error("not matched by ErrNotFound")
	}
}

func TestCodeStatus(t *testing.T) {
	t.Parallel()
	for code, want := range map[tandem.Code]int{
		tandem.CodeInvalid: 400, tandem.CodeUnauthorized: 401, tandem.CodeForbidden: 403, tandem.CodeLicenceFull: 403,
		tandem.CodeNotFound: 404, tandem.CodeConflict: 409, tandem.CodePrecondition: 412, tandem.CodeTooLarge: 413, tandem.CodeRule: 422,
		tandem.CodeThrottled: 429, tandem.CodeUnavailable: 503, tandem.CodeInternal: 500,
		"": http.StatusInternalServerError, "made up": http.StatusInternalServerError,
	} {
		if got := code.Status(); got != want {
			t.Errorf("%q: %d, want %d", code, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, ""}, {"ab", 2, "ab"}, {"abc", 2, "ab…"}, {"abc", 0, "…"},
		{"Пловдив", 14, "Пловдив"}, {"Пловдив", 13, "Пловди…"}, {"Пловдив", 3, "П…"}, {"😀", 3, "…"},
		{"\xff\xfe\xfd", 2, "�…"},
	} {
		if got := tandem.Clip(c.text, c.limit); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.text, c.limit, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(0, 50).Draw(t, "limit")
		if got := tandem.Clip(text, limit); !utf8.ValidString(got) || len(got) > max(limit, 0)+len("…") {
			t.Fatalf("Clip(%q, %d) = %q", text, limit, got)
		}
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	before := time.Now()
	if now := tandem.Clock(nil).Now(); now.Before(before) || now.Sub(before) > time.Minute {
		t.Errorf("the zero clock tells %s", now)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if now := tandem.Clock(func() time.Time { return noon }).Now(); !now.Equal(noon) {
		t.Errorf("got %s", now)
	}
}
