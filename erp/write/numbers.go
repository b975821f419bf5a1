package write

import (
	"fmt"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// AutoNumber gives a text property without a value the next number of a
// counter of its own in each scope, skipping numbers that rows already have.
func (c *Change) AutoNumber(name, format, scope string) error {
	if c.Has(name) {
		return nil
	}
	p := c.Property(name)
	for range 1000 {
		n, err := c.w.tx.NextNumbers(Counter(p, scope), 1)
		if err != nil {
			return err
		}
		v := model.TextValue(fmt.Sprintf(format, n))
		taken, err := c.w.tx.Find(&query.Query{Set: p.Set, Limit: 1, Where: query.Equal(p, v)})
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			c.Put(name, v)
			return nil
		}
	}
	return c.Fail("no free %s was found near the last automatic one; give %[1]s yourself.", name)
}

// Counter names the counter ([Tx.NextNumbers]) of an automatic number; the scope
// of a DocumentNo is its DocumentType, others have none.
func Counter(p *model.Property, scope string) string {
	return p.Set.Table + "." + p.Column + ":" + scope
}

// NextLineNo numbers a line that came without a number: highest + 10.
func (c *Change) NextLineNo() error {
	o := c.owner
	if c.Has("LineNo") {
		return nil
	}
	highest := int64(0)
	if o != nil {
		if !o.New && o.maxLine < 0 {
			child := o.childOf(c.Record.Set)
			n, err := c.w.tx.Aggregate(Max, child, o.ID, c.Property("LineNo"))
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
	c.Put("LineNo", model.IntValue(highest+10))
	return nil
}
