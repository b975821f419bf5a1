package identity

import (
	"context"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// authorizationCode redeems a code for a person's tokens (RFC 6749 section
// 4.1.3). The code works once, for the client, redirect URI and PKCE verifier
// it was issued to; of two redeemers at the same moment one wins, and the
// other takes back what the first got.
func (h *Handler) authorizationCode(ctx context.Context, q *request) (*issued, error) {
	text := q.form.get("code")
	if text == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "code is missing")
	}
	code, err := h.Codes.Find(ctx, token.Presented{
		Code: text, RedirectURI: q.form.get("redirect_uri"), Verifier: q.form.get("code_verifier"),
		ApplicationURI: q.app.ApplicationURI, ClientType: q.app.ClientType,
	})
	q.signInID = code.SignInID
	if err != nil {
		return nil, err
	}
	// The address that the code went to may have been taken from the
	// application meanwhile, perhaps because it is no longer its own.
	if code.RedirectURI != "" && !signin.MatchRedirectURI(q.app, code.RedirectURI) {
		return nil, oauth.Refuse(oauth.InvalidGrant, "the redirect_uri of this code is no longer registered")
	}
	u, err := h.person(ctx, q.app, code.UserID)
	if err != nil {
		return nil, err
	}
	// The application may have been changed since the person agreed: what it
	// must not have any more is left out.
	scope, err := stillAllowed(q, code.Scope, u)
	if err != nil {
		return nil, err
	}
	given := token.Given{GrantID: token.NewGrantID()}
	access, response, err := h.mint(token.UserToken{
		User: u, ApplicationURI: q.app.ApplicationURI, Scope: scope, SignInID: code.SignInID, AuthTime: code.AuthTime,
		GrantID: given.GrantID,
	}, code.Nonce)
	if err != nil {
		return nil, err
	}
	if scope.Has(tandem.ScopeOfflineAccess) {
		given.Family, response.RefreshToken, err = h.Families.New(given.GrantID, code, u, scope, q.app.ClientType)
		if err != nil {
			return nil, err
		}
	}
	if err := h.Codes.Use(ctx, code, given); err != nil {
		return nil, err
	}
	return &issued{
		response: response,
		tokenID:  access.ID,
		actor:    u.Login,
		detail:   "user token by code, scope " + response.Scope,
	}, nil
}

// stillAllowed is what remains of a grant today: the scopes that the user flow
// of the application still may have and that a person of this type can have.
func stillAllowed(q *request, granted tandem.Scope, u *tandem.User) (tandem.Scope, error) {
	limit := q.app.FlowScope(tandem.FlowUser)
	scope := make(tandem.Scope, 0, len(granted))
	for _, word := range granted {
		if tandem.IsProtocolScope(word) || limit.Has(word) {
			scope = append(scope, word)
		}
	}
	scope, refusal := token.ForUser(scope, u.Type)
	if refusal != nil {
		return nil, refusal
	}
	if len(scope) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "the application may have nothing of what was granted any more")
	}
	return scope, nil
}
