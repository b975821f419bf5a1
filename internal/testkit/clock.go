package testkit

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until the test moves it. Its method
// [Clock.Now] is a tandem.Clock.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock shows 2026-11-24 12:00:00 UTC, a Tuesday.
func NewClock() *Clock {
	return &Clock{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock forward, or back for a negative d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
