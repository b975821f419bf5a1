package write

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// applyAll assigns the members of an object in their order, settles the row,
// and then does the same with the children that came with it.
func (c *Change) applyAll(o *Object, action string) error {
	s := c.Record.Set
	var collections []*collection
	for _, m := range o.Members {
		if child := s.Child(m.Name); child != nil {
			l, err := c.newCollection(child, m.Value, action)
			if err != nil {
				return err
			}
			collections = append(collections, l)
			continue
		}
		if strings.HasSuffix(m.Name, missingTerm) {
			continue // read when all collections are known
		}
		if err := c.assign(m); err != nil {
			return err
		}
	}
	if err := annotate(s, o, collections); err != nil {
		return err
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	for _, l := range collections {
		if err := l.apply(); err != nil {
			return err
		}
	}
	return nil
}

// annotate gives the collections of an object what their annotations say.
func annotate(s *model.Set, o *Object, collections []*collection) error {
	for _, m := range o.Members {
		name, ok := strings.CutSuffix(m.Name, missingTerm)
		if !ok {
			continue
		}
		i := slices.IndexFunc(collections, func(l *collection) bool { return l.child.Name == name })
		if i < 0 {
			return invalid("%s: %s stands beside no collection of that name; send both, or none.", s.Name, model.Shown(m.Name))
		}
		if err := collections[i].annotate(m.Value); err != nil {
			return err
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
	if err := p.PermitTo(c.w.by.Granted, permission.Read); err != nil {
		return err // before the value is looked at, which may find or make other rows
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
	if err := c.permittedValue(p, v); err != nil {
		return err
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
		return invalid("%s: %q is unknown; use @erpnet.action and @erpnet.findBy, and @erpnet.missing of a collection.", s.Name, model.Shown(name))
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
