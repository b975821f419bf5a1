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

// plan is a compiled level of a query: its statement, and where in a row's
// cells the parts of its rows are.
type plan struct {
	set     *model.Set
	text    string
	args    []any
	width   int   // cells of a row
	id      int   // cell of the Id, -1 in views
	version int   // cell of the version, -1 where none is asked for
	kind    int   // cell of the discriminator, -1 where the set is concrete
	owner   int   // cell of what the level is gathered by, -1 at the top
	links   []int // cells of the references to expand; -1 for child collections
	order   []int // cells of what the order compares; of the top level alone
	fields  []field
}

// field makes one value of a row.
type field struct {
	property   *model.Property
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

// plan compiles one level of a query.
func (e *ERP) plan(q *query.Query, g *gather) (*plan, error) {
	b := &builder{e: e, set: q.Set}
	p := &plan{set: q.Set, id: -1, version: -1, kind: -1, owner: -1}
	if id := q.Set.ID(); id != nil {
		p.id = b.cell("t0." + quoted(id.Column))
	}
	if v := q.Set.Property("ObjectVersion"); v != nil && q.Versions {
		path := v.ViaOwner
		if path == nil {
			path = &model.Path{Property: v}
		}
		p.version = b.cell(b.column(path))
	}
	if q.Set.Abstract {
		p.kind = b.cell("t0." + quoted(q.Set.TypeProperty().Column))
	}
	if g != nil {
		p.owner = b.cell("t0." + quoted(g.by.Column))
	}
	fields := q.Fields
	if fields == nil {
		fields = q.Set.DefaultFields()
	}
	p.fields = make([]field, len(fields))
	for i, f := range fields {
		p.fields[i] = b.field(f)
	}
	if g == nil && !q.Set.View {
		for _, k := range q.Order {
			p.order = append(p.order, b.cell(b.ordered(k.Path)))
		}
	}
	for _, x := range q.Expand {
		link := -1
		if x.Reference != nil {
			link = b.cell("t0." + quoted(x.Reference.Column))
		}
		p.links = append(p.links, link)
	}
	if len(b.cells) == 0 {
		b.cell("1") // rows of a view of which nothing is asked
	}
	p.width = len(b.cells)
	var err error
	switch {
	case g == nil:
		err = p.top(b, q)
	case q.Limit > 0 || q.Offset > 0:
		err = p.cut(b, q, g)
	default:
		err = p.all(b, q, g)
	}
	p.args = b.args
	return p, err
}

func (b *builder) field(f *model.Property) field {
	made := field{property: f, cell: -1, unit: -1, kind: -1}
	switch {
	case f.ViaOwner != nil:
		made.cell = b.cell(b.column(f.ViaOwner))
	case f.Format != nil:
		for _, d := range f.Format {
			if d.Path == nil {
				made.parts = append(made.parts, part{text: d.Text})
				continue
			}
			made.parts = append(made.parts, part{property: d.Path.Property, cell: b.cell(b.column(d.Path))})
		}
	default:
		made.cell = b.cell("t0." + quoted(f.Column))
	}
	if n := len(f.Unit); n > 0 {
		made.unit = b.cell(b.column(&model.Path{Refs: f.Unit, Property: f.Unit[n-1].Target.Code.Property}))
	}
	if f.Polymorphic() {
		made.kind = b.cell("t0." + quoted(f.Column+"_type"))
	}
	return made
}

// top selects a page.
func (p *plan) top(b *builder, q *query.Query) error {
	where, err := b.where(q)
	if err != nil {
		return err
	}
	order := b.order(q.Order)
	p.text = "SELECT " + strings.Join(b.cells, ", ") + b.from() + where + " ORDER BY " + order + b.page(q)
	return nil
}

// row turns scanned cells into the values of a row.
func (p *plan) row(cells []cell, values []model.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		v := &values[i]
		if f.cell < 0 {
			*v = model.TextValue(compose(f.parts, cells))
			continue
		}
		*v = model.Value(cells[f.cell])
		if v.Null {
			continue
		}
		if f.unit >= 0 {
			v.Unit = cells[f.unit].Text
		}
		if f.kind >= 0 {
			v.Int = cells[f.kind].Int
		}
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
