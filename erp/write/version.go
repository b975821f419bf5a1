package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

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
	return tandem.Errorf(tandem.CodeConflict,
		"%s: the object was changed by somebody else: ObjectVersion is %d, not %d; read it again and repeat the change.",
		model.Entity{Set: c.Record.Set, ID: c.ID}, current, *c.version)
}
