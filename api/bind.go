package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp"
)

// binder resolves the names of a syntax tree to the model. What it makes holds
// pointers of the model and values, and no text that a caller typed as a name.
type binder struct {
	*Domain
	r *http.Request
}

// collection is the query for rows of a set.
func (b binder) collection(set *erp.Set, q *odata.Query) (*erp.Query, error) {
	out := &erp.Query{Set: set, Search: q.Search, Offset: q.Skip, SkipNulls: q.SkipNulls}
	var err error
	if out.Where, err = b.filter(set, q.Filter); err != nil {
		return nil, err
	}
	if out.Order, err = b.orderBy(set, q.OrderBy); err != nil {
		return nil, err
	}
	return out, b.shape(out, q.Select, q.Expand)
}

// entity is the query for one row; options that are only for many are refused.
func (b binder) entity(set *erp.Set, id string, q *odata.Query) (*erp.Query, error) {
	for _, o := range q.Given {
		switch o.Name {
		case "$filter", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$search":
			return nil, invalid("%s is for sets of rows; one row takes $select, $expand and options.", o.Name)
		}
	}
	out := erp.ByID(set, id)
	out.SkipNulls = q.SkipNulls
	return out, b.shape(out, q.Select, q.Expand)
}

// shape gives a query its fields and expansions.
func (b binder) shape(out *erp.Query, sel odata.Select, expands []odata.Expand) error {
	set := out.Set
	for _, x := range expands {
		bound, err := b.expand(set, x)
		if err != nil {
			return err
		}
		out.Expand = append(out.Expand, bound)
	}
	if sel.Default && len(sel.Names) == 0 && len(out.Expand) == 0 {
		return nil // the default fields
	}
	fields := make([]*erp.Property, 0, len(set.Properties))
	if sel.Default {
		fields = append(fields, set.DefaultFields()...)
	}
	for _, name := range sel.Names {
		p := set.Property(name.Names[0])
		switch {
		case p != nil && !slices.Contains(fields, p):
			fields = append(fields, p)
		case p != nil:
		case set.Child(name.Names[0]) == nil:
			return unknownProperty(set, name.Names[0])
		case !expanded(out.Expand, name.Names[0]):
			return invalid("%s: %[2]s is a collection; use $expand=%[2]s.", set.Name, name.Names[0])
		}
	}
	// What is expanded stands in the place of the link.
	out.Fields = slices.DeleteFunc(fields, func(p *erp.Property) bool {
		return p.IsReference() && expanded(out.Expand, p.Name)
	})
	return nil
}

func expanded(all []*erp.Expand, name string) bool {
	return slices.ContainsFunc(all, func(x *erp.Expand) bool {
		return x.Reference != nil && x.Reference.Name == name || x.Child != nil && x.Child.Name == name
	})
}

func (b binder) expand(set *erp.Set, x odata.Expand) (*erp.Expand, error) {
	out := &erp.Expand{Reference: set.Property(x.Name), Child: set.Child(x.Name)}
	switch {
	case out.Child != nil:
		out.Query.Set = out.Child.Set
		out.Query.Limit = x.Top
		var err error
		if out.Query.Where, err = b.filter(out.Child.Set, x.Filter); err != nil {
			return nil, err
		}
		if out.Query.Order, err = b.orderBy(out.Child.Set, x.OrderBy); err != nil {
			return nil, err
		}
	case out.Reference == nil:
		return nil, unknownProperty(set, x.Name)
	case !out.Reference.IsReference():
		return nil, invalid("%s: %s is not a reference or a collection, so it cannot be expanded.", set.Name, x.Name)
	case x.Filter != nil || x.OrderBy != nil || x.Top > 0:
		return nil, invalid("%s: $filter, $orderby and $top inside $expand are for collections; %s is one row.", set.Name, x.Name)
	default:
		out.Query.Set = out.Reference.Target
	}
	if err := b.permit(b.r, out.Query.Set); err != nil {
		return nil, err
	}
	return out, b.shape(&out.Query, x.Select, x.Expand)
}

func (b binder) orderBy(set *erp.Set, keys []odata.Order) ([]erp.Order, error) {
	var out []erp.Order
	for _, k := range keys {
		path, err := b.path(set, k.Property)
		if err != nil {
			return nil, err
		}
		order, err := erp.NewOrder(set, path, k.Descending)
		if err != nil {
			return nil, err
		}
		out = append(out, order)
	}
	return out, nil
}

// path resolves a property path. Rows of the security namespace may be linked
// to, but not looked into.
func (b binder) path(set *erp.Set, p odata.Property) (*erp.Path, error) {
	path, err := set.ParsePath(p.Names)
	if err != nil {
		return nil, err
	}
	for _, ref := range path.Refs {
		if err := b.permit(b.r, ref.Target); err != nil {
			return nil, err
		}
	}
	return path, nil
}

// filter resolves conditions, all of which must hold.
func (b binder) filter(set *erp.Set, conditions []odata.Condition) (erp.Expr, error) {
	if len(conditions) == 0 {
		return nil, nil
	}
	all := make(erp.And, 0, len(conditions))
	for _, c := range conditions {
		e, err := b.condition(set, c)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (b binder) condition(set *erp.Set, c odata.Condition) (erp.Expr, error) {
	switch c := c.(type) {
	case odata.Compare:
		path, err := b.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		op := map[odata.Operator]erp.Op{odata.Equal: erp.Eq, odata.GreaterOrEqual: erp.Ge, odata.LessOrEqual: erp.Le}[c.Op]
		return erp.NewCompare(set, path, op, literal(c.Value), c.OrNull)
	case odata.In:
		path, err := b.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		values := make([]erp.Literal, len(c.Values))
		for i, v := range c.Values {
			values[i] = literal(v)
		}
		return erp.NewIn(set, path, values)
	case odata.Match:
		path, err := b.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		if ref := path.Property; ref.IsReference() { // looks into the row it refers to
			if err := b.permit(b.r, ref.Target); err != nil {
				return nil, err
			}
		}
		f := map[odata.Function]erp.MatchFunc{odata.Contains: erp.Contains, odata.StartsWith: erp.StartsWith, odata.EndsWith: erp.EndsWith}[c.Function]
		return erp.NewMatch(set, path, f, c.Text)
	}
	return nil, invalid("$filter has a condition that is not known.")
}

// literal carries a constant over. The namespace of an enum's type is the only
// one there is.
func literal(l odata.Literal) erp.Literal {
	kind := [...]erp.LiteralKind{
		odata.Null: erp.LiteralNull, odata.Bool: erp.LiteralBool, odata.Number: erp.LiteralNumber, odata.String: erp.LiteralString,
		odata.GUID: erp.LiteralGUID, odata.Date: erp.LiteralDate, odata.Time: erp.LiteralDate, odata.Enum: erp.LiteralEnum,
	}[l.Kind]
	return erp.Literal{Kind: kind, Text: l.Text, Type: strings.TrimPrefix(l.Type, odata.Namespace+".")}
}

func unknownProperty(set *erp.Set, name string) error {
	return invalid("%s has no property %q; $metadata lists the properties of %s.", set.Name, name, qualified(set.Type))
}
