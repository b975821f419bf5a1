package identity

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/usage"
)

// request is a request to the token, revocation or introspection endpoint, and what has
// been found out about it.
type request struct {
	http       *http.Request
	form       form
	flow       tandem.Flow // of the grant; empty while unknown
	address    string      // of the caller, without the port
	basicTried bool
	// bearerTried says that the request came with an access token.
	bearerTried bool
	// app is set as soon as the application is known, before it has proved
	// itself; client after that.
	app    *registry.App
	client client
	// key is the thumbprint of the key that the client proved to have; empty where it
	// proved none.
	key string
	// proof is by that key, and not used up before something is given.
	proof *dpop.Proof
	// signInID is set once a grant has been found.
	signInID string
	// caller is whom the access token speaks for that the request came with.
	caller *tandem.Principal
	// facts are what was decided by so far, for the record.
	facts tandem.Facts
}

func newRequest(r *http.Request) *request {
	q := &request{http: r, address: netaddr.Host(r.RemoteAddr)}
	_, q.basicTried = r.Header["Authorization"]
	return q
}

// knownApp is the ApplicationURI for the record. What a stranger invents is
// not written down.
func (q *request) knownApp() string {
	if q.app == nil {
		return ""
	}
	return q.app.ApplicationURI
}

// mayUse checks that the authenticated half may use the grant's flow
// (invariants I1 and I2).
func (q *request) mayUse(f tandem.Flow) error {
	if !q.client.may(f) {
		rule := tandem.RuleCredOtherFlow
		if q.app.ClientType == tandem.ClientPublic {
			rule = tandem.RuleAppType
		}
		return token.Refuse(rule, oauth.UnauthorizedClient, "this credential or application may not use the %s flow", f)
	}
	return nil
}

// issued is what a grant gives: the response, and what the record says of it.
type issued struct {
	response *oauth.TokenResponse
	access   token.Minted
	// as is whom the access token acts as.
	as     *tandem.User
	detail string
	// proof is what is used up with the record, nil where that has been done.
	proof *dpop.Proof
}

// serveToken is the token endpoint (RFC 6749 section 3.2). A response leaves
// only when its record is durable, whatever the grant.
func (h *Handler) serveToken(w http.ResponseWriter, r *http.Request) {
	q := newRequest(r)
	h.Proofs.Tell(w.Header(), r)
	given, err := h.grant(w, q)
	if err == nil {
		err = h.record(r.Context(), q, given)
	}
	if err != nil {
		h.fail(w, r, q, err)
		return
	}
	writeToken(w, given.response)
	h.Used.Count(q.app.ID, q.flow, usage.Grant, q.form.get("grant_type"))
}

// grant finds the grant, authenticates the client and does what the grant
// says.
func (h *Handler) grant(w http.ResponseWriter, q *request) (*issued, error) {
	if err := h.Registry.Ready(); err != nil {
		return nil, err
	}
	var refusal *oauth.Error
	if q.form, refusal = readForm(w, q.http); refusal != nil {
		return nil, refusal
	}
	var serve func(context.Context, *request) (*issued, error)
	switch kind := q.form.get("grant_type"); kind {
	case oauth.GrantClientCredentials:
		serve, q.flow = h.clientCredentials, tandem.FlowService
	case oauth.GrantAuthorizationCode:
		serve, q.flow = h.authorizationCode, tandem.FlowUser
	case oauth.GrantDeviceCode:
		serve, q.flow = h.deviceCode, tandem.FlowUser
	case oauth.GrantRefreshToken:
		serve, q.flow = h.refreshToken, tandem.FlowUser
	case "":
		return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "grant_type is missing")
	default:
		return nil, token.Refuse(tandem.RuleGrantUnknown, oauth.UnsupportedGrantType, "grant_type must be %s, %s, %s or %s",
			oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode)
	}
	q.facts.Grant = q.form.get("grant_type")
	ctx := q.http.Context()
	if err := h.authenticate(ctx, q, func() error { return h.proveKey(q) }); err != nil {
		return nil, err
	}
	if err := q.mayUse(q.flow); err != nil {
		return nil, err
	}
	return serve(ctx, q)
}

// targets are what tokens can be asked for.
func (h *Handler) targets() *token.Targets {
	return &token.Targets{Issuer: h.Issuer, API: h.API, Registered: h.Registry}
}

// target decides what the token is for that is asked for now, of what was granted.
func (h *Handler) target(q *request, granted tandem.Scope) (token.Target, error) {
	target, refusal := h.targets().Pick(q.app, granted, q.resources())
	if refusal != nil {
		return target, refusal
	}
	return target, nil
}

// record writes down what is about to leave.
func (h *Handler) record(ctx context.Context, q *request, given *issued) error {
	f := &q.facts
	f.Scope, f.UserVersion = given.response.Scope, given.as.Version
	f.Audience, f.KeyID, f.Expires = given.access.Audience, given.access.KeyID, given.access.ExpiresAt.Unix()
	if f.Limit == "" {
		f.Limit = q.app.FlowScope(q.flow).String()
	}
	once := usedBy(given.proof)
	err := h.Audit.Record(ctx, tandem.AuditEvent{
		At:             h.Clock.Now(),
		Kind:           tandem.AuditTokenIssued,
		ApplicationURI: q.app.ApplicationURI,
		Actor:          given.as.Login,
		Flow:           q.flow,
		SignInID:       q.signInID,
		TokenID:        given.access.ID,
		RemoteAddr:     q.address,
		Detail:         given.detail,
		Facts:          f.JSON(),
		Once:           once,
	})
	if err == nil && once != nil && !once.First {
		err = proofRefusal(dpop.ErrUsed)
	}
	return err
}

var bodies = sync.Pool{New: func() any {
	b := make([]byte, 0, 2048)
	return &b
}}

// Header values that are the same in every response.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
)

func writeToken(w http.ResponseWriter, response *oauth.TokenResponse) {
	header := w.Header()
	header["Content-Type"], header["Cache-Control"], header["Pragma"] = jsonType, noStore, noCache
	b := bodies.Get().(*[]byte)
	defer bodies.Put(b)
	*b = response.AppendJSON((*b)[:0])
	_, _ = w.Write(*b) // who has gone away cannot be told
}

// person is the user behind a grant of the user flow, as they are now.
func (h *Handler) person(ctx context.Context, app *registry.App, id string) (*tandem.User, error) {
	u, err := h.Users.UserByID(ctx, id)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return nil, err
	}
	var rule tandem.Rule
	switch {
	case err != nil:
		rule = tandem.RuleUserUnknown
	case !u.Enabled:
		rule = tandem.RuleUserDisabled
	case !u.Type.CanSignIn() || !app.AllowsUserType(u.Type):
		rule = tandem.RuleUserType
	default:
		return &u, nil
	}
	return nil, token.Refuse(rule, oauth.InvalidGrant, "the user is disabled or not admitted to the application any more")
}

// mint makes the tokens of the user flow: the access token, and with the scope
// openid the ID token.
func (h *Handler) mint(t token.UserToken, nonce string) (access token.Minted, response *oauth.TokenResponse, err error) {
	access, err = h.Minter.UserAccess(t)
	if err != nil {
		return access, nil, err
	}
	response = newResponse(access, t.Scope, t.KeyThumbprint)
	if t.Scope.Has(tandem.ScopeOpenID) {
		id, err := h.Minter.IDToken(t, token.Bound{Nonce: nonce, AccessToken: access.JWT})
		if err != nil {
			return access, nil, err
		}
		response.IDToken = id.JWT
	}
	return access, response, nil
}

func newResponse(access token.Minted, scope tandem.Scope, key string) *oauth.TokenResponse {
	return &oauth.TokenResponse{
		AccessToken: access.JWT, TokenType: tokenType(key),
		ExpiresIn: int64(access.Lifetime.Seconds()), Scope: scope.String(),
	}
}

// obsolete is the warning about DomainApi in the record.
func obsolete(asked token.Asked) string {
	if asked.Obsolete {
		return "; the obsolete scope DomainApi was ignored"
	}
	return ""
}
