package identity

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// refreshToken replaces a refresh token, unless FAPI 2.0 forbids that, and gives a new access token (RFC 6749
// section 6). The scope can be narrowed for this access token; the grant stays
// as it is and never grows (invariants I9 and I10).
func (h *Handler) refreshToken(ctx context.Context, q *request) (*issued, error) {
	text := q.form.get("refresh_token")
	if text == "" {
		return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "refresh_token is missing")
	}
	refresh, err := h.Families.Find(ctx, text, q.app.ApplicationURI, q.key)
	q.signInID = refresh.SignInID
	q.family(refresh.ID, refresh.Number())
	if err != nil {
		return nil, err
	}
	if refusal := h.ofEarlierApp(q, refresh.CreatedAt); refusal != nil {
		return nil, refusal
	}
	u, err := h.person(ctx, q.app, refresh.UserID)
	if err != nil {
		return nil, err
	}
	if u.Type != refresh.UserType {
		if err := h.Families.End(ctx, refresh.ID, token.EndUserTypeChanged); err != nil {
			return nil, err
		}
		return nil, token.Refuse(tandem.RuleUserChanged, oauth.InvalidGrant, "the user is of another type than when the grant was made; sign in again")
	}
	asked, refusal := token.ReadScope(q.form.get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	q.ask(asked)
	granted := refresh.Scope
	if len(asked.Scope) > 0 {
		if !asked.Scope.Within(granted) {
			return nil, token.Refuse(tandem.RuleScopeGrant, oauth.InvalidScope, "a refresh cannot ask for more than was granted: %s", granted)
		}
		granted = asked.Scope
	}
	scope, err := stillAllowed(q, granted, u)
	if err != nil {
		return nil, err
	}
	q.of(u, refresh.Authentication)
	// Asked for by name and gone since: the client should hear of it.
	if len(asked.Scope) > len(scope) {
		return nil, token.Refuse(tandem.RuleScopeFlow, oauth.InvalidScope, "the application may not have all of this scope any more")
	}
	if err := signin.Consented(ctx, h.Consents, q.app, u.ID, scope); err != nil {
		return nil, err
	}
	target, err := h.target(q, scope)
	if err != nil {
		return nil, err
	}
	access, response, err := h.mint(token.UserToken{
		User: u, ApplicationURI: q.app.ApplicationURI, Scope: target.Scope, Resource: target.Resource, SignInID: refresh.SignInID, AuthTime: refresh.AuthTime,
		Authentication: refresh.Authentication,
		GrantID:        refresh.ID, Claims: refresh.Claims, KeyThumbprint: q.key, IDAlgorithm: q.app.IDTokenAlgorithm, FAPI: q.app.FAPI,
	}, "")
	if err != nil {
		return nil, err
	}
	if err := h.useProof(ctx, q); err != nil {
		return nil, err
	}
	response.RefreshToken, err = h.nextRefresh(ctx, q, refresh)
	if err != nil {
		return nil, err
	}
	return &issued{
		response: response,
		access:   access,
		as:       u,
		detail:   "user token by refresh, scope " + response.Scope + obsolete(asked),
	}, nil
}

// nextRefresh is what the client refreshes with the next time.
func (h *Handler) nextRefresh(ctx context.Context, q *request, t token.RefreshToken) (string, error) {
	if q.app.FAPI {
		return h.Families.Keep(ctx, t)
	}
	next, err := h.Families.Rotate(ctx, t)
	if err == nil {
		q.family(t.ID, t.Number()+1)
	}
	return next, err
}

// ofEarlierApp refuses what was given to an application of the same name before this one
// was made, or restored: as [registry.Registry.Check] does with tokens.
func (h *Handler) ofEarlierApp(q *request, given time.Time) error {
	if made := q.app.CreatedAt; given.Unix() < made.Unix() && !made.After(h.Clock.Now()) {
		return token.Refuse(tandem.RuleAppReplaced, oauth.InvalidGrant, "it was given to an earlier application of that name")
	}
	return nil
}
