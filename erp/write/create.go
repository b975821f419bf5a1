package write

import (
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

func (w *Writer) create(s *model.Set, o *Object) (Outcome, error) {
	if err := writable(s); err != nil {
		return Outcome{}, err
	}
	if err := w.permitted(s, permission.Create); err != nil {
		return Outcome{}, err
	}
	if s.Abstract {
		return Outcome{}, invalid("%s: a new object needs @odata.type, one of %s.", s.Name, subtypeNames(s))
	}
	if s.Owner != nil {
		owner, err := w.ownerOf(s, o)
		if err != nil {
			return Outcome{}, err
		}
		return w.createUnder(owner, owner.childOf(s), o)
	}
	c, err := w.newChange(s, o, nil)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, actionCreate); err != nil {
		return Outcome{}, err
	}
	state, err := c.write()
	return Outcome{Entity: model.Entity{Set: s, ID: c.ID}, State: state, Version: c.version()}, err
}

func subtypeNames(s *model.Set) string {
	names := make([]string, len(s.Subtypes))
	for i, t := range s.Subtypes {
		names[i] = "Erp." + t.Type
	}
	return strings.Join(names, ", ")
}

// newChange makes a new row; its Id is the caller's, or a new one.
func (w *Writer) newChange(s *model.Set, o *Object, owner *Change) (*Change, error) {
	id := uuid.NewString()
	if v, ok := o.Get("Id"); ok && v != nil {
		text, _ := v.(string)
		given, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			return nil, invalid("%s: Id is not a GUID.", s.Name)
		}
		id = given.String()
	}
	c := w.change(model.NewRecord(s, id), true)
	if owner != nil {
		c.owner = owner
		c.Values[s.Owner.Index] = s.Owner.Refer(model.Entity{Set: owner.Record.Set, ID: owner.ID})
		owner.children = append(owner.children, c)
	}
	return c, nil
}

// ownerOf reads, locks and returns the owner that a new part names.
func (w *Writer) ownerOf(s *model.Set, o *Object) (*Change, error) {
	for _, m := range o.Members {
		name, bind := strings.CutSuffix(m.Name, "@odata.bind")
		if name != s.Owner.Name {
			continue
		}
		v, err := w.reference(s, s.Owner, m.Value, bind)
		if err != nil {
			return nil, err
		}
		if !v.Null {
			return w.openOwner(s, v.Text)
		}
	}
	return nil, broken(s, "%s is required; give it a value.", s.Owner.Name)
}

func (w *Writer) createUnder(owner *Change, child *model.Child, o *Object) (Outcome, error) {
	if err := owner.mayHave(child); err != nil {
		return Outcome{}, err
	}
	c, err := w.newChange(child.Set, o, owner)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.applyAll(o, actionCreate); err != nil {
		return Outcome{}, err
	}
	if _, err := owner.write(); err != nil {
		return Outcome{}, err
	}
	return Outcome{Entity: model.Entity{Set: child.Set, ID: c.ID}, State: Added, Version: c.version()}, nil
}

// mayHave refuses a new row of a child collection.
func (c *Change) mayHave(child *model.Child) error {
	if err := writable(child.Set); err != nil {
		return err
	}
	return c.permittedChild(child, permission.Create)
}

// CreateChild adds a row to a child collection: POST Set(id)/Child.
func (w *Writer) CreateChild(e model.Entity, when Condition, child *model.Child, o *Object) (Outcome, error) {
	if _, err := w.at(child.Set, o); err != nil {
		return Outcome{}, err
	}
	owner, err := w.openParent(e, when, child)
	if err != nil {
		return Outcome{}, err
	}
	return w.createUnder(owner, child, o)
}

// openParent is open for the row to whose child collection a row is added.
func (w *Writer) openParent(e model.Entity, when Condition, child *model.Child) (*Change, error) {
	if !child.Set.Apart {
		return w.openWhen(e, when, permission.Update)
	}
	c, err := w.openWhen(e, when, permission.Read) // createUnder asks for the child's own
	if err == nil {
		err = w.permittedRow(e, permission.Update)
	}
	return c, err
}
