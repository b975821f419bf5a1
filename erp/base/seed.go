package base

import (
	"bytes"
	_ "embed"
	"fmt"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// base.json has objects as an Import takes them, in groups. Those of a group are
// made unless there are rows of a set already, or rows with a value.
//
//go:embed base.json
var text []byte

// Seed makes what is missing, in a transaction, and tells how many objects that
// were.
func Seed(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time) (made int, err error) {
	root, err := write.ReadObject(bytes.NewReader(text))
	if err != nil {
		return 0, fmt.Errorf("base data: %w", err)
	}
	groups, _ := root.Get("groups")
	w := write.NewWriter(erpModel, by).In(tx, now)
	for _, g := range groups.([]any) {
		group := g.(*write.Object)
		if unless, ok := group.Get("unless"); ok {
			there, err := exists(tx, erpModel, unless.(*write.Object))
			if err != nil {
				return made, err
			}
			if there {
				continue
			}
		}
		objects, _ := group.Get("objects")
		for _, o := range objects.([]any) {
			object := o.(*write.Object)
			typ, _ := object.Get("@odata.type")
			set := erpModel.SetOfQualifiedType(typ.(string))
			out, err := w.Apply(set, object, "findOrCreate")
			if err != nil {
				return made, fmt.Errorf("base data: %s: %w", typ, err)
			}
			if out.State == write.Added {
				made++
			}
		}
	}
	return made, nil
}

// exists reports whether there is a row of the set, with the values given.
func exists(tx write.Tx, erpModel *write.Model, unless *write.Object) (bool, error) {
	name, _ := unless.Get("set")
	q := &query.Query{Set: erpModel.Set(name.(string)), Limit: 1}
	var where query.And
	for _, m := range unless.Members {
		if m.Name != "set" {
			where = append(where, query.Equal(q.Set.Must(m.Name), model.TextValue(m.Value.(string))))
		}
	}
	if where != nil {
		q.Where = where
	}
	found, err := tx.Find(q)
	return len(found) > 0, err
}
