package tandemtest

import (
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// Clock is a clock that goes on by itself and can be moved forward, so that
// twenty minutes or thirty days are tested without waiting. The zero value shows
// the time of now.
type Clock struct{ ahead atomic.Int64 }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time { return tandem.SystemTime().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock forward. [Instance.Advance] also tells the instance.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
