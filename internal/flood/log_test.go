package flood_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/flood"
)

// An outage is told once a second for each message, with its number, however the
// logger was made; other faults are told one by one.
func TestLogOfAnOutage(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	away := errors.New("away")
	text := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	log := flood.Log(text, func(err error) bool { return errors.Is(err, away) })
	begun := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	say := func(h slog.Handler, after time.Duration, level slog.Level, message string, attrs ...slog.Attr) {
		r := slog.NewRecord(begun.Add(after), level, message, 0)
		r.AddAttrs(attrs...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Error(err)
		}
	}
	outage := slog.Any("error", fmt.Errorf("ask: %w", away))
	for n := range 1000 {
		at := time.Duration(n) * 2 * time.Millisecond
		say(log, at, slog.LevelError, "request failed", slog.Int("id", n), outage)
		say(log.WithAttrs([]slog.Attr{slog.String("program", "instance")}), at, slog.LevelError, "request failed", outage)
		say(log, at, slog.LevelWarn, "not ready", outage)
	}
	for range 2 {
		say(log, 0, slog.LevelError, "broken", slog.Any("error", errors.New("a fault")))
		say(log, 0, slog.LevelInfo, "told anyway", outage)
		say(log, 0, slog.LevelWarn, "nothing is known", slog.String("error", "away"))
	}
	want := []string{
		`msg="request failed" id=0 error="ask: away"`, `msg="not ready" error="ask: away"`,
		`msg="request failed" id=500 error="ask: away" times=1000`, `msg="not ready" error="ask: away" times=500`,
	}
	for range 2 {
		want = append(want, `msg=broken error="a fault"`, `msg="told anyway" error="ask: away"`, `msg="nothing is known" error=away`)
	}
	if got := strings.Split(strings.TrimSpace(out.String()), "\n"); !slices.Equal(got, want) {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
}
