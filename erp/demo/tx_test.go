package demo_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// memory is a write.Tx that keeps rows in maps. It answers the questions that a
// Writer asks: rows by id, and rows where properties have values.
type memory struct {
	rows     map[string]*model.Record
	order    []*model.Record
	counters map[string]int64
}

func newMemory(users ...write.Actor) *memory {
	m := &memory{rows: map[string]*model.Record{}, counters: map[string]int64{}}
	set := erpModel.Set("Systems_Security_Users")
	for _, u := range users {
		r := model.NewRecord(set, u.ID)
		r.Values[set.Property("Login").Index] = model.TextValue(u.Login)
		m.rows[u.ID] = r
	}
	return m
}

func (m *memory) Load(s *model.Set, id string, _ bool) (*model.Record, error) {
	r := m.rows[id]
	if r == nil || !s.Includes(r.Set) {
		return nil, tandem.ErrNotFound
	}
	return &model.Record{Set: r.Set, ID: id, Values: slices.Clone(r.Values), Saved: slices.Clone(r.Values)}, nil
}

func (m *memory) Insert(rows ...*model.Record) error {
	for _, r := range rows {
		if err := m.insert(r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) insert(r *model.Record) error {
	saved := &model.Record{Set: r.Set, ID: r.ID, Values: slices.Clone(r.Values)}
	if r.ID != "" {
		if m.rows[r.ID] != nil {
			return &tandem.Error{Code: tandem.CodeConflict, Message: r.Set.Name + ": twice " + r.ID}
		}
		m.rows[r.ID] = saved
	}
	m.order = append(m.order, saved)
	r.Saved = slices.Clone(r.Values)
	return nil
}

func (m *memory) Save(r *model.Record) error {
	copy(m.rows[r.ID].Values, r.Values)
	r.Saved = slices.Clone(r.Values)
	return nil
}

func (m *memory) NextNumbers(counter string, n int) (first int64, err error) {
	first = m.counters[counter] + 1
	m.counters[counter] += int64(n)
	return first, nil
}

func (m *memory) Try(f func() error) error { return f() }

func (m *memory) Find(q *query.Query) ([]model.Entity, error) {
	var conditions []*query.Compare
	switch w := q.Where.(type) {
	case *query.Compare:
		conditions = append(conditions, w)
	case query.And:
		for _, part := range w {
			conditions = append(conditions, part.(*query.Compare))
		}
	}
	var found []model.Entity
next:
	for _, r := range m.order {
		if !q.Set.Includes(r.Set) {
			continue
		}
		for _, c := range conditions {
			if !r.Get(c.Path.Property).Equal(c.Value) {
				continue next
			}
		}
		found = append(found, model.Entity{Set: r.Set, ID: r.ID})
	}
	slices.SortFunc(found, func(a, b model.Entity) int { return cmp.Compare(a.ID, b.ID) })
	return found[:min(len(found), max(q.Limit, 1))], nil
}

func (m *memory) Remove(*model.Set, string) error { panic("not asked for by a seed") }

func (m *memory) Aggregate(write.Aggregate, *model.Child, string, *model.Property) (int64, error) {
	panic("not asked for by a seed")
}

// clone is a copy that may be written to.
func (m *memory) clone() *memory {
	c := &memory{rows: maps.Clone(m.rows), order: make([]*model.Record, len(m.order)), counters: maps.Clone(m.counters)}
	for i, r := range m.order {
		own := *r
		own.Values = slices.Clone(r.Values)
		c.order[i] = &own
		if r.ID != "" {
			c.rows[r.ID] = &own
		}
	}
	return c
}

// equal reports whether both have the same rows in the same order, value for value.
func (m *memory) equal(o *memory) bool {
	return slices.EqualFunc(m.order, o.order, func(a, b *model.Record) bool {
		return a.Set == b.Set && a.ID == b.ID && slices.Equal(a.Values, b.Values)
	})
}

// of are the rows of a set, in the order of their insertion.
func (m *memory) of(name string) []*model.Record {
	set := erpModel.Set(name)
	var list []*model.Record
	for _, r := range m.order {
		if set.Includes(r.Set) {
			list = append(list, r)
		}
	}
	return list
}

// member is a value as a body has it: what the API would answer, read back.
func member(p *model.Property, v model.Value) any {
	o, err := write.ReadObject(strings.NewReader(`{"v":` + string(query.AppendValue(nil, p, &v, query.Form{})) + `}`))
	if err != nil {
		panic(err)
	}
	value, _ := o.Get("v")
	return value
}
