package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// erpModel is the standard model, made once: it never changes.
var erpModel = sync.OnceValue(func() *write.Model { return erp.NewModel() })

// entitySets tells permissions of the entity model.
type entitySets struct{ *model.Model }

// Keyed implements [permission.Sets].
func (m entitySets) Keyed() []permission.KeyedSet {
	var all []permission.KeyedSet
	for _, s := range m.Sets {
		if s.Permissive() == s {
			all = append(all, permission.KeyedSet{Name: s.Name, Everybody: s.Everybody})
		}
	}
	return all
}

func (m entitySets) set(name string) (*model.Set, error) {
	if s := m.Set(name); s != nil {
		return s, nil
	}
	return nil, tandem.Errorf(tandem.CodeInvalid, "there is no entity set %q; docs/entities.md lists them", tandem.Clip(name, 100))
}

// Attribute implements [permission.Sets].
func (m entitySets) Attribute(set, attribute string) (string, error) {
	s, err := m.set(set)
	if err != nil {
		return "", err
	}
	p := s.Property(attribute)
	switch {
	case p == nil || p == s.ID():
		return "", tandem.Errorf(tandem.CodeInvalid, "%s has no attribute %q that could have a key", set, tandem.Clip(attribute, 100))
	case !p.Stored():
		return "", tandem.Errorf(tandem.CodeInvalid, "%s.%s is made of other attributes; hide those", set, attribute)
	case attribute == "ObjectVersion", p == s.TypeProperty():
		return "", tandem.Errorf(tandem.CodeInvalid, "%s.%s cannot be hidden: every answer tells it of a row, as its @odata.etag or its @odata.type", set, attribute)
	}
	return p.Set.Name, nil
}

// Member implements [permission.Sets].
func (m entitySets) Member(set, name string) error {
	s, err := m.set(set)
	if err != nil {
		return err
	}
	files := name == setERPFiles && s.TakesFiles() // what a change of its files asks for
	if s.Property(name) == nil && s.Child(name) == nil && s.Action(name) == nil && !files {
		return tandem.Errorf(tandem.CodeInvalid, "%s has no attribute, collection or action %q", set, tandem.Clip(name, 100))
	}
	return nil
}

// Guarding implements [permission.Sets].
func (m entitySets) Guarding(set string) error {
	s, err := m.set(set)
	if err != nil {
		return err
	}
	if s.AccessKey() != nil {
		return nil
	}
	var with []string
	for _, s := range m.Sets {
		if s.AccessKey() != nil {
			with = append(with, s.Name)
		}
	}
	return tandem.Errorf(tandem.CodeInvalid, "rows of %s have no AccessKey; those of %s have one", set, slices.Sorted(slices.Values(with)))
}

// learn makes what permissions have to know of the sets of this version.
func (a *Administration) learn(ctx context.Context) error {
	if err := a.Permissions.Learn(ctx); err != nil {
		return errors.Join(errors.New("the keys of the entity sets cannot be made"), err)
	}
	return nil
}

// PutKey gives a row, named as Set(id), a key. It waits until every replica knows the
// key: up to [permission.Settling] for one that was made a moment ago.
func (a *Administration) PutKey(ctx context.Context, by tandem.By, key, row string) error {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	k, err := d.RowKey(key)
	if err != nil {
		return err
	}
	if err := a.settle(ctx, &k); err != nil {
		return err
	}
	return a.setKey(ctx, by, row, k.ID, fmt.Sprintf("gave %s the key %q", row, k.Name))
}

// CreatePrivateKey makes a key that no row but this one, named as Set(id), may have. It is
// called as the row is, unless it has a name of its own.
func (a *Administration) CreatePrivateKey(ctx context.Context, by tandem.By, p *permission.Admin, row, name string) (permission.Key, error) {
	m := erpModel()
	set, id, err := m.ParseID(row)
	if err == nil {
		err = p.Sets.Guarding(set.Name)
	}
	if err != nil {
		return permission.Key{}, err
	}
	q := query.ByID(set, id)
	q.Fields = []*model.Property{set.Must("DisplayText")}
	found := false
	err = a.erpStore(m).Query(ctx, q, func(r *query.Row) error {
		found, name = true, cmp.Or(strings.TrimSpace(name), tandem.Clip(r.Values[0].Text, 250), row)
		return nil
	})
	if err == nil && !found {
		err = tandem.Errorf(tandem.CodeNotFound, "there is no row %s", row)
	}
	if err != nil {
		return permission.Key{}, err
	}
	return p.CreatePrivateKey(ctx, by, set.Name, id, name)
}

// settle waits until every replica knows a key, and the ERP has it.
func (a *Administration) settle(ctx context.Context, k *permission.Key) error {
	for !k.Settled(a.config.Clock.Now()) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settlePause):
		}
	}
	return a.erpStore(erpModel()).FollowKeys(ctx, a.permissions)
}

// settlePause is how often a wait for a key looks at the clock.
const settlePause = 100 * time.Millisecond

// TakeKey takes its key from a row: whoever may read its set sees it then.
func (a *Administration) TakeKey(ctx context.Context, by tandem.By, row string) error {
	return a.setKey(ctx, by, row, "", "took its key from "+row)
}

func (a *Administration) setKey(ctx context.Context, by tandem.By, row, key, what string) error {
	m := erpModel()
	set, id, err := m.ParseID(row)
	if err != nil {
		return err
	}
	if err := a.Permissions.Sets.Guarding(set.Name); err != nil {
		return err
	}
	store := a.erpStore(m)
	if _, err := store.Update(ctx, platformActor(by), model.Entity{Set: set, ID: id}, write.Condition{}, keyed(key)); err != nil {
		return err
	}
	return a.note(ctx, by, tandem.Facts{Row: row, Key: key, Subject: tandem.Subject{Kind: "row", ID: id, Name: row}}, what)
}

// keyed is the change that gives a row a key, or with an empty id takes it.
func keyed(key string) *write.Object {
	if key == "" {
		return (&write.Object{}).Set("AccessKey", nil)
	}
	return (&write.Object{}).Set("AccessKey", (&write.Object{}).Set("@odata.id", "Systems_Security_AccessKeys("+key+")"))
}
