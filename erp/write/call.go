package write

import (
	"slices"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Call answers a function of a row (GET Set(id)/Function()): what its declaration
// says, to who may read what it shows. It locks and writes nothing.
func (w *Writer) Call(e model.Entity, function string) (*Object, error) {
	d := w.model.behaviours[e.Set]
	if d == nil || d.Functions[function].Answer == nil {
		return nil, invalid("%s has no function %q.", e.Set.Name, model.Shown(function))
	}
	if err := w.permitted(e.Set, permission.Read); err != nil {
		return nil, err
	}
	f := d.Functions[function]
	for _, shown := range f.Shows {
		if err := e.Set.Must(shown).PermitTo(w.by.Granted, permission.Read); err != nil {
			return nil, err
		}
	}
	r, err := w.tx.Load(e.Set, e.ID, false)
	if err != nil {
		return nil, err
	}
	if err := w.permittedRow(e, permission.Read); err != nil {
		return nil, err
	}
	return f.Answer(w.change(r, false))
}

// Would is why an action would be refused, nil when it would not: it is tried on a copy
// of the row, nothing of that is written, and no right counts as used. For functions.
func (c *Change) Would(action string, try func(*Change) error) error {
	unwatched := *c.w
	unwatched.by.Granted = unwatched.by.Granted.Silent()
	copied := unwatched.change(&model.Record{Set: c.Record.Set, ID: c.ID, Values: slices.Clone(c.Values), Saved: c.Saved}, false)
	copied.forced, copied.action, copied.need = true, action, permission.Read
	return try(copied)
}
