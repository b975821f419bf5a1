package model

import (
	"fmt"

	"github.com/hybridapps/tandem/permission"
)

// Guarded says which AccessKeys guard the rows: paths to references that name a
// key, of the row itself or of a row that it refers to. A row is seen by accounts
// that may read by all of these keys; no key is no guard. Every set says so, or
// that it has none ([SetDeclaration.Unguarded]); parts and subtypes need not: a part
// has the guards of its owner, a subtype those of its base and its own.
func (d SetDeclaration) Guarded(paths ...string) SetDeclaration {
	d.decl.guards, d.decl.guarded = paths, true
	return d
}

// GuardedWith guards the rows also by the key of the row, of the other set, that refers to
// the same as these do: the locations of a company as the row that makes it one of ours.
// Both refer by reference; no two rows of the other set refer to the same.
func (d SetDeclaration) GuardedWith(other, reference string) SetDeclaration {
	d.decl.guardedWith = [2]string{other, reference}
	return d
}

// Unguarded says that whoever may read the set sees all of its rows.
func (d SetDeclaration) Unguarded() SetDeclaration { return d.Guarded() }

// KeyedApart gives the parts of an aggregate a key of their own: who may change the
// aggregate may not, by that, change them.
func (d SetDeclaration) KeyedApart() SetDeclaration { d.Apart = true; return d }

// ForEverybody is what all internal users may do with the set where nobody has said
// otherwise; without it that is everything.
func (d SetDeclaration) ForEverybody(rights permission.Right) SetDeclaration {
	d.Everybody = rights
	return d
}

// PersonalTo makes the rows those of the account that the reference whose names: no
// other account sees them. whose refers to users, or to parties, where it is the Person
// of the account.
func (d SetDeclaration) PersonalTo(whose string) SetDeclaration {
	return d.PersonalWhen("", 0, whose)
}

// PersonalWhen is [SetDeclaration.PersonalTo] for the rows alone in which a property, a
// truth or an enum, has the value.
func (d SetDeclaration) PersonalWhen(property string, value int64, whose string) SetDeclaration {
	d.decl.personal = append(d.decl.personal, personal{when: property, value: value, whose: whose})
	return d
}

// ManagedToo lets those see all rows who may change who may do what, beside whom they
// belong to.
func (d SetDeclaration) ManagedToo() SetDeclaration {
	for i := range d.decl.personal {
		d.decl.personal[i].managed = true
	}
	return d
}

type personal struct {
	when    string
	value   int64
	whose   string
	managed bool
}

// HangsOn guards the rows by the guards of another row, of whatever set: typ is the
// property with the name of its set, id the one with its Id. See [Set.TakesFiles].
func (d SetDeclaration) HangsOn(typ, id string) SetDeclaration {
	d.decl.hang, d.decl.guarded = [2]string{typ, id}, true
	return d
}

// HangsBy guards the rows also by the row that what a reference points at hangs on, see
// [SetDeclaration.HangsOn]: who does not see that one does not see them. null is no guard.
// Whatever is done with the rows, that row need only be seen.
func (d SetDeclaration) HangsBy(reference string) SetDeclaration {
	d.decl.hangBy, d.decl.guarded = reference, true
	return d
}

// HangsBy is the reference to what hangs on the row that rows of the set are about; nil
// where there is none.
func (s *Set) HangsBy() *Property { return s.hangBy }

// Hang says which row of another set a row hangs on.
type Hang struct{ Type, ID *Property }

// Hang is what says which row of another set the rows hang on; nil where they hang on
// none.
func (s *Set) Hang() *Hang { return s.hang }

// TakesFiles reports whether others may hang on the rows of the set: those that are
// aggregates by themselves, and can be written.
func (s *Set) TakesFiles() bool {
	return s.IsRoot() && !s.Abstract && !s.ReadOnly && !s.Security && s.hang == nil && s.id != nil && (len(s.personal) == 0 || s.personal[0].When != nil)
}

// Personal says which rows are one account's own.
type Personal struct {
	// When is the property that says so by having the Value; nil where all rows are.
	When  *Property
	Value int64
	// Whose refers to the account, or to its Person.
	Whose *Property
	// Managed says that who manages access sees the rows, too.
	Managed bool
}

// Personal are the rows of the set that are one account's own, beside those of what
// owns them.
func (s *Set) Personal() []Personal { return s.personal }

// somebodys reports whether rows of the set, or what owns them, may be one account's.
func (s *Set) somebodys() bool {
	for at := s; ; at = at.Owner.Target {
		if len(at.personal) > 0 || at.hang != nil || at.hangBy != nil {
			return true
		}
		if at.Owner == nil {
			return false
		}
	}
}

// Guard is a reference to a key that guards rows.
type Guard struct {
	// Refs are the references to the row that has the key: none, or one.
	Refs []*Property
	// Key is its reference to the key.
	Key *Property
	// By is set where the row with the key is not the one referred to, but the one that
	// refers to the same by this.
	By *Property
	// Set is the set that the keys are made for.
	Set *Set
}

// Permissive is the set whose key decides what may be done with the rows: the
// set's own, or its root's.
func (s *Set) Permissive() *Set {
	for s.Owner != nil && !s.Apart {
		s = s.Owner.Target
	}
	return s
}

// AccessKey is the reference to the key that a row itself has; nil where rows have
// none of their own.
func (s *Set) AccessKey() *Property {
	for _, g := range s.guards {
		if len(g.Refs) == 0 && g.Set == s {
			return g.Key
		}
	}
	return nil
}

// NeededToRefer is what must be granted on the key of a row for the rows of the set
// to be made with this reference to it: to change them, where that key guards them,
// and else to read it.
func (p *Property) NeededToRefer() permission.Right {
	for _, g := range p.Set.guards {
		if len(g.Refs) == 1 && g.Refs[0] == p && g.By == nil {
			return permission.Update
		}
	}
	return permission.Read
}

// Guards are the keys that guard the rows of a set that is no part. Rows of an
// abstract set also have the guards of what they are.
func (s *Set) Guards() []Guard { return s.guards }

// Open reports whether the rights let all rows of the set be read, or changed, as
// needed: then no row need be looked at.
func (s *Set) Open(by *permission.Rights, need permission.Right) bool {
	return by.Everything() || by.Set(s.Permissive().Name, permission.Read) && s.OpenRows(by, need)
}

// OpenRows is [Set.Open] but for the right on the set.
func (s *Set) OpenRows(by *permission.Rights, need permission.Right) bool {
	if by.Outside() != nil && (s.Reach() == nil || !s.Reach().All) {
		return false // which rows are the person's is looked at
	}
	if s.somebodys() && !by.Everything() {
		return false
	}
	root := s.Root()
	for _, g := range root.guards {
		if _, all := by.Keys(g.Set.Name, need); !all {
			return false
		}
	}
	for _, sub := range root.Subtypes {
		if !sub.Open(by, need) {
			return false
		}
	}
	return true
}

// linkGuards makes guards of the paths that were declared. A set that says nothing
// of them is a mistake: whoever adds one has not thought of who may see it.
func (s *Set) linkGuards() {
	if !s.decl.guarded && s.Owner == nil && s.Base == nil {
		panic("model: " + s.Name + " does not say what guards its rows: Guarded or Unguarded")
	}
	if s.Base != nil {
		s.guards = append(s.guards, s.Base.guards...)
	}
	if s.decl.hang[0] != "" {
		s.hang = &Hang{Type: s.Must(s.decl.hang[0]), ID: s.Must(s.decl.hang[1])}
	}
	if s.decl.hangBy != "" {
		s.hangBy = s.Must(s.decl.hangBy)
	}
	for _, p := range s.decl.personal {
		made := Personal{Value: p.value, Whose: s.Must(p.whose), Managed: p.managed}
		if p.when != "" {
			made.When = s.Must(p.when)
		}
		s.personal = append(s.personal, made)
	}
	for _, text := range s.decl.guards {
		path := s.mustPath(text)
		g := Guard{Refs: path.Refs, Key: path.Property, Set: path.Property.Set}
		if n := len(g.Refs); n > 1 {
			panic(fmt.Sprintf("model: the guard %s of %s is further away than one reference", text, s.Name))
		}
		s.guards = append(s.guards, g)
	}
	if other, reference := s.decl.guardedWith[0], s.decl.guardedWith[1]; other != "" {
		with := s.model.Set(other)
		s.guards = append(s.guards, Guard{Refs: []*Property{s.Must(reference)}, Key: with.Must("AccessKey"), By: with.Must(reference), Set: with})
	}
}
