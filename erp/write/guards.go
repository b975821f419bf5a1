package write

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

// RowGuard is what guards one row: a key, or that it is one account's own, or another row
// that it hangs on.
type RowGuard struct {
	// Path leads from the row to what guards it: DocumentType.AccessKey, or
	// Order.DocumentType.AccessKey from a line; OwnerParty of an activity that is private.
	Path string
	// Set is what the key is for, Key its id; empty where the row has none. Both are empty
	// of other guards.
	Set *model.Set
	Key string
	// Personal is set where the row is the own one of an account: the one that Whose is the
	// id of, or of its Person.
	Personal *model.Personal
	Whose    string
	// On is the row that this one hangs on; ReadOn says that it need only be seen, whatever
	// is done with this one.
	On     model.Entity
	ReadOn bool
}

// IsKey reports whether it is a key that guards.
func (g *RowGuard) IsKey() bool { return g.Set != nil }

// Opens reports whether the rights let be done with the row what is needed, as far as
// this guard goes.
func (w *Writer) Opens(g *RowGuard, by *permission.Rights, need permission.Right) (bool, error) {
	switch {
	case g.IsKey():
		return by.Key(g.Key, need), nil
	case by.Everything(), g.Personal != nil && g.Personal.Managed && by.Manages():
		return true, nil
	case g.Personal != nil:
		return w.is(by.Account(), g)
	case g.On.Set == nil, !by.Set(g.On.Set.Permissive().Name, permission.Read):
		return false, nil
	}
	if g.ReadOn {
		need = permission.Read
	}
	q := query.ByID(g.On.Set, g.On.ID)
	q.By, q.Need = by, need
	found, err := w.tx.Find(q)
	return len(found) > 0, err
}

// is reports whether a row is the account's own.
func (w *Writer) is(account string, g *RowGuard) (bool, error) {
	users := w.model.Set(usersSet)
	if account == "" || g.Whose == "" {
		return false, nil
	}
	if g.Personal.Whose.Target == users {
		return account == g.Whose, nil
	}
	found, err := w.tx.Find(query.ByID(users, account))
	if err != nil || len(found) == 0 {
		return false, err
	}
	r, err := w.record(users, account)
	if err != nil {
		return false, err
	}
	return r.Get(users.Must("Person")).Text == g.Whose, nil
}

// There reports whether there is a row, whoever may see it.
func (w *Writer) There(e model.Entity) (bool, error) {
	found, err := w.tx.Find(query.ByID(e.Set, e.ID))
	return len(found) > 0, err
}

// usersSet has the accounts with their Person.
const usersSet = "Systems_Security_Users"

// RowGuards are what guards a row, its owners' too, in the order in which they are asked.
// It is asked when a decision has to be explained: what decides is the statement that
// looks for the row.
func (w *Writer) RowGuards(e model.Entity) ([]RowGuard, error) {
	r, err := w.record(e.Set, e.ID)
	if err != nil {
		return nil, err
	}
	way := ""
	all := personal(nil, r, way)
	for r.Set.Owner != nil {
		owner := r.Set.Owner
		way += owner.Name + "."
		if r, err = w.record(owner.Target, r.Get(owner).Text); err != nil {
			return nil, err
		}
		all = personal(all, r, way)
	}
	if all, err = w.hanging(all, r, way); err != nil {
		return nil, err
	}
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

// personal adds the guards of a row that is one account's own.
func personal(all []RowGuard, r *model.Record, way string) []RowGuard {
	for _, p := range r.Set.Personal() {
		if p.When != nil && r.Get(p.When).Int != p.Value {
			continue
		}
		all = append(all, RowGuard{Path: way + p.Whose.Name, Personal: &p, Whose: r.Get(p.Whose).Text})
	}
	return all
}

// hanging adds the row that a row hangs on, or that what it is about does.
func (w *Writer) hanging(all []RowGuard, r *model.Record, way string) ([]RowGuard, error) {
	readOn := false
	if by := r.Set.HangsBy(); by != nil {
		to := r.Get(by)
		if to.Null {
			return all, nil
		}
		about, err := w.record(by.Target, to.Text)
		if err != nil {
			return nil, err
		}
		r, way, readOn = about, way+by.Name+".", true
	}
	h := r.Set.Hang()
	if h == nil {
		return all, nil
	}
	on := w.model.Set(r.Get(h.Type).Text)
	if on != nil && !on.TakesFiles() {
		on = nil
	}
	return append(all, RowGuard{Path: way + h.ID.Name, On: model.Entity{Set: on, ID: r.Get(h.ID).Text}, ReadOn: readOn}), nil
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
	for i := range guards {
		g := &guards[i]
		opens, err := w.Opens(g, w.by.Granted.Rights, need)
		if err != nil {
			return err
		}
		if !opens {
			denied.Guard, denied.Key = g.Path, g.Key
			break
		}
	}
	return denied
}
