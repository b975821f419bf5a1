// Package clients holds independent OAuth clients against a running instance:
// golang.org/x/oauth2 with coreos/go-oidc, and npm's openid-client. They were
// written by others, for any server, and know nothing of ours. It has tests
// only.
package clients
