package erp

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Who may see which rows. Whoever has a token for the API sees the rows of every
// set, as far as its scopes go, but for the sets of the security namespace
// ([model.Set].Security): these need the scope sec. Other rows may link to
// theirs, and the id in such a link is seen by everybody; to look into the row
// is not a link's.
//
// External users have no token for the API. Which customer's documents they see
// is said by rows of Crm_Sales_CustomerExternalAccess, which the portal asks
// with its own.

// MaySee reports whether a caller with the scopes may see rows of the set.
func MaySee(granted tandem.Scope, s *model.Set) bool {
	return !s.Security || granted.Has(tandem.ScopeSec)
}

// MaySend reports whether a caller with the scopes may send the body for a row of
// the set. Rows of the security namespace may be linked to by their id in it, and
// in no other way: looking one up by its name would tell whether it exists.
func MaySend(granted tandem.Scope, s *model.Set, body *write.Object) bool {
	for _, m := range body.Members {
		within := reached(s, m.Name)
		if within == nil {
			continue
		}
		for _, nested := range objects(m.Value) {
			if !isLink(nested) && !MaySee(granted, within) || !MaySend(granted, typed(within, nested), nested) {
				return false
			}
		}
	}
	return true
}

// reached is the set that a member of a body leads to; nil for a value.
func reached(s *model.Set, name string) *model.Set {
	if p := s.Property(name); p != nil {
		return p.Target
	}
	if c := s.Child(name); c != nil {
		return c.Set
	}
	return nil
}

// typed is the subtype that an object names with @odata.type.
func typed(s *model.Set, o *write.Object) *model.Set {
	v, _ := o.Get("@odata.type")
	name, _ := v.(string)
	if t := s.Model().SetOfQualifiedType(name); t != nil {
		return t
	}
	return s
}

// isLink reports whether an object only names a row.
func isLink(o *write.Object) bool {
	for _, m := range o.Members {
		if m.Name != "@odata.id" && m.Name != "@odata.type" {
			return false
		}
	}
	return true
}

func objects(v any) []*write.Object {
	switch v := v.(type) {
	case *write.Object:
		return []*write.Object{v}
	case []any:
		var all []*write.Object
		for _, item := range v {
			all = append(all, objects(item)...)
		}
		return all
	}
	return nil
}
