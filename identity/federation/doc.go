// Package federation lets people sign in through OpenID providers of others, which this
// server calls outside providers: their registrations and their administration, to which
// account a subject of theirs is linked, and the part of a relying party, from the
// authorization request to the verified claims.
//
// It shows no page and begins no session: package signin does. It makes no account,
// either: whoever has none here does not get in.
package federation
