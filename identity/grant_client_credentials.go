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
// nothing written but the record, together with which a proof of possession is used up.
func (h *Handler) clientCredentials(ctx context.Context, q *request) (*issued, error) {
	var u *tandem.User
	if q.app.SystemUserAllowed {
		var err error
		if u, err = h.Registry.User(ctx, q.app.SystemUserID); err != nil && !errors.Is(err, tandem.ErrNotFound) {
			return nil, err
		}
	}
	if refusal := h.targets().ForService(q.app, q.resources()); refusal != nil {
		return nil, refusal
	}
	asked, scope, refusal := token.ServiceGrant(q.app, u, q.form.get("scope"))
	q.ask(asked)
	if refusal != nil {
		return nil, refusal
	}
	instance := q.form.get("service_instance")
	if !oauth.ValidServiceInstance(instance) {
		return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "service_instance: use at most %d letters, digits, dots, underscores and hyphens",
			oauth.MaxServiceInstance)
	}
	access, err := h.Minter.ServiceAccess(token.ServiceToken{
		SystemUser: u, ApplicationURI: q.app.ApplicationURI, Scope: scope, Instance: instance, KeyThumbprint: q.key, FAPI: q.app.FAPI,
	})
	if err != nil {
		return nil, err
	}
	response := newResponse(access, scope, q.key)
	detail := "service token, scope " + response.Scope + obsolete(asked)
	if instance != "" {
		detail += ", instance " + instance
	}
	if len(asked.Scope) == 0 {
		q.facts.Limit = response.Scope // all that the flow may have
	}
	return &issued{response: response, access: access, as: u, detail: detail, proof: q.proof}, nil
}
