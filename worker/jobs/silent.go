package jobs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// silent closes the engine's connections to PostgreSQL on which an answer is waited for
// longer than [engineIn]: the engine's own wait has no end, and it knows what to do about a
// connection that is lost. It implements [pgx.QueryTracer].
type silent struct{ watched atomic.Bool }

type silentKey struct{}

// TraceQueryStart implements [pgx.QueryTracer].
func (s *silent) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if !s.watched.Load() {
		return ctx
	}
	return context.WithValue(ctx, silentKey{}, time.AfterFunc(engineIn, func() { _ = conn.PgConn().Conn().Close() }))
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (s *silent) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if timer, ok := ctx.Value(silentKey{}).(*time.Timer); ok {
		timer.Stop()
	}
}

// inTime is what f gives, or that it did not come to an end in time. Then it goes on.
func inTime(within time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("no answer within %s", within)
	}
}
