package write

import (
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// Delete removes a row with its children, of which those that are apart are the actor's to
// delete, too.
func (w *Writer) Delete(e model.Entity, when Condition) error {
	c, err := w.openWhen(e, when, permission.Delete)
	if err != nil {
		return err
	}
	if err := w.permittedParts(c.Record); err != nil {
		return err
	}
	if err := c.guardParts(); err != nil {
		return err
	}
	if err := c.removable(); err != nil {
		return err
	}
	referred, err := w.isReferred(c.Record)
	if err != nil {
		return err
	}
	if referred {
		return &Referred{c.Record}
	}
	if err := w.seesParts(c.Record); err != nil {
		return err
	}
	if err := w.tx.Remove(c.Record.Set, c.ID); err != nil {
		return err
	}
	w.Forget()
	if c.owner == nil {
		return nil
	}
	c.owner.children = nil
	c.owner.forced, c.owner.parts = true, true
	_, err = c.owner.write()
	return err
}

// Referred is what is told of a row that is not deleted because others refer to it, before
// it is known by which of them: see [Writer.Named].
type Referred struct{ record *model.Record }

// Error implements error.
func (r *Referred) Error() string { return r.Unwrap().Error() }

// Unwrap is what is told to those who see none of them.
func (r *Referred) Unwrap() error {
	return tandem.Errorf(tandem.CodeConflict, "%s cannot be deleted: a row that you cannot see refers to it; make this one inactive.",
		model.Entity{Set: r.record.Set, ID: r.record.ID})
}

// Named is an error as the actor is told it: of a row that is [Referred] to, by which one. That
// is looked for as often as rows refer to it that the actor does not see, so it is done after
// the transaction of the deletion, where there is nothing else in it.
func (w *Writer) Named(err error) error {
	var referred *Referred
	if !errors.As(err, &referred) {
		return err
	}
	if by := w.referredBy(referred.record); by != nil {
		return by
	}
	return err
}

// references calls f with each reference by which rows may refer to a row, until it says
// that this is enough.
func (w *Writer) references(r *model.Record, f func(s *model.Set, p *model.Property) (enough bool, err error)) error {
	for _, s := range w.model.Sets {
		if s.Base != nil && s.Table == s.Base.Table && s.Abstract {
			continue
		}
		for _, p := range s.Properties {
			if !p.IsReference() || p.Set != s || p == s.Owner || !p.Target.Includes(r.Set) {
				continue
			}
			if enough, err := f(s, p); enough || err != nil {
				return err
			}
		}
	}
	return nil
}

// isReferred reports whether any row refers to a row.
func (w *Writer) isReferred(r *model.Record) (referred bool, err error) {
	err = w.references(r, func(s *model.Set, p *model.Property) (bool, error) {
		by, err := w.referrer(r, s, p, nil)
		referred = by != nil
		return referred, err
	})
	return referred, err
}

// removable asks the declaration whether the row may be deleted by itself.
func (c *Change) removable() error {
	if c.behaviour.Remove == nil {
		return nil
	}
	return c.behaviour.Remove(c)
}

// permittedParts refuses to delete a row with parts that are the actor's to delete by a
// right of its own. Where the actor may not know whether there are any, the right is asked
// for in any case, so that the refusal tells nothing.
func (w *Writer) permittedParts(r *model.Record) error {
	for _, child := range r.Set.Children {
		if !child.Set.Apart {
			continue
		}
		if len(child.Set.Personal()) == 0 && w.reads(child.Set) {
			parts, err := w.tx.Find(&query.Query{Set: child.Set, Limit: 1, Where: query.Equal(child.Owner, model.TextValue(r.ID))})
			if err != nil {
				return err
			}
			if len(parts) == 0 {
				continue
			}
		}
		if err := w.permitted(child.Set, permission.Delete); err != nil {
			return err
		}
	}
	return nil
}

// seesParts refuses to delete a row with parts that are another account's own. What goes
// with a row that others hang on goes: of that its guards say who may delete it.
func (w *Writer) seesParts(r *model.Record) error {
	if w.by.Granted.Rights.Everything() {
		return nil
	}
	for _, child := range r.Set.Children {
		if len(child.Set.Personal()) == 0 {
			continue
		}
		within := query.Equal(child.Owner, model.TextValue(r.ID))
		all, err := w.all(&query.Query{Set: child.Set, Where: within})
		if err != nil {
			return err
		}
		seen, err := w.all(&query.Query{Set: child.Set, By: w.by.Granted.Rights, Where: within})
		if err != nil {
			return err
		}
		if len(seen) < len(all) {
			return tandem.Errorf(tandem.CodeConflict, "%s cannot be deleted: some of its %s are another account's alone; delete those that you see.",
				model.Entity{Set: r.Set, ID: r.ID}, child.Name)
		}
	}
	return nil
}

// referredBy says by which row that the actor may know of a row is referred to; nil where
// they may know of none.
func (w *Writer) referredBy(r *model.Record) error {
	return w.references(r, func(s *model.Set, p *model.Property) (bool, error) {
		if !w.reads(s) || p.Permit(w.by.Granted.Rights, permission.Read) != nil {
			return false, nil
		}
		by, err := w.referrer(r, s, p, w.by.Granted.Rights)
		if err == nil && by != nil {
			err = tandem.Errorf(tandem.CodeConflict, "%s cannot be deleted: %s refers to it by %s; change or delete that first, or make this one inactive.",
				model.Entity{Set: r.Set, ID: r.ID}, nameOf(*by), p.Name)
		}
		return false, err
	})
}

// referrer is a row of a set that refers to another by p, of those that the rights let be
// seen; nil where there is none. A row that refers to itself goes with itself.
func (w *Writer) referrer(r *model.Record, s *model.Set, p *model.Property, by *permission.Rights) (*model.Entity, error) {
	found, err := w.tx.Find(&query.Query{Set: s, By: by, Limit: 2, Where: query.Equal(p, model.TextValue(r.ID))})
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if e.ID != r.ID || !s.Includes(r.Set) {
			return &e, nil
		}
	}
	return nil, nil
}

// nameOf names a row that refers to another; rows of views have no id.
func nameOf(e model.Entity) string {
	if e.ID == "" {
		return "a row of " + e.Set.Name
	}
	return e.String()
}
