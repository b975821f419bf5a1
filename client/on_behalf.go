package client

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// OnBehalfHeader is the request header with which a service call says for whom
// it is made. The API records it; it gives no right at all.
const OnBehalfHeader = "Tandem-On-Behalf-Of"

// NarrowHeader is the request header with which a service call asks for no more than
// that person may see. It only takes away.
const NarrowHeader = "Tandem-Narrow"

type onBehalfKey struct{}

type narrowKey struct{}

// OnBehalfOf makes calls of a [ServiceClient] with the returned context say for
// whom they are made. The evidence must be verified (see [IDTokenVerifier]).
func OnBehalfOf(ctx context.Context, evidence IDToken) context.Context {
	return context.WithValue(ctx, onBehalfKey{}, evidence)
}

// NarrowedTo is [OnBehalfOf], and lets the API show and do no more than the person may:
// for what they asked for and what is shown to them. A mistake of the caller's own
// filters then shows nobody's rows to somebody else.
func NarrowedTo(ctx context.Context, evidence IDToken) context.Context {
	return context.WithValue(OnBehalfOf(ctx, evidence), narrowKey{}, true)
}

// setOnBehalf adds the header that the request's context asks for and returns
// the user id in it. Evidence that does not name person and sign-in is left out:
// the API would refuse the call.
func setOnBehalf(req *http.Request) string {
	if narrow, _ := req.Context().Value(narrowKey{}).(bool); narrow {
		req.Header.Set(NarrowHeader, "person") // without the other one the API refuses the call
	}
	evidence, ok := req.Context().Value(onBehalfKey{}).(IDToken)
	if !ok || evidence.SignInID == "" || len(evidence.UserID) != 36 || evidence.IssuedAt.IsZero() ||
		strings.ContainsFunc(evidence.UserID+evidence.SignInID, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }) {
		return ""
	}
	req.Header.Set(OnBehalfHeader, evidence.UserID+";sid="+evidence.SignInID+";iat="+strconv.FormatInt(evidence.IssuedAt.Unix(), 10))
	return evidence.UserID
}
