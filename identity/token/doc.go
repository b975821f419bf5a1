// Package token makes, checks and ends what the identity server gives out:
// access tokens, ID tokens, authorization codes and refresh tokens, and keeps
// the keys that sign them.
//
// There is a file per thing: keys.go and key_rotation.go, mint.go and sign.go,
// verify.go and strict.go, codes.go, refresh.go (refresh tokens, their rotation
// and families), assertion.go, scope.go and lifetimes.go. A code or a refresh
// token is never stored, only what recognizes it; a private key is stored
// sealed.
//
// Who the client is, and whether it may ask, is decided in package identity.
package token
