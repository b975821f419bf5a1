package write

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// CheckFilter refuses a text that is no $filter for rows of the set, or not one that the
// actor may ask: what a row is found by tells of it.
func (c *Change) CheckFilter(set *model.Set, filter string) error {
	if err := set.Permit(c.w.by.Granted, permission.Read); err != nil {
		return err
	}
	where, err := query.ParseFilter(set, filter, c.w.by.Granted)
	if err == nil && where == nil {
		err = invalid("%s: the filter is empty; write a condition like DocumentNo eq 'A'.", set.Name)
	}
	return err
}

// Matches reports whether the row, as it is stored, is one that a $filter finds,
// whatever the actor may see.
func (c *Change) Matches(filter string) (bool, error) {
	where, err := query.ParseFilter(c.Record.Set, filter, permission.ByPlatform())
	if err != nil {
		return false, err
	}
	q := query.ByID(c.Record.Set, c.ID)
	q.Where = query.And{q.Where, where}
	found, err := c.w.tx.Find(q)
	return len(found) > 0, err
}

// finish ends the write of a row: the actor must still be permitted to do it, and what
// the declaration does then is the platform's own doing.
func (c *Change) finish(moved bool) error {
	if err := c.permittedAfter(moved); err != nil || c.behaviour.Finish == nil {
		return err
	}
	if err := c.behaviour.Finish(c); err != nil || !c.Dirty() {
		return err
	}
	return c.w.save(c.Record)
}
