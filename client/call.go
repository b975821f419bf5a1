package client

import "time"

// Call is what the Observe hook of a half is told about each call of the API.
// It never holds a token, a query or a body.
type Call struct {
	At time.Time
	// Method and Path are the request's; the path is without its query.
	Method, Path string
	// Status is zero when no response came.
	Status   int
	Duration time.Duration
	// Identity is the login that acted: the person's, or the System User's.
	Identity string
	// OnBehalfOf is the user id that a service call named with [OnBehalfOf].
	OnBehalfOf string
	// SessionID and Slot are from the response's headers Tandem-Session and
	// Tandem-Slot; empty and zero with other APIs.
	SessionID string
	Slot      int
}
