package query

import (
	"errors"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Resolve makes the query that the options ask for, for rows of a set. What it
// makes holds pointers of the model and values, and no text that a caller typed
// as a name. Every set that the query looks into, its own included, and every
// attribute, must be permitted by what was granted: see [model.Set.Permit]. Which
// rows are seen is left to the store, by [Query.By].
func Resolve(set *model.Set, options *odata.Query, granted permission.Granted) (*Query, error) {
	q, err := ResolveCount(set, options, granted)
	if err != nil {
		return nil, err
	}
	return q, resolver{granted, options.SkipHidden}.shape(q, options.Select, options.Expand)
}

// ResolveCount is [Resolve] for rows of which nothing is shown.
func ResolveCount(set *model.Set, options *odata.Query, granted permission.Granted) (*Query, error) {
	r := resolver{granted, options.SkipHidden}
	if err := r.enter(set); err != nil {
		return nil, err
	}
	q := &Query{Set: set, By: granted.Rights, Search: options.Search, Offset: options.Skip, SkipNulls: options.SkipNulls, Versions: true}
	if q.Search != "" {
		if err := r.searched(set); err != nil {
			return nil, err
		}
	}
	var err error
	if q.Where, err = r.filter(set, options.Filter); err != nil {
		return nil, err
	}
	if q.Order, err = r.orderBy(set, options.OrderBy); err != nil {
		return nil, err
	}
	return q, nil
}

// ResolveRow is [Resolve] for one row; options that are only for many are
// refused.
func ResolveRow(set *model.Set, id string, options *odata.Query, granted permission.Granted) (*Query, error) {
	return resolveOne(ByID(set, id), options, granted)
}

// ResolveKey is [ResolveRow] for a row of a view, by what [model.Set.RowKey] has.
func ResolveKey(set *model.Set, key []odata.Parameter, options *odata.Query, granted permission.Granted) (*Query, error) {
	q := &Query{Set: set, Limit: 1}
	want := set.RowKey()
	if len(want) == 0 || len(key) != len(want) {
		return nil, wrongKey(set)
	}
	var all And
	for _, p := range want {
		at := slices.IndexFunc(key, func(k odata.Parameter) bool { return k.Name == p.Name })
		if at < 0 || key[at].Value.Kind != odata.GUID {
			return nil, wrongKey(set)
		}
		if err := p.PermitTo(granted, permission.Read); err != nil {
			return nil, err
		}
		all = append(all, &Compare{Path: p.ViaOwner, Value: model.TextValue(key[at].Value.Text)})
	}
	q.Where = all
	return resolveOne(q, options, granted)
}

func wrongKey(set *model.Set) error {
	var names []string
	for _, p := range set.RowKey() {
		names = append(names, p.Name+"=guid")
	}
	if names == nil {
		return notFound("%s is a set, not an operation.", set.Name)
	}
	return notFound("A row of %[1]s is %[1]s(%[2]s).", set.Name, strings.Join(names, ","))
}

// resolveOne completes a query that finds one row.
func resolveOne(q *Query, options *odata.Query, granted permission.Granted) (*Query, error) {
	for _, o := range options.Given {
		switch o.Name {
		case "$filter", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$search":
			return nil, invalid("%s is for sets of rows; one row takes $select, $expand and options.", o.Name)
		}
	}
	r := resolver{granted, options.SkipHidden}
	if err := r.enter(q.Set); err != nil {
		return nil, err
	}
	q.By = granted.Rights
	q.SkipNulls, q.Versions = options.SkipNulls, true
	return q, r.shape(q, options.Select, options.Expand)
}

// resolver resolves the names of a syntax tree to the model.
type resolver struct {
	granted permission.Granted
	// skipHidden leaves out attributes that are hidden where they would be shown or
	// ordered by, instead of refusing them. Of what decides which rows there are nothing
	// is left out.
	skipHidden bool
}

// skips reports whether what was refused for err is left out instead.
func (r resolver) skips(err error) bool {
	var denied *permission.Denied
	return r.skipHidden && errors.As(err, &denied) && denied.Attribute != ""
}

// enter is asked for every set whose rows a name leads to. Rows of types that may not be
// read are left out by the store; the others are read by the right on what they are.
func (r resolver) enter(set *model.Set) error {
	if err := set.Permit(r.granted, permission.Read); err != nil || r.granted.Watch == nil {
		return err
	}
	for _, sub := range set.Subtypes {
		r.granted.Passes(func(by permission.Granted) error { return sub.Permit(by, permission.Read) })
	}
	return nil
}

// read is asked for every attribute that is shown, compared or followed.
func (r resolver) read(p *model.Property) error { return p.PermitTo(r.granted, permission.Read) }

// searched is enter for what $search looks at in rows of a set. What only the
// account may not see is left out of the search by the store.
func (r resolver) searched(set *model.Set) error {
	var denied *permission.Denied
	for _, p := range set.SearchPaths {
		if err := r.leftOut(p); err != nil && !errors.As(err, &denied) {
			return err
		}
	}
	return nil
}

// leftOut is through for what the store leaves out, without a refusal, where it is not the
// account's.
func (r resolver) leftOut(path *model.Path) (err error) {
	r.granted.Passes(func(by permission.Granted) error {
		err = resolver{granted: by}.through(path)
		return err
	})
	return err
}

// shown is asked for the attributes that are shown: of a text that is made of others the
// store shows the parts that the account may see.
func (r resolver) shown(fields []*model.Property) {
	if r.granted.Watch == nil {
		return
	}
	for _, p := range fields {
		for _, part := range p.Format {
			if part.Path != nil {
				_ = r.leftOut(part.Path)
			}
		}
	}
}

// through is enter for every set that a path steps into, and read for the
// attributes on it.
func (r resolver) through(path *model.Path) error {
	for _, ref := range path.Refs {
		if err := r.read(ref); err != nil {
			return err
		}
		if err := r.enter(ref.Target); err != nil {
			return err
		}
	}
	return r.read(path.Property)
}

// shape gives a query its fields and expansions.
func (r resolver) shape(out *Query, sel odata.Select, expands []odata.Expand) error {
	set := out.Set
	for _, x := range expands {
		if p := set.Property(x.Name); p != nil && r.skips(r.read(p)) {
			continue
		}
		bound, err := r.expand(set, x)
		if err != nil {
			return err
		}
		out.Expand = append(out.Expand, bound)
	}
	hides := set.Hides(r.granted.Rights)
	if sel.Default && len(sel.Names) == 0 && len(out.Expand) == 0 && !hides {
		r.shown(set.DefaultFields())
		return nil
	}
	fields := make([]*model.Property, 0, len(set.Properties))
	if sel.Default {
		fields = append(fields, set.DefaultFields()...)
	}
	if hides {
		fields = slices.DeleteFunc(fields, func(p *model.Property) bool { return r.read(p) != nil })
	}
	for _, name := range sel.Names {
		p := set.Property(name.Names[0])
		if err := within(set, p, name.Names[1:]); err != nil {
			return err
		}
		if p != nil {
			if err := r.read(p); r.skips(err) {
				continue
			} else if err != nil {
				return err
			}
		}
		switch {
		case p != nil && !slices.Contains(fields, p):
			fields = append(fields, p)
		case p != nil:
		case set.Child(name.Names[0]) == nil:
			return model.UnknownProperty(set, name.Names[0])
		case !expanded(out.Expand, name.Names[0]):
			return invalid("%s: %[2]s is a collection; use $expand=%[2]s.", set.Name, name.Names[0])
		}
	}
	r.shown(fields)
	// What is expanded stands in the place of the link.
	out.Fields = slices.DeleteFunc(fields, func(p *model.Property) bool {
		return p.IsReference() && expanded(out.Expand, p.Name)
	})
	return nil
}

// within checks the rest of a path of $select: a part of a complex value, which is
// shown as a whole.
func within(set *model.Set, p *model.Property, rest []string) error {
	if p == nil || len(rest) == 0 {
		return nil
	}
	part := rest[0]
	switch p.Kind {
	case model.KindAmount, model.KindQuantity:
		if part == "Value" || part == p.UnitName() {
			return nil
		}
		return invalid("%s: %s has no part %q; it has Value and %s.", set.Name, p.Name, model.Shown(part), p.UnitName())
	case model.KindMultiLanguage:
		if _, ok := model.Language(part); ok {
			return nil
		}
		return invalid("%s: %s has no part %q; its parts are languages, like EN.", set.Name, p.Name, model.Shown(part))
	case model.KindReference:
		return invalid("%s: $select=%s/%s is not offered; use $expand=%[2]s($select=%[3]s).", set.Name, p.Name, model.Shown(part))
	}
	return invalid("%s: %s has no parts.", set.Name, p.Name)
}

func expanded(all []*Expand, name string) bool {
	return slices.ContainsFunc(all, func(x *Expand) bool {
		return x.Reference != nil && x.Reference.Name == name || x.Child != nil && x.Child.Name == name
	})
}

func (r resolver) expand(set *model.Set, x odata.Expand) (*Expand, error) {
	out := &Expand{Reference: set.Property(x.Name), Child: set.Child(x.Name)}
	out.Query.Versions = true
	switch {
	case out.Child != nil:
		out.Query.Set = out.Child.Set
		out.Query.Limit = x.Top
		var err error
		if out.Query.Where, err = r.filter(out.Child.Set, x.Filter); err != nil {
			return nil, err
		}
		if out.Query.Order, err = r.orderBy(out.Child.Set, x.OrderBy); err != nil {
			return nil, err
		}
	case out.Reference == nil:
		return nil, model.UnknownProperty(set, x.Name)
	case !out.Reference.IsReference():
		return nil, invalid("%s: %s is not a reference or a collection, so it cannot be expanded.", set.Name, x.Name)
	case x.Filter != nil || x.OrderBy != nil || x.Top > 0:
		return nil, invalid("%s: $filter, $orderby and $top inside $expand are for collections; %s is one row.", set.Name, x.Name)
	default:
		if err := r.read(out.Reference); err != nil {
			return nil, err
		}
		out.Query.Set = out.Reference.Target
	}
	out.Query.By = r.granted.Rights
	if err := r.enter(out.Query.Set); err != nil {
		return nil, err
	}
	return out, r.shape(&out.Query, x.Select, x.Expand)
}

func (r resolver) orderBy(set *model.Set, keys []odata.Order) ([]Order, error) {
	var out []Order
	for _, k := range keys {
		path, err := r.orderPath(set, k.Property)
		if r.skips(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		key, err := order(set, path, k.Descending)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, nil
}

// orderPath is path for a key of $orderby, where Name is the name of a row also
// where the set has no property of that name: a customer's is its party's.
func (r resolver) orderPath(set *model.Set, p odata.Property) (*model.Path, error) {
	if len(p.Names) == 1 && p.Names[0] == "Name" && set.Property("Name") == nil && set.NameMember != nil {
		return set.NameMember, r.through(set.NameMember)
	}
	return r.path(set, p)
}

// path resolves a property path. Rows of the security namespace may be linked
// to, but not looked into.
func (r resolver) path(set *model.Set, p odata.Property) (*model.Path, error) {
	path, err := set.ParsePath(p.Names)
	if err != nil {
		return nil, err
	}
	return path, r.through(path)
}
