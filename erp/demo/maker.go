package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// namespace makes the ids: the same name has the same id in every instance.
var namespace = uuid.MustParse("6d6f6e74-616e-5e61-8d72-6176656e6121")

// IDOf is the id of a row of the demo company by the name that it is made under: the
// code of a store, the country of one of our companies.
func IDOf(s *model.Set, name string) string { return idOf(s.Type + "/" + name) }

func idOf(name string) string { return uuid.NewSHA1(namespace, []byte(name)).String() }

// maker makes rows in one transaction.
type maker struct {
	tx    write.Tx
	model *write.Model
	o     Options
	rand  *rand.Rand
	first time.Time // the day of the first order, UTC
	today time.Time
	sum   Summary

	// Rows wait to be inserted, many at a time: by set, those first that came
	// first, so that what is referred to is there before.
	sets    []*model.Set
	waiting map[*model.Set][]*model.Record

	// What was made, for those that come later to refer to.
	currencies map[string]currency
	units      map[string]unit
	companies  []company
	products   []*product
	customers  []*customer
	orderType  *model.Record
	billType   *model.Record
}

// row is a record that is being filled; a name that its set does not have is a
// mistake in this package and panics.
type row struct{ *model.Record }

func (m *maker) row(set, name string) row {
	s := m.model.Set(set)
	if s.View {
		return row{model.NewRecord(s, "")}
	}
	return row{model.NewRecord(s, IDOf(s, name))}
}

func (r row) property(name string) *model.Property {
	p := r.Set.Property(name)
	if p == nil {
		panic("demo: " + r.Set.Name + " has no " + name)
	}
	return p
}

func (r row) set(name string, v model.Value) row {
	r.Values[r.property(name).Index] = v
	return r
}

func (r row) text(name, text string) row { return r.set(name, model.TextValue(text)) }
func (r row) int(name string, n int64) row {
	return r.set(name, model.IntValue(n))
}
func (r row) bool(name string, b bool) row { return r.set(name, model.BoolValue(b)) }
func (r row) time(name string, t time.Time) row {
	return r.int(name, t.UnixMicro())
}

// ref points a reference at a row.
func (r row) ref(name string, to *model.Record) row {
	p := r.property(name)
	v := model.TextValue(to.ID)
	if p.Polymorphic() {
		v.Int = to.Set.Discriminator
	}
	r.Values[p.Index] = v
	return r
}

// insert adds a row; version is its number of writes, updated its last.
func (m *maker) insert(r row, version int64, updated time.Time) {
	if r.Set.IsRoot() {
		r.int("ObjectVersion", version).time("AggregateLastUpdateTimeUtc", updated)
	}
	if m.waiting[r.Set] == nil {
		m.sets = append(m.sets, r.Set)
	}
	m.waiting[r.Set] = append(m.waiting[r.Set], r.Record)
	m.sum.Rows++
}

// add inserts rows that were there before the first order.
func (m *maker) add(rows ...row) {
	for _, r := range rows {
		m.insert(r, 1, m.opened())
	}
}

// flush inserts the rows that wait.
func (m *maker) flush() error {
	for _, s := range m.sets {
		if err := m.tx.Insert(m.waiting[s]...); err != nil {
			return fmt.Errorf("demo: add %s: %w", s.Name, err)
		}
	}
	m.sets = nil
	clear(m.waiting)
	return nil
}

// opened is when the master data was entered.
func (m *maker) opened() time.Time { return m.first.AddDate(0, 0, -20).Add(9 * time.Hour) }

// number gives rows the next automatic numbers, so that numbers go on from here.
func (m *maker) number(property, scope, format string, rows ...row) error {
	first, err := m.tx.NextNumbers(write.Counter(rows[0].property(property), scope), len(rows))
	for i, r := range rows {
		r.text(property, fmt.Sprintf(format, first+int64(i)))
	}
	return err
}

// addParties numbers and inserts parties.
func (m *maker) addParties(rows ...row) error {
	for _, r := range rows {
		r.bool("IsActive", true)
	}
	m.add(rows...)
	return m.number("PartyCode", "", "P%07d", rows...)
}

// three makes a multilanguage text of English=German=Bulgarian; languages that
// are missing have the English text, a text without = has only EN.
func three(text string) string { return languages(text, "EN", "DE", "BG") }

func languages(text string, codes ...string) string {
	parts := strings.Split(text, "=")
	pairs := make([]string, 0, 6)
	for i, part := range parts {
		pairs = append(pairs, codes[i], part)
	}
	return model.MultiLanguage(pairs...)
}

// part is the i-th of parts divided by =, or the first when there are fewer.
func part(text string, i int) string {
	parts := strings.Split(text, "=")
	if i < len(parts) {
		return parts[i]
	}
	return parts[0]
}

func pick[T any](m *maker, list []T) T { return list[m.rand.IntN(len(list))] }

// chance is true in p of all cases.
func (m *maker) chance(p float64) bool { return m.rand.Float64() < p }

// digits replaces every # by a digit.
func (m *maker) digits(pattern string) string {
	b := []byte(pattern)
	for i, c := range b {
		if c == '#' {
			b[i] = byte('0' + m.rand.IntN(10))
		}
	}
	return string(b)
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// atMost is t, but not later than the time of the seed.
func (m *maker) atMost(t time.Time) time.Time {
	if t.After(m.o.Now) {
		return m.o.Now
	}
	return t
}
