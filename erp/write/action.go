package write

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Do runs a bound action of a row (POST Set(id)/Action): what its declaration
// says.
func (w *Writer) Do(e model.Entity, when Condition, action string, args *Object) (Outcome, error) {
	a := e.Set.Action(action)
	if a == nil {
		return Outcome{}, invalid("%s has no action %q%s.", e.Set.Name, model.Shown(action), actionNames(e.Set))
	}
	c, err := w.openWhen(e, when, permission.Read)
	if err != nil {
		return Outcome{}, err
	}
	c.forced, c.action, c.need = true, action, permission.Read // an action may change what a PATCH may not
	if !c.behaviour.OwnRights {
		if err := c.Permitted(); err != nil {
			return Outcome{}, err
		}
	}
	given, err := newArguments(e.Set, a, args)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.behaviour.Actions[action](c, given); err != nil {
		return Outcome{}, err
	}
	if err := given.unread(); err != nil {
		return Outcome{}, err
	}
	state, err := c.write()
	return Outcome{e, state, c.version()}, err
}

func actionNames(s *model.Set) string {
	names := make([]string, len(s.Actions))
	for i, a := range s.Actions {
		names[i] = a.Name
	}
	if len(names) == 0 {
		return ""
	}
	return "; it has " + strings.Join(names, ", ")
}
