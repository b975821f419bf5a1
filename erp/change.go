package erp

import (
	"fmt"
	"strings"
	"time"
)

// Change is one row on its way into the store: what defaults, computations and
// rules of the model work on.
type Change struct {
	*Record
	// New is set for rows that are being created.
	New bool

	w        *Writer
	owner    *Change
	children []*Change
	// given are the properties that the caller sent, by Index.
	given []bool
	// byUnit are the references that a Unit or Currency code assigned.
	byUnit []bool
	// units are the codes that must equal a unit kept elsewhere.
	units   []unitCheck
	maxLine int64 // highest LineNo of the children; -1 until asked for
	version *int64
	forced  bool // a write must bump the aggregate even without a dirty column
}

type unitCheck struct {
	property *Property
	code     string
}

func (w *Writer) change(r *Record, isNew bool) *Change {
	return &Change{
		Record: r, New: isNew, w: w, maxLine: -1,
		given: make([]bool, len(r.Values)), byUnit: make([]bool, len(r.Values)),
	}
}

func (c *Change) at(name string) *Property { return c.Record.Set.mustHave(name) }

// Get is the value of a property; Put sets it; Has reports that it is not null.
func (c *Change) Get(name string) Value { return c.Values[c.at(name).Index] }

// Put sets a property.
func (c *Change) Put(name string, v Value) { c.Values[c.at(name).Index] = v }

// Has reports whether the property is not null.
func (c *Change) Has(name string) bool { return !c.Get(name).Null }

// Given reports whether the caller sent the property, be it null.
func (c *Change) Given(name string) bool { return c.given[c.at(name).Index] }

func (c *Change) changed(name string) bool { return c.Changed(c.at(name)) }

// Now is the time of the write.
func (c *Change) Now() time.Time { return c.w.now }

// Actor is who writes.
func (c *Change) Actor() Actor { return c.w.by }

// Ref is the row that a reference points at; nil when it is null.
func (c *Change) Ref(name string) (*Record, error) {
	p := c.at(name)
	v := c.Values[p.Index]
	if v.Null {
		return nil, nil
	}
	if c.owner != nil && p == c.Record.Set.Owner {
		return c.owner.Record, nil
	}
	return c.record(p.Target, v.Text)
}

func (c *Change) record(s *Set, id string) (*Record, error) {
	if id == c.Record.ID {
		return c.Record, nil
	}
	return c.w.record(s, id)
}

// take copies a property of a referenced row, if there is one, into name.
func (c *Change) take(name, reference, property string) error {
	r, err := c.Ref(reference)
	if err != nil || r == nil {
		return err
	}
	if p := r.Set.byName[property]; p != nil {
		if v := r.Get(p); !v.Null {
			c.Put(name, v)
		}
	}
	return nil
}

// first points a reference at the first row of its target where all the
// properties have the values given (name, Value, …); none leaves it null.
func (c *Change) first(reference string, where ...any) error {
	p := c.at(reference)
	q := &Query{Set: p.Target, Limit: 1}
	key := "first " + p.Target.Name
	var all And
	for i := 0; i+1 < len(where); i += 2 {
		v := where[i+1].(Value)
		property := p.Target.mustHave(where[i].(string))
		all = append(all, &Compare{Path: &Path{Property: property}, Op: Eq, Value: v})
		key += fmt.Sprintf("|%s=%s,%d", property.Name, v.Text, v.Int)
	}
	q.Where = all
	e, ok := c.w.lookups[key]
	if !ok {
		found, err := c.w.tx.Find(q)
		if err != nil || len(found) == 0 {
			return err
		}
		e = found[0]
		c.w.remember(key, e)
	}
	c.Put(reference, p.refer(e))
	return nil
}

func (c *Change) childOf(s *Set) *Child {
	for _, child := range c.Record.Set.Children {
		if child.Set == s {
			return child
		}
	}
	return nil
}

// fail is a broken rule of the row's set.
func (c *Change) fail(text string) error { return broken(c.Record.Set, text) }

func equalCode(a, b string) bool { return strings.EqualFold(a, b) }
