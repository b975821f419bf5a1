package sqldb

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// Start tells when a command that waited for a connection had one.
type Start struct{ at atomic.Pointer[time.Time] }

type startKey struct{}

// WatchStart is a context whose commands tell when the first of them has begun.
func WatchStart(ctx context.Context) (context.Context, *Start) {
	s := new(Start)
	return context.WithValue(ctx, startKey{}, s), s
}

// At is when that was; ok is false while the command waits for a connection.
func (s *Start) At() (at time.Time, ok bool) {
	if begun := s.at.Load(); begun != nil {
		return *begun, true
	}
	return time.Time{}, false
}

// begins notes that a command with the context has a connection.
func begins(ctx context.Context) {
	if s, ok := ctx.Value(startKey{}).(*Start); ok && s.at.Load() == nil {
		now := tandem.SystemTime()
		s.at.CompareAndSwap(nil, &now)
	}
}
