package identity

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// bearer admits requests with a person's access token to the two resources
// that the identity server itself has.
type bearer struct {
	tokens   *token.Verifier
	registry *registry.Registry
	log      *slog.Logger
}

// maxBearerBody bounds the body of a POST that carries a token, in bytes.
const maxBearerBody = 32 << 10

// admit returns who the request's token speaks for, or answers with the reason
// why not and returns false. One of the scopes must be granted. A service
// token is refused whatever it holds (invariant I3).
func (b *bearer) admit(w http.ResponseWriter, r *http.Request, scopes ...string) (*tandem.Principal, *tandem.User, bool) {
	ctx := r.Context()
	raw, refusal := bearerToken(w, r)
	if refusal != nil {
		refuseBearer(w, refusal)
		return nil, nil, false
	}
	p, err := b.tokens.VerifyAccess(ctx, raw)
	if err != nil {
		b.refuse(w, r, err)
		return nil, nil, false
	}
	if p.User == nil || p.Service != nil {
		refuseBearer(w, &oauth.Error{Code: oauth.InsufficientScope, Status: http.StatusForbidden, Description: "this resource is for people; a service token cannot read it"})
		return nil, nil, false
	}
	if err := b.registry.Check(ctx, p); err != nil {
		b.refuse(w, r, err)
		return nil, nil, false
	}
	granted := false
	for _, s := range scopes {
		granted = granted || p.Scope.Has(s)
	}
	if !granted {
		refuseBearer(w, &oauth.Error{Code: oauth.InsufficientScope, Status: http.StatusForbidden, Description: "the token needs the scope " + strings.Join(scopes, " or ")})
		return nil, nil, false
	}
	u, err := b.registry.User(ctx, p.User.ID)
	if err != nil {
		b.refuse(w, r, err)
		return nil, nil, false
	}
	return p, u, true
}

func (b *bearer) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *tandem.Error
	switch {
	case errors.As(err, &known) && (known.Code == tandem.CodeUnauthorized || known.Code == tandem.CodeNotFound):
		refuseBearer(w, &oauth.Error{Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Description: known.Message})
	case errors.As(err, &known) && known.Code == tandem.CodeUnavailable:
		oauth.WriteError(w, &oauth.Error{Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable}, false)
	default:
		b.log.ErrorContext(r.Context(), "protected resource", "path", r.URL.Path, "error", err)
		oauth.WriteError(w, &oauth.Error{Code: oauth.ServerError, Status: http.StatusInternalServerError}, false)
	}
}

// errNoToken is answered without an error code: the caller has simply not
// authenticated (RFC 6750 section 3.1).
var errNoToken = &oauth.Error{Status: http.StatusUnauthorized}

// bearerToken reads the token from the Authorization header or the form of a
// POST (RFC 6750 sections 2.1 and 2.2), from exactly one of them. In the query
// it would end up in logs and histories, and is refused (section 5.3).
func bearerToken(w http.ResponseWriter, r *http.Request) (string, *oauth.Error) {
	if q, err := url.ParseQuery(r.URL.RawQuery); err != nil || q.Has("access_token") {
		return "", oauth.Refuse(oauth.InvalidRequest, "an access token must never be in the URL: send it in the Authorization header")
	}
	headers := r.Header.Values("Authorization")
	var fromForm []string
	if r.Method == http.MethodPost {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
			r.Body = http.MaxBytesReader(w, r.Body, maxBearerBody)
			if err := r.ParseForm(); err != nil {
				return "", oauth.Refuse(oauth.InvalidRequest, "the form cannot be read")
			}
			fromForm = r.PostForm["access_token"]
		}
	}
	switch {
	case len(headers)+len(fromForm) > 1:
		return "", oauth.Refuse(oauth.InvalidRequest, "the access token is sent more than once")
	case len(fromForm) == 1 && fromForm[0] != "":
		return fromForm[0], nil
	case len(headers) == 0:
		return "", errNoToken
	}
	token, _ := oauth.BearerToken(headers[0])
	if token = strings.TrimLeft(token, " "); token == "" {
		return "", errNoToken
	}
	return token, nil
}

// refuseBearer writes the challenge of RFC 6750 section 3 and the same in the
// body.
func refuseBearer(w http.ResponseWriter, e *oauth.Error) {
	challenge := `Bearer realm="identity"`
	if e.Code != "" {
		clean := oauth.Refuse(e.Code, "%s", e.Description)
		challenge += `, error="` + string(e.Code) + `", error_description="` + clean.Description + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	if e.Code == "" {
		oauth.NoStore(w.Header())
		w.WriteHeader(e.Status)
		return
	}
	oauth.WriteError(w, e, false)
}
