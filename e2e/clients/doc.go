// Package clients holds independent clients against a running instance. OAuth:
// golang.org/x/oauth2 with coreos/go-oidc, npm's openid-client, oauth4webapi and
// simple-oauth2, and in a browser oidc-client-ts, with and without DPoP, and
// react-oidc-context; and oauth2-proxy, which is built in the folder of its name. OData:
// what odata2ts generates, Java's Apache Olingo, and OpenUI5 in a browser. They were
// written by others, for any server, and know nothing of ours. It has tests only. Two
// providers of others, which package proof tries, have their start here too: npm's
// oidc-provider, and in zitadel the example server of zitadel/oidc.
package clients
