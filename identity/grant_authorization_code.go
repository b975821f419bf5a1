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
		return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "code is missing")
	}
	code, err := h.Codes.Find(ctx, token.Presented{
		Code: text, RedirectURI: q.form.get("redirect_uri"), Verifier: q.form.get("code_verifier"),
		ApplicationURI: q.app.ApplicationURI, ClientType: q.app.ClientType, KeyThumbprint: q.key,
	})
	q.signInID = code.SignInID
	if err != nil {
		return nil, err
	}
	// The address that the code went to may have been taken from the
	// application meanwhile, perhaps because it is no longer its own.
	if code.RedirectURI != "" && !signin.MatchRedirectURI(q.app, code.RedirectURI) {
		return nil, token.Refuse(tandem.RuleRedirect, oauth.InvalidGrant, "the redirect_uri of this code is no longer registered")
	}
	return h.redeem(ctx, q, code)
}

// redeem uses up a code that was proved, for the tokens of its person.
func (h *Handler) redeem(ctx context.Context, q *request, code token.StoredCode) (*issued, error) {
	if refusal := h.ofEarlierApp(q, code.IssuedAt); refusal != nil {
		return nil, refusal
	}
	u, err := h.person(ctx, q.app, code.UserID)
	if err != nil {
		return nil, err
	}
	// A code that was on its way while its person signed out was seen by nobody.
	if ended, err := h.SignIns.SignInEnded(ctx, code.SignInID); err != nil {
		return nil, err
	} else if ended {
		return nil, token.Refuse(tandem.RuleCodeUsed, oauth.InvalidGrant, "the sign-in of this code has ended")
	}
	// The application may have been changed since the person agreed: what it
	// must not have any more is left out.
	scope, err := stillAllowed(q, code.Scope, u)
	if err != nil {
		return nil, err
	}
	if err := signin.Consented(ctx, h.Consents, q.app, u.ID, scope); err != nil {
		return nil, err
	}
	q.of(u, code.Authentication)
	target, err := h.target(q, scope)
	if err != nil {
		return nil, err
	}
	given := token.Given{GrantID: token.NewGrantID()}
	access, response, err := h.mint(token.UserToken{
		User: u, ApplicationURI: q.app.ApplicationURI, Scope: target.Scope, Resource: target.Resource, SignInID: code.SignInID, AuthTime: code.AuthTime,
		Authentication: code.Authentication,
		GrantID:        given.GrantID, Claims: code.Claims, KeyThumbprint: q.key, IDAlgorithm: q.app.IDTokenAlgorithm, FAPI: q.app.FAPI,
	}, code.Nonce)
	if err != nil {
		return nil, err
	}
	if scope.Has(tandem.ScopeOfflineAccess) {
		given.Family, response.RefreshToken, err = h.Families.New(given.GrantID, code, u, scope, q.app.ClientType, q.key)
		if err != nil {
			return nil, err
		}
	}
	q.family(given.GrantID, 1)
	if err := h.useProof(ctx, q); err != nil {
		return nil, err
	}
	if err := h.Codes.Use(ctx, code, given); err != nil {
		return nil, err
	}
	return &issued{
		response: response,
		access:   access,
		as:       u,
		detail:   "user token by code, scope " + response.Scope,
	}, nil
}

// stillAllowed is [token.StillAllowed], with what is left out noted.
func stillAllowed(q *request, granted tandem.Scope, u *tandem.User) (tandem.Scope, error) {
	left, dropped, refusal := token.StillAllowed(q.app, u.Type, granted)
	q.facts.Dropped = append(q.facts.Dropped, dropped...)
	if refusal != nil {
		return nil, refusal
	}
	return left, nil
}
