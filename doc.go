// Package tandem is the glossary of the platform: the nouns that every other
// package uses, each with the name that the field gives it.
//
// A hybrid app has two halves under one registration, the [TrustedApp]:
//
//   - the front end, where a person signs in (OAuth 2.0 authorization code
//     flow, [FlowUser]) and calls run with a user token, and
//   - the back end, a service component that authenticates as the application
//     (client credentials flow, [FlowService]) and acts as a least-privilege
//     System User with a service token.
//
// Each half has its own [Credential], tokens, [Session] and store. What a
// verified access token stands for is a [Principal]: it is either a
// [UserIdentity] or a [ServiceIdentity], never both. A Principal's first API
// call opens a Session, and a Session holds one slot of the [Licence]. What
// happened is told by an [AuditEvent].
//
// An [Error] is what a person may read; its [Code] has one HTTP status
// everywhere. A [Clock] is how everything asks for the time.
//
// The package imports the standard library only and knows no SQL, no token
// format, and of HTTP nothing but that status.
package tandem
