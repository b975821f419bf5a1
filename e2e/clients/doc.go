// Package clients holds independent clients against a running instance. OAuth:
// golang.org/x/oauth2 with coreos/go-oidc, npm's openid-client, and in a browser
// oidc-client-ts and react-oidc-context. OData: what odata2ts generates, Java's
// Apache Olingo, and OpenUI5 in a browser. They were written by others, for any
// server, and know nothing of ours. It has tests only.
package clients
