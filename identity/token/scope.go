package token

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// MaxScope is the longest scope parameter, in bytes.
const MaxScope = 1024

// Asked is a scope parameter after reading.
type Asked struct {
	Scope tandem.Scope
	// Obsolete says that DomainApi was asked for. It changes nothing, and the
	// record carries a warning.
	Obsolete bool
}

// ReadScope reads a scope parameter (RFC 6749 section 3.3). The reserved scope
// sec is refused here, for both flows.
func ReadScope(text string) (Asked, *oauth.Error) {
	var asked Asked
	if len(text) > MaxScope {
		return asked, Refuse(tandem.RuleScopeMalformed, oauth.InvalidScope, "the scope is longer than %d bytes", MaxScope)
	}
	for i := range len(text) {
		// scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), one space between two
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return asked, Refuse(tandem.RuleScopeMalformed, oauth.InvalidScope, "the scope has a character that no scope has")
		}
	}
	for _, word := range tandem.ParseScope(text) {
		switch word {
		case tandem.ScopeDomainAPI:
			asked.Obsolete = true
		case tandem.ScopeSec:
			return asked, Refuse(tandem.RuleScopeReserved, oauth.InvalidScope, "the scope sec is reserved")
		default:
			asked.Scope = append(asked.Scope, word)
		}
	}
	return asked, nil
}

// ServiceScope decides what a service token gets: what was asked for, if the
// application's service flow may have it; all that the flow may have when
// nothing was asked for. Protocol scopes are never part of it (invariant I3).
func ServiceScope(app *registry.App, asked tandem.Scope) (tandem.Scope, *oauth.Error) {
	return within(asked, app.FlowScope(tandem.FlowService), func(word string) *oauth.Error {
		if tandem.IsProtocolScope(word) {
			return Refuse(tandem.RuleScopeProtocol, oauth.InvalidScope, "the scope %s belongs to people; a service token cannot have it", word)
		}
		if tandem.IsResourceScope(word) && app.FlowScope(tandem.FlowUser).Has(word) {
			return Refuse(tandem.RuleScopeResource, oauth.InvalidScope, "the scope %s is of a resource, for people; a service token cannot have it", word)
		}
		return Refuse(tandem.RuleScopeFlow, oauth.InvalidScope, "the scope %s is outside what the application's service flow may have", word)
	})
}

// UserScope decides what an application may be granted for some person: like
// [ServiceScope] for the user flow, where protocol scopes need no
// configuration. Scopes of registered resources have to be asked for: see
// [Targets.Ask].
func UserScope(app *registry.App, asked tandem.Scope) (tandem.Scope, *oauth.Error) {
	return within(asked, app.FlowScope(tandem.FlowUser), func(word string) *oauth.Error {
		if tandem.IsProtocolScope(word) {
			return nil
		}
		return Refuse(tandem.RuleScopeFlow, oauth.InvalidScope, "the scope %s is outside what the application's user flow may have", word)
	})
}

func within(asked, limit tandem.Scope, outside func(word string) *oauth.Error) (tandem.Scope, *oauth.Error) {
	if len(asked) == 0 {
		all := limit.Without(tandem.IsResourceScope)
		if len(all) == 0 {
			return nil, Refuse(tandem.RuleScopeNone, oauth.InvalidScope, "the application's flow may have no scope at all")
		}
		return all, nil
	}
	for _, word := range asked {
		if limit.Has(word) {
			continue
		}
		if err := outside(word); err != nil {
			return nil, err
		}
	}
	return asked, nil
}

// ForUser leaves out what a person of this type cannot have: an external
// user's token carries no scope of the instance's own APIs (invariant I5). A person for
// whom nothing remains is refused with invalid_scope.
func ForUser(granted tandem.Scope, t tandem.UserType) (tandem.Scope, *oauth.Error) {
	if t == tandem.InternalUser {
		return granted, nil
	}
	out := granted.Without(tandem.IsERPScope)
	if len(out) == 0 {
		return nil, Refuse(tandem.RuleScopeExternal, oauth.InvalidScope, "an external user signs in for identity only; ask for openid")
	}
	return out, nil
}
