package data

import (
	"context"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// $expand: the rows of a level that belong to those of the level above, in one
// statement for all of them.

// gather limits a level to the rows of some parents.
type gather struct {
	by  *model.Property
	ids []any
}

// gathered are the conditions for the rows of some parents. Of rows that the account
// sees the guards are not asked again for the parts, which may be more closed by
// themselves; what a row only refers to is looked at as a whole.
func (b *builder) gathered(q *query.Query, g *gather) []string {
	among := b.among("t0."+quoted(g.by.Column), g.ids)
	switch {
	case g.by != q.Set.Owner:
		return append(b.guards(q.Set, "t0", b.need), among)
	case b.by == nil || b.by.Everything():
		return []string{among}
	}
	return append(append(b.reached(q.Set, "t0"), b.personal(q.Set, "t0")...), among)
}

// all selects the rows of all parents, those of one after another.
func (p *plan) all(b *builder, q *query.Query, g *gather) error {
	where, err := b.where(q, b.gathered(q, g)...)
	if err != nil {
		return err
	}
	order := b.order(childOrder(q))
	p.text = p.selection + b.from() + where + " ORDER BY " + b.cells[p.owner] + ", " + order
	return nil
}

// cut selects some rows of each parent.
func (p *plan) cut(b *builder, q *query.Query, g *gather) error {
	where, err := b.where(q, b.gathered(q, g)...)
	if err != nil {
		return err
	}
	var inner, outer strings.Builder
	for i, c := range b.cells {
		name := "c" + strconv.Itoa(i)
		inner.WriteString(c + " AS " + name + ", ")
		if i > 0 {
			outer.WriteString(", ")
		}
		outer.WriteString(name)
	}
	owner := "c" + strconv.Itoa(p.owner)
	order := b.order(childOrder(q))
	p.text = "SELECT " + outer.String() + " FROM (SELECT " + inner.String() +
		"ROW_NUMBER() OVER (PARTITION BY " + b.cells[p.owner] + " ORDER BY " + order + ") AS place" +
		b.from() + where + ") AS numbered WHERE place > " + b.arg(int64(q.Offset))
	if q.Limit > 0 {
		p.text += " AND place <= " + b.arg(int64(q.Offset+q.Limit))
	}
	p.text += " ORDER BY " + owner + ", place"
	return nil
}

// childOrder is the order of the rows of one parent: by number, where they
// have one.
func childOrder(q *query.Query) []query.Order {
	if number := q.Set.Property("LineNo"); len(q.Order) == 0 && number != nil {
		return []query.Order{{Path: &model.Path{Property: number}}}
	}
	return q.Order
}

// expand reads the navigations of the first n rows of a level, and theirs.
func (e *ERP) expand(ctx context.Context, q *query.Query, l *level, n int, left *budget) error {
	for i, x := range q.Expand {
		var err error
		switch {
		case l.joined[i] != nil:
			err = left.take(l, i, n)
		case x.Reference != nil:
			err = e.expandReference(ctx, x, i, l, n, left)
		default:
			err = e.expandChildren(ctx, x, i, l, n, left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take counts what the first rows have of a reference that was read with them.
func (b *budget) take(l *level, i, n int) error {
	for k := range n {
		b.left -= len(l.rows[k].Expanded[i])
	}
	if b.left < 0 {
		return errGathered
	}
	return nil
}

func (e *ERP) expandReference(ctx context.Context, x *query.Expand, i int, l *level, n int, left *budget) error {
	where := make(map[string][]query.Row, n)
	var ids []any
	for _, id := range l.links[i][:n] {
		if _, known := where[id]; !known && id != "" {
			where[id] = nil
			ids = append(ids, id)
		}
	}
	err := e.gathered(ctx, &x.Query, x.Query.Set.ID(), ids, left, func(id string, rows []query.Row) { where[id] = rows })
	if err != nil {
		return err
	}
	for k := range n {
		id := l.links[i][k]
		l.rows[k].Expanded[i] = where[id]
		if id != "" && len(where[id]) == 0 {
			l.rows[k].Expanded[i] = []query.Row{{Hidden: true, ID: id}}
		}
	}
	return nil
}

func (e *ERP) expandChildren(ctx context.Context, x *query.Expand, i int, l *level, n int, left *budget) error {
	where := make(map[string]int, n)
	ids := make([]any, n)
	for k := range n {
		where[l.rows[k].ID], ids[k] = k, l.rows[k].ID
	}
	return e.gathered(ctx, &x.Query, x.Child.Owner, ids, left, func(id string, rows []query.Row) { l.rows[where[id]].Expanded[i] = rows })
}

// gathered reads the rows whose property by is one of ids, with what they
// expand, and gives them away by that.
func (e *ERP) gathered(ctx context.Context, q *query.Query, by *model.Property, ids []any, left *budget,
	give func(id string, rows []query.Row)) error {
	for len(ids) > 0 {
		some := ids[:min(len(ids), query.MaxInValues)]
		ids = ids[len(some):]
		l, err := e.read(ctx, q, &gather{by, some}, left)
		if err != nil {
			return err
		}
		if len(q.Expand) > 0 && len(l.rows) > 0 {
			if err := e.expand(ctx, q, l, len(l.rows), left); err != nil {
				return err
			}
		}
		for from, k := 0, 1; k <= len(l.rows); k++ {
			if k == len(l.rows) || l.owners[k] != l.owners[from] {
				give(l.owners[from], l.rows[from:k:k])
				from = k
			}
		}
	}
	return nil
}
