package data

import (
	"strconv"
	"strings"
	"sync"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// maxShapes is how many shapes are kept. Callers choose fields and orders, so there
// are as many as they think of; when it is reached all are made anew.
const maxShapes = 2048

// shapes keeps the shapes of queries that were asked before.
type shapes struct {
	mu   sync.RWMutex
	kept map[string]*shape
}

// portion is where in a row's cells the parts of a row of one set are.
type portion struct {
	set     *model.Set
	id      int // cell of the Id, -1 in views
	version int // cell of the version, -1 where none is asked for
	kind    int // cell of the discriminator, -1 where the set is concrete
	fields  []field
}

// shape is what all levels have in common that select the same of the same set.
type shape struct {
	portion
	owner  int        // cell of what the level is gathered by, -1 at the top
	links  []int      // cells of the references to expand; -1 for child collections
	joined []*portion // by expand: the row of a reference, where this level reads it too
	order  []int      // cells of what the order compares; of the top level alone

	joins     []join
	cells     []string // the expressions selected
	selection string   // SELECT and all of them
}

// of is the shape of a level of a query.
func (s *shapes) of(q *query.Query, g *gather) *shape {
	key := shapeKey(q, g)
	s.mu.RLock()
	have := s.kept[key]
	s.mu.RUnlock()
	if have != nil {
		return have
	}
	made := newShape(q, g)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= maxShapes {
		s.kept = map[string]*shape{}
	}
	s.kept[key] = made
	return made
}

// shapeKey names everything that [newShape] looks at.
func shapeKey(q *query.Query, g *gather) string {
	k := make(keyText, 0, 256)
	// What a text shows, and which rows are found whoever asks, depends on the rights.
	k = strconv.AppendUint(k, q.By.Serial(), 36)
	k.add("")
	k.query(q)
	if g != nil {
		k.add("by", g.by.Name)
	} else {
		for _, o := range q.Order {
			k.path("order", o.Path)
		}
	}
	for _, x := range q.Expand {
		switch {
		case joins(x, g):
			k.add("join", x.Reference.Name)
			k.query(&x.Query)
			k.add("end")
		case x.Reference != nil:
			k.add("link", x.Reference.Name)
		default:
			k.add("child")
		}
	}
	return string(k)
}

// keyText is a text of names, none of which holds a blank.
type keyText []byte

func (k *keyText) add(names ...string) {
	for _, name := range names {
		*k = append(append(*k, name...), ' ')
	}
}

func (k *keyText) path(what string, p *model.Path) {
	k.add(what)
	for _, r := range p.Refs {
		k.add(r.Name)
	}
	k.add(p.Property.Name)
}

// query names the set and what is read of each row.
func (k *keyText) query(q *query.Query) {
	k.add(q.Set.Name)
	if q.Versions {
		k.add("versions")
	}
	if q.Fields == nil {
		return // the set's own
	}
	k.add("fields")
	for _, f := range q.Fields {
		k.add(f.Name)
	}
}

func newShape(q *query.Query, g *gather) *shape {
	b := &builder{set: q.Set, by: q.By, need: permission.Read}
	s := &shape{portion: b.portion(q, nil), owner: -1, joined: make([]*portion, len(q.Expand))}
	if g != nil {
		s.owner = b.cell("t0." + quoted(g.by.Column))
	}
	if g == nil && !q.Set.View {
		for _, k := range q.Order {
			s.order = append(s.order, b.cell(b.ordered(k.Path)))
		}
	}
	for i, x := range q.Expand {
		link := -1
		if x.Reference != nil {
			link = b.cell("t0." + quoted(x.Reference.Column))
		}
		s.links = append(s.links, link)
		if joins(x, g) {
			p := b.portion(&x.Query, []*model.Property{x.Reference})
			s.joined[i] = &p
		}
	}
	if len(b.cells) == 0 {
		b.cell("1") // rows of a view of which nothing is asked
	}
	s.joins, s.cells, s.selection = b.joins, b.cells, "SELECT "+strings.Join(b.cells, ", ")
	return s
}

// joins says whether the rows of a reference are read with those that refer to
// them: at the top, where a page bounds how many there are, and where nothing but
// the reference says which they are. A row that may be hidden is read by itself, so
// that its link can stay.
func joins(x *query.Expand, g *gather) bool {
	q := &x.Query
	return g == nil && x.Reference != nil && (q.By == nil || q.Set.Open(q.By, permission.Read)) && len(q.Expand) == 0 && q.Set == x.Reference.Target && q.Set.Base == nil && !q.Set.View &&
		q.Where == nil && q.Search == "" && q.From == "" && q.Limit == 0 && q.Offset == 0
}

// portion selects what is read of a row that the references lead to.
func (b *builder) portion(q *query.Query, by []*model.Property) portion {
	p := portion{set: q.Set, id: -1, version: -1, kind: -1}
	if id := q.Set.ID(); id != nil {
		p.id = b.cell(b.column(&model.Path{Refs: by, Property: id}))
	}
	if v := q.Set.Property("ObjectVersion"); v != nil && q.Versions {
		p.version = b.cell(b.column(beyond(by, v.ViaOwner, v)))
	}
	if q.Set.Abstract {
		p.kind = b.cell(b.at(by, q.Set.TypeProperty().Column))
	}
	fields := q.Fields
	if fields == nil {
		fields = q.Set.DefaultFields()
	}
	p.fields = make([]field, len(fields))
	for i, f := range fields {
		p.fields[i] = b.field(by, f)
	}
	return p
}

// beyond is the path behind the references; without a path that of the property.
func beyond(by []*model.Property, p *model.Path, property *model.Property) *model.Path {
	if p == nil {
		return &model.Path{Refs: by, Property: property}
	}
	return &model.Path{Refs: append(by[:len(by):len(by)], p.Refs...), Property: p.Property}
}

func (b *builder) field(by []*model.Property, f *model.Property) field {
	made := field{cell: -1, unit: -1, kind: -1}
	switch {
	case f.ViaOwner != nil:
		made.cell = b.cell(b.column(beyond(by, f.ViaOwner, nil)))
	case f.Format != nil:
		for _, d := range f.Format {
			if d.Path == nil {
				made.parts = append(made.parts, part{text: d.Text})
				continue
			}
			if b.shows(d.Path) {
				made.parts = append(made.parts, part{property: d.Path.Property, cell: b.cell(b.column(beyond(by, d.Path, nil)))})
			}
		}
	default:
		made.cell = b.cell(b.column(&model.Path{Refs: by, Property: f}))
	}
	if n := len(f.Unit); n > 0 {
		// Whoever sees an amount knows in which currency it is.
		unit := beyond(by, &model.Path{Refs: f.Unit, Property: f.Unit[n-1].Target.Code.Property}, nil)
		made.unit = b.cell(alias(b.follow(unit.Refs, true)) + "." + quoted(unit.Property.Column))
	}
	if f.Polymorphic() {
		made.kind = b.cell(b.at(by, f.Column+"_type"))
	}
	return made
}
