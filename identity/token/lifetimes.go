package token

import (
	"time"

	"github.com/hybridapps/tandem"
)

// Lifetimes of everything that is given out. A zero field means its default,
// so that the zero value is the specified behaviour.
type Lifetimes struct {
	// Code is that of an authorization code: 60 seconds. OAuth 2.1 recommends
	// ten minutes at most.
	Code time.Duration
	// Access is that of an access token: 1 hour. A longer one makes the loss
	// of a token worse and nothing better, as renewal costs one request.
	Access time.Duration
	// ID is that of an ID token: 5 minutes.
	ID time.Duration
	// RefreshConfidential and RefreshPublic are those of a refresh family:
	// 30 days and 24 hours. Rotation does not extend them; then the person
	// signs in again.
	RefreshConfidential, RefreshPublic time.Duration
	// RefreshRetry is for how long after a rotation the replaced token still
	// gets the same successor, because the response may have been lost:
	// 10 seconds. After it, use of a replaced token ends the family.
	RefreshRetry time.Duration
	// Device is for how long a device waits for its person: 10 minutes.
	Device time.Duration
	// Pushed is for how long a pushed request waits for its browser: 90 seconds.
	Pushed time.Duration
	// SignInIdle is how long a sign-in lives without being used: 10 hours.
	// SignInAbsolute is when every sign-in ends, used or not: after 30 days, the most
	// that there may be. With "keep me signed in" it is the only bound.
	SignInIdle, SignInAbsolute time.Duration
}

// The defaults of [Lifetimes].
const (
	CodeLifetime                = time.Minute
	AccessLifetime              = time.Hour
	IDLifetime                  = 5 * time.Minute
	RefreshConfidentialLifetime = 30 * 24 * time.Hour
	RefreshPublicLifetime       = 24 * time.Hour
	RefreshRetryWindow          = 10 * time.Second
	DeviceLifetime              = 10 * time.Minute
	PushedLifetime              = 90 * time.Second
	SignInIdle                  = 10 * time.Hour
	SignInAbsolute              = 30 * 24 * time.Hour
)

// Skew is how far the clock of a replica may be behind that of another one.
const Skew = 5 * time.Second

// ahead reports whether a time that was stored is later than now by more than the
// clocks of replicas differ: it was written with a clock that was ahead, and what
// was counted from it has no bound.
func ahead(stored, now time.Time) bool { return stored.After(now.Add(clocksDiffer)) }

// hintLifetime is for how long after its issue an ID token may serve as a hint
// of who wants to sign out: as long as a sign-in can last.
const hintLifetime = 31 * 24 * time.Hour

// keepUsedCodes is for how long a used code is remembered, so that its replay
// is recognized and ends what it gave.
const keepUsedCodes = 24 * time.Hour

func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// ForDevice, ForIdle and ForSignIn are the lifetimes that count: what is set, or
// else the default.
func (l Lifetimes) ForDevice() time.Duration { return or(l.Device, DeviceLifetime) }
func (l Lifetimes) ForIdle() time.Duration   { return or(l.SignInIdle, SignInIdle) }
func (l Lifetimes) ForSignIn() time.Duration { return or(l.SignInAbsolute, SignInAbsolute) }

// The most that the FAPI 2.0 Security Profile has: an authorization code lives for 60 seconds
// (section 5.3.2.1 number 11), and a pushed request for less than 600 (number 12).
const (
	fapiCode   = time.Minute
	fapiPushed = 600*time.Second - time.Second
)

// ForCode and ForPushed are those of an authorization code and a pushed request. An
// application that is held to FAPI 2.0 has no longer ones, whatever is set.
func (l Lifetimes) ForCode(fapi bool) time.Duration {
	return atMost(or(l.Code, CodeLifetime), fapiCode, fapi)
}

// ForPushed: see [Lifetimes.ForCode].
func (l Lifetimes) ForPushed(fapi bool) time.Duration {
	return atMost(or(l.Pushed, PushedLifetime), fapiPushed, fapi)
}

func atMost(d, most time.Duration, bounded bool) time.Duration {
	if bounded {
		return min(d, most)
	}
	return d
}

func (l Lifetimes) access() time.Duration { return or(l.Access, AccessLifetime) }
func (l Lifetimes) id() time.Duration     { return or(l.ID, IDLifetime) }
func (l Lifetimes) retry() time.Duration  { return or(l.RefreshRetry, RefreshRetryWindow) }

// accessUntil is when the last access token of somebody whose grant ends now is of
// no use any more, whichever replica it came from.
func (l Lifetimes) accessUntil(now time.Time) time.Time {
	return now.Add(max(l.access(), AccessLifetime) + 2*Skew)
}

func (l Lifetimes) refresh(t tandem.ClientType) time.Duration {
	if t == tandem.ClientConfidential {
		return or(l.RefreshConfidential, RefreshConfidentialLifetime)
	}
	return or(l.RefreshPublic, RefreshPublicLifetime)
}
