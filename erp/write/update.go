package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

// Update changes the properties that the object has: PATCH.
func (w *Writer) Update(e model.Entity, when Condition, o *Object) (Outcome, error) {
	return w.update(e, when, o, actionUpdate)
}

func (w *Writer) update(e model.Entity, when Condition, o *Object, action string) (Outcome, error) {
	c, err := w.openWhen(e, when)
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
	return Outcome{model.Entity{Set: c.Record.Set, ID: c.ID}, state, c.version()}, err
}

// open loads and locks a row to change it, together with its owner.
func (w *Writer) open(e model.Entity) (*Change, error) {
	if err := e.Set.Permit(w.by.Scope); err != nil {
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
		return w.change(r, false), nil
	}
	// The root is locked before the part is read, so that two changes of one
	// aggregate follow each other.
	r, err := w.tx.Load(e.Set, e.ID, false)
	if err != nil {
		return nil, err
	}
	owner, err := w.open(model.Entity{Set: e.Set.Owner.Target, ID: r.Get(e.Set.Owner).Text})
	if err != nil {
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

func writable(s *model.Set) error {
	if s.ReadOnly {
		return tandem.Errorf(tandem.CodeForbidden, "%s is read-only through this API.", s.Name)
	}
	return nil
}
