package write

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// What "Collection@erpnet.missing" says of the rows that the owner has and the
// request does not: they stay, or they go.
const (
	missingTerm   = "@erpnet.missing"
	missingKeep   = "keep"
	missingDelete = "delete"
)

// maxNamed is how many missing rows a note names.
const maxNamed = 5

// collection is what one request says of the rows of a child collection.
type collection struct {
	owner *Change
	child *model.Child
	list  []*Object
	// action is that of the owner, missing what its annotation says, or empty.
	action, missing string
	// met are the rows of the owner that the request named, by Id; keyed counts the
	// objects that were looked for by their key.
	met   map[string]bool
	keyed int
	// read are the rows of the owner, once they had to be told apart by their texts.
	read []*model.Record
}

// newCollection reads the member of the owner that holds the collection.
func (c *Change) newCollection(child *model.Child, v any, action string) (*collection, error) {
	s := c.Record.Set
	if err := writable(child.Set); err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, invalid("%s: %s must be an array of objects.", s.Name, child.Name)
	}
	if len(list) > MaxLines {
		return nil, invalid("%s: %s has %d objects; at most %d fit in one request.", s.Name, child.Name, len(list), MaxLines)
	}
	l := &collection{owner: c, child: child, action: action, list: make([]*Object, len(list)), met: map[string]bool{}}
	for i, v := range list {
		if l.list[i], ok = v.(*Object); !ok {
			return nil, invalid("%s: %s[%d] is not an object.", s.Name, child.Name, i)
		}
	}
	return l, nil
}

// annotate takes the collection's @erpnet.missing.
func (l *collection) annotate(v any) error {
	l.missing, _ = v.(string)
	if l.missing != missingKeep && l.missing != missingDelete {
		return invalid("%s: %s%s is keep or delete.", l.owner.Record.Set.Name, l.child.Name, missingTerm)
	}
	return nil
}

// apply writes the objects, and then does with the missing rows what was said.
func (l *collection) apply() error {
	keys, err := l.keys()
	if err != nil {
		return err
	}
	for i, o := range l.list {
		if err := l.applyChild(o, keys[i]); err != nil {
			return l.at(i, err)
		}
	}
	if l.owner.New {
		return nil
	}
	return l.settleMissing()
}

func (l *collection) at(i int, err error) error {
	return prefix(err, fmt.Sprintf("%s[%d]: ", l.child.Name, i))
}

// applyChild writes one object: found within its owner it is changed, else
// created.
func (l *collection) applyChild(o *Object, key *childKey) error {
	c := l.owner
	s, err := c.w.at(l.child.Set, o)
	if err != nil {
		return err
	}
	action, err := actionOf(s, o, actionMerge)
	if err != nil {
		return err
	}
	if key != nil {
		o = key.object
		if key.row != "" {
			return l.changeChild(model.Entity{Set: s, ID: key.row}, o, action)
		}
	} else if action != actionCreate {
		found, by, err := c.w.find(s, o, c)
		switch {
		case err != nil:
			return err
		case len(found) > 0:
			return l.changeChild(found[0], o, action)
		case action != actionMerge && action != actionFindOrCreate:
			return broken(s, "Object not found: %s, action: %s, findBy: %s.", s.Name, action, by)
		}
	}
	if err := c.permittedChild(l.child, permission.Create); err != nil {
		return err
	}
	line, err := c.w.newChange(s, o, c)
	if err != nil {
		return err
	}
	return line.applyAll(o, actionCreate)
}

func (l *collection) changeChild(e model.Entity, o *Object, action string) error {
	c := l.owner
	for _, other := range c.children {
		if other.ID == e.ID && other.Record.Set == e.Set {
			return broken(l.child.Set, "the same row is given twice in one request: %s.", e)
		}
	}
	l.met[e.ID] = true
	switch action {
	case actionUpdate, actionMerge:
		if err := c.permittedChild(l.child, permission.Update); err != nil {
			return err
		}
	case actionDelete:
		return l.remove(e.ID)
	default:
		return nil
	}
	r, err := c.w.tx.Load(l.child.Set, e.ID, true)
	if err != nil {
		return err
	}
	line := c.w.change(r, false)
	line.owner = c
	c.children = append(c.children, line)
	return line.applyAll(o, action)
}

func (l *collection) remove(id string) error {
	c := l.owner
	if err := c.permittedChild(l.child, permission.Delete); err != nil {
		return err
	}
	if err := c.guardParts(); err != nil {
		return err
	}
	if c.w.model.behaviours[l.child.Set].Remove != nil {
		r, err := c.w.tx.Load(l.child.Set, id, true)
		if err != nil {
			return err
		}
		part := c.w.change(r, false)
		part.owner = c
		if err := part.removable(); err != nil {
			return err
		}
	}
	c.forced, c.parts = true, true
	delete(c.w.records, id)
	delete(c.w.parts, partsKey(c.ID, l.child.Set))
	return c.w.tx.Remove(l.child.Set, id)
}

// settleMissing removes the rows that the request does not have, or notes which
// they are where nobody said what they mean.
func (l *collection) settleMissing() error {
	told := l.missing == "" && l.action == actionMerge && l.keyed > 0
	if l.missing != missingDelete && !told {
		return nil
	}
	rows, err := l.owner.w.all(l.seen())
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(e model.Entity) bool { return l.met[e.ID] })
	if told && len(rows) > 0 {
		return l.note(rows)
	}
	for _, e := range rows {
		if err := l.remove(e.ID); err != nil {
			return err
		}
	}
	return nil
}

func (l *collection) note(rows []model.Entity) error {
	var names []string
	for _, e := range rows[:min(len(rows), maxNamed)] {
		r, err := l.owner.w.tx.Load(e.Set, e.ID, false)
		if err != nil {
			return err
		}
		names = append(names, l.nameOf(r))
	}
	if len(rows) > maxNamed {
		names = append(names, "…")
	}
	l.owner.w.notes = append(l.owner.w.notes, fmt.Sprintf("%d of %s are not in this request and stay: %s; send \"%[2]s%s\": \"delete\" to remove them.",
		len(rows), l.child.Name, strings.Join(names, ", "), missingTerm))
	return nil
}

// nameOf is how a note names a row of the collection: by its number, to who may read that,
// or its Id.
func (l *collection) nameOf(r *model.Record) string {
	if code := r.Set.Code; code != nil && len(code.Refs) == 0 && code.Property.Kind == model.KindInt && l.owner.tells(r.Set, code.Property.Name) {
		return fmt.Sprintf("%s %d", code.Property.Name, r.Get(code.Property).Int)
	}
	return r.ID
}

// seen are the rows of the owner that the actor sees: some may be another account's own.
func (l *collection) seen() *query.Query {
	return &query.Query{Set: l.child.Set, By: l.owner.w.by.Granted.Rights, Where: l.within()}
}

// within is the condition that a row is of the owner.
func (l *collection) within() query.Expr {
	return query.Equal(l.child.Set.Owner, model.TextValue(l.owner.ID))
}
