package worker

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/worker/jobs"
)

const diskFull = "the worker's disk is full; free some space"

// Reasons why the worker cannot work, as [internalapi.Status] tells them.
const (
	pausedDisabled = "paused: the application is disabled"
	pausedLicence  = "paused: no free licence"
)

// Waits before the next try: they grow with each failure in a row.
const (
	maxPause = 5 * time.Second  // so that work goes on within seconds of the mending
	maxWait  = 30 * time.Second // for a server that does not respond
	// maxServerFaults is how often a response of 500 is worth another try.
	maxServerFaults = 6
)

// fault is what a failure means for the work that met it.
type fault struct {
	// wait is how long to wait before the next try; zero means never.
	wait time.Duration
	// reason is why.
	reason string
	// pause says that no work can be done before somebody mends something.
	pause bool
}

// classify tells what a failure means, after that many in a row before it. It
// changes nothing. Failures of the ERP and the identity server are known by
// their types; our own errors are worth no other try, for nothing of ours is
// unavailable.
func classify(err error, failures int) fault {
	grow := func(most time.Duration) time.Duration { return min(time.Second<<min(failures, 10), most) }
	var api *client.APIError
	var protocol *oauth.Error
	switch {
	case err == nil:
		return fault{}
	case errors.As(err, &api):
		return classifyAPI(api, failures, grow)
	case errors.As(err, &protocol):
		switch protocol.Code {
		case oauth.InvalidClient, oauth.UnauthorizedClient:
			return fault{grow(maxPause), pausedDisabled, true}
		case oauth.InvalidScope:
			return fault{}
		}
		return fault{wait: grow(maxWait), reason: "the identity server is busy"}
	case isNetwork(err), tandem.ErrorCode(err) == tandem.CodeUnavailable:
		return fault{wait: grow(maxWait), reason: "the ERP does not answer"}
	}
	return fault{}
}

func classifyAPI(api *client.APIError, failures int, grow func(time.Duration) time.Duration) fault {
	switch {
	case api.LicenceFull():
		return fault{grow(maxPause), pausedLicence, true}
	case api.Status == 401:
		return fault{grow(maxPause), pausedDisabled, true}
	case api.Status == 429 || api.Status == 502 || api.Status == 503 || api.Status == 504:
		return fault{wait: max(grow(maxWait), min(api.RetryAfter, time.Minute)), reason: "the ERP is busy"}
	case api.Status >= 500 && failures < maxServerFaults:
		return fault{wait: grow(maxWait), reason: "the ERP has a fault"}
	}
	return fault{}
}

func isNetwork(err error) bool {
	var n net.Error
	var op *net.OpError
	return errors.As(err, &n) || errors.As(err, &op) || errors.Is(err, context.DeadlineExceeded)
}

// own is the error of our own that err is or wraps; nil for what another server
// said, and for what package client says about one: that has its cause beside
// it.
func own(err error) *tandem.Error {
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

// classifyJob says what the failure of a job means, and lets the status tell
// when the worker has to pause.
func (w *Worker) classifyJob(err error, failures int) jobs.Fault {
	f := classify(err, failures)
	if f.pause {
		w.facts.pause(f.reason, w.tokens)
	}
	return jobs.Fault{Wait: f.wait, Reason: f.reason, Message: explain(err)}
}

// explain is the error of a failed job for a person; empty where it is not for
// people.
func explain(err error) string {
	var e *tandem.Error
	var api *client.APIError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return diskFull + ", then start it again"
	case errors.As(err, &api):
		return api.Message
	case errors.As(err, &e):
		return e.Message
	}
	return ""
}
