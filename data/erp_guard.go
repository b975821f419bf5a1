package data

import (
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Which rows an account sees is decided in the statement that reads them: in the
// WHERE of a set, and in the ON of what is joined, so that a row that is not the
// account's is not there, is not counted, and gives nothing to a path. Where the
// account holds every key that rows of a set can have, the statement is the one
// of somebody who sees everything.

// seen are the guards of the rows of a query.
func (b *builder) seen(q *query.Query) []string {
	all := b.guards(q.Set, "t0", b.need)
	if b.few != nil {
		all = append(all, b.fewGuard())
	}
	return all
}

// guards are the conditions that the rows of s, called alias, are such that the
// rights let be done with them what is needed. Of a set that may not be read there
// are none, whatever leads there.
func (b *builder) guards(s *model.Set, alias string, need permission.Right) []string {
	switch {
	case b.by == nil || s.Open(b.by, need):
		return nil
	case !b.by.Set(s.Permissive().Name, permission.Read):
		return []string{"1 = 0"}
	}
	return b.rowGuards(s, alias, need)
}

// rowGuards are guards but for the right on the set.
func (b *builder) rowGuards(s *model.Set, alias string, need permission.Right) []string {
	if s.OpenRows(b.by, need) {
		return nil
	}
	all := append(b.reached(s, alias), b.personal(s, alias)...)
	if s.Owner != nil {
		owner := s.Owner.Target
		inner := alias + "o"
		conditions := append([]string{inner + ".id = " + alias + "." + quoted(s.Owner.Column)}, b.rowGuards(owner, inner, need)...)
		return append(all, "EXISTS (SELECT 1 FROM "+owner.Table+" AS "+inner+" WHERE "+strings.Join(conditions, " AND ")+")")
	}
	if s.Hang() != nil {
		all = append(all, b.hanging(s, alias, need))
	}
	if by := s.HangsBy(); by != nil {
		all = append(all, b.hangingBy(by, alias))
	}
	for _, g := range s.Guards() {
		held, every := b.by.Keys(g.Set.Name, need)
		if every {
			continue
		}
		if len(g.Refs) == 0 {
			all = append(all, b.keyed(alias+"."+quoted(g.Key.Column), held))
			continue
		}
		all = append(all, b.byOther(alias, &g, held))
	}
	return append(all, b.kinds(s, alias, need)...)
}

// hanging is the condition that the row which a row hangs on is one that the rights let
// be seen, or changed. Names of sets are those of the model.
func (b *builder) hanging(s *model.Set, alias string, need permission.Right) string {
	typ, id := alias+"."+quoted(s.Hang().Type.Column), alias+"."+quoted(s.Hang().ID.Column)
	var open, some []string
	for _, on := range s.Model().Sets {
		if !on.TakesFiles() || !b.by.Set(on.Permissive().Name, permission.Read) {
			continue
		}
		if on.OpenRows(b.by, need) {
			open = append(open, "'"+on.Name+"'")
			continue
		}
		inner := alias + "h"
		seen := append([]string{inner + ".id = " + id}, b.rowGuards(on, inner, need)...)
		if on.Base != nil {
			seen = append(seen, inner+"."+quoted(on.TypeProperty().Column)+" = "+strconv.FormatInt(on.Discriminator, 10))
		}
		some = append(some, "("+typ+" = '"+on.Name+"' AND EXISTS (SELECT 1 FROM "+on.Table+" AS "+inner+" WHERE "+strings.Join(seen, " AND ")+"))")
	}
	if len(open) > 0 {
		some = append(some, typ+" IN ("+strings.Join(open, ", ")+")")
	}
	if len(some) == 0 {
		return "1 = 0"
	}
	return "(" + strings.Join(some, " OR ") + ")"
}

// hangingBy is the condition that what a reference points at hangs on a row that the rights
// let be seen; none is open.
func (b *builder) hangingBy(by *model.Property, alias string) string {
	inner, column := alias+"b", alias+"."+quoted(by.Column)
	sees := append([]string{inner + ".id = " + column}, b.rowGuards(by.Target, inner, permission.Read)...)
	return "(" + column + " IS NULL OR EXISTS (SELECT 1 FROM " + by.Target.Table + " AS " + inner + " WHERE " + strings.Join(sees, " AND ") + "))"
}

// personal are the conditions that rows which are one account's own are the one's that
// asks. Who asks for no account sees none of them.
func (b *builder) personal(s *model.Set, alias string) []string {
	var all []string
	for _, p := range s.Personal() {
		if p.Managed && b.by.Manages() {
			continue
		}
		own := "1 = 0"
		if account := b.by.Account(); account != "" {
			who := b.arg(account)
			if p.Whose.Target.Table != usersTable {
				who = "(SELECT person FROM " + usersTable + " WHERE id = " + who + ")"
			}
			own = alias + "." + quoted(p.Whose.Column) + " = " + who
		}
		switch {
		case p.When == nil:
		case p.When.Kind == model.KindBool:
			own = "(" + [...]string{"", "NOT "}[p.Value] + alias + "." + quoted(p.When.Column) + " OR " + own + ")"
		default:
			own = "(" + alias + "." + quoted(p.When.Column) + " <> " + strconv.FormatInt(p.Value, 10) + " OR " + own + ")"
		}
		all = append(all, own)
	}
	return all
}

// byOther is the guard by the key of another row. The rows that have such keys are few:
// the statement lists those that are open, or looks at the one of a single row.
func (b *builder) byOther(alias string, g *model.Guard, held permission.Held) string {
	reference, target := alias+"."+quoted(g.Refs[0].Column), g.Refs[0].Target
	keyed, kind := b.keyed(quoted(g.Key.Column), held), ""
	if g.By != nil { // few rows have it, and most of what is referred to is referred to by none
		return "(" + reference + " IS NULL OR " + reference + " NOT IN (SELECT " + quoted(g.By.Column) + " FROM " + g.By.Set.Table + " WHERE NOT " + keyed + "))"
	}
	if target.Base != nil {
		kind = " AND " + quoted(target.TypeProperty().Column) + " = " + strconv.FormatInt(target.Discriminator, 10)
	}
	if b.single { // its value, and not whether it EXISTS: that is planned as two ways to find out, and costs PostgreSQL thrice as much
		return "COALESCE((SELECT " + keyed + " FROM " + target.Table + " WHERE id = " + reference + kind + "), " + reference + " IS NULL)"
	}
	return "(" + reference + " IS NULL OR " + reference + " IN (SELECT id FROM " + target.Table + " WHERE " + keyed + kind + "))"
}

// kinds are the guards of rows that are of one of several types.
func (b *builder) kinds(s *model.Set, alias string, need permission.Right) []string {
	var all, hidden []string
	for _, sub := range s.Subtypes {
		kind := alias + "." + quoted(s.TypeProperty().Column)
		number := strconv.FormatInt(sub.Discriminator, 10)
		if !b.by.Set(sub.Name, permission.Read) {
			hidden = append(hidden, number)
			continue
		}
		if own := b.rowGuards(sub, alias, need); len(own) > 0 {
			all = append(all, "("+kind+" <> "+number+" OR "+strings.Join(own, " AND ")+")")
		}
	}
	if len(hidden) > 0 {
		all = append(all, alias+"."+quoted(s.TypeProperty().Column)+" NOT IN ("+strings.Join(hidden, ", ")+")")
	}
	return all
}

// keyed is the condition that a row has no key, or one of those held. However many
// they are, they are one parameter.
func (b *builder) keyed(column string, held permission.Held) string {
	if b.e.db.Engine == sqldb.PostgreSQL {
		if b.single { // ids are all of one length, and have no comma
			return "(" + column + " IS NULL OR strpos(" + b.arg(held.List) + ", " + column + ") > 0)"
		}
		// The list is made once, and looked up by hash.
		return "(" + column + " IS NULL OR " + column + " IN (SELECT unnest(string_to_array(" + b.arg(held.List) + ", ','))))"
	}
	return "(" + column + " IS NULL OR erp_holds(" + b.arg(held.Number) + ", " + column + "))"
}

// erp_holds looks a key up in the memory of this process: a list as a parameter would
// be read anew by each statement, which costs more than a page.
func init() { sqldb.SQLiteFunction("erp_holds", permission.Holds) }

// shows reports whether the rights let a path be looked at, in whatever row: a
// part of a text that they do not is empty, and is not searched.
func (b *builder) shows(p *model.Path) bool {
	if b.by == nil {
		return true
	}
	for _, r := range p.Refs {
		if r.Permit(b.by, permission.Read) != nil || !b.by.Set(r.Target.Permissive().Name, permission.Read) {
			return false
		}
	}
	return p.Property.Permit(b.by, permission.Read) == nil
}
