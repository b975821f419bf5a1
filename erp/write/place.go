package write

import (
	"errors"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Where an object of a body stands, its place, says which set its row is of:
// the set of the URL, the target of a reference, the set of a child collection.
// @odata.type may narrow that, and can never lead elsewhere.

// at is the set of the object's row. It is asked at every place that a body
// leads to, by the code that goes on with the set, and it is where the actor's
// permission is checked.
func (w *Writer) at(place *model.Set, o *Object) (*model.Set, error) {
	s, err := w.typed(place, o)
	if err != nil {
		return nil, err
	}
	return s, s.Permit(w.by.Granted, permission.Read)
}

// typed narrows a place to the type that the object names. A type that does not
// fit its place is refused; a base names any of its rows.
func (w *Writer) typed(place *model.Set, o *Object) (*model.Set, error) {
	v, ok := o.Get("@odata.type")
	if !ok {
		return place, nil
	}
	name, _ := v.(string)
	t := w.model.SetOfQualifiedType(name)
	switch {
	case t != nil && place.Includes(t):
		return t, nil
	case t != nil && t.Includes(place):
		return place, nil
	}
	return nil, invalid("%s: @odata.type %q is not a type of this set.", place.Name, model.Shown(name))
}

// linked is the id of an object that does nothing but name a row; ok is false
// for objects that say more.
func linked(o *Object) (id string, ok bool) {
	for _, m := range o.Members {
		switch m.Name {
		case "@odata.id":
			id, ok = m.Value.(string)
		default:
			if !strings.HasPrefix(m.Name, "@odata.") { // what was read may be sent back: its ETag says nothing here
				return "", false
			}
		}
	}
	return id, ok
}

// foresee refuses an object that would come to a place which is not the actor's,
// before anything of a request is done that writes object by object. What is
// allowed is decided only by [Writer.at], when the writer is there.
func (w *Writer) foresee(place *model.Set, o *Object) error {
	var scope *model.ScopeError
	s, err := w.at(place, o)
	if errors.As(err, &scope) {
		return err
	}
	if err != nil {
		return nil // told when the object's turn comes
	}
	for _, m := range o.Members {
		if strings.Contains(m.Name, "@") {
			continue
		}
		for _, within := range reached(s, m.Name) {
			for _, nested := range objects(m.Value) {
				if _, ok := linked(nested); ok {
					continue
				}
				if err := w.foresee(within, nested); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// reached are the sets that a member leads to: more than one where the row may
// turn out to be of any subtype.
func reached(s *model.Set, name string) []*model.Set {
	var all []*model.Set
	for _, s := range append([]*model.Set{s}, s.Subtypes...) {
		if p := s.Property(name); p != nil && p.IsReference() {
			all = append(all, p.Target)
		}
		if c := s.Child(name); c != nil {
			all = append(all, c.Set)
		}
	}
	return all
}

func objects(v any) []*Object {
	switch v := v.(type) {
	case *Object:
		return []*Object{v}
	case []any:
		var all []*Object
		for _, item := range v {
			if o, ok := item.(*Object); ok {
				all = append(all, o)
			}
		}
		return all
	}
	return nil
}
