package write

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// MayChange asks what a change of a row asks of the actor, with no value: may they do
// with it what is needed, and change the attributes, child collections and actions that
// are named? Rules, which look at values, are not asked. It changes nothing.
func (w *Writer) MayChange(e model.Entity, need permission.Right, members []string) error {
	c, err := w.open(e, need)
	if err != nil {
		return err
	}
	return c.may(members)
}

// MayCreate is [Writer.MayChange] for a new row of a set with the attributes.
func (w *Writer) MayCreate(s *model.Set, members []string) error {
	if err := writable(s); err != nil {
		return err
	}
	if err := w.permitted(s, permission.Create); err != nil {
		return err
	}
	return w.change(model.NewRecord(s, ""), true).may(members)
}

// MayCreateChild is [Writer.MayCreate] for a new row of a child collection.
func (w *Writer) MayCreateChild(e model.Entity, when Condition, child *model.Child, members []string) error {
	owner, err := w.openParent(e, when, child)
	if err != nil {
		return err
	}
	if err := owner.mayHave(child); err != nil {
		return err
	}
	return w.change(model.NewRecord(child.Set, ""), true).may(members)
}

func (c *Change) may(members []string) error {
	for _, name := range members {
		if err := c.mayMember(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *Change) mayMember(name string) error {
	s := c.Record.Set
	p, child := s.Property(name), s.Child(name)
	switch {
	case child != nil:
		return c.permittedChild(child, permission.Update)
	case s.Action(name) != nil:
		return c.permittedMember(name)
	case p == nil:
		return model.UnknownProperty(s, name)
	}
	if err := p.PermitTo(c.w.by.Granted, permission.Read); err != nil {
		return err
	}
	if p.ReadOnly || !p.Stored() {
		return readOnly(s, p)
	}
	if err := c.permittedAttribute(p); err != nil {
		return err
	}
	if p == s.AccessKey() {
		return c.permittedKey(p, model.NullValue)
	}
	return nil
}
