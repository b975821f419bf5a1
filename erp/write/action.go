package write

import (
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
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
	if a.Common {
		return w.doCommon(c, a, args)
	}
	c.forced, c.action, c.need = true, action, permission.Read // an action may change what a PATCH may not
	if !c.behaviour.OwnRights {
		if err := c.Permitted(); err != nil {
			return Outcome{}, err
		}
	}
	given, err := NewArguments(e.Set, a, args)
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
	return Outcome{Entity: e, State: state, Version: c.version()}, err
}

// doCommon is Do for an action that changes nothing of the row: its version stays.
func (w *Writer) doCommon(c *Change, a *model.Action, args *Object) (Outcome, error) {
	given, err := NewArguments(c.Record.Set, a, args)
	if err != nil {
		return Outcome{}, err
	}
	if err := w.model.common[a.Name](c, given); err != nil {
		return Outcome{}, err
	}
	e := model.Entity{Set: c.Record.Set, ID: c.ID}
	return Outcome{Entity: e, State: Unchanged, Version: c.version()}, given.unread()
}

// Grants refuses an actor who is not granted a right on another set.
func (c *Change) Grants(s *model.Set, need permission.Right) error { return c.w.permitted(s, need) }

// Rows are at most limit rows of a set with values, given as property and value, whoever
// may see them: what an action needs to know is the action's.
func (c *Change) Rows(s *model.Set, limit int, where ...any) ([]*model.Record, error) {
	q := &query.Query{Set: s, Limit: limit}
	var all query.And
	for i := 0; i < len(where); i += 2 {
		all = append(all, query.Equal(s.Must(where[i].(string)), where[i+1].(model.Value)))
	}
	q.Where = all
	found, err := c.w.tx.Find(q)
	if err != nil {
		return nil, err
	}
	rows := make([]*model.Record, len(found))
	for i, e := range found {
		if rows[i], err = c.w.record(e.Set, e.ID); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Beside makes a row of another set in the actor's name, which the actor may not see, nor
// be granted: an action that makes one asks for what it needs, see [Change.Grants].
func (c *Change) Beside(s *model.Set, o *Object) (model.Entity, error) {
	w := NewWriter(c.w.model, Platform(c.w.by.ID, c.w.by.Login)).In(c.w.tx, c.w.now)
	out, err := w.create(s, o)
	return out.Entity, err
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
