package data

import (
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// What a person of the outside sees, where a call is narrowed to them, is said by rows of
// the ERP itself: which customers they are given, in which role, how far back. The
// statement looks at these rows, so that nothing is remembered of them. All statements
// for such a call have the person as their first parameter and the day as their second.

const (
	accessTable   = "erp_customer_external_access"
	customerTable = "erp_customers"
	person, today = "$1", "$2"
	microsOfDay   = "86400000000"
)

// begin takes the parameters that every statement for a person of the outside has.
func (b *builder) begin() *builder {
	if o := b.by.Outside(); o != nil {
		b.arg(o.Person)
		b.arg(o.Today)
	}
	return b
}

// begun are conditions that are true and hold these parameters: a statement that did
// not use them would be one of another form.
func (b *builder) begun() []string {
	if b.by.Outside() == nil {
		return nil
	}
	return []string{"CAST(" + person + " AS TEXT) IS NOT NULL", "CAST(" + today + " AS BIGINT) IS NOT NULL"}
}

// reached are the conditions that a row is one of the person's.
func (b *builder) reached(s *model.Set, alias string) []string {
	if b.by.Outside() == nil {
		return nil
	}
	r := s.Reach()
	only, value := s.ReachedOnly()
	switch {
	case r == nil:
		return []string{"1 = 0"}
	case only != nil: // and the rest is said by the owner
		return []string{alias + "." + quoted(only.Column) + " = " + strconv.FormatInt(value, 10)}
	case r.All, r.ByRow, s.ReachedWithOwner(): // said by the owner, or the row they hang on
		return nil
	case r.FromCustomer != nil || len(r.Through) > 0:
		return []string{b.through(r, alias)}
	}
	if r.Party != nil {
		return []string{b.byParty(r, alias)}
	}
	customer := alias + ".id"
	if r.Customer != nil {
		customer = alias + "." + quoted(r.Customer.Column)
	}
	one := customer + " IN (" + given(r.Role) + ")"
	if r.Dated != nil {
		one += " AND " + mine(customer, r.Role) + inWindow(r, alias) + ")"
	}
	if r.Own != nil {
		one = "(" + alias + "." + quoted(r.Own.Column) + " = " + person + " OR " + one + ")"
	}
	return []string{one}
}

// inWindow is the condition that the day of a row is in the window of an access, x.
func inWindow(r *model.Reach, alias string) string {
	// The days of the row are counted, rounded up, since those of a window may be too
	// many for a number of microseconds.
	back := "(CAST(" + today + " AS BIGINT) - " + alias + "." + quoted(r.Dated.Column) + " + " + microsOfDay + " - 1) / " + microsOfDay
	return " AND (x.days_back_access IS NULL OR " + back + " <= x.days_back_access)"
}

// byParty is the condition that a row names the party of a customer whom the person is
// given.
func (b *builder) byParty(r *model.Reach, alias string) string {
	one := "EXISTS (SELECT 1 FROM " + accessTable + " AS x JOIN " + customerTable + ` AS c ON c.id = x.customer WHERE x."user" = ` + person +
		" AND c.party = " + alias + "." + quoted(r.Party.Column) + " AND c.active AND x.role >= " + strconv.FormatInt(r.Role, 10)
	if r.Dated != nil {
		one += inWindow(r, alias)
	}
	return one + ")"
}

// through is the condition that a row is referred to by one that the person sees, or by
// one of their customers.
func (b *builder) through(r *model.Reach, alias string) string {
	var ways []string
	if r.FromCustomer != nil {
		ways = append(ways, alias+".id IN (SELECT "+quoted(r.FromCustomer.Column)+" FROM "+customerTable+" WHERE id IN ("+given(r.Role)+"))")
	}
	for _, p := range r.Through {
		inner := alias + "r"
		seen := append([]string{inner + "." + quoted(p.Column) + " = " + alias + ".id"}, b.rowGuards(p.Set, inner, permission.Read)...)
		ways = append(ways, "EXISTS (SELECT 1 FROM "+p.Set.Table+" AS "+inner+" WHERE "+strings.Join(seen, " AND ")+")")
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

// given are the active customers whom the person is given, in the role or a higher one.
func given(role int64) string {
	return "SELECT x.customer FROM " + accessTable + " AS x JOIN " + customerTable + ` AS c ON c.id = x.customer WHERE x."user" = ` + person +
		" AND x.role >= " + strconv.FormatInt(role, 10) + " AND c.active"
}

// mine begins the condition that the person is given the customer in the role; one more
// bracket ends it.
func mine(customer string, role int64) string {
	return "EXISTS (SELECT 1 FROM " + accessTable + ` AS x WHERE x."user" = ` + person + " AND x.customer = " + customer +
		" AND x.role >= " + strconv.FormatInt(role, 10)
}

// priced is a column that the person sees in a role alone, and is null in a lower one.
func (b *builder) priced(p *model.Path, column string) string {
	role := p.Property.PricedFrom()
	if role == 0 || b.by.Outside() == nil {
		return column
	}
	s, refs := p.Property.Set, p.Refs
	for s.Owner != nil {
		refs = append(refs[:len(refs):len(refs)], s.Owner)
		s = s.Owner.Target
	}
	switch r := s.Reach(); {
	case r == nil:
		return "NULL"
	case r.All: // of no customer in particular
		return "CASE WHEN EXISTS (" + given(role) + ") THEN " + column + " END"
	default:
		return "CASE WHEN " + mine(b.at(refs, r.Customer.Column), role) + ") THEN " + column + " END"
	}
}
