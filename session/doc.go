// Package session is the box of licensed API sessions.
//
// The first API call with a token opens a session and takes one numbered slot
// of the licence; later calls with the same key reuse it. A user's key is the
// sign-in, a service's is application, System User and service instance. A
// session ends after twenty minutes without a call, at sign-out, or when an
// administrator closes it; a service session also one hour after it opened.
//
// Opening, ending and slot accounting are exact and in the store: one atomic
// method expires what is overdue and takes the lowest free slot, and unique
// indexes make a slot that is held twice impossible. Calls in between touch
// memory only; the [Manager] writes the touches back in batches, and at once
// when the stored time has become too old for other replicas to rely on.
//
// The package knows no SQL and no HTTP.
package session
