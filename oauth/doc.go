// Package oauth holds the words of OAuth 2.0 and OpenID Connect that both
// sides of a connection use: grant names, error codes and their JSON response,
// PKCE, the discovery document, and the shapes of token responses and claims.
//
// It imports nothing of the platform and decides nothing: who may do what is
// the business of package identity on one side and of package client on the
// other.
package oauth
