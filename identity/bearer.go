package identity

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
)

// bearer admits requests with a person's access token, or personal access token, to
// the two resources that the identity server itself has.
type bearer struct {
	tokens   *token.Verifier
	registry *registry.Registry
	proofs   *dpop.Server
	refusals tandem.Refuser
	log      *slog.Logger
}

// maxBearerBody bounds the body of a POST that carries a token, in bytes.
const maxBearerBody = 32 << 10

// admit returns who the request's token speaks for, or the reason why not, then with
// whom it speaks for as far as it says so. One of the scopes must be granted. A service token is refused whatever it holds
// (invariant I3).
func (b *bearer) admit(w http.ResponseWriter, r *http.Request, scopes ...string) (*tandem.Principal, *tandem.User, error) {
	ctx := r.Context()
	b.proofs.Tell(w.Header(), r)
	scheme, raw, refusal := bearerToken(w, r)
	if refusal != nil {
		return nil, nil, refusal
	}
	p, err := b.speaker(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	if err := holder(b.proofs, b.registry, r, scheme, raw, p); err != nil {
		return p, nil, err
	}
	if p.User == nil || p.Service != nil {
		return p, nil, insufficient(tandem.RuleKind, "this resource is for people; a service token cannot read it")
	}
	if err := b.registry.Check(ctx, p); err != nil {
		return p, nil, err
	}
	if !slices.ContainsFunc(scopes, p.Scope.Has) {
		return p, nil, insufficient(tandem.RuleScope, "the token needs the scope "+strings.Join(scopes, " or "))
	}
	u, err := b.registry.User(ctx, p.User.ID)
	if err == nil && p.Reference {
		b.registry.UsedReference(p.TokenID, netaddr.Host(r.RemoteAddr), tandem.ScopeRead)
	}
	return p, u, err
}

func insufficient(rule tandem.Rule, description string) *oauth.Error {
	return &oauth.Error{Code: oauth.InsufficientScope, Status: http.StatusForbidden, Description: description, Rule: string(rule)}
}

// record puts on record that a token was refused, of whom it speaks for where that is
// known.
func (b *bearer) record(w http.ResponseWriter, r *http.Request, p *tandem.Principal, err error, code oauth.ErrorCode) {
	var known *tandem.Error
	if errors.As(err, &known) && p == nil {
		p = known.Of
	}
	e := tandem.AuditEvent{
		Kind: tandem.AuditCallRefused, RemoteAddr: netaddr.Host(r.RemoteAddr), Detail: r.Method + " " + r.URL.Path + ": " + err.Error(),
	}
	f := tandem.Facts{Rule: token.RuleOf(err), Method: r.Method, Path: r.URL.Path}
	if p != nil {
		e.ApplicationURI, e.Actor, e.Flow, e.TokenID = p.ApplicationURI, p.Actor(), flowOf(p), p.TokenID
		f.Scope = p.Scope.String()
	}
	reference, failed := b.refusals.Refused(r.Context(), e, f, string(code))
	tellReference(w, reference)
	if failed != nil {
		b.log.WarnContext(r.Context(), "identity: a refusal is not on record", "error", failed)
	}
}

// speaker is whom the text of a token speaks for.
func (b *bearer) speaker(ctx context.Context, text string) (*tandem.Principal, error) {
	if strings.HasPrefix(text, tandem.ReferencePrefix) {
		return b.registry.Reference(ctx, text)
	}
	return b.tokens.VerifyAccess(ctx, text)
}

// fail is the one place where an error of a resource becomes a response.
func (b *bearer) fail(w http.ResponseWriter, r *http.Request, p *tandem.Principal, err error) {
	var refusal *oauth.Error
	var known *tandem.Error
	switch {
	case errors.As(err, &refusal):
		b.record(w, r, p, err, refusal.Code)
		refuseBearer(w, refusal)
	case errors.As(err, &known) && (known.Code == tandem.CodeUnauthorized || known.Code == tandem.CodeNotFound):
		b.record(w, r, p, err, oauth.InvalidToken)
		refuseBearer(w, &oauth.Error{Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Description: known.Message})
	case errors.As(err, &known) && known.Code == tandem.CodeInvalid:
		b.record(w, r, p, err, oauth.InvalidRequest)
		refuseBearer(w, token.Refuse(cmp.Or(known.Rule, tandem.RuleParameter), oauth.InvalidRequest, "%s", known.Message))
	case tandem.ErrorCode(err) == tandem.CodeUnavailable:
		oauth.WriteError(w, unavailable(err), false)
	default:
		b.log.ErrorContext(r.Context(), "protected resource", "path", r.URL.Path, "error", err)
		oauth.WriteError(w, &oauth.Error{Code: oauth.ServerError, Status: http.StatusInternalServerError}, false)
	}
}

// errNoToken says what the domain API says of a call without a token.
var errNoToken = &oauth.Error{
	Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Rule: string(tandem.RuleTokenMissing),
	Description: "the call has no access token; send one as Authorization: Bearer",
}

// bearerToken reads the token from the Authorization header, an API key's header, or
// the form of a POST (RFC 6750 sections 2.1 and 2.2), from exactly one of them. In the
// query it would end up in logs and histories, and is refused (section 5.3).
func bearerToken(w http.ResponseWriter, r *http.Request) (scheme, text string, refusal *oauth.Error) {
	if q, err := url.ParseQuery(r.URL.RawQuery); err != nil || q.Has("access_token") {
		return "", "", token.Refuse(tandem.RuleTokenMalformed, oauth.InvalidRequest, "an access token must never be in the URL: send it in the Authorization header")
	}
	headers := r.Header.Values("Authorization")
	keys := slices.Concat(r.Header["X-Api-Key"], r.Header["Api-Key"])
	var fromForm []string
	if r.Method == http.MethodPost {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
			r.Body = http.MaxBytesReader(w, r.Body, maxBearerBody)
			if err := r.ParseForm(); err != nil {
				return "", "", token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "the form cannot be read")
			}
			fromForm = r.PostForm["access_token"]
		}
	}
	switch {
	case len(headers)+len(keys)+len(fromForm) > 1:
		return "", "", token.Refuse(tandem.RuleTokenMalformed, oauth.InvalidRequest, "the access token is sent more than once")
	case len(fromForm) == 1 && fromForm[0] != "":
		return oauth.TokenTypeBearer, fromForm[0], nil
	case len(keys) == 1 && strings.HasPrefix(keys[0], tandem.ReferencePrefix):
		return oauth.TokenTypeBearer, keys[0], nil
	case len(headers) == 0:
		return "", "", errNoToken
	}
	scheme, text, ok := oauth.AccessToken(headers[0])
	if text = strings.TrimLeft(text, " "); text == "" || !ok {
		return "", "", errNoToken
	}
	return scheme, text, nil
}

// refuseBearer writes the challenge of RFC 6750 section 3 and the same in the
// body.
func refuseBearer(w http.ResponseWriter, e *oauth.Error) {
	challenge := `Bearer realm="identity"`
	if e.Scheme == dpop.Scheme || e.Code == oauth.InvalidDPoPProof || e.Code == oauth.UseDPoPNonce {
		challenge = `DPoP realm="identity", algs="` + strings.Join(dpop.AlgorithmNames(), " ") + `"`
	}
	clean := oauth.Refuse(e.Code, "%s", e.Description)
	challenge += `, error="` + string(e.Code) + `", error_description="` + clean.Description + `"`
	w.Header().Set("WWW-Authenticate", challenge)
	oauth.WriteError(w, e, false)
}
