package write

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
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
	fallback := actionMerge
	if _, explicit := o.Get("@erpnet.findBy"); onlySearch(target, o) || explicit && onlyAnnotations(o) {
		fallback = actionFind
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

func onlyAnnotations(o *Object) bool {
	for _, m := range o.Members {
		if !strings.HasPrefix(m.Name, "@") {
			return false
		}
	}
	return true
}

// link points at an existing row.
func (w *Writer) link(p *model.Property, text string) (model.Value, error) {
	id, _, err := w.model.ParseReference(p, text)
	if err != nil {
		return model.Value{}, err
	}
	r, err := w.record(p.Target, id)
	if err != nil {
		return model.Value{}, prefix(err, p.Name+": ")
	}
	return p.Refer(model.Entity{Set: r.Set, ID: id}), nil
}
