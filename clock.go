package tandem

import "time"

// Clock tells the time. The zero value tells the system's; tests set another.
// It is the one way to ask: a component has a field Clock, and reads it with
// [Clock.Now].
type Clock func() time.Time

// Now is the present time of the clock.
func (c Clock) Now() time.Time {
	if c == nil {
		return SystemTime()
	}
	return c()
}

// SystemTime is the machine's own time: for the deadline of a connection and
// for how long something took, which no test clock may move.
func SystemTime() time.Time { return time.Now() }
