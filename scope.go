package tandem

import (
	"slices"
	"strings"
)

// The scopes of the instance.
const (
	// ScopeRead and ScopeUpdate are application scopes: they must be in the
	// Trusted Application.
	ScopeRead   = "read"
	ScopeUpdate = "update"
	// ScopeOpenID, ScopeProfile, ScopeEmail and ScopeOfflineAccess are
	// protocol scopes: never configured, and never part of the service flow.
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeOfflineAccess = "offline_access"
	// ScopeSec is reserved and never granted to an outside application.
	ScopeSec = "sec"
	// ScopeDomainAPI is obsolete; asking for it changes nothing.
	ScopeDomainAPI = "DomainApi"
)

// Scope is a set of scope tokens (RFC 6749 section 3.3) in the order given,
// without repeats.
type Scope []string

// ParseScope reads a space-delimited scope; it keeps the first of repeats.
func ParseScope(s string) Scope {
	var out Scope
	for _, word := range strings.Fields(s) {
		if !out.Has(word) {
			out = append(out, word)
		}
	}
	return out
}

// String is the space-delimited form.
func (s Scope) String() string { return strings.Join(s, " ") }

// Has reports whether the scope contains the token.
func (s Scope) Has(token string) bool { return slices.Contains(s, token) }

// Within reports whether every token of s is in limit.
func (s Scope) Within(limit Scope) bool {
	for _, t := range s {
		if !limit.Has(t) {
			return false
		}
	}
	return true
}

// Intersect keeps the tokens of s that are also in other. It is never nil.
func (s Scope) Intersect(other Scope) Scope {
	out := Scope{}
	for _, t := range s {
		if other.Has(t) {
			out = append(out, t)
		}
	}
	return out
}

// With are the tokens of s, and those of other that it lacks.
func (s Scope) With(other Scope) Scope {
	out := slices.Clone(s)
	for _, t := range other {
		if !out.Has(t) {
			out = append(out, t)
		}
	}
	return out
}

// Without is the scope less the words that drop selects. It is the same one where there
// are none.
func (s Scope) Without(drop func(word string) bool) Scope {
	if !slices.ContainsFunc(s, drop) {
		return s
	}
	return slices.DeleteFunc(slices.Clone(s), drop)
}

// IsERPScope reports whether the token is one of the instance's own APIs.
func IsERPScope(token string) bool {
	switch token {
	case ScopeRead, ScopeUpdate, ScopeSec, ScopeDomainAPI:
		return true
	}
	return false
}

// IsResourceScope reports whether the token is of neither the protocol nor the
// instance's own APIs: only a registered resource can have given it a meaning.
func IsResourceScope(token string) bool { return !IsProtocolScope(token) && !IsERPScope(token) }

// IsProtocolScope reports whether the token is one of the user flow's protocol
// scopes, which no application needs to have configured.
func IsProtocolScope(token string) bool {
	switch token {
	case ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOfflineAccess:
		return true
	}
	return false
}
