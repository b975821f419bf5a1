package client

import (
	"context"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// flight is work in progress that any number of callers wait for.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func newFlight[T any]() *flight[T] { return &flight[T]{done: make(chan struct{})} }

// land gives the result to all who wait. It is called once.
func (f *flight[T]) land(value T, err error) {
	f.value, f.err = value, err
	close(f.done)
}

// wait ends with the caller's own context; the work goes on for the others.
func (f *flight[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// retryStale is how long a document that could not be fetched again is used
// before the next try.
const retryStale = time.Minute

// shared is a document that is fetched when it is needed and kept for a while.
// Callers at the same time share one fetch. A failure is not kept; while there
// is an older document, it is used instead.
type shared[T any] struct {
	mu     sync.Mutex
	has    bool
	value  T
	until  time.Time
	flight *flight[T]
}

func (s *shared[T]) get(ctx context.Context, clock tandem.Clock, keep time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	s.mu.Lock()
	if s.has && clock.Now().Before(s.until) {
		defer s.mu.Unlock()
		return s.value, nil
	}
	f := s.flight
	if f == nil {
		f = newFlight[T]()
		s.flight = f
		go s.fly(context.WithoutCancel(ctx), f, clock, keep, fetch)
	}
	s.mu.Unlock()
	return f.wait(ctx)
}

func (s *shared[T]) fly(ctx context.Context, f *flight[T], clock tandem.Clock, keep time.Duration, fetch func(context.Context) (T, error)) {
	value, err := fetch(ctx)
	s.mu.Lock()
	s.flight = nil
	switch {
	case err == nil:
		s.has, s.value, s.until = true, value, clock.Now().Add(keep)
	case s.has:
		s.until = clock.Now().Add(retryStale)
		value, err = s.value, nil
	}
	s.mu.Unlock()
	f.land(value, err)
}

// expire makes the next get fetch again; what is kept stays in reserve.
func (s *shared[T]) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
}
