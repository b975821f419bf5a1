package api

import (
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// credential is what a request shows of who calls.
type credential struct {
	// scheme is the one of the Authorization header; that of an API key is Bearer.
	scheme, token string
	// key says that it came as an API key: such a thing is a reference token.
	key bool
}

// credentialOf is the token of the one credential header that a request has:
// Authorization (RFC 6750 section 2.1, RFC 9449 section 7.1), X-Api-Key or Api-Key. One is taken from
// nowhere else, neither from the query nor from the body.
func credentialOf(r *http.Request) (c credential, err error) {
	bearer, keys := r.Header["Authorization"], r.Header["X-Api-Key"]
	others := r.Header["Api-Key"]
	switch n := len(bearer) + len(keys) + len(others); {
	case n > 1:
		return c, &challenge{kind: TypeInvalidRequest, message: "more than one credential header; send one of Authorization: Bearer, X-Api-Key and Api-Key, once"}
	case strings.Contains(r.URL.RawQuery, "access_token") && r.URL.Query().Has("access_token"):
		return c, &challenge{kind: TypeInvalidRequest, message: "a token in the URL is not accepted; send it as Authorization: Bearer"}
	case n == 0:
		return c, invalidToken(tandem.RuleTokenMissing, "the call has no access token; send one as Authorization: Bearer")
	case len(keys) > 0:
		c = credential{oauth.TokenTypeBearer, keys[0], true}
	case len(others) > 0:
		c = credential{oauth.TokenTypeBearer, others[0], true}
	default:
		var ok bool
		if c.scheme, c.token, ok = oauth.AccessToken(bearer[0]); !ok {
			return c, invalidToken(tandem.RuleTokenMalformed, "this authorization scheme is not accepted; send Authorization: Bearer with an access token")
		}
	}
	if c.token == "" || len(c.token) > MaxToken || strings.ContainsAny(c.token, " \t,") {
		return c, invalidToken(tandem.RuleTokenMalformed, "the access token is malformed")
	}
	return c, nil
}
