// Package identity is the identity server of an instance: the OAuth 2.0 and
// OpenID Connect endpoints that applications call, at /id.
//
// There is a file per endpoint, grant and check, with the standard's own word:
// discovery.go, token_endpoint.go with grant_authorization_code.go,
// grant_refresh_token.go and grant_client_credentials.go, clientauth.go,
// revocation.go, userinfo.go. What the browser sees is in package signin, how
// tokens are made and ended in package token.
//
// The two halves of an application never meet here: a credential works for its
// own flow and for no other, and no branch of the service flow can reach a
// person's claims (invariants I1 to I4).
package identity
