package write

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// What a declaration asks of the parts of a row, and what it notes of the row.

// Action is the action that changes the row; empty where its members are given.
func (c *Change) Action() string { return c.action }

// PartsChanged reports whether a part of the row was made, changed or deleted. It is
// known when totals are made.
func (c *Change) PartsChanged() bool { return c.parts }

// GuardsParts reports whether a guard is asked for a part of the row, or for its being
// there at all, rather than for its own attributes.
func (c *Change) GuardsParts() bool { return c.partsGuarded }

// ChangesBeside reports whether any other attribute than those named differs from what
// is saved.
func (c *Change) ChangesBeside(names ...string) bool {
	return slices.ContainsFunc(c.Record.Set.Properties, func(p *model.Property) bool {
		return p.Stored() && c.Changed(p) && !slices.Contains(names, p.Name)
	})
}

// Warn tells the caller something of what is written, which stays written.
func (c *Change) Warn(format string, args ...any) {
	c.w.notes = append(c.w.notes, fmt.Sprintf(format, args...))
}

// all are the rows of a query, of which some would not do: with more than [MaxLines] it is
// an error.
func (w *Writer) all(q *query.Query) ([]model.Entity, error) {
	q.Limit = MaxLines + 1
	found, err := w.tx.Find(q)
	if err == nil && len(found) > MaxLines {
		err = broken(q.Set, "more than %d rows belong together here, which is too many to change them as a whole; "+
			"change or delete rows by themselves, each by its Id.", MaxLines)
	}
	return found, err
}

// Others are the other rows of the set that refer to the same as this one does by a
// reference: as they are being written, where the same request writes them.
func (c *Change) Others(reference string) ([]*model.Record, error) {
	s, v := c.Record.Set, c.Get(reference)
	p := s.Must(reference)
	found, err := c.w.all(&query.Query{Set: s, Where: query.Equal(p, v)})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{c.ID: true}
	var all []*model.Record
	if c.owner != nil {
		for _, sibling := range c.owner.children {
			if sibling.Record.Set != s {
				continue
			}
			if !seen[sibling.ID] && sibling.Get(reference).Equal(v) {
				all = append(all, sibling.Record)
			}
			seen[sibling.ID] = true
		}
	}
	for _, e := range found {
		if seen[e.ID] {
			continue
		}
		r, err := c.w.tx.Load(e.Set, e.ID, false)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// SomePartBefore reports whether a row of a child collection that is stored has a number
// or time that is less than the value; SomePartAfter whether one has a greater one.
func (c *Change) SomePartBefore(collection, property string, than model.Value) (bool, error) {
	return c.somePart(collection, query.AtMost(c.partProperty(collection, property), model.IntValue(than.Int-1)))
}

// SomePartAfter is told of at [Change.SomePartBefore].
func (c *Change) SomePartAfter(collection, property string, than model.Value) (bool, error) {
	return c.somePart(collection, query.AtLeast(c.partProperty(collection, property), model.IntValue(than.Int+1)))
}

func (c *Change) partProperty(collection, property string) *model.Property {
	return c.Record.Set.Child(collection).Set.Must(property)
}

func (c *Change) somePart(collection string, where query.Expr) (bool, error) {
	child := c.Record.Set.Child(collection)
	found, err := c.w.tx.Find(&query.Query{Set: child.Set, Where: query.And{query.Equal(child.Owner, model.TextValue(c.ID)), where}, Limit: 1})
	return len(found) > 0, err
}

// SumOfChildren adds up a number of all rows of a child collection.
func (c *Change) SumOfChildren(collection, property string) (int64, error) {
	return c.aggregate(Sum, collection, property)
}

// MaxOfChildren is the largest number of all rows of a child collection; 0 where it
// has none.
func (c *Change) MaxOfChildren(collection, property string) (int64, error) {
	return c.aggregate(Max, collection, property)
}

// HasChildren reports whether a row that is stored has any row of a child collection.
func (c *Change) HasChildren(collection string) (bool, error) {
	child := c.Record.Set.Child(collection)
	found, err := c.w.tx.Find(&query.Query{Set: child.Set, Where: query.Equal(child.Owner, model.TextValue(c.ID)), Limit: 1})
	return len(found) > 0, err
}

func (c *Change) aggregate(f Aggregate, collection, property string) (int64, error) {
	child := c.Record.Set.Child(collection)
	p := child.Set.Must(property)
	if !c.New {
		return c.w.tx.Aggregate(f, child, c.ID, p)
	}
	var all []int64
	for _, part := range c.children {
		if part.Record.Set == child.Set {
			all = append(all, part.Values[p.Index].Int)
		}
	}
	total := int64(0)
	for i, n := range all {
		switch {
		case f == Sum:
			total += n
		case i == 0 || n > total:
			total = n
		}
	}
	return total, nil
}

// Parts are the rows of a child collection of a row that was read. They are
// remembered until one of them is written.
func (c *Change) Parts(r *model.Record, collection string) ([]*model.Record, error) {
	child := r.Set.Child(collection)
	key := partsKey(r.ID, child.Set)
	if kept, ok := c.w.parts[key]; ok {
		return kept, nil
	}
	found, err := c.w.all(&query.Query{Set: child.Set, Where: query.Equal(child.Owner, model.TextValue(r.ID))})
	if err != nil {
		return nil, err
	}
	all := make([]*model.Record, len(found))
	for i, e := range found {
		if all[i], err = c.w.tx.Load(e.Set, e.ID, false); err != nil {
			return nil, err
		}
	}
	if len(c.w.parts) >= maxRemembered {
		clear(c.w.parts)
	}
	c.w.parts[key] = all
	return all, nil
}

// partsKey is what the parts that a row has in one set are remembered by. Rows of other
// sets may have the same Id.
func partsKey(ownerID string, s *model.Set) string { return ownerID + "/" + s.Name }

// Note adds a row to a child collection that only declarations write to, when the row
// itself is written: what became of it. Ids come in the order of time.
func (c *Change) Note(collection string) *model.Record {
	child := c.Record.Set.Child(collection)
	r := model.NewRecord(child.Set, uuid.Must(uuid.NewV7()).String())
	r.Values[child.Owner.Index] = child.Owner.Refer(model.Entity{Set: c.Record.Set, ID: c.ID})
	c.notes = append(c.notes, r)
	return r
}

// noted writes what was noted.
func (c *Change) noted() error {
	for _, r := range c.notes {
		if err := c.w.insert(r); err != nil {
			return err
		}
	}
	c.notes = nil
	return nil
}

// Referred is the row that an argument of an action names, as {"@odata.id":"Set(id)"};
// nil where there is none. It must be one that the reference could point at, and that
// the actor sees.
func (c *Change) Referred(args *Arguments, name, reference string) (*model.Record, error) {
	v, given := args.Get(name)
	if !given {
		return nil, nil
	}
	p := c.Property(reference)
	o, ok := v.(*Object)
	id, named := "", false
	if ok {
		id, named = linked(o)
	}
	if !named {
		return nil, args.refuse(name, `names a row: {"@odata.id":"`+p.Target.Name+`(id)"}`)
	}
	to, err := c.w.link(p, id)
	if err != nil {
		return nil, err
	}
	return c.w.record(p.Target, to.Text)
}
