package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// RowGuard is a key that guards one row.
type RowGuard struct {
	// Path leads from the row to the reference to the key: DocumentType.AccessKey, or
	// Order.DocumentType.AccessKey from a line.
	Path string
	// Set is what the key is for, Key its id; empty where the row has none.
	Set *model.Set
	Key string
}

// Opens reports whether the rights let be done with the row what is needed, as far as
// this guard goes.
func (g *RowGuard) Opens(by *permission.Rights, need permission.Right) bool {
	return by.Key(g.Key, need)
}

// RowGuards are the keys that guard a row, of its owners too, in the order in which
// they are asked. It is asked when a decision has to be explained: what decides is
// the statement that looks for the row.
func (w *Writer) RowGuards(e model.Entity) ([]RowGuard, error) {
	r, err := w.record(e.Set, e.ID)
	if err != nil {
		return nil, err
	}
	way := ""
	for r.Set.Owner != nil {
		owner := r.Set.Owner
		way += owner.Name + "."
		if r, err = w.record(owner.Target, r.Get(owner).Text); err != nil {
			return nil, err
		}
	}
	var all []RowGuard
	for _, g := range r.Set.Guards() {
		made := RowGuard{Path: way, Set: g.Set}
		of := r
		for _, ref := range g.Refs {
			made.Path += ref.Name + "."
			to := of.Get(ref)
			if to.Null {
				of = nil
				break
			}
			if g.By != nil {
				made.Path += g.By.Set.Type + "."
				of, err = w.with(g.By, to)
			} else {
				of, err = w.record(ref.Target, to.Text)
			}
			if err != nil {
				return nil, err
			}
		}
		made.Path += g.Key.Name
		if of != nil {
			if key := of.Get(g.Key); !key.Null {
				made.Key = key.Text
			}
		}
		all = append(all, made)
	}
	return all, nil
}

// with is the row that refers by a property to a row; nil where none does.
func (w *Writer) with(by *model.Property, to model.Value) (*model.Record, error) {
	found, err := w.tx.Find(&query.Query{Set: by.Set, Limit: 1, Where: query.Equal(by, to)})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return w.record(found[0].Set, found[0].ID)
}

// refusedRow is the refusal of what may not be done with a row that the actor sees,
// with the guard that decided.
func (w *Writer) refusedRow(e model.Entity, need permission.Right) error {
	denied := &permission.Denied{Set: e.Set.Name, Need: need, Rule: tandem.RuleRow, Row: e.String()}
	guards, err := w.RowGuards(e)
	if err != nil {
		return err
	}
	for _, g := range guards {
		if !g.Opens(w.by.Granted.Rights, need) {
			denied.Guard, denied.Key = g.Path, g.Key
			break
		}
	}
	return denied
}
