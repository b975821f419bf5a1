package data

import (
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// table is how the whole rows of a set are read and written.
type table struct {
	set     *model.Set
	columns []column
	keys    []column // what tells a row: its id, or the references of a view
	load    string
	into    string // the beginning of insert
	insert  string // of one row
	remove  string
}

// column is one column of a property. Names come from the model alone.
type column struct {
	property *model.Property
	name     string // quoted
	holds    held
}

// held is which part of a value a column holds.
type held uint8

const (
	heldValue held = iota
	heldText       // the form that is searched
	heldCase       // the form that is compared, where lower() does not make it
	heldType       // the discriminator of a polymorphic reference
)

func quoted(name string) string { return `"` + name + `"` }

// folded are the properties that have a column of the form that is searched.
func folded(m *model.Model) map[*model.Property]bool {
	all := map[*model.Property]bool{}
	for _, s := range m.Sets {
		for _, p := range s.Properties {
			if p.Stored() && p.Kind == model.KindMultiLanguage {
				all[p] = true
			}
		}
		for _, p := range s.SearchPaths {
			all[p.Property] = true
		}
	}
	return all
}

// compared reports whether filters compare the property as a text.
func compared(p *model.Property) bool {
	return p.Stored() && p.Kind == model.KindString && p.Can&(model.CanEq|model.CanIn|model.CanLike) != 0
}

// derived reports whether the column is made of another one.
func (c column) derived() bool { return c.holds == heldText || c.holds == heldCase }

// columnsOf are the columns of a property.
func (e *ERP) columnsOf(p *model.Property) []column {
	all := []column{{p, quoted(p.Column), heldValue}}
	if e.folded[p] {
		all = append(all, column{p, quoted(p.Column + "_text"), heldText})
	}
	if compared(p) {
		all = append(all, column{p, quoted(p.Column + "_case"), heldCase})
	}
	if p.Polymorphic() {
		all = append(all, column{p, quoted(p.Column + "_type"), heldType})
	}
	return all
}

func (e *ERP) newTable(s *model.Set) *table {
	t := &table{set: s}
	var names, read []string
	for _, p := range s.Properties {
		if !p.Stored() {
			continue
		}
		for _, c := range e.columnsOf(p) {
			t.columns = append(t.columns, c)
			names = append(names, c.name)
			if !c.derived() {
				read = append(read, c.name)
			}
		}
		if p == s.ID() || s.View && p.IsReference() {
			t.keys = append(t.keys, column{p, quoted(p.Column), heldValue})
		}
	}
	t.into = "INSERT INTO " + s.Table + " (" + strings.Join(names, ", ") + ") VALUES "
	t.insert = t.into + t.places(1)
	if s.View {
		return t
	}
	t.load = "SELECT " + strings.Join(read, ", ") + " FROM " + s.Table + " WHERE id = $1"
	if s.Base != nil {
		t.load += " AND " + quoted(s.TypeProperty().Column) + " = $2"
	}
	t.remove = "DELETE FROM " + s.Table + " WHERE id = $1"
	return t
}

// inserting is the statement that adds n rows.
func (t *table) inserting(n int) string {
	if n == 1 {
		return t.insert
	}
	return t.into + t.places(n)
}

// places are the arguments of n rows.
func (t *table) places(n int) string {
	b := make([]byte, 0, 6*n*len(t.columns))
	for i := range n * len(t.columns) {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%len(t.columns) == 0:
			b = append(b, "), ("...)
		default:
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(b, '$'), int64(i+1), 10)
	}
	return string(append(b, ')'))
}

// lock makes a SELECT keep others from changing its row, but not from
// referring to it.
func (e *ERP) lock() string {
	if e.db.Engine == sqldb.PostgreSQL {
		return " FOR NO KEY UPDATE"
	}
	return ""
}

// arg is what a column holds of a value.
func (c column) arg(v model.Value) any {
	switch {
	case v.Null:
		return nil
	case c.holds == heldText:
		return c.property.Fold(v)
	case c.holds == heldCase:
		if folded, differs := model.BeyondLower(v.Text); differs {
			return folded
		}
		return nil
	case c.holds == heldType:
		return v.Int
	}
	return argument(c.property, v)
}

// argument is a value of the property as its column holds it.
func argument(p *model.Property, v model.Value) any {
	switch p.Kind {
	case model.KindString, model.KindMultiLanguage, model.KindGUID, model.KindReference:
		return v.Text
	case model.KindBool:
		return v.Int != 0
	}
	return v.Int
}
