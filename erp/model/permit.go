package model

import (
	"errors"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// What a caller may do with the rows of a set: both what the scopes of the token
// allow and what the account is granted. The sets of the security namespace
// ([Set].Security) need the scope sec besides. Other rows may link to theirs, and
// the id in such a link is seen by everybody; to look into the row, or for it by
// anything but its id, is not a link's.
//
// Permission is asked where a name that a caller typed becomes a set, by whoever
// goes on with that set: erp/query for what is read, erp/write for what is
// written. Nobody looks at a request beforehand to guess what it will reach.
// Which rows of a set are somebody's is decided in the SQL: see [Set.Guards].
//
// External users have no token for the API. Which customer's documents they see
// is said by rows of Crm_Sales_CustomerExternalAccess, which the portal asks
// with its own.

// ScopeError refuses rows that need a scope which was not granted.
type ScopeError struct {
	// Scope is the one needed.
	Scope string
	// Set is the set of the rows.
	Set *Set
}

// Error implements error.
func (e *ScopeError) Error() string {
	return "rows of " + e.Set.Name + " need the scope " + e.Scope + ", which was not granted"
}

// Permit refuses a caller who may not do with rows of the set what is needed: the
// error is a [*ScopeError] or a [*permission.Denied]. Parts of an aggregate go with
// its root, but for those that are [SetDeclaration.KeyedApart]: who may change an
// order may change its lines.
func (s *Set) Permit(by permission.Granted, need permission.Right) error {
	secured := s.Security || s.Base != nil && s.Base.Security
	if secured && !by.Scope.Has(tandem.ScopeSec) {
		return &ScopeError{tandem.ScopeSec, s}
	}
	keyed := s.Permissive()
	if by.Set(keyed.Name, need) {
		return by.Decided(keyed.Name, "", need, nil)
	}
	return by.Decided(keyed.Name, "", need, keyed.denied(need))
}

// denied is the refusal by the key of a set that has one.
func (s *Set) denied(need permission.Right) *permission.Denied {
	return &permission.Denied{Set: s.Name, Need: need, Rule: tandem.RuleSet, Key: permission.SetKeyID(s.Name)}
}

// Permit refuses a caller who may not do with the attribute what is needed, where
// it has a key of its own; the error is a [*permission.Denied].
func (p *Property) Permit(by *permission.Rights, need permission.Right) error {
	if p.IDOf != nil {
		return p.IDOf.Permit(by, need)
	}
	if by.Column(p.Set.Name, p.Name)&need != need {
		return &permission.Denied{
			Set: p.Set.Name, Attribute: p.Name, Need: need, Rule: tandem.RuleAttribute, Key: permission.ColumnKeyID(p.Set.Name, p.Name),
		}
	}
	return nil
}

// PermitTo is [Property.Permit] for a caller, whose watcher is told of attributes that
// have a key.
func (p *Property) PermitTo(by permission.Granted, need permission.Right) error {
	if p.IDOf != nil {
		return p.IDOf.PermitTo(by, need)
	}
	err := p.Permit(by.Rights, need)
	if by.Watch == nil || !by.Guards(p.Set.Name, p.Name) {
		return err
	}
	var refused *permission.Denied
	errors.As(err, &refused)
	return by.Decided(p.Set.Name, p.Name, need, refused)
}

// Hides reports whether there may be attributes of the set that the rights do not
// let be read. What a base has is known by the name of the first set that has it, which
// may be any of the subtypes.
func (s *Set) Hides(by *permission.Rights) bool {
	root := s
	if s.Base != nil {
		root = s.Base
	}
	return by.HidesIn(root.Name) || slices.ContainsFunc(root.Subtypes, func(t *Set) bool { return by.HidesIn(t.Name) })
}
