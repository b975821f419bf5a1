package write

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
)

// applyAll assigns the members of an object in their order, settles the row,
// and then does the same with the children that came with it.
func (c *Change) applyAll(o *Object, action string) error {
	s := c.Record.Set
	type collection struct {
		child *model.Child
		list  []any
	}
	var collections []collection
	for _, m := range o.Members {
		if child := s.Child(m.Name); child != nil {
			list, ok := m.Value.([]any)
			if !ok {
				return invalid("%s: %s must be an array of objects.", s.Name, m.Name)
			}
			if len(list) > MaxLines {
				return invalid("%s: %s has %d objects; at most %d fit in one request.", s.Name, m.Name, len(list), MaxLines)
			}
			collections = append(collections, collection{child, list})
			continue
		}
		if err := c.assign(m); err != nil {
			return err
		}
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	for _, l := range collections {
		for i, v := range l.list {
			line, ok := v.(*Object)
			if !ok {
				return invalid("%s: %s[%d] is not an object.", s.Name, l.child.Name, i)
			}
			if err := c.applyChild(l.child, line, i, action); err != nil {
				return prefix(err, fmt.Sprintf("%s[%d]: ", l.child.Name, i))
			}
		}
	}
	return nil
}

// assign gives one member to the row.
func (c *Change) assign(m Member) error {
	s := c.Record.Set
	name, bind := strings.CutSuffix(m.Name, "@odata.bind")
	if !bind && strings.Contains(name, "@") {
		return checkAnnotation(s, name)
	}
	p := s.Property(name)
	switch {
	case p == nil:
		return model.UnknownProperty(s, name)
	case bind && !p.IsReference():
		return invalid("%s: %s is not a reference, so it has no @odata.bind.", s.Name, name)
	case p == s.ID():
		return c.assignID(m.Value)
	case p.Name == "ObjectVersion":
		n, ok := wholeNumber(m.Value)
		if !ok || c.New {
			return invalid("%s: ObjectVersion is a number that the server keeps; send it in an update, as it was read.", s.Name)
		}
		c.sent = &n
		return nil
	case !p.Stored():
		return readOnly(s, p)
	}
	v, err := c.value(p, m.Value, bind)
	if err != nil {
		return err
	}
	if p.ReadOnly || p.CreateOnly && !c.New || p == s.Owner {
		if v.Equal(c.Values[p.Index]) {
			return nil // what was read may be sent back
		}
		return readOnly(s, p)
	}
	if c.byUnit[p.Index] && !v.Equal(c.Values[p.Index]) {
		return broken(s, "%s and the code of a value disagree; send one of them, or make them agree.", p.Name)
	}
	c.Values[p.Index] = v
	c.given[p.Index] = true
	return nil
}

// checkAnnotation refuses the annotations that would change what is written;
// all others say nothing about the row's own data. A name without a namespace is
// one of OData 4.01, or a mistake.
func checkAnnotation(s *model.Set, name string) error {
	_, term, _ := strings.Cut(name, "@")
	switch {
	case term == "erpnet.action", term == "erpnet.findBy":
		return nil
	case strings.HasPrefix(term, "erpnet."):
		return invalid("%s: %q is unknown; use @erpnet.action and @erpnet.findBy.", s.Name, model.Shown(name))
	case !strings.Contains(term, "."):
		return invalid("%s: %q is not understood; annotations are written with their namespace, like @odata.%s.", s.Name, model.Shown(name),
			model.Shown(term))
	case term == "odata.delta", term == "odata.removed", term == "odata.deleted":
		return invalid("%s: %q is not offered; delete rows with @erpnet.action.", s.Name, model.Shown(name))
	}
	return nil
}

func (c *Change) assignID(v any) error {
	text, _ := v.(string)
	if c.New || strings.EqualFold(text, c.ID) {
		return nil // newChange took it
	}
	return invalid("%s: Id cannot be changed.", c.Record.Set.Name)
}

func readOnly(s *model.Set, p *model.Property) error {
	how := ""
	switch {
	case p.ChangedBy != "":
		how = "; use the action " + p.ChangedBy
	case p.CreateOnly || p == s.Owner:
		how = " after the row was created"
	}
	return invalid("%s: %s is read-only%s.", s.Name, p.Name, how)
}
