package model

import "github.com/hybridapps/tandem"

// Who may see which rows. Whoever has a token for the API sees the rows of every
// set, as far as its scopes go, but for the sets of the security namespace
// ([Set].Security): these need the scope sec. Other rows may link to theirs, and
// the id in such a link is seen by everybody; to look into the row, or for it by
// anything but its id, is not a link's.
//
// Permission is asked where a name that a caller typed becomes a set, by whoever
// goes on with that set: erp/query for what is read, erp/write for what is
// written. Nobody looks at a request beforehand to guess what it will reach.
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

// Permit refuses a caller with the scopes to see rows of the set: the error is a
// [*ScopeError].
func (s *Set) Permit(granted tandem.Scope) error {
	secured := s.Security || s.Base != nil && s.Base.Security
	if secured && !granted.Has(tandem.ScopeSec) {
		return &ScopeError{tandem.ScopeSec, s}
	}
	return nil
}
