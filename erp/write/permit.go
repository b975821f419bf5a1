package write

import (
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// What the actor may write. The set is asked about where the writer goes on with
// it, the row in the transaction that changes it, before and after the change, and
// an attribute where it is assigned. What rules, defaults, numbers and totals need
// to know is theirs to know: they ask the transaction, and not as the actor.

// accessKey is how references to the key of a row are called.
const accessKey = "AccessKey"

// permitted refuses an actor who may not do with rows of the set what is needed.
// Parts are changed with their root. Of one that may be of several types what it is decides:
// open asks for that.
func (w *Writer) permitted(s *model.Set, need permission.Right) error {
	if s.Owner != nil && !s.Apart && need != permission.Read {
		need = permission.Update
		if s.Permissive().Abstract {
			need = permission.Read
		}
	}
	return s.Permit(w.by.Granted, need)
}

// sees reports whether the actor may do with a row what is needed. Most sets have no
// rows that are not everybody's, and then nothing is asked.
func (w *Writer) sees(e model.Entity, need permission.Right) (bool, error) {
	if e.Set.Open(w.by.Granted.Rights, need) {
		return true, nil
	}
	q := query.ByID(e.Set, e.ID)
	q.By, q.Need = w.by.Granted.Rights, need
	found, err := w.tx.Find(q)
	return len(found) > 0, err
}

// permittedRow refuses an actor who may not do with a row what is needed. A row
// that they do not see is not there.
func (w *Writer) permittedRow(e model.Entity, need permission.Right) error {
	may, err := w.sees(e, need) // which no grant gives without the right to read
	if err != nil || may {
		return err
	}
	sees := false
	if need != permission.Read {
		if sees, err = w.sees(e, permission.Read); err != nil {
			return err
		}
	}
	if !sees {
		return tandem.Errorf(tandem.CodeNotFound, "There is no %s.", e)
	}
	return w.refusedRow(e, need)
}

// moved reports whether a change that is not saved yet gives the row other guards than
// those that were asked before it. Parts have those of their owner, and may become one
// account's own; a new one is its maker's.
func (c *Change) moved() bool {
	if c.New && c.owner == nil && c.Record.Set.Hang() != nil {
		return true
	}
	for _, p := range c.Record.Set.Personal() {
		if c.New && c.owner == nil || !c.New && (c.Changed(p.Whose) || p.When != nil && c.Changed(p.When)) {
			return true
		}
	}
	if c.owner != nil {
		return false
	}
	for _, g := range c.Record.Set.Guards() {
		p := g.Key
		if len(g.Refs) > 0 {
			p = g.Refs[0]
		}
		if c.New || c.Changed(p) {
			return true
		}
	}
	return false
}

// permittedAfter refuses a change by which a row got past what the actor may change.
func (c *Change) permittedAfter(moved bool) error {
	if !moved {
		return nil
	}
	e := model.Entity{Set: c.Record.Set, ID: c.ID}
	sees, err := c.w.sees(e, c.need)
	if err == nil && !sees {
		err = c.w.refusedRow(e, c.need)
	}
	return err
}

// Permitted refuses an actor who may not update the row of an action: what most
// actions need.
func (c *Change) Permitted() error {
	c.need = permission.Update
	if err := c.w.permittedRow(model.Entity{Set: c.Record.Set, ID: c.ID}, c.need); err != nil {
		return err
	}
	if err := c.w.permitted(c.Record.Set, c.need); err != nil {
		return err
	}
	return c.permittedMember(c.action)
}

// PermittedTo refuses an actor who may not give an attribute another value, for an action
// that does: whoever may not read it neither. It asks for no right on the set, which the
// action does.
func (c *Change) PermittedTo(p *model.Property) error {
	if err := p.PermitTo(c.w.by.Granted, permission.Read); err != nil {
		return err
	}
	return p.PermitTo(c.w.by.Granted, permission.Update)
}

// Tells reports whether the actor may be told an attribute of the row, or by way of a
// reference of another: "UserStatus.UserStatusName". Whoever may change or look at a row
// need not see all of it, so that what an answer or a refusal says of its values is asked
// for. Rows that are referred to must be seen by whoever sees this one.
func (c *Change) Tells(path string) bool { return c.tells(c.Record.Set, path) }

func (c *Change) tells(s *model.Set, path string) bool {
	return c.w.by.Granted.Passes(func(by permission.Granted) error { return permitPath(by, s, path) })
}

// Knows reports whether the actor may read an attribute of another row: what is made of it
// may be shown to them.
func (c *Change) Knows(r *model.Record, attribute string) (bool, error) {
	if c.w.by.Granted.Rights.Everything() || c.owner != nil && r == c.owner.Record {
		return c.tells(r.Set, attribute), nil
	}
	if !c.w.reads(r.Set) || !c.tells(r.Set, attribute) {
		return false, nil
	}
	return c.w.sees(model.Entity{Set: r.Set, ID: r.ID}, permission.Read)
}

// reads reports whether the actor may read a set. What is not asked for by them is no
// refusal that the record has.
func (w *Writer) reads(s *model.Set) bool {
	return w.by.Granted.Passes(func(by permission.Granted) error { return s.Permit(by, permission.Read) })
}

// permitPath refuses an actor who may not read what a path leads to, or over.
func permitPath(by permission.Granted, s *model.Set, path string) error {
	name, rest, further := strings.Cut(path, ".")
	p := s.Must(name)
	if err := p.PermitTo(by, permission.Read); err != nil || !further {
		return err
	}
	if err := p.Target.Permit(by, permission.Read); err != nil {
		return err
	}
	return permitPath(by, p.Target, rest)
}

// Key is the key of the row that a reference points at; empty where it has none.
func (c *Change) Key(reference string) (string, error) {
	r, err := c.Ref(reference)
	if err != nil || r == nil {
		return "", err
	}
	return r.Get(r.Set.AccessKey()).Text, nil
}

// PermittedBy refuses an actor who is not granted a right on the key of the row
// that a reference points at, like the type of a document; a row without a key is
// open to all. cannot says what the row cannot without it: become Released.
func (c *Change) PermittedBy(reference string, need permission.Right, cannot string) error {
	key, err := c.Key(reference)
	if err != nil || key == "" {
		return err
	}
	by, set := &c.w.by.Granted, c.Record.Set
	if by.Key(key, need) {
		return by.DecidedBy(key, set.Name, "", need, nil)
	}
	return by.DecidedBy(key, set.Name, "", need, &permission.Denied{
		Set: set.Name, Need: need, Cannot: cannot, Rule: tandem.RuleType, Key: key,
		Row: model.Entity{Set: set, ID: c.ID}.String(), Guard: reference + "." + accessKey,
	})
}

// PermittedAbility refuses an actor who gives an attribute a value that only those who
// have the ability may give it.
func (c *Change) PermittedAbility(attribute, ability string) error {
	by, set := &c.w.by.Granted, c.Record.Set
	if by.Can(ability) {
		return by.DecidedBy(ability, set.Name, attribute, permission.Update, nil)
	}
	return by.DecidedBy(ability, set.Name, attribute, permission.Update, &permission.Denied{
		Set: set.Name, Attribute: attribute, Need: permission.Update, Rule: tandem.RuleAbility, Key: ability,
		Row: model.Entity{Set: set, ID: c.ID}.String(),
	})
}

// permittedValue refuses a value of an attribute that is not the actor's to give.
// The value that it has may be sent back by whoever may read it.
func (c *Change) permittedValue(p *model.Property, v model.Value) error {
	if err := p.PermitTo(c.w.by.Granted, permission.Read); err != nil {
		return err
	}
	if v.Equal(c.Values[p.Index]) && !c.New {
		return nil
	}
	if err := c.permittedAttribute(p); err != nil {
		return err
	}
	if p == c.Record.Set.AccessKey() && (!c.New || !v.Null) { // a new row has none without being told
		return c.permittedKey(p, v)
	}
	return nil
}

// permittedAttribute refuses another value of an attribute, whichever that is.
func (c *Change) permittedAttribute(p *model.Property) error {
	need := permission.Update
	if c.New {
		need = permission.Create
	}
	if err := p.PermitTo(c.w.by.Granted, need); err != nil {
		return err
	}
	return c.permittedMember(p.Name)
}

// permittedKey refuses a key for the row that is not the actor's to give, or not one
// for such a row: who gives a row another key says who sees it.
func (c *Change) permittedKey(p *model.Property, key model.Value) error {
	had := c.Values[p.Index]
	rights := c.w.by.Granted.Rights
	if !rights.Manages() && (had.Null || !rights.Key(had.Text, permission.Administer)) {
		return &permission.Denied{Set: c.Record.Set.Name, Attribute: p.Name, Need: permission.Administer, Rule: tandem.RuleKey, Key: had.Text}
	}
	if key.Null {
		return nil
	}
	r, err := c.w.record(p.Target, key.Text)
	if err != nil {
		return err
	}
	entity, id := r.Get(p.Target.Must("EntityName")), r.Get(p.Target.Must("EntityId"))
	if entity.Text != c.Record.Set.Name || !id.Null && id.Text != c.ID {
		return c.Fail("%s: this key is for rows of %s, or for another row alone; choose or make one for this.", p.Name, entity.Text)
	}
	return nil
}

// PermittedToKey refuses an actor who may not say which rows have the key that a reference
// names, or named before: who may change the key of such rows, or whoever manages access.
func (c *Change) PermittedToKey(reference string) error {
	rights, p := c.w.by.Granted.Rights, c.Property(reference)
	if rights.Manages() {
		return nil
	}
	keys := []model.Value{c.Values[p.Index]}
	if !c.New {
		keys = append(keys, c.SavedValue(reference))
	}
	for _, key := range keys {
		if !key.Null && !rights.Key(key.Text, permission.Administer) {
			return &permission.Denied{Set: c.Record.Set.Name, Attribute: p.Name, Need: permission.Administer, Rule: tandem.RuleKey, Key: key.Text}
		}
	}
	return nil
}

// permittedMember refuses a change of an attribute, child collection or action for
// which the right to update the set is not. Parts go with their root, but for those
// that have a key of their own.
func (c *Change) permittedMember(name string) error {
	if c.New || c.Record.Set.Permissive() != c.Record.Set {
		return nil
	}
	by, set := &c.w.by.Granted, c.Record.Set.Name
	if by.MayUpdate(set, name) {
		return by.Decided(set, name, permission.Update, nil)
	}
	return by.Decided(set, name, permission.Update, &permission.Denied{
		Set: set, Attribute: name, Need: permission.Update, Rule: tandem.RuleLimited, Key: permission.SetKeyID(set),
	})
}

// permittedChild refuses an actor who may not do with a row of a child collection
// what is needed.
func (c *Change) permittedChild(child *model.Child, need permission.Right) error {
	if child.Set.Apart {
		return child.Set.Permit(c.w.by.Granted, need)
	}
	return c.permittedMember(child.Name)
}
