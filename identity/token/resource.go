package token

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// Registered are the registered resources; [registry.Registry] implements it.
type Registered interface {
	Resource(uri string) (*registry.Resource, bool)
	ResourceOf(scope string) (*registry.Resource, bool)
}

// Targets are what tokens can be asked for by the parameter resource (RFC 8707): the
// instance itself, by the URL of its API, [AudienceDomainAPI] or [ResourcesAudience], of
// which naming one is naming all; and registered resources.
type Targets struct {
	Issuer, API string
	Registered  Registered
}

// named are the values of the parameter resource, each once.
type named struct {
	// instance is the instance itself; the others are registered.
	instance   bool
	registered []*registry.Resource
}

// read finds what an application has named. The names of the instance go first, whatever is
// registered.
func (t *Targets) read(app *registry.App, asked []string) (n named, refusal *oauth.Error) {
	own := []string{strings.TrimSuffix(t.API, "/"), AudienceDomainAPI, ResourcesAudience(t.Issuer)}
	for _, uri := range asked {
		switch {
		case uri == "":
		case slices.Contains(own, strings.TrimSuffix(uri, "/")):
			n.instance = true
		default:
			r, refusal := t.find(app, uri)
			if refusal != nil {
				return n, refusal
			}
			if !slices.ContainsFunc(n.registered, func(seen *registry.Resource) bool { return seen.URI == r.URI }) {
				n.registered = append(n.registered, r)
			}
		}
	}
	return n, nil
}

// find is a registered resource that takes tokens of the application.
func (t *Targets) find(app *registry.App, uri string) (*registry.Resource, *oauth.Error) {
	r, ok := t.Registered.Resource(uri)
	switch {
	case !ok || !r.Enabled:
		return nil, Refuse(tandem.RuleResource, oauth.InvalidTarget, "resource %s is unknown here, or not for this application", tandem.Clip(uri, 80))
	case !r.Accepts(app.ApplicationURI):
		return nil, Refuse(tandem.RuleResourceAccepts, oauth.InvalidTarget, "resource %s is unknown here, or not for this application", tandem.Clip(uri, 80))
	}
	return r, nil
}

// Ask decides what an application asks for with a scope and the values of the parameter
// resource, at the authorization endpoint and the like (RFC 8707 section 2.1). Of what it
// names it must ask for something, and of what it does not name for nothing; a scope that
// is empty is all that it may have of what it names. Whether it may have it is for
// [UserScope].
func (t *Targets) Ask(app *registry.App, asked tandem.Scope, resources []string) (tandem.Scope, *oauth.Error) {
	n, refusal := t.read(app, resources)
	if refusal != nil {
		return nil, refusal
	}
	if len(n.registered) == 0 {
		n.instance = true
	}
	if len(asked) == 0 && len(n.registered) > 0 {
		asked = n.all(app.FlowScope(tandem.FlowUser))
	}
	for _, word := range asked {
		if refusal := t.placed(app, &n, word); refusal != nil {
			return nil, refusal
		}
	}
	for _, r := range n.registered {
		if !slices.ContainsFunc(asked, r.Scopes.Has) {
			return nil, Refuse(tandem.RuleScopeNone, oauth.InvalidScope, "the scope has nothing of the resource %s: ask for %s", r.URI, r.Scopes)
		}
	}
	return asked, nil
}

// all is what is named of the scope, without the protocol's.
func (n *named) all(limit tandem.Scope) tandem.Scope {
	return limit.Without(func(word string) bool {
		if tandem.IsERPScope(word) {
			return !n.instance
		}
		return !slices.ContainsFunc(n.registered, func(r *registry.Resource) bool { return r.Scopes.Has(word) })
	})
}

// placed checks that a scope is of something that was named. One that means nothing here
// is left for [UserScope] to refuse.
func (t *Targets) placed(app *registry.App, n *named, word string) *oauth.Error {
	if tandem.IsProtocolScope(word) || tandem.IsERPScope(word) && n.instance {
		return nil
	}
	if slices.ContainsFunc(n.registered, func(r *registry.Resource) bool { return r.Scopes.Has(word) }) {
		return nil
	}
	of, known := t.Registered.ResourceOf(word)
	switch {
	case tandem.IsERPScope(word):
		return Refuse(tandem.RuleScopeResource, oauth.InvalidScope, "the scope %s is of none of the resources asked for: name %s, too", word, t.API)
	case !app.FlowScope(tandem.FlowUser).Has(word):
		return nil
	case known && of.Accepts(app.ApplicationURI):
		return Refuse(tandem.RuleScopeResource, oauth.InvalidScope, "the scope %s is of the resource %s: name it by the parameter resource", word, of.URI)
	}
	return Refuse(tandem.RuleScopeResource, oauth.InvalidScope, "the scope %s is of no resource that is for this application", word)
}

// Target is what one token is for.
type Target struct {
	// Resource is the URI of a registered one; empty for the instance itself.
	Resource string
	// Scope is what the token may do there, with the scopes of the protocol.
	Scope tandem.Scope
}

// Pick decides what a token of a grant is for, by the values of the parameter resource at
// the token endpoint: one target (RFC 8707 section 2.2). Without the parameter it is the
// instance where the grant has anything for it, else the one resource that the grant is
// for. The scope is a part of what was granted, whatever is named (invariant I10).
func (t *Targets) Pick(app *registry.App, granted tandem.Scope, resources []string) (Target, *oauth.Error) {
	n, refusal := t.read(app, resources)
	if refusal == nil && !n.instance && len(n.registered) == 0 {
		n, refusal = t.usual(app, granted)
	}
	switch {
	case refusal != nil:
		return Target{}, refusal
	case n.instance && len(n.registered) > 0 || len(n.registered) > 1:
		return Target{}, Refuse(tandem.RuleResourceOne, oauth.InvalidTarget, "a token is for one resource: name one of them by the parameter resource")
	}
	target := Target{Scope: granted.Without(tandem.IsResourceScope)}
	if !n.instance {
		r := n.registered[0]
		target = Target{Resource: r.URI, Scope: granted.Without(func(word string) bool { return !tandem.IsProtocolScope(word) && !r.Scopes.Has(word) })}
	}
	if len(target.Scope) == 0 || !n.instance && !slices.ContainsFunc(target.Scope, tandem.IsResourceScope) {
		return Target{}, Refuse(tandem.RuleScopeGrant, oauth.InvalidTarget, "nothing was granted for this resource")
	}
	return target, nil
}

// usual is what a token is for that is asked for without the parameter.
func (t *Targets) usual(app *registry.App, granted tandem.Scope) (n named, refusal *oauth.Error) {
	n.instance = !slices.ContainsFunc(granted, tandem.IsResourceScope) || slices.ContainsFunc(granted, tandem.IsERPScope)
	if n.instance {
		return n, nil
	}
	var uris []string
	for _, word := range granted {
		if r, ok := t.Registered.ResourceOf(word); ok && tandem.IsResourceScope(word) {
			uris = append(uris, r.URI)
		}
	}
	if len(uris) == 0 {
		return n, Refuse(tandem.RuleResource, oauth.InvalidTarget, "the resource of what was granted is gone")
	}
	return t.read(app, uris)
}

// ForService checks the parameter resource of a back end, whose tokens are for the
// instance alone (invariants I2 and I3).
func (t *Targets) ForService(app *registry.App, resources []string) *oauth.Error {
	n, refusal := t.read(app, resources)
	if refusal == nil && len(n.registered) > 0 {
		refusal = Refuse(tandem.RuleScopeResource, oauth.InvalidTarget, "the resource %s is for people; a service token is for %s alone", n.registered[0].URI, t.API)
	}
	return refusal
}
