package write

import (
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Condition is what must hold of the version of a row's aggregate for a write to
// be done: If-Match and If-None-Match (RFC 9110 section 13.1).
type Condition struct {
	// Match are the versions it must have one of; nil when none is named.
	Match *Versions
	// None are those that it must not have.
	None *Versions
}

// Versions is a list of versions, or any.
type Versions struct {
	Any  bool
	List []int64
}

// Has reports whether a version is in the list.
func (v *Versions) Has(version int64) bool { return v.Any || slices.Contains(v.List, version) }

// At is the condition that the version is n.
func At(n int64) Condition { return Condition{Match: &Versions{List: []int64{n}}} }

// openWhen is open for a row of which the condition holds.
func (w *Writer) openWhen(e model.Entity, when Condition, need permission.Right) (*Change, error) {
	c, err := w.open(e, need)
	if err != nil {
		return nil, err
	}
	current := c.version()
	switch {
	case when.Match != nil && !when.Match.Has(current):
		return nil, tandem.Errorf(tandem.CodePrecondition,
			"%s: the object was changed by somebody else: its ObjectVersion is %d, which If-Match does not name; read it again and repeat the change.",
			e, current)
	case when.None != nil && when.None.Has(current):
		return nil, tandem.Errorf(tandem.CodePrecondition, "%s: the object is there, with ObjectVersion %d, and If-None-Match wants it not to be.",
			e, current)
	}
	return c, nil
}

// version is the version of the aggregate that the row belongs to; 0 where the
// set keeps none.
func (c *Change) version() int64 {
	root := c
	if c.owner != nil {
		root = c.owner
	}
	p := root.Record.Set.Property("ObjectVersion")
	if p == nil || !p.Stored() {
		return 0
	}
	return root.Values[p.Index].Int
}

// checkVersion compares the ObjectVersion that the caller sent with the row to
// the aggregate's.
func (c *Change) checkVersion() error {
	if c.sent == nil || *c.sent == c.version() {
		return nil
	}
	return tandem.Errorf(tandem.CodeConflict,
		"%s: the object was changed by somebody else: ObjectVersion is %d, not %d; read it again and repeat the change.",
		model.Entity{Set: c.Record.Set, ID: c.ID}, c.version(), *c.sent)
}
