package data

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// cell scans one column into the parts of a value that it can hold.
type cell model.Value

// Scan implements [sql.Scanner].
func (c *cell) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c = cell{Null: true}
	case string:
		*c = cell{Text: v}
	case int64:
		*c = cell{Int: v}
	case bool:
		*c = cell{Int: int64(toInt(v))}
	case []byte:
		*c = cell{Text: string(v)}
	default:
		return fmt.Errorf("a column holds a %T", src)
	}
	return nil
}

// plan is a compiled level of a query: its statement, and where in a row's cells
// the parts of its rows are.
type plan struct {
	*shape
	text  string
	args  []any
	scans bool // many rows may have to be looked at
}

// field makes one value of a row.
type field struct {
	cell       int // -1 for computed texts
	unit, kind int // cells, or -1
	parts      []part
}

// part is a part of a computed text: literal text, or a cell.
type part struct {
	text     string
	property *model.Property
	cell     int
}

// plan compiles one level of a query. What does not depend on values that a caller
// gave is taken from the shape.
func (e *ERP) plan(q *query.Query, g *gather, few []openKeys, narrow ...narrowing) (*plan, error) {
	s := e.shapes.of(q, g)
	b := e.builder(q)
	b.joins, b.cells, b.narrow, b.few = s.joins[:len(s.joins):len(s.joins)], s.cells, narrow, few
	p := &plan{shape: s}
	var err error
	switch {
	case g == nil:
		err = p.top(b, q)
	case q.Limit > 0 || q.Offset > 0:
		err = p.cut(b, q, g)
	default:
		err = p.all(b, q, g)
	}
	p.args, p.scans = b.args, b.scans && g == nil
	return p, err
}

// top selects a page.
func (p *plan) top(b *builder, q *query.Query) error {
	if (q.Offset >= b.e.fewSkipped || b.few != nil) && p.id >= 0 {
		return p.skip(b, q)
	}
	where, err := b.where(q, b.seen(q)...)
	if err != nil {
		return err
	}
	order := b.order(q.Order)
	p.text = p.selection + b.from() + where + " ORDER BY " + order + b.page(q)
	return nil
}

// fewSkipped is how many rows are skipped with all that is shown of them.
const fewSkipped = 200

// skip selects a page of which many rows come before, or are sorted: their ids are
// counted, which an index of the order has, and nothing else of them is read.
func (p *plan) skip(b *builder, q *query.Query) error {
	ids := (&builder{e: b.e, set: b.set, by: b.by, need: b.need, narrow: b.narrow, few: b.few}).begin()
	where, err := ids.where(q, ids.seen(q)...)
	if err != nil {
		return err
	}
	order := ids.order(q.Order)
	inner := "SELECT t0.id" + ids.from() + where + " ORDER BY " + order + ids.page(q)
	order = b.order(q.Order)
	b.args = ids.args // what else is joined adds to them
	p.text = p.selection + b.from() + " WHERE t0.id IN (" + inner + ") ORDER BY " + order
	b.scans = ids.scans
	return nil
}

// row makes a row of scanned cells. Its values are the first of those given.
func (p *portion) row(cells []cell, values []model.Value) query.Row {
	row := query.Row{Set: p.set, Values: values[:len(p.fields):len(p.fields)]}
	if p.id >= 0 {
		row.ID = cells[p.id].Text
	}
	if p.version >= 0 {
		row.Version = cells[p.version].Int
	}
	if p.kind >= 0 {
		row.Set = p.set.Concrete(cells[p.kind].Int)
	}
	for i := range p.fields {
		p.fields[i].read(cells, &row.Values[i])
	}
	return row
}

func (f *field) read(cells []cell, v *model.Value) {
	if f.cell < 0 {
		*v = model.TextValue(compose(f.parts, cells))
		return
	}
	*v = model.Value(cells[f.cell])
	if v.Null {
		return
	}
	if f.unit >= 0 {
		v.Unit = cells[f.unit].Text
	}
	if f.kind >= 0 {
		v.Int = cells[f.kind].Int
	}
}

// compose makes a computed text.
func compose(parts []part, cells []cell) string {
	var s strings.Builder
	for _, p := range parts {
		if p.property == nil {
			s.WriteString(p.text)
			continue
		}
		c := cells[p.cell]
		switch {
		case c.Null:
		case p.property.Kind == model.KindMultiLanguage:
			s.WriteString(model.Translation(c.Text, model.DefaultLanguage))
		case p.property.Kind == model.KindEnum:
			s.WriteString(p.property.Enum.MemberName(c.Int))
		case p.property.Kind == model.KindInt:
			s.WriteString(strconv.FormatInt(c.Int, 10))
		default:
			s.WriteString(c.Text)
		}
	}
	return s.String()
}

// scanner reads rows into the same cells again and again.
func scanner(width int) ([]cell, []any) {
	cells := make([]cell, width)
	into := make([]any, width)
	for i := range cells {
		into[i] = &cells[i]
	}
	return cells, into
}

var _ sql.Scanner = (*cell)(nil)
