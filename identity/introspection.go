package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// SignInGrants tells what became of what a sign-in gave an application.
type SignInGrants interface {
	// SignInGrant returns [tandem.ErrNotFound] when the sign-in is unknown, gave
	// the application nothing, or what it gave was taken back.
	SignInGrant(ctx context.Context, signInID, applicationURI string, at time.Time) (SignInGrant, error)
	// SignInEnded reports whether somebody has ended the sign-in.
	SignInEnded(ctx context.Context, signInID string) (bool, error)
}

// SignInGrant is what a sign-in gave an application.
type SignInGrant struct {
	UserID string
	// Live says that neither the sign-in nor what it gave was ended.
	Live bool
	// SignedOut says that it ended because the person signed out.
	SignedOut bool
}

// serveIntrospection is the introspection endpoint (RFC 7662). An application
// asks about its own tokens; its two halves ask with credentials of their own,
// or the back end with its service token, and neither learns anything about the
// other's access and refresh tokens (invariant I1).
//
// The back end whose application owns a registered resource asks about the tokens for it,
// too, of whichever application they are.
//
// What both may ask about is evidence of who is signed in: an ID token that was
// issued to the application, or the sid of a sign-in at it. So a back end that
// acts for people, with more rights than they have, knows whether they still
// may act. Whatever else is asked about is not active, and nothing more is said
// of it.
func (h *Handler) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	q := newRequest(r)
	answer, err := h.introspect(w, q)
	if err != nil {
		if q.bearerTried {
			(&bearer{log: h.log(), refusals: h.Refusals}).fail(w, r, q.caller, err)
			return
		}
		h.fail(w, r, q, err)
		return
	}
	writeJSON(w, answer)
}

func (h *Handler) introspect(w http.ResponseWriter, q *request) (oauth.Introspection, error) {
	none := oauth.Introspection{}
	h.Proofs.Tell(w.Header(), q.http)
	if err := h.Registry.Ready(); err != nil {
		return none, err
	}
	var refusal *oauth.Error
	if q.form, refusal = readForm(w, q.http); refusal != nil {
		return none, refusal
	}
	q.facts.Grant = grantAsked
	ctx := q.http.Context()
	if err := h.admitIntrospector(ctx, q); err != nil {
		return none, err
	}
	text := q.form.get("token")
	if text == "" {
		return none, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "token is missing")
	}
	about := q.form.get(oauth.ParamAbout)
	if about != "" && about != oauth.AboutSignIn && about != oauth.AboutPerson {
		return none, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "about must be %s or %s", oauth.AboutSignIn, oauth.AboutPerson)
	}
	// The forms differ, so that token_type_hint is not needed.
	switch {
	case token.IsRefreshToken(text):
		return h.introspectRefresh(ctx, q, text)
	case uuid.Validate(text) == nil && len(text) == 36:
		return h.introspectSignIn(ctx, q, text, "", about == oauth.AboutPerson)
	}
	p, err := h.speaker(ctx, text)
	if tandem.ErrorCode(err) == tandem.CodeUnauthorized { // no access token; most are
		if hint, err := h.Verifier.VerifyIDToken(ctx, text); err == nil {
			return h.introspectID(ctx, q, hint)
		}
	}
	return h.introspectAccess(ctx, q, p, err)
}

// admitIntrospector finds out who asks: a client with a credential, or a back
// end with its service token (RFC 7662 section 2.1). A public application proves
// nothing, so that whoever has found a token could ask in its name.
func (h *Handler) admitIntrospector(ctx context.Context, q *request) error {
	scheme, text, ok := "", "", false
	if headers := q.http.Header["Authorization"]; len(headers) == 1 {
		scheme, text, ok = oauth.AccessToken(headers[0])
	}
	if !ok {
		err := h.authenticate(ctx, q, nil)
		if err == nil && q.facts.Auth == oauth.AuthNone {
			return token.By(tandem.RuleCredMissing, errClient)
		}
		return err
	}
	q.bearerTried = true
	if q.form.get("client_secret") != "" || q.form.get("client_assertion") != "" || q.form.get("client_assertion_type") != "" {
		return token.Refuse(tandem.RuleCredMalformed, oauth.InvalidRequest, "use one method of client authentication, not several")
	}
	p, err := h.own().VerifyAccess(ctx, text)
	if err != nil {
		return err
	}
	q.caller = p
	if err := holder(h.Proofs, h.Registry, q.http, scheme, text, p); err != nil {
		return err
	}
	if p.Service == nil {
		return insufficient(tandem.RuleKind, "only a service token or a credential of the application may ask here")
	}
	if id := q.form.get("client_id"); id != "" && id != p.ApplicationURI {
		return token.Refuse(tandem.RuleCredMalformed, oauth.InvalidRequest, "client_id is not that of the access token")
	}
	if err := h.Registry.Check(ctx, p); err != nil {
		return err
	}
	app, known := h.Registry.App(p.ApplicationURI)
	if !known { // just gone
		return token.By(tandem.RuleAppUnknown, errClient)
	}
	q.app, q.client = app, client{app: app, service: true}
	return nil
}

// own takes every access token of the issuer: whoever the API is, the issuer's
// own audience is in each.
func (h *Handler) own() *token.Verifier {
	own := *h.Verifier
	own.Audience = token.ResourcesAudience(h.Issuer)
	return &own
}

// introspectSignIn says whether a sign-in at the asking application lives, or
// its person may still use it. userID is whose sign-in it must be; empty for
// anybody's.
func (h *Handler) introspectSignIn(ctx context.Context, q *request, sid, userID string, person bool) (oauth.Introspection, error) {
	none := oauth.Introspection{}
	g, err := h.SignIns.SignInGrant(ctx, sid, q.app.ApplicationURI, h.Clock.Now())
	if errors.Is(err, tandem.ErrNotFound) || err == nil && !g.Live && (!person || !g.SignedOut) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	u, err := h.person(ctx, q.app, g.UserID)
	var refusal *oauth.Error
	if errors.As(err, &refusal) || err == nil && userID != "" && u.ID != userID {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	groups, err := h.Registry.Groups(ctx, u)
	if err != nil {
		return none, err
	}
	return oauth.Introspection{
		Active: true, Issuer: h.Issuer, ClientID: q.app.ApplicationURI, Subject: u.Login, UserID: u.ID, SignInID: sid, Groups: groups,
	}, nil
}

// introspectID says whether an ID token is good as evidence now.
func (h *Handler) introspectID(ctx context.Context, q *request, id token.Hint) (oauth.Introspection, error) {
	if id.ApplicationURI != q.app.ApplicationURI {
		return oauth.Introspection{}, nil
	}
	answer, err := h.introspectSignIn(ctx, q, id.SignInID, id.UserID, false)
	if err == nil && answer.Active {
		answer.Audience = oauth.Audience{id.ApplicationURI}
		answer.IssuedAt, answer.ExpiresAt = id.IssuedAt.Unix(), id.ExpiresAt.Unix()
	}
	return answer, err
}

// introspectAccess tells of an access token or a reference token, of which it is known
// whom it speaks for, or why it speaks for nobody.
func (h *Handler) introspectAccess(ctx context.Context, q *request, p *tandem.Principal, err error) (oauth.Introspection, error) {
	switch {
	case tandem.ErrorCode(err) == tandem.CodeUnauthorized:
		return oauth.Introspection{}, nil
	case err != nil:
		return oauth.Introspection{}, err
	case !h.mayHearOf(q, p):
		return oauth.Introspection{}, nil
	}
	switch err := h.Registry.Check(ctx, p); {
	case tandem.ErrorCode(err) == tandem.CodeUnauthorized:
		return oauth.Introspection{}, nil
	case err != nil:
		return oauth.Introspection{}, err
	}
	answer := oauth.Introspection{
		Active: true, TokenType: tokenType(p.KeyThumbprint), Confirmation: oauth.Confirmation{KeyThumbprint: p.KeyThumbprint}, Issuer: h.Issuer, ClientID: p.ApplicationURI, ID: p.TokenID,
		Scope: p.Scope.String(), IssuedAt: p.IssuedAt.Unix(), ExpiresAt: p.ExpiresAt.Unix(),
	}
	if p.Resource != "" {
		answer.Audience = oauth.Audience{p.Resource}
	}
	if p.Service != nil {
		answer.SystemUser = p.Service.SystemUserLogin
	} else {
		if p.Resource != "" && p.ApplicationURI != q.app.ApplicationURI { // to the API, which lets groups do more; not to who calls it
			if answer.Groups, err = h.groupsOf(ctx, p.User.ID); err != nil {
				return oauth.Introspection{}, err
			}
		}
		answer.Subject, answer.UserID, answer.SignInID = p.User.Login, p.User.ID, p.User.SignInID
		answer.ContextClass, answer.Methods = p.User.ContextClass, p.User.Methods
		if !p.User.AuthTime.IsZero() {
			answer.AuthTime = p.User.AuthTime.Unix()
		}
	}
	return answer, nil
}

// groupsOf are the groups of a person; nobody's for who was just deleted.
func (h *Handler) groupsOf(ctx context.Context, userID string) ([]string, error) {
	u, err := h.Registry.User(ctx, userID)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return h.Registry.Groups(ctx, u)
}

// mayHearOf reports whether the asking half may hear of a token: it is one of its own, or
// it is for the resource of its application, which the back end serves.
func (h *Handler) mayHearOf(q *request, p *tandem.Principal) bool {
	if p.ApplicationURI == q.app.ApplicationURI && q.client.may(flowOf(p)) {
		return true
	}
	return p.Resource != "" && q.app.Resource != nil && q.app.Resource.URI == p.Resource && q.client.may(tandem.FlowService)
}

func (h *Handler) introspectRefresh(ctx context.Context, q *request, text string) (oauth.Introspection, error) {
	none := oauth.Introspection{}
	if !q.client.may(tandem.FlowUser) {
		return none, nil
	}
	f, err := h.Families.Look(ctx, text, q.app.ApplicationURI)
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	u, err := h.person(ctx, q.app, f.UserID)
	if errors.As(err, &refusal) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return oauth.Introspection{
		Active: true, Issuer: h.Issuer, ClientID: f.ApplicationURI, Scope: f.Scope.String(),
		IssuedAt: f.CreatedAt.Unix(), ExpiresAt: f.ExpiresAt.Unix(), Subject: u.Login, UserID: u.ID, SignInID: f.SignInID,
		AuthTime: f.AuthTime.Unix(), ContextClass: f.Authentication.ACR(), Methods: f.Authentication.AMR(),
	}, nil
}

// flowOf is the flow that a token came of.
func flowOf(p *tandem.Principal) tandem.Flow {
	if p.Service != nil {
		return tandem.FlowService
	}
	return tandem.FlowUser
}
