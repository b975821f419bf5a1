package identity

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
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

// admit returns who the request's token speaks for, or the reason why not. One
// of the scopes must be granted. A service token is refused whatever it holds
// (invariant I3).
func (b *bearer) admit(w http.ResponseWriter, r *http.Request, scopes ...string) (*tandem.Principal, *tandem.User, error) {
	ctx := r.Context()
	raw, refusal := bearerToken(w, r)
	if refusal != nil {
		return nil, nil, refusal
	}
	p, err := b.tokens.VerifyAccess(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	if p.User == nil || p.Service != nil {
		return nil, nil, insufficient("this resource is for people; a service token cannot read it")
	}
	if err := b.registry.Check(ctx, p); err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(scopes, p.Scope.Has) {
		return nil, nil, insufficient("the token needs the scope " + strings.Join(scopes, " or "))
	}
	u, err := b.registry.User(ctx, p.User.ID)
	return p, u, err
}

func insufficient(description string) *oauth.Error {
	return &oauth.Error{Code: oauth.InsufficientScope, Status: http.StatusForbidden, Description: description}
}

// fail is the one place where an error of a resource becomes a response.
func (b *bearer) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *oauth.Error
	var known *tandem.Error
	switch {
	case errors.As(err, &refusal):
		refuseBearer(w, refusal)
	case errors.As(err, &known) && (known.Code == tandem.CodeUnauthorized || known.Code == tandem.CodeNotFound):
		refuseBearer(w, &oauth.Error{Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Description: known.Message})
	case tandem.ErrorCode(err) == tandem.CodeUnavailable:
		oauth.WriteError(w, unavailable(err), false)
	default:
		b.log.ErrorContext(r.Context(), "protected resource", "path", r.URL.Path, "error", err)
		oauth.WriteError(w, &oauth.Error{Code: oauth.ServerError, Status: http.StatusInternalServerError}, false)
	}
}

// errNoToken is sent without an error code: the caller has simply not
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
