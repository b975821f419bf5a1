package token

import (
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// ServiceGrant decides what a back end gets, without giving it: u is the application's
// System User, nil where there is none.
func ServiceGrant(app *registry.App, u *tandem.User, scope string) (Asked, tandem.Scope, *oauth.Error) {
	if app.ClientType != tandem.ClientConfidential || !app.SystemUserAllowed {
		return Asked{}, nil, Refuse(tandem.RuleAppService, oauth.UnauthorizedClient, "the application may not act as a System User")
	}
	if u == nil || !u.Enabled || u.Type != tandem.SystemUserNoLogin {
		return Asked{}, nil, Refuse(tandem.RuleUserSystem, oauth.UnauthorizedClient, "the application's System User is disabled or missing")
	}
	asked, refusal := ReadScope(scope)
	if refusal != nil {
		return asked, nil, refusal
	}
	granted, refusal := ServiceScope(app, asked.Scope)
	return asked, granted, refusal
}

// MaySignIn decides what an application may ask for at all, whoever signs in.
func MaySignIn(app *registry.App, asked tandem.Scope) *oauth.Error {
	if !app.InternalUsers && !app.ExternalUsers {
		return Refuse(tandem.RuleAppSignIn, oauth.UnauthorizedClient, "nobody may sign in through this application: allow internal or external users")
	}
	_, refusal := UserScope(app, asked)
	return refusal
}

// UserGrant decides what an application gets for a person of the type, who has signed in,
// without giving it, and what is left out.
func UserGrant(app *registry.App, t tandem.UserType, asked tandem.Scope) (granted tandem.Scope, dropped []tandem.Dropped, refusal *oauth.Error) {
	if !app.AllowsUserType(t) {
		return nil, nil, Refuse(tandem.RuleUserType, oauth.AccessDenied, "users of type %s may not sign in through this application", t)
	}
	all, refusal := UserScope(app, asked)
	if refusal != nil {
		return nil, nil, refusal
	}
	granted, refusal = ForUser(all, t)
	if refusal != nil {
		return nil, nil, refusal
	}
	return granted, outside(all, granted), nil
}

// outside are the scopes that a person of the outside does not have.
func outside(all, left tandem.Scope) (dropped []tandem.Dropped) {
	for _, word := range all {
		if !slices.Contains(left, word) {
			dropped = append(dropped, tandem.Dropped{Scope: word, Rule: tandem.RuleScopeExternal})
		}
	}
	return dropped
}

// StillAllowed is what remains of a grant today: the scopes that the user flow of the
// application still may have and that a person of this type can have.
func StillAllowed(app *registry.App, t tandem.UserType, granted tandem.Scope) (left tandem.Scope, dropped []tandem.Dropped, refusal *oauth.Error) {
	limit := app.FlowScope(tandem.FlowUser)
	all := make(tandem.Scope, 0, len(granted))
	for _, word := range granted {
		if tandem.IsProtocolScope(word) || limit.Has(word) {
			all = append(all, word)
		} else {
			dropped = append(dropped, tandem.Dropped{Scope: word, Rule: tandem.RuleScopeFlow})
		}
	}
	left, refusal = ForUser(all, t)
	switch {
	case refusal != nil:
		return nil, dropped, refusal
	case len(left) == 0:
		return nil, dropped, Refuse(tandem.RuleScopeNone, oauth.InvalidScope, "the application may have nothing of what was granted any more")
	}
	return left, append(dropped, outside(all, left)...), nil
}
