package write

import (
	"github.com/hybridapps/tandem/erp/model"
)

// settle brings a row whose members are assigned into the state to be saved:
// defaults, computations, required properties, rules.
func (c *Change) settle() error {
	s := c.Record.Set
	if c.New {
		for _, p := range s.Properties {
			if c.Values[p.Index].Null && !c.given[p.Index] {
				c.Values[p.Index] = c.initial(p)
			}
		}
		if c.behaviour.Prepare != nil {
			if err := c.behaviour.Prepare(c); err != nil {
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
	if c.behaviour.Compute != nil {
		if err := c.behaviour.Compute(c); err != nil {
			return err
		}
	}
	for _, p := range s.Properties {
		v := c.Values[p.Index]
		if p.Required && v.Null && p.Stored() && p != s.ID() && !(c.New && c.stamped(p)) {
			return c.Fail("%s is required; give it a value.", p.Name)
		}
		if p.Scaled() && p.Precision < maxDigits && !v.Null && overflows(v.Int, p.Precision) {
			return c.Fail("%s has more than %d digits before the point.", p.Name, p.Precision-p.Scale)
		}
	}
	for _, rule := range c.behaviour.Rules {
		bad, err := rule.Broken(c)
		if err != nil {
			return err
		}
		if bad {
			return c.Fail("%s (Constraint %s)", rule.Text, rule.Code)
		}
	}
	return nil
}

// initial is the default of a property.
func (c *Change) initial(p *model.Property) model.Value {
	switch p.DefaultFrom {
	case model.FromTime:
		return model.IntValue(c.Now().UnixMicro())
	case model.FromDay:
		return model.IntValue(model.Day(c.Now().UTC()).UnixMicro())
	case model.FromLogin:
		return c.Login()
	}
	return p.Default
}

// stamped reports whether saving sets the property.
func (c *Change) stamped(p *model.Property) bool {
	return p.Name == "ObjectVersion" || p.Name == "AggregateLastUpdateTimeUtc"
}

// maxDigits is how many decimal digits fit in a number of 64 bits, whatever
// they are.
const maxDigits = 18

func overflows(n int64, digits int) bool {
	limit := int64(1)
	for range min(digits, maxDigits) {
		limit *= 10
	}
	return n >= limit || n <= -limit
}

// guard refuses changes of rows that are past changing, and of their parts.
func (c *Change) guard() error {
	if c.owner != nil {
		return c.owner.guardParts()
	}
	if c.behaviour.Guard == nil || c.New || c.forced {
		return nil
	}
	return c.behaviour.Guard(c)
}

// guardParts is guard for a change of a part of the row, or of its being there.
func (c *Change) guardParts() error {
	if c.owner != nil {
		return c.owner.guardParts()
	}
	before := c.partsGuarded
	c.partsGuarded = true
	defer func() { c.partsGuarded = before }()
	return c.guard()
}

// checkUnit compares the code that came with an Amount or Quantity with the
// effective one, which another row keeps.
func (c *Change) checkUnit(u unitCheck) error {
	at := c.Record
	for i, step := range u.property.Unit {
		v := at.Values[step.Index]
		if v.Null {
			return c.Fail("%s came with the code %q, but there is none in effect: set %s first.", u.property.Name, model.Shown(u.code), step.Name)
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
		return c.Fail("%s must be in %q, not in %q; leave the code out or convert the value.", u.property.Name, effective, model.Shown(u.code))
	}
	return nil
}

// write saves the aggregate: the row, its children, totals and version.
func (c *Change) write() (State, error) {
	if c.New {
		c.parts = len(c.children) > 0
		if c.behaviour.Totals != nil {
			if err := c.behaviour.Totals(c); err != nil {
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
		if err := c.noted(); err != nil {
			return "", err
		}
		return Added, c.finish(c.moved())
	}
	changed := c.Dirty() || c.forced
	for _, child := range c.children {
		if child.New || child.Dirty() {
			if err := c.guardParts(); err != nil {
				return "", err
			}
		}
		state, err := child.write()
		if err != nil {
			return "", err
		}
		changed, c.parts = changed || state != Unchanged, c.parts || state != Unchanged
	}
	if !changed {
		return Unchanged, nil
	}
	if c.behaviour.Totals != nil {
		if err := c.behaviour.Totals(c); err != nil {
			return "", err
		}
	}
	c.stamp(1)
	moved := c.moved()
	if err := c.w.save(c.Record); err != nil {
		return "", err
	}
	if err := c.noted(); err != nil {
		return "", err
	}
	return Modified, c.finish(moved)
}

// stamp raises the version of an aggregate root and its time of change, which
// never goes back even when the clock does.
func (c *Change) stamp(step int64) {
	s := c.Record.Set
	if s.Owner != nil {
		return
	}
	version, updated := s.Property("ObjectVersion"), s.Property("AggregateLastUpdateTimeUtc")
	if version == nil {
		return
	}
	now := c.w.now.UnixMicro()
	if step == 0 {
		c.Values[version.Index] = model.IntValue(1)
	} else {
		c.Values[version.Index] = model.IntValue(c.Saved[version.Index].Int + 1)
		now = max(now, c.Saved[updated.Index].Int+1)
	}
	c.Values[updated.Index] = model.IntValue(now)
}
