package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Update changes the properties that the object has: PATCH.
func (w *Writer) Update(e model.Entity, when Condition, o *Object) (Outcome, error) {
	return w.update(e, when, o, actionUpdate)
}

func (w *Writer) update(e model.Entity, when Condition, o *Object, action string) (Outcome, error) {
	c, err := w.openWhen(e, when, permission.Update)
	if err != nil {
		return Outcome{}, err
	}
	if _, err := w.at(c.Record.Set, o); err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, action); err != nil {
		return Outcome{}, err
	}
	top := c
	if c.owner != nil {
		top = c.owner
	}
	state, err := top.write()
	return Outcome{Entity: model.Entity{Set: c.Record.Set, ID: c.ID}, State: state, Version: c.version()}, err
}

// Recalculate works out anew what a row keeps of its parts, and what follows from
// that.
func (w *Writer) Recalculate(e model.Entity) (Outcome, error) {
	c, err := w.open(e, permission.Update)
	if err != nil {
		return Outcome{}, err
	}
	c.forced = true
	state, err := c.write()
	return Outcome{Entity: e, State: state, Version: c.version()}, err
}

// open loads and locks a row to change it, together with its owner, for an actor who
// may do with it what is needed.
func (w *Writer) open(e model.Entity, need permission.Right) (*Change, error) {
	if err := w.permitted(e.Set, permission.Read); err != nil {
		return nil, err
	}
	if err := writable(e.Set); err != nil {
		return nil, err
	}
	if e.Set.Owner == nil {
		r, err := w.tx.Load(e.Set, e.ID, true)
		if err != nil {
			return nil, err
		}
		if err := w.permittedRow(e, need); err != nil {
			return nil, err
		}
		return w.change(r, false), w.permitted(r.Set, need)
	}
	// The root is locked before the part is read, so that two changes of one
	// aggregate follow each other.
	r, err := w.tx.Load(e.Set, e.ID, false)
	if err != nil {
		return nil, err
	}
	if err := w.permittedRow(e, permission.Read); err != nil {
		return nil, err
	}
	owner, err := w.openOwner(e.Set, r.Get(e.Set.Owner).Text)
	if err != nil {
		return nil, err
	}
	if err := owner.permittedChild(owner.childOf(e.Set), need); err != nil {
		return nil, err
	}
	if r, err = w.tx.Load(e.Set, e.ID, true); err != nil {
		return nil, err
	}
	c := w.change(r, false)
	c.owner = owner
	owner.children = append(owner.children, c)
	return c, nil
}

// openOwner is open for the owner of a part that is made, changed or deleted.
func (w *Writer) openOwner(s *model.Set, id string) (*Change, error) {
	e := model.Entity{Set: s.Owner.Target, ID: id}
	if !s.Apart {
		return w.open(e, permission.Update)
	}
	c, err := w.open(e, permission.Read)
	if err == nil {
		err = w.permittedRow(e, permission.Update)
	}
	return c, err
}

func writable(s *model.Set) error {
	if s.ReadOnly {
		return tandem.Errorf(tandem.CodeForbidden, "%s is read-only through this API.", s.Name)
	}
	return nil
}
