package registry

import (
	"context"
	"errors"

	"github.com/hybridapps/tandem"
)

// Why a live principal may not act any more. Each is a [tandem.Error] with
// [tandem.CodeUnauthorized]: the token is dead, and a new one may or may not
// be had.
var (
	errAppGone       = refused(tandem.RuleAppUnknown, "the application is unknown or disabled")
	errAppOff        = errAppGone.By(tandem.RuleAppDisabled)
	errRevoked       = refused(tandem.RuleTokenRevoked, "the token was revoked")
	errUserGone      = refused(tandem.RuleUserUnknown, "the user is unknown or disabled")
	errUserOff       = errUserGone.By(tandem.RuleUserDisabled)
	errUserChanged   = refused(tandem.RuleUserChanged, "the user has another type or other rights than when the token was issued")
	errUserType      = refused(tandem.RuleUserType, "the application does not admit users of this type")
	errNoSystemUser  = refused(tandem.RuleAppService, "the application may not act as a System User")
	errOtherUser     = refused(tandem.RuleAppSystemUser, "the application acts as another System User now")
	errSystemUser    = refused(tandem.RuleUserSystem, "the System User is unknown or disabled")
	errScopeShrunk   = refused(tandem.RuleScopeFlow, "the application may not be granted this scope any more")
	errOlderThanApp  = refused(tandem.RuleAppReplaced, "the token was issued to an earlier application of that name")
	errNoResource    = refused(tandem.RuleResource, "the resource is unknown now, or switched off")
	errNotAccepted   = refused(tandem.RuleResourceAccepts, "the resource takes no tokens of the application any more")
	errNoPrincipal   = refused(tandem.RuleTokenKind, "the token speaks for nobody")
	errStaleRegistry = tandem.Errorf(tandem.CodeUnavailable, "the database has not answered for some seconds; try again")
)

func refused(by tandem.Rule, why string) *tandem.Error {
	return tandem.Errorf(tandem.CodeUnauthorized, "%s", why).By(by)
}

// Check decides whether whom a verified token speaks for may still act: the
// token is not revoked, nor is its grant, and its sign-in has not been ended; the application is enabled; a person is enabled, has
// the type and rights the token says, and is of a type the application admits;
// a System User is enabled and still the one the application acts as; and the
// scope is within what the flow may have today (invariants I6 and I10).
//
// A nil error means yes. A refusal has [tandem.CodeUnauthorized]; when the
// database has not answered for longer than [MaxStale] the code is
// [tandem.CodeUnavailable]. It runs on every API call: the usual answer takes
// about 100 ns and allocates nothing. A user's first call reads the database.
func (r *Registry) Check(ctx context.Context, p *tandem.Principal) error {
	app, ok := r.App(p.ApplicationURI)
	if r.stale.Load() {
		return errStaleRegistry
	}
	if !ok {
		return errAppGone
	}
	if !app.Enabled {
		return errAppOff
	}
	// Tokens tell time in whole seconds. An application that was registered with a
	// clock that was ahead says nothing of when.
	if p.IssuedAt.Unix() < app.CreatedAt.Unix() && !app.CreatedAt.After(r.Clock.Now()) {
		return errOlderThanApp
	}
	if r.isRevoked(p.TokenID) || p.User != nil && (p.User.GrantID != "" && r.isRevoked(p.User.GrantID) || p.User.SignInID != "" && r.isRevoked(p.User.SignInID)) {
		return errRevoked
	}
	switch {
	case p.Reference:
		return r.checkReference(ctx, app, p)
	case p.User != nil && p.Service == nil:
		return r.checkUser(ctx, app, p)
	case p.Service != nil && p.User == nil:
		return r.checkService(ctx, app, p)
	}
	return errNoPrincipal
}

// SignInEnded reports whether a sign-in has ended so lately that access tokens of it may
// still be about.
func (r *Registry) SignInEnded(sid string) bool { return r.isRevoked(sid) }

// isRevoked takes the id of a token or of a grant.
func (r *Registry) isRevoked(id string) bool {
	_, yes := r.revoked.get(id)
	return yes
}

func (r *Registry) checkUser(ctx context.Context, app *App, p *tandem.Principal) error {
	u, err := r.User(ctx, p.User.ID)
	if err != nil {
		return notFoundIs(err, errUserGone)
	}
	switch {
	case !u.Enabled:
		return errUserOff
	case u.Type != p.User.Type || u.Admin != p.User.Admin || u.Login != p.User.Login:
		return errUserChanged
	case !app.AllowsUserType(u.Type):
		return errUserType
	}
	limit := app.FlowScope(tandem.FlowUser)
	for _, s := range p.Scope {
		if tandem.IsProtocolScope(s) {
			continue
		}
		if u.Type != tandem.InternalUser && !tandem.IsResourceScope(s) || !limit.Has(s) {
			return errScopeShrunk
		}
	}
	if p.Resource != "" {
		return r.checkResource(p)
	}
	return nil
}

// checkResource says whether a token for a registered resource is good for it still.
func (r *Registry) checkResource(p *tandem.Principal) error {
	of, known := r.resources.get(p.Resource)
	switch {
	case !known || !of.Enabled:
		return errNoResource
	case !of.Accepts(p.ApplicationURI):
		return errNotAccepted
	}
	for _, s := range p.Scope {
		if !tandem.IsProtocolScope(s) && !of.Scopes.Has(s) {
			return errScopeShrunk
		}
	}
	return nil
}

func (r *Registry) checkService(ctx context.Context, app *App, p *tandem.Principal) error {
	switch {
	case !app.SystemUserAllowed || app.ClientType != tandem.ClientConfidential:
		return errNoSystemUser
	case app.SystemUserID != p.Service.SystemUserID:
		return errOtherUser
	}
	u, err := r.User(ctx, p.Service.SystemUserID)
	if err != nil {
		return notFoundIs(err, errSystemUser)
	}
	if !u.Enabled || u.Type != tandem.SystemUserNoLogin || u.Login != p.Service.SystemUserLogin {
		return errSystemUser
	}
	if !p.Scope.Within(app.FlowScope(tandem.FlowService)) {
		return errScopeShrunk
	}
	return nil
}

// MayAct refuses an account that is switched off, as [Registry.Check] does.
func MayAct(u *tandem.User) error {
	switch {
	case u.Enabled:
		return nil
	case u.Type == tandem.SystemUserNoLogin:
		return errSystemUser
	}
	return errUserOff
}

// notFoundIs replaces a not-found error; others pass, so that a database that
// fails is not taken for a user who is gone.
func notFoundIs(err error, as *tandem.Error) error {
	if errors.Is(err, tandem.ErrNotFound) {
		return as
	}
	return err
}
