package flood

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often a log tells of faults with the same message, maxMessages
// how many messages it tells apart. They are constants of the program.
const (
	logEvery    = time.Second
	maxMessages = 256
)

// Log is a handler for next that keeps an outage from filling the log with a line
// for each request: warnings and errors whose attribute "error" passes by itself,
// as passes says, are told once a second for each message, with their number as
// "times". Everything else is handed on.
func Log(next slog.Handler, passes func(error) bool) slog.Handler {
	return logHandler{next, passes, &told{by: map[string]*faults{}}}
}

type logHandler struct {
	slog.Handler
	passes func(error) bool
	told   *told
}

// Handle implements [slog.Handler].
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && h.ofOutage(r) {
		n := h.told.count(r.Message, r.Time)
		if n == 0 {
			return nil
		}
		if n > 1 {
			r = r.Clone()
			r.AddAttrs(slog.Int("times", n))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) ofOutage(r slog.Record) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		found = ok && a.Key == "error" && h.passes(err)
		return !found
	})
	return found
}

// WithAttrs implements [slog.Handler].
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs), h.passes, h.told}
}

// WithGroup implements [slog.Handler].
func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name), h.passes, h.told}
}

// told are the faults that the log was told of, by message.
type told struct {
	mu sync.Mutex
	by map[string]*faults
}

type faults struct {
	at     time.Time // when the last one was told
	untold int
}

// count is how many faults are to be told now, this one included; zero for none.
func (t *told) count(message string, at time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.by[message]
	if f == nil && len(t.by) >= maxMessages {
		message = ""
		f = t.by[message]
	}
	if f == nil {
		f = &faults{}
		t.by[message] = f
	}
	f.untold++
	// A clock that jumps back must not keep anything back.
	if at.Sub(f.at).Abs() < logEvery {
		return 0
	}
	n, f.at, f.untold = f.untold, at, 0
	return n
}
