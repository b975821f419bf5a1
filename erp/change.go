package erp

import (
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
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

// autoNumber gives a text property without a value the next number of a
// counter of its own in each scope, skipping numbers that rows already have.
func (c *Change) autoNumber(name, format, scope string) error {
	if c.Has(name) {
		return nil
	}
	p := c.at(name)
	for range 1000 {
		n, err := c.w.tx.NextNumbers(p.Counter(scope), 1)
		if err != nil {
			return err
		}
		v := TextValue(fmt.Sprintf(format, n))
		taken, err := c.w.tx.Find(&Query{Set: p.Set, Limit: 1, Where: &Compare{Path: &Path{Property: p}, Op: Eq, Value: v}})
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			c.Put(name, v)
			return nil
		}
	}
	return c.fail("no free " + name + " was found near the last automatic one; give " + name + " yourself.")
}

// Counter names the counter ([Tx.NextNumber]) of an automatic number; the scope
// of a DocumentNo is its DocumentType, others have none.
func (p *Property) Counter(scope string) string {
	return p.Set.Table + "." + p.Column + ":" + scope
}

// nextLineNo numbers a line that came without a number: highest + 10.
func (c *Change) nextLineNo() error {
	o := c.owner
	if c.Has("LineNo") {
		return nil
	}
	highest := int64(0)
	if o != nil {
		if !o.New && o.maxLine < 0 {
			child := o.childOf(c.Record.Set)
			n, err := c.w.tx.Aggregate(Max, child, o.ID, c.at("LineNo"))
			if err != nil {
				return err
			}
			o.maxLine = n
		}
		highest = max(o.maxLine, 0)
		for _, sibling := range o.children {
			if sibling != c && sibling.Record.Set == c.Record.Set {
				highest = max(highest, sibling.Get("LineNo").Int)
			}
		}
	}
	c.Put("LineNo", IntValue(highest+10))
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

// sumOfChildren adds up a number of all rows of a child collection.
func (c *Change) sumOfChildren(collection, property string) (int64, error) {
	child := c.Record.Set.Child(collection)
	p := child.Set.mustHave(property)
	if !c.New {
		return c.w.tx.Aggregate(Sum, child, c.ID, p)
	}
	sum := int64(0)
	for _, line := range c.children {
		if line.Record.Set == child.Set {
			sum += line.Values[p.Index].Int
		}
	}
	return sum, nil
}

// fail is a broken rule of the row's set.
func (c *Change) fail(text string) error { return broken(c.Record.Set, text) }

func broken(s *Set, text string) error {
	return &tandem.Error{Code: tandem.CodeRule, Message: s.Name + ": " + text}
}

// settle brings a row whose members are assigned into the state to be saved:
// defaults, computations, required properties, rules.
func (c *Change) settle() error {
	s := c.Record.Set
	if c.New {
		for _, p := range s.Properties {
			if p.decl.fallback != nil && c.Values[p.Index].Null && !c.given[p.Index] {
				c.Values[p.Index] = p.decl.fallback(c)
			}
		}
		if s.decl.prepare != nil {
			if err := s.decl.prepare(c); err != nil {
				return err
			}
		}
	}
	for _, u := range c.units {
		if err := c.checkUnit(u); err != nil {
			return err
		}
	}
	if !c.New && !c.Dirty() {
		return nil
	}
	if err := c.guard(); err != nil {
		return err
	}
	if s.decl.compute != nil {
		if err := s.decl.compute(c); err != nil {
			return err
		}
	}
	for _, p := range s.Properties {
		v := c.Values[p.Index]
		if p.Required && v.Null && p.Stored() && p != s.id && !(c.New && c.stamped(p)) {
			return c.fail(p.Name + " is required; give it a value.")
		}
		if p.Scaled() && p.Precision < len(pow10)*2 && !v.Null && overflows(v.Int, p.Precision) {
			return c.fail(fmt.Sprintf("%s has more than %d digits before the point.", p.Name, p.Precision-p.Scale))
		}
	}
	for _, rule := range s.decl.rules {
		bad, err := rule.Broken(c)
		if err != nil {
			return err
		}
		if bad {
			return c.fail(rule.Text + " (Constraint " + rule.Code + ")")
		}
	}
	return nil
}

// stamped reports whether saving sets the property.
func (c *Change) stamped(p *Property) bool {
	return p.Name == "ObjectVersion" || p.Name == "AggregateLastUpdateTimeUtc"
}

func overflows(n int64, digits int) bool {
	limit := int64(1)
	for range min(digits, 18) {
		limit *= 10
	}
	return n >= limit || n <= -limit
}

// guard refuses changes of documents that are past changing, and of their
// lines.
func (c *Change) guard() error {
	if c.owner != nil {
		return c.owner.guard()
	}
	if !c.Record.Set.Document || c.New || c.forced {
		return nil
	}
	// The saved state decides: no write can change it but an action.
	state := c.Saved[c.at("State").Index].Int
	if c.Saved[c.at("Void").Index].Int != 0 {
		return c.fail("document " + c.Get("DocumentNo").Text + " is void and cannot be changed; create a new one.")
	}
	if state >= StateReleased {
		return c.fail(fmt.Sprintf("document %s is %s and cannot be changed; only documents before Released can.",
			c.Get("DocumentNo").Text, c.at("State").Enum.MemberName(state)))
	}
	return nil
}

// checkUnit compares the code that came with an Amount or Quantity with the
// effective one, which another row keeps.
func (c *Change) checkUnit(u unitCheck) error {
	at := c.Record
	for i, step := range u.property.Unit {
		v := at.Values[step.Index]
		if v.Null {
			return c.fail(fmt.Sprintf("%s came with the code %q, but there is none in effect: set %s first.", u.property.Name, clip(u.code), step.Name))
		}
		if i == 0 && c.owner != nil && step == c.Record.Set.Owner {
			at = c.owner.Record
			continue
		}
		next, err := c.w.record(step.Target, v.Text)
		if err != nil {
			return err
		}
		at = next
	}
	effective := at.Get(at.Set.Code.Property).Text
	if !equalCode(effective, u.code) {
		return c.fail(fmt.Sprintf("%s must be in %q, not in %q; leave the code out or convert the value.", u.property.Name, effective, clip(u.code)))
	}
	return nil
}

// write saves the aggregate: the row, its children, totals and version.
func (c *Change) write() (State, error) {
	s := c.Record.Set
	if c.New {
		if s.decl.totals != nil {
			if err := s.decl.totals(c); err != nil {
				return "", err
			}
		}
		c.stamp(0)
		if err := c.w.insert(c.Record); err != nil {
			return "", err
		}
		for _, child := range c.children {
			if _, err := child.write(); err != nil {
				return "", err
			}
		}
		return Added, nil
	}
	changed := c.Dirty() || c.forced
	for _, child := range c.children {
		if child.New || child.Dirty() {
			if err := c.guard(); err != nil {
				return "", err
			}
		}
		state, err := child.write()
		if err != nil {
			return "", err
		}
		changed = changed || state != Unchanged
	}
	if !changed {
		return Unchanged, nil
	}
	if s.decl.totals != nil {
		if err := s.decl.totals(c); err != nil {
			return "", err
		}
	}
	c.stamp(1)
	return Modified, c.w.save(c.Record)
}

// stamp raises the version of an aggregate root and its time of change, which
// never goes back even when the clock does.
func (c *Change) stamp(step int64) {
	s := c.Record.Set
	if s.Owner != nil {
		return
	}
	version, updated := s.byName["ObjectVersion"], s.byName["AggregateLastUpdateTimeUtc"]
	if version == nil {
		return
	}
	now := c.w.now.UnixMicro()
	if step == 0 {
		c.Values[version.Index] = IntValue(1)
	} else {
		c.Values[version.Index] = IntValue(c.Saved[version.Index].Int + 1)
		now = max(now, c.Saved[updated.Index].Int+1)
	}
	c.Values[updated.Index] = IntValue(now)
}

// checkVersion compares the ObjectVersion that the caller has with the
// aggregate's.
func (c *Change) checkVersion() error {
	if c.version == nil {
		return nil
	}
	root := c
	if c.owner != nil {
		root = c.owner
	}
	current := root.Get("ObjectVersion").Int
	if *c.version == current {
		return nil
	}
	return &tandem.Error{Code: tandem.CodeConflict, Message: fmt.Sprintf(
		"%s: the object was changed by somebody else: ObjectVersion is %d, not %d; read it again and repeat the change.",
		Entity{c.Record.Set, c.ID}, current, *c.version)}
}
