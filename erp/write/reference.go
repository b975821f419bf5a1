package write

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// reference reads the three forms of a reference: {"@odata.id":"Set(guid)"},
// @odata.bind, and an object to be found or written first.
func (w *Writer) reference(s *model.Set, p *model.Property, v any, bind bool) (model.Value, error) {
	if v == nil {
		return model.NullValue, nil
	}
	if text, isText := v.(string); isText && bind {
		return w.link(p, text)
	}
	o, ok := v.(*Object)
	if !ok || bind {
		return model.Value{}, invalid(`%s: %s is a reference; write it as {"@odata.id":"%s(id)"}.`, s.Name, p.Name, p.Target.Name)
	}
	if id, ok := linked(o); ok {
		if _, err := w.typed(p.Target, o); err != nil {
			return model.Value{}, prefix(err, p.Name+": ")
		}
		return w.link(p, id)
	}
	target, err := w.at(p.Target, o)
	if err != nil {
		return model.Value{}, prefix(err, p.Name+": ")
	}
	fallback, err := defaultAction(target, o)
	if err != nil {
		return model.Value{}, prefix(err, p.Name+": ")
	}
	action, err := actionOf(target, o, fallback)
	if err != nil {
		return model.Value{}, err
	}
	if action == actionDelete {
		return model.Value{}, invalid("%s: %s cannot be deleted while it is referred to.", s.Name, p.Name)
	}
	outcome, err := w.perform(target, o, action)
	if err != nil {
		return model.Value{}, prefix(err, p.Name+": ")
	}
	if outcome.Entity.ID == "" {
		return model.NullValue, nil
	}
	return p.Refer(outcome.Entity), nil
}

// defaultAction is what a nested object without an action means: the row that it
// is found by is used and not changed. Where there is none, an object that says
// more than what it is found by is created, and one that does not is an error.
func defaultAction(s *model.Set, o *Object) (string, error) {
	by, err := criterionOf(s, o)
	if err != nil {
		return "", err
	}
	if _, named := o.Get("@odata.id"); named {
		return actionFind, nil // a new row would have another id
	}
	for _, m := range o.Members {
		if !strings.Contains(m.Name, "@") && !by.uses(s, m.Name) {
			return actionFindOrCreate, nil
		}
	}
	return actionFind, nil
}

// link points at an existing row.
func (w *Writer) link(p *model.Property, text string) (model.Value, error) {
	id, _, err := w.model.ParseReference(p, text)
	if err != nil {
		return model.Value{}, err
	}
	if !p.Target.Security { // whose ids are no secret
		if err := p.Target.Permit(w.by.Granted, permission.Read); err != nil {
			return model.Value{}, err
		}
	}
	r, err := w.record(p.Target, id)
	if err == nil && !p.Target.Security {
		err = w.linkable(p.Target, r)
	}
	if err != nil {
		return model.Value{}, prefix(err, p.Name+": ")
	}
	return p.Refer(model.Entity{Set: r.Set, ID: id}), nil
}

// linkable refuses to refer to a row that the actor does not see, as if it was not
// there.
func (w *Writer) linkable(target *model.Set, r *model.Record) error {
	sees, err := w.sees(model.Entity{Set: r.Set, ID: r.ID}, permission.Read)
	if err == nil && !sees {
		err = notFound(model.Entity{Set: target, ID: r.ID})
	}
	return err
}
