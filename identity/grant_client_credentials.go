package identity

import (
	"context"
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// clientCredentials gives a back end its service token (RFC 6749 section 4.4):
// the application acts as its System User. There is no person here, no refresh
// token and no ID token (invariant I3). Nothing is read from the database and
// nothing written but the record.
func (h *Handler) clientCredentials(ctx context.Context, q *request) (*issued, error) {
	if q.app.ClientType != tandem.ClientConfidential || !q.app.SystemUserAllowed {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application may not act as a System User")
	}
	u, err := h.Registry.User(ctx, q.app.SystemUserID)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return nil, err
	}
	if err != nil || !u.Enabled || u.Type != tandem.SystemUserNoLogin {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application's System User is disabled or missing")
	}
	instance := q.form.get("service_instance")
	if !oauth.ValidServiceInstance(instance) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "service_instance: use at most %d letters, digits, dots, underscores and hyphens",
			oauth.MaxServiceInstance)
	}
	asked, refusal := token.ReadScope(q.form.get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	scope, refusal := token.ServiceScope(q.app, asked.Scope)
	if refusal != nil {
		return nil, refusal
	}
	access, err := h.Minter.ServiceAccess(token.ServiceToken{
		SystemUser: u, ApplicationURI: q.app.ApplicationURI, Scope: scope, Instance: instance,
	})
	if err != nil {
		return nil, err
	}
	response := newResponse(access, scope)
	detail := "service token, scope " + response.Scope + obsolete(asked)
	if instance != "" {
		detail += ", instance " + instance
	}
	return &issued{response: response, tokenID: access.ID, actor: u.Login, detail: detail}, nil
}
