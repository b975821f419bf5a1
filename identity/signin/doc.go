// Package signin is the browser's part of the identity server: the
// authorization endpoint, the sign-in, sign-out, confirmation and error pages,
// the identity session, and the accounts that people sign in with.
//
// It owns what a person sees and types: passwords, the throttling of guesses,
// the identity session's cookie, and the decision to give an application a
// code. It makes no token itself; codes, refresh families and the
// verification of ID token hints come from package identity/token.
//
// There is a file per thing, with the protocol's own word: authorize.go,
// redirect_uri.go, response_mode.go, endsession.go, password.go, throttle.go.
//
// Nothing is kept in the memory of a process: a pending authorization request
// travels sealed in the form, so that any replica can go on with it.
package signin
