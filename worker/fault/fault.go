// Package fault says what a failure of the ERP or the identity server means for the
// work of a back end that met it: whether another try is worth it, when, and what
// people are told meanwhile. It changes nothing and knows no kind of work.
package fault

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

// DiskFull is what people are told when nothing more can be written.
const DiskFull = "the worker's disk is full; free some space"

// Reasons why a back end cannot work, until somebody mends something.
const (
	PausedDisabled = "paused: the application is disabled"
	PausedLicence  = "paused: no free licence"
)

// Waits before the next try: they grow with each failure in a row.
const (
	maxPause = 5 * time.Second  // so that work goes on within seconds of the mending
	maxWait  = 30 * time.Second // for a server that does not respond
	// maxServerFaults is how often a response of 500 is worth another try.
	maxServerFaults = 6
)

// Fault is what a failure means for the work that met it.
type Fault struct {
	// Wait is how long to wait before the next try; zero means never.
	Wait time.Duration
	// Reason is why.
	Reason string
	// Pause says that no work can be done before somebody mends something.
	Pause bool
}

// Of tells what a failure means, after that many in a row before it. It
// changes nothing. Failures of the ERP and the identity server are known by
// their types; our own errors are worth no other try, for nothing of ours is
// unavailable.
func Of(err error, failures int) Fault {
	grow := func(most time.Duration) time.Duration { return min(time.Second<<min(failures, 10), most) }
	var api *client.APIError
	var protocol *oauth.Error
	switch {
	case err == nil:
		return Fault{}
	case errors.As(err, &api):
		return classifyAPI(api, failures, grow)
	case errors.As(err, &protocol):
		switch protocol.Code {
		case oauth.InvalidClient, oauth.UnauthorizedClient:
			return Fault{grow(maxPause), PausedDisabled, true}
		case oauth.InvalidScope:
			return Fault{}
		}
		return Fault{Wait: grow(maxWait), Reason: "the identity server is busy"}
	case isNetwork(err), tandem.ErrorCode(err) == tandem.CodeUnavailable:
		return Fault{Wait: grow(maxWait), Reason: "the ERP does not answer"}
	}
	return Fault{}
}

func classifyAPI(api *client.APIError, failures int, grow func(time.Duration) time.Duration) Fault {
	switch {
	case api.LicenceFull():
		return Fault{grow(maxPause), PausedLicence, true}
	case api.Status == 401:
		return Fault{grow(maxPause), PausedDisabled, true}
	case api.Status == 429 || api.Status == 502 || api.Status == 503 || api.Status == 504:
		return Fault{Wait: max(grow(maxWait), min(api.RetryAfter, time.Minute)), Reason: "the ERP is busy"}
	case api.Status >= 500 && failures < maxServerFaults:
		return Fault{Wait: grow(maxWait), Reason: "the ERP has a fault"}
	}
	return Fault{}
}

func isNetwork(err error) bool {
	var n net.Error
	var op *net.OpError
	return errors.As(err, &n) || errors.As(err, &op) || errors.Is(err, context.DeadlineExceeded)
}

// Own is the error of our own that err is or wraps; nil for what another server
// said, and for what package client says about one: that has its cause beside
// it.
func Own(err error) *tandem.Error {
	var api *client.APIError
	var protocol *oauth.Error
	if errors.As(err, &api) || errors.As(err, &protocol) {
		return nil
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if e, found := err.(*tandem.Error); found { //nolint:errorlint // this is the unwrapping
			return e
		}
	}
	return nil
}

// Explain is the error of a failed job for a person; empty where it is not for
// people.
func Explain(err error) string {
	var e *tandem.Error
	var api *client.APIError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return DiskFull + ", then start it again"
	case errors.As(err, &api):
		return api.Message
	case errors.As(err, &e):
		return e.Message
	}
	return ""
}
