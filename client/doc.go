// Package client is the SDK for hybrid apps: one application with two halves,
// a front end where people sign in and a back end that acts as the application
// itself. It works with Tandem, ERP.net and any other OpenID provider.
//
// Each half has a type of its own, with the same method names:
//
//	front end   UserTokens      authorization code flow with PKCE; a UserSession per signed-in person
//	back end    ServiceTokens   client credentials flow
//
// Their credentials, tokens, HTTP clients and OData clients are different types
// ([UserToken], [ServiceToken], …), so that mixing the halves does not compile.
//
// Both fail closed: without a token no request leaves. Renewals that run at the
// same time are merged into one, a failure is never kept, and every call ends
// with its own context. Tokens and secrets hide themselves from fmt, encoding
// and log/slog; [UserToken.Raw] and [ServiceToken.Raw] are the only ways to see
// one, and hardly anybody needs them.
//
// A token leaves for the API only: the origin of the issuer, those in
// APIOrigins, and, for an [OData], the origin of its root. Redirects are never
// followed with a token.
//
// The package owns the protocol as its client sees it. It has no database (see
// [SessionStore]) and draws no pages but the small one that ends a sign-out.
package client
