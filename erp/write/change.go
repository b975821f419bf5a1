package write

import (
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// Change is one row on its way into the store: what defaults, computations and
// rules of the model work on.
type Change struct {
	*model.Record
	// New is set for rows that are being created.
	New bool

	w         *Writer
	behaviour *Declaration
	owner     *Change
	children  []*Change
	// given are the properties that the caller sent, by Index.
	given []bool
	// byUnit are the references that a Unit or Currency code assigned.
	byUnit []bool
	// units are the codes that must equal a unit kept elsewhere.
	units   []unitCheck
	maxLine int64  // highest LineNo of the children; -1 until asked for
	sent    *int64 // the ObjectVersion that came with the row
	forced  bool   // a write must bump the aggregate even without a dirty column
	// action is the one that changes the row; empty where its members are given.
	action string
	// need is what the actor must be granted for the row as it is afterwards.
	need permission.Right
	// parts says that a part of the row was made, changed or deleted.
	parts bool
	// partsGuarded says that a part of the row, or its being there, is guarded.
	partsGuarded bool
	// notes are rows that are written with the row, and tell of what became of it.
	notes []*model.Record
}

type unitCheck struct {
	property *model.Property
	code     string
}

func (w *Writer) change(r *model.Record, isNew bool) *Change {
	return &Change{
		Record: r, New: isNew, w: w, behaviour: w.model.behaviours[r.Set], maxLine: -1,
		given: make([]bool, len(r.Values)), byUnit: make([]bool, len(r.Values)), need: permission.Update,
	}
}

// Property finds a property of the row's set; a name that it does not have is a
// mistake in a declaration and panics.
func (c *Change) Property(name string) *model.Property { return c.Record.Set.Must(name) }

// Get is the value of a property.
func (c *Change) Get(name string) model.Value { return c.Values[c.Property(name).Index] }

// Has reports whether the property is not null.
func (c *Change) Has(name string) bool { return !c.Get(name).Null }

// Given reports whether the caller sent the property, be it null.
func (c *Change) Given(name string) bool { return c.given[c.Property(name).Index] }

// SavedValue is the value that a property has in the store.
func (c *Change) SavedValue(name string) model.Value { return c.Saved[c.Property(name).Index] }

// Touched reports whether the property differs from what is saved.
func (c *Change) Touched(name string) bool { return c.Changed(c.Property(name)) }

// Now is the time of the write.
func (c *Change) Now() time.Time { return c.w.now }

// Login is the login of who writes, as CreationUser and the like keep it.
func (c *Change) Login() model.Value { return model.TextValue(Clip(c.w.by.Login, maxLogin)) }

// maxLogin is how many characters CreationUser and the like have room for.
const maxLogin = 64

// Actor is who writes.
func (c *Change) Actor() Actor { return c.w.by }

// Ref is the row that a reference points at; nil when it is null.
func (c *Change) Ref(name string) (*model.Record, error) {
	p := c.Property(name)
	v := c.Values[p.Index]
	if v.Null {
		return nil, nil
	}
	if c.owner != nil && p == c.Record.Set.Owner {
		return c.owner.Record, nil
	}
	return c.Row(p.Target, v.Text)
}

// Lookup is a row of a set by its id; nil where there is none.
func (c *Change) Lookup(s *model.Set, id string) (*model.Record, error) {
	found, err := c.w.tx.Find(query.ByID(s, id))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return c.Row(found[0].Set, id)
}

// Row is a row of a set by its id. Who makes a row chooses its Id, which may be that of a
// row of another set.
func (c *Change) Row(s *model.Set, id string) (*model.Record, error) {
	if id == c.Record.ID && s.Includes(c.Record.Set) {
		return c.Record, nil
	}
	return c.w.record(s, id)
}

// Take copies a property of a referenced row, if there is one, into name. What the actor
// may not read there is not copied to where they may.
func (c *Change) Take(name, reference, property string) error {
	r, err := c.Ref(reference)
	if err != nil || r == nil {
		return err
	}
	p := r.Set.Property(property)
	if p == nil {
		return nil
	}
	if knows, err := c.Knows(r, property); err != nil || !knows {
		return err
	}
	if v := r.Get(p); !v.Null {
		c.Put(name, v)
	}
	return nil
}

// Follow keeps what a row took from a referenced row by [Change.Take] when the
// reference changes: the property becomes what the new row has, unless the caller
// sent it, or it is not what the old row has: then somebody typed it. It must be sent by
// who may not read what is taken.
func (c *Change) Follow(name, reference, property string) error {
	if c.New || !c.Touched(reference) || c.Given(name) || !c.Has(reference) {
		return nil
	}
	before := c.SavedValue(reference)
	if before.Null {
		return nil
	}
	if err := permitPath(c.w.by.Granted, c.Record.Set, reference+"."+property); err != nil {
		return err
	}
	old, err := c.w.record(c.Property(reference).Target, before.Text)
	if err != nil {
		return err
	}
	if p := old.Set.Property(property); p == nil || !old.Get(p).Equal(c.Get(name)) {
		return nil
	}
	return c.Take(name, reference, property)
}

// First points a reference at the first row of its target that the actor may use
// where all the properties have the values given (name, Value, …); none leaves it null.
func (c *Change) First(reference string, where ...any) error {
	p := c.Property(reference)
	q := &query.Query{Set: p.Target, By: c.w.by.Granted.Rights, Need: p.NeededToRefer(), Limit: 1}
	key := "first " + reference + " " + p.Target.Name
	var all query.And
	var by []*model.Path
	if access := p.Target.AccessKey(); access != nil {
		by = append(by, &model.Path{Property: access})
	}
	for i := 0; i+1 < len(where); i += 2 {
		v := where[i+1].(model.Value)
		property := p.Target.Must(where[i].(string))
		all, by = append(all, query.Equal(property, v)), append(by, &model.Path{Property: property})
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
		c.w.remember(key, e, true, by...)
	}
	c.w.reads(p.Target) // the right by which it was found
	c.Put(reference, p.Refer(e))
	return nil
}

func (c *Change) childOf(s *model.Set) *model.Child {
	for _, child := range c.Record.Set.Children {
		if child.Set == s {
			return child
		}
	}
	return nil
}

// Fail is a broken rule of the row's set.
func (c *Change) Fail(format string, args ...any) error {
	return broken(c.Record.Set, format, args...)
}

func equalCode(a, b string) bool { return strings.EqualFold(a, b) }

// Clip cuts a text that we made to n characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := []rune(s)
	return string(runes[:min(n, len(runes))])
}
