package write

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// A row of a collection is known by its key and never by its place: an object
// that is merged and names no row, by an Id, a number or the like, is the row
// that refers to the same: the line of the same product. Where it refers to
// nothing its texts are its key.

// childKey is the key of one object.
type childKey struct {
	// object is the object with links in place of what it refers to: that is found,
	// or made, only once.
	object *Object
	values []keyValue
	// row is the Id of the row with this key; empty where there is none.
	row string
}

type keyValue struct {
	property *model.Property
	value    model.Value
}

func (k *childKey) String() string {
	var b strings.Builder
	for _, v := range k.values {
		fmt.Fprintf(&b, "%s=%s\x00", v.property.Name, v.value.Text)
	}
	return b.String()
}

// names are the attributes of the key, for messages.
func (k *childKey) names() string {
	var names []string
	for _, v := range k.values {
		names = append(names, v.property.Name)
	}
	return strings.Join(names, " and ")
}

// keys finds the rows of the objects that must be known by their keys; nil for
// all others.
func (l *collection) keys() ([]*childKey, error) {
	keys := make([]*childKey, len(l.list))
	if l.owner.New {
		return keys, nil
	}
	named, err := l.named()
	if err != nil {
		return nil, err
	}
	alike := map[string][]*childKey{}
	for i, o := range l.list {
		if named[i] != "" {
			continue
		}
		k, err := l.keyOf(o)
		if err != nil {
			return nil, l.at(i, err)
		}
		if keys[i] = k; k != nil {
			l.keyed++
			if len(k.values) > 0 {
				alike[k.String()] = append(alike[k.String()], k)
			}
		}
	}
	for i, k := range keys {
		if k == nil || alike[k.String()] == nil {
			continue
		}
		if err := l.pair(alike[k.String()], named); err != nil {
			return nil, l.at(i, err)
		}
		delete(alike, k.String())
	}
	return keys, nil
}

// byItself marks an object that names its own row, which is not there.
const byItself = "-"

// named are the rows that objects name themselves, by their place in the list;
// empty for objects to be known by their key. What is wrong with an object is
// told when its turn comes.
func (l *collection) named() ([]string, error) {
	rows, keyed := make([]string, len(l.list)), false
	for i, o := range l.list {
		rows[i] = byItself
		if l.merged(o) {
			rows[i], keyed = "", true
		}
	}
	if !keyed {
		return rows, nil
	}
	for i, o := range l.list {
		if rows[i] == "" {
			continue
		}
		if s, err := l.owner.w.at(l.child.Set, o); err == nil {
			found, _, err := l.owner.w.find(s, o, l.owner)
			if err == nil && len(found) > 0 {
				rows[i] = found[0].ID
			}
		}
	}
	return rows, nil
}

// merged reports whether an object is to be merged and names no row.
func (l *collection) merged(o *Object) bool {
	s, err := l.owner.w.at(l.child.Set, o)
	if err != nil {
		return false
	}
	_, explicit := o.Get("@erpnet.action")
	action, err := actionOf(s, o, actionMerge)
	if err != nil || action != actionMerge || !explicit && l.action != actionMerge {
		return false
	}
	by, err := criterionOf(s, o)
	return err == nil && by == nil
}

// keyOf is the key of an object: all that it refers to, or else its texts.
func (l *collection) keyOf(o *Object) (*childKey, error) {
	s, err := l.owner.w.at(l.child.Set, o)
	if err != nil {
		return nil, err
	}
	k := &childKey{object: &Object{Members: slices.Clone(o.Members)}}
	scratch := l.owner.w.change(model.NewRecord(s, ""), true)
	var texts []keyValue
	for i, m := range o.Members {
		name, bind := strings.CutSuffix(m.Name, "@odata.bind")
		p := s.Property(name)
		if p != nil {
			if err := p.PermitTo(l.owner.w.by.Granted, permission.Read); err != nil {
				return nil, err
			}
		}
		switch {
		case p == nil || p == s.Owner || !p.Stored():
		case p.IsReference():
			v, err := l.owner.w.reference(s, p, m.Value, bind)
			if err != nil {
				return nil, err
			}
			if v.Null {
				continue
			}
			k.values = append(k.values, keyValue{p, v})
			k.object.Members[i] = Member{p.Name, (&Object{}).Set("@odata.id", model.Entity{Set: p.Target, ID: v.Text}.String())}
		case p.Kind == model.KindString || p.Kind == model.KindMultiLanguage:
			v, err := scratch.value(p, m.Value, false)
			if err != nil {
				return nil, err
			}
			texts = append(texts, keyValue{p, v})
		}
	}
	if len(k.values) == 0 {
		k.values = texts
	}
	return k, nil
}

// pair gives objects of the same key the rows of the owner that have it. Where
// there are more rows than objects nobody knows which of them are meant, unless
// the rest is to go.
func (l *collection) pair(alike []*childKey, named []string) error {
	rows, err := l.rowsOf(alike[0])
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(id string) bool { return slices.Contains(named, id) })
	if len(rows) > len(alike) && l.missing != missingDelete {
		return broken(l.child.Set, "%d rows have the same %s, and the request has %d of them, so that it cannot be told which are meant; "+
			"name each row by its Id%s.", len(rows), alike[0].names(), len(alike), orNumber(l.child.Set))
	}
	for i, id := range rows[:min(len(rows), len(alike))] {
		alike[i].row = id
	}
	return nil
}

func orNumber(s *model.Set) string {
	if s.Code != nil && len(s.Code.Refs) == 0 {
		return " or " + s.Code.Property.Name
	}
	return ""
}

// rowsOf are the owner's rows with a key, in the order of their numbers.
func (l *collection) rowsOf(k *childKey) ([]string, error) {
	if !k.values[0].property.IsReference() {
		return l.rowsWith(k)
	}
	q := l.numbered()
	where := query.And{q.Where}
	for _, v := range k.values {
		where = append(where, query.Equal(v.property, model.TextValue(v.value.Text)))
	}
	q.Where = where
	found, err := l.owner.w.all(q)
	var rows []string
	for _, e := range found {
		rows = append(rows, e.ID)
	}
	return rows, err
}

// rowsWith are the owner's rows with the texts of a key. They are read once for all keys,
// which are looked for before a row is written.
func (l *collection) rowsWith(k *childKey) ([]string, error) {
	if l.read == nil {
		found, err := l.owner.w.all(l.numbered())
		if err != nil {
			return nil, err
		}
		l.read = make([]*model.Record, len(found))
		for i, e := range found {
			if l.read[i], err = l.owner.w.tx.Load(e.Set, e.ID, false); err != nil {
				return nil, err
			}
		}
	}
	var rows []string
	for _, r := range l.read {
		if !slices.ContainsFunc(k.values, func(v keyValue) bool { return !r.Get(v.property).Equal(v.value) }) {
			rows = append(rows, r.ID)
		}
	}
	return rows, nil
}

// numbered are the rows of the owner that the actor sees, in the order of their numbers.
func (l *collection) numbered() *query.Query {
	q := l.seen()
	if number := l.child.Set.Property("LineNo"); number != nil {
		q.Order = []query.Order{{Path: &model.Path{Property: number}}}
	}
	return q
}
