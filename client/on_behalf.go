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

type onBehalfKey struct{}

// OnBehalfOf makes calls of a [ServiceClient] with the returned context say for
// whom they are made. The evidence must be verified (see [IDTokenVerifier]).
func OnBehalfOf(ctx context.Context, evidence IDToken) context.Context {
	return context.WithValue(ctx, onBehalfKey{}, evidence)
}

// setOnBehalf adds the header that the request's context asks for and returns
// the user id in it. Evidence that does not name person and sign-in is left out:
// the API would refuse the call.
func setOnBehalf(req *http.Request) string {
	evidence, ok := req.Context().Value(onBehalfKey{}).(IDToken)
	if !ok || evidence.SignInID == "" || len(evidence.UserID) != 36 || evidence.IssuedAt.IsZero() ||
		strings.ContainsFunc(evidence.UserID+evidence.SignInID, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }) {
		return ""
	}
	req.Header.Set(OnBehalfHeader, evidence.UserID+";sid="+evidence.SignInID+";iat="+strconv.FormatInt(evidence.IssuedAt.Unix(), 10))
	return evidence.UserID
}
