package client

import "context"

// OnBehalfHeader is the request header with which a service call says for whom
// it is made. The API records it; it gives no right at all.
const OnBehalfHeader = "Tandem-On-Behalf-Of"

type onBehalfKey struct{}

// OnBehalfOf makes calls of a [ServiceClient] with the returned context say for
// whom they are made. The evidence must be verified (see [IDTokenVerifier]).
func OnBehalfOf(ctx context.Context, evidence IDToken) context.Context {
	return context.WithValue(ctx, onBehalfKey{}, evidence)
}
