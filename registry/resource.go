package registry

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hybridapps/tandem"
)

// Bounds of a registered resource: its URI and the names of its scopes in bytes, the rest
// in entries.
const (
	MaxResource       = 512
	MaxResourceScope  = 64
	MaxResourceScopes = 20
	MaxAcceptsFrom    = 50
)

// Resource is an API of an application's own that people's tokens can be for (RFC 8707),
// as last read. It is shared: never change it.
type Resource struct {
	// URI is the audience of the tokens, compared byte for byte.
	URI string
	// Scopes are those that the resource gives a meaning.
	Scopes tandem.Scope
	// AcceptsFrom are the ApplicationURIs that may ask for tokens for it.
	AcceptsFrom []string
	// Owner is the ApplicationURI of the application that it is of, Name that
	// application's name, and Enabled says that it is switched on.
	Owner, Name string
	Enabled     bool
}

// Accepts reports whether the application may ask for tokens for the resource.
func (r *Resource) Accepts(applicationURI string) bool {
	return slices.Contains(r.AcceptsFrom, applicationURI)
}

// resources are all registered ones, by URI and by each scope.
type resources struct {
	lock    sync.RWMutex
	byURI   map[string]*Resource
	byScope map[string]*Resource
}

// replace puts the resource of an application in the place of the one it had; nil is for
// no application. What another has taken meanwhile stays.
func (s *resources) replace(old, now *App) {
	if (old == nil || old.Resource == nil) && (now == nil || now.Resource == nil) {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.byURI == nil {
		s.byURI, s.byScope = map[string]*Resource{}, map[string]*Resource{}
	}
	if old != nil && old.Resource != nil {
		drop(s.byURI, old.Resource.URI, old.ApplicationURI)
		for _, scope := range old.Resource.Scopes {
			drop(s.byScope, scope, old.ApplicationURI)
		}
	}
	if now != nil && now.Resource != nil {
		s.byURI[now.Resource.URI] = now.Resource
		for _, scope := range now.Resource.Scopes {
			s.byScope[scope] = now.Resource
		}
	}
}

func drop(from map[string]*Resource, key, owner string) {
	if r := from[key]; r != nil && r.Owner == owner {
		delete(from, key)
	}
}

func (s *resources) get(uri string) (*Resource, bool) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	r, ok := s.byURI[uri]
	return r, ok
}

func (s *resources) of(scope string) (*Resource, bool) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	r, ok := s.byScope[scope]
	return r, ok
}

// Resource is the registered resource with the URI, compared byte for byte. As with
// [Registry.App], the database is asked for one that is not known.
func (r *Registry) Resource(uri string) (*Resource, bool) {
	of, ok := r.resources.get(uri)
	if ok || uri == "" || len(uri) > MaxResource || !r.mayLook() {
		return of, ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.CatchUp(ctx); err != nil {
		return nil, false // Run tells why
	}
	return r.resources.get(uri)
}

// ResourceOf is the registered resource that the scope is of.
func (r *Registry) ResourceOf(scope string) (*Resource, bool) { return r.resources.of(scope) }

// resourceScopeSyntax is narrower than that of RFC 6749 section 3.3: a scope needs no
// escape anywhere, and no two look the same.
var resourceScopeSyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)

// builtInScopes are those whose names no resource's scope can have, in whatever case.
var builtInScopes = []string{
	tandem.ScopeRead, tandem.ScopeUpdate, tandem.ScopeSec, tandem.ScopeDomainAPI,
	tandem.ScopeOpenID, tandem.ScopeProfile, tandem.ScopeEmail, tandem.ScopeOfflineAccess, "address", "phone",
}

func validResourceScope(word string) bool {
	return len(word) <= MaxResourceScope && resourceScopeSyntax.MatchString(word) &&
		!slices.ContainsFunc(builtInScopes, func(b string) bool { return strings.EqualFold(b, word) })
}

// validateResource checks what an application says of its resource (RFC 8707 section 2).
func validateResource(a *tandem.TrustedApp) error {
	if a.CompanionOf != "" && (len(a.CompanionOf) > tandem.MaxApplicationURI || !applicationURISyntax.MatchString(a.CompanionOf) || a.CompanionOf == a.ApplicationURI) {
		return invalid("companion of %q: name the ApplicationUri of another application", tandem.Clip(a.CompanionOf, shown))
	}
	if a.Resource == "" {
		if len(a.ResourceScopes)+len(a.AcceptsFrom) > 0 {
			return invalid("resource scopes and accepts-from belong to a resource: name it by its URI")
		}
		return nil
	}
	if a.ClientType != tandem.ClientConfidential {
		return invalid("a %s application cannot own a resource: it has no credential to ask about tokens with; register the API as a %s application",
			a.ClientType, tandem.ClientConfidential)
	}
	if err := validateResourceURI(a.Resource); err != nil {
		return err
	}
	if n := len(a.ResourceScopes); n == 0 || n > MaxResourceScopes {
		return invalid("resource scopes: name 1 to %d", MaxResourceScopes)
	}
	seen := map[string]bool{}
	for _, word := range a.ResourceScopes {
		if !validResourceScope(word) {
			return invalid("resource scope %q: use at most %d letters, digits and . _ : / - and none of the scopes of the instance",
				tandem.Clip(word, shown), MaxResourceScope)
		}
		if key := strings.ToLower(word); seen[key] {
			return invalid("resource scope %q is named twice", word)
		} else {
			seen[key] = true
		}
	}
	if len(a.AcceptsFrom) > MaxAcceptsFrom {
		return invalid("accepts from: name at most %d applications", MaxAcceptsFrom)
	}
	for _, uri := range a.AcceptsFrom {
		if len(uri) > tandem.MaxApplicationURI || !applicationURISyntax.MatchString(uri) {
			return invalid("accepts from %q: name the ApplicationUri of an application", tandem.Clip(uri, shown))
		}
	}
	return nil
}

func validateResourceURI(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" || len(text) > MaxResource:
		return invalid("resource %q: use an absolute URI of at most %d bytes, such as https://field.example.com/api", tandem.Clip(text, shown), MaxResource)
	case strings.Contains(text, "#"):
		return invalid("resource %q: no fragment (RFC 8707 section 2)", tandem.Clip(text, shown))
	case u.User != nil:
		return invalid("resource %q: no user in a URI", tandem.Clip(text, shown))
	case strings.ContainsAny(text, " \"\\<>*") || tandem.HasControl(text) || strings.ContainsFunc(text, func(r rune) bool { return r > '~' }):
		return invalid("resource %q: no spaces, quotes, wildcards or characters outside ASCII", tandem.Clip(text, shown))
	}
	return nil
}

// checkOthers checks what an application newly says of others: each scope is of a
// resource that there is, and so is its companion. What it said before may be gone
// by now, and does not keep anybody from changing something else.
func (t *TrustedApps) checkOthers(ctx context.Context, old, now *tandem.TrustedApp) error {
	for _, word := range now.Scope {
		if !tandem.IsResourceScope(word) || old.Scope.Has(word) || now.ResourceScopes.Has(word) {
			continue
		}
		_, err := t.Store.ScopeOwner(ctx, word)
		if errors.Is(err, tandem.ErrNotFound) {
			return invalid("scope %q: it is none of %s and %s, and no resource has it; register its resource first: tandem app update OWNER --resource URI --resource-scopes %[1]s",
				tandem.Clip(word, shown), tandem.ScopeRead, tandem.ScopeUpdate)
		}
		if err != nil {
			return err
		}
	}
	if now.CompanionOf == "" || now.CompanionOf == old.CompanionOf {
		return nil
	}
	_, err := t.Store.ByURI(ctx, now.CompanionOf)
	if errors.Is(err, tandem.ErrNotFound) {
		return invalid("companion of: there is no application %q", tandem.Clip(now.CompanionOf, shown))
	}
	return err
}
