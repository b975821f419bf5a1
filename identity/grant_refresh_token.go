package identity

import (
	"context"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// refreshToken replaces a refresh token and gives a new access token (RFC 6749
// section 6). The scope can be narrowed for this access token; the grant stays
// as it is and never grows (invariants I9 and I10).
func (h *Handler) refreshToken(ctx context.Context, q *request) (*issued, error) {
	text := q.form.get("refresh_token")
	if text == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "refresh_token is missing")
	}
	refresh, err := h.Families.Find(ctx, text, q.app.ApplicationURI)
	q.signInID = refresh.SignInID
	if err != nil {
		return nil, err
	}
	u, err := h.person(ctx, q.app, refresh.UserID)
	if err != nil {
		return nil, err
	}
	if u.Type != refresh.UserType {
		if err := h.Families.End(ctx, refresh.ID, token.EndUserTypeChanged); err != nil {
			return nil, err
		}
		return nil, oauth.Refuse(oauth.InvalidGrant, "the user is of another type than when the grant was made; sign in again")
	}
	asked, refusal := token.ReadScope(q.form.get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	granted := refresh.Scope
	if len(asked.Scope) > 0 {
		if !asked.Scope.Within(granted) {
			return nil, oauth.Refuse(oauth.InvalidScope, "a refresh cannot ask for more than was granted: %s", granted)
		}
		granted = asked.Scope
	}
	scope, err := stillAllowed(q, granted, u)
	if err != nil {
		return nil, err
	}
	// Asked for by name and gone since: the client should hear of it.
	if len(asked.Scope) > len(scope) {
		return nil, oauth.Refuse(oauth.InvalidScope, "the application may not have all of this scope any more")
	}
	access, response, err := h.mint(token.UserToken{
		User: u, ApplicationURI: q.app.ApplicationURI, Scope: scope, SignInID: refresh.SignInID, AuthTime: refresh.AuthTime,
		GrantID: refresh.ID,
	}, "")
	if err != nil {
		return nil, err
	}
	response.RefreshToken, err = h.Families.Rotate(ctx, refresh)
	if err != nil {
		return nil, err
	}
	return &issued{
		response: response,
		tokenID:  access.ID,
		actor:    u.Login,
		detail:   "user token by refresh, scope " + response.Scope + obsolete(asked),
	}, nil
}
