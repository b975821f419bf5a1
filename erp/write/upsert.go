package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

// The actions of @erpnet.action.
const (
	actionCreate           = "create"
	actionUpdate           = "update"
	actionDelete           = "delete"
	actionFind             = "find"
	actionFindOrNull       = "findOrNull"
	actionFindOrCreate     = "findOrCreate"
	actionFindSingle       = "findSingle"
	actionFindSingleOrNull = "findSingleOrNull"
	actionMerge            = "merge"
)

// Apply writes one object as its @erpnet.action says, or as fallback does.
func (w *Writer) Apply(s *model.Set, o *Object, fallback string) (Outcome, error) {
	s, err := w.at(s, o)
	if err != nil {
		return Outcome{}, err
	}
	action, err := actionOf(s, o, fallback)
	if err != nil {
		return Outcome{}, err
	}
	return w.perform(s, o, action)
}

func actionOf(s *model.Set, o *Object, fallback string) (string, error) {
	v, ok := o.Get("@erpnet.action")
	if !ok {
		return fallback, nil
	}
	action, _ := v.(string)
	switch action {
	case actionCreate, actionUpdate, actionDelete, actionFind, actionFindOrNull, actionFindOrCreate, actionFindSingle,
		actionFindSingleOrNull, actionMerge:
		return action, nil
	}
	return "", invalid("%s: @erpnet.action %q is unknown; "+
		"use create, update, delete, find, findOrNull, findOrCreate, findSingle, findSingleOrNull or merge.", s.Name, model.Shown(action))
}

// perform runs an action on an object that is not a child of another. merge is an
// upsert: what is found is updated, else the object is created.
func (w *Writer) perform(s *model.Set, o *Object, action string) (Outcome, error) {
	if action == actionCreate {
		return w.create(s, o)
	}
	found, by, err := w.find(s, o, nil)
	if err != nil {
		return Outcome{}, err
	}
	single := action == actionFindSingle || action == actionFindSingleOrNull
	if len(found) > 1 && single {
		return Outcome{}, broken(s, "More than one object found: %s, action: %s, findBy: %s.", s.Name, action, by)
	}
	if len(found) == 0 {
		switch action {
		case actionFindOrCreate, actionMerge:
			return w.create(s, o)
		case actionFindOrNull, actionFindSingleOrNull:
			return Outcome{State: Unchanged}, nil
		}
		return Outcome{}, tandem.Errorf(tandem.CodeRule, "Object not found: %s, action: %s, findBy: %s.", s.Name, action, by)
	}
	switch e := found[0]; action {
	case actionUpdate, actionMerge:
		return w.update(e, Condition{}, o, action)
	case actionDelete:
		if err := w.Delete(e, Condition{}); err != nil {
			return Outcome{}, w.Named(err)
		}
		return Outcome{Entity: e, State: Deleted}, nil
	default:
		return Outcome{Entity: e, State: Unchanged}, nil
	}
}

// typeOf is the set that the @odata.type of an object names.
func typeOf(m *Model, o *Object) (*model.Set, error) {
	v, ok := o.Get("@odata.type")
	name, _ := v.(string)
	if !ok {
		return nil, invalid("An object of an import needs @odata.type, like Erp.General_Products_Product.")
	}
	s := m.SetOfQualifiedType(name)
	if s == nil {
		return nil, invalid("There is no type %q; it must be a singular type like Erp.General_Products_Product.", model.Shown(name))
	}
	return s, nil
}
