package signin

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// Consent is what a person allows an application to do in their name: the
// TrustedApplicationAuthorizations of ERP.net. Applications of the first party need none.
type Consent struct {
	UserID, ApplicationID string
	// Scope is all that was allowed, one yes after the other; protocol scopes too.
	Scope tandem.Scope
	// FirstAt is when the person first allowed something, GivenAt when last, and GivenFrom
	// the address of then.
	FirstAt, GivenAt time.Time
	GivenFrom        string
	// UsedAt is when the application was last given something by it.
	UsedAt time.Time
}

// Covers reports whether the consent allows all of the scope. The e-mail address comes
// with the scope profile too.
func (c *Consent) Covers(scope tandem.Scope) bool {
	for _, word := range scope {
		if !c.Scope.Has(word) && !(word == tandem.ScopeEmail && c.Scope.Has(tandem.ScopeProfile)) {
			return false
		}
	}
	return true
}

// Consents keeps what people allow applications.
type Consents interface {
	// Consent returns [tandem.ErrNotFound] where the person has allowed nothing.
	Consent(ctx context.Context, userID, applicationID string) (Consent, error)
	// Give adds to what the person has allowed before.
	Give(ctx context.Context, c Consent) error
	// ConsentUsed notes that the application was given something by it.
	ConsentUsed(ctx context.Context, userID, applicationID string, at time.Time) error
}

// mustAsk reports whether the person has to be asked before the application gets the
// scope: it is of others and has not been allowed all of this, or it wants them asked.
func (h *Handler) mustAsk(ctx context.Context, app *registry.App, req *authorizationRequest, userID string, scope tandem.Scope) (bool, error) {
	switch {
	case req.allowed:
		return false, nil
	case req.hasPrompt(oauth.PromptConsent):
		return true, nil
	case app.FirstParty:
		return false, nil
	}
	c, err := h.Consents.Consent(ctx, userID, app.ID)
	if errors.Is(err, tandem.ErrNotFound) {
		return true, nil
	}
	return !c.Covers(scope), err
}

// consentScope is what a request is to be allowed for: the scope that would be granted,
// and those that tell as much as the claims that it asks for one by one.
func (req *authorizationRequest) consentScope(granted tandem.Scope) tandem.Scope {
	return granted.With(req.Claims.Scope())
}

// allow puts on record what the person allows the application, and keeps it.
func (h *Handler) allow(ctx context.Context, from string, app *registry.App, who *signedIn, scope tandem.Scope) error {
	now := h.Clock.Now()
	e := tandem.AuditEvent{
		At: now, Kind: tandem.AuditConsentGiven, ApplicationURI: app.ApplicationURI, Actor: who.Account.Login, Flow: tandem.FlowUser,
		SignInID: who.ID, RemoteAddr: from, Detail: "allowed the application " + scope.String(),
		Facts: (&tandem.Facts{
			Grant: "consent", Scope: scope.String(), AppVersion: app.Version, UserVersion: who.Account.Version, UserType: who.Account.Type,
		}).JSON(),
	}
	if err := h.Audit.Record(ctx, e); err != nil {
		return err
	}
	return h.Consents.Give(ctx, Consent{
		UserID: who.UserID, ApplicationID: app.ID, Scope: scope, FirstAt: now, GivenAt: now, GivenFrom: from, UsedAt: now,
	})
}

// used notes that a consent was used, for an application that needs one.
func (h *Handler) used(ctx context.Context, app *registry.App, userID string) error {
	if app.FirstParty {
		return nil
	}
	return h.Consents.ConsentUsed(ctx, userID, app.ID, h.Clock.Now())
}

var errNoConsent = token.Refuse(tandem.RuleConsentWithdrawn, oauth.InvalidGrant,
	"the person has not allowed the application this, or not any more; ask them to sign in again")

// Consented checks that the person still allows the application what it redeems or renews.
// The error is an [oauth.Error] with invalid_grant where they do not.
func Consented(ctx context.Context, consents Consents, app *registry.App, userID string, scope tandem.Scope) error {
	if app.FirstParty {
		return nil
	}
	c, err := consents.Consent(ctx, userID, app.ID)
	if errors.Is(err, tandem.ErrNotFound) || err == nil && !c.Covers(scope) {
		return errNoConsent
	}
	return err
}
