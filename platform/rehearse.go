package platform

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// RehearseKey tells who would gain and lose the row when it is given the key, or, when
// that is empty, when its key is taken. It changes nothing.
func (a *Administration) RehearseKey(ctx context.Context, key, row string) (*permission.Effect, error) {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	var k permission.Key
	if key != "" {
		if k, err = d.RowKey(key); err != nil {
			return nil, err
		}
	}
	m := erpModel()
	set, id, err := m.ParseID(row)
	if err != nil {
		return nil, err
	}
	if err := a.Permissions.Sets.Guarding(set.Name); err != nil {
		return nil, err
	}
	if key != "" && k.EntityName != set.Name {
		return nil, tandem.Errorf(tandem.CodeRule, "the key %q is for rows of %s; choose or make one for %s", k.Name, k.EntityName, set.Name)
	}
	store := a.erpStore(m)
	q := query.ByID(set, id)
	q.Fields = []*model.Property{set.AccessKey()}
	if p := set.Property("EntityName"); set.Name == setERPDocumentTypes {
		q.Fields = append(q.Fields, p)
	}
	found, had, of := false, "", ""
	err = store.Query(ctx, q, func(r *query.Row) error {
		found, had = true, strings.Clone(r.Values[0].Text)
		if len(r.Values) > 1 {
			of = strings.Clone(r.Values[1].Text)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, tandem.Errorf(tandem.CodeNotFound, "there is no %s", row)
	}
	if key != "" {
		if err := a.settle(ctx, &k); err != nil {
			return nil, err
		}
	}
	store.Undo = true // to be told what refuses it
	if _, err := store.Update(ctx, platformActor(a.config.By), model.Entity{Set: set, ID: id}, write.Condition{}, keyed(k.ID)); err != nil {
		return nil, err
	}
	return a.Permissions.RehearseRow(ctx, guardedBy(m.Model, set, row, of), had, k.ID)
}

// guardedBy are the rows that the key of a row guards: the row itself, and those that have
// it for a guard. of is the set whose documents have the row for their type; empty for rows
// that are no types.
func guardedBy(m *model.Model, set *model.Set, row, of string) []permission.Guarded {
	rights := permission.Read | permission.Update | permission.Delete
	all := []permission.Guarded{{On: "the row " + row, Set: set.Name, Rights: rights}}
	if of != "" {
		rights |= permission.OfDocuments &^ permission.Correct // which nothing does yet
	}
	for _, s := range m.Sets {
		if s.Owner != nil || of != "" && s.Name != of {
			continue
		}
		for _, g := range s.Guards() {
			if len(g.Refs) == 1 && g.Set == set {
				all = append(all, permission.Guarded{On: "rows of " + s.Name + " by their " + g.Refs[0].Name, Set: s.Name, Rights: rights})
			}
		}
	}
	return all
}

// RehearseExternalAccess tells what an external person would see of a customer, and
// what they see now; an access without a role is one that is taken away. It makes the
// change and undoes it.
func (a *Administration) RehearseExternalAccess(ctx context.Context, e ExternalAccess) (*permission.Effect, error) {
	x, u, err := a.external(ctx, a.config.By, &e)
	if err != nil {
		return nil, err
	}
	var before, after ExternalAccess
	err = x.erpStore(x.model).Transact(ctx, func(tx write.Tx) (err error) {
		if before, err = x.has(tx, &u, e.Customer); err != nil {
			return err
		}
		if err = x.put(tx, &u, &e); err != nil {
			return err
		}
		if after, err = x.has(tx, &u, e.Customer); err != nil {
			return err
		}
		return errRehearsed
	})
	if !errors.Is(err, errRehearsed) {
		return nil, err
	}
	c := permission.Change{On: "documents of the customer " + e.Customer, Before: before.words(), After: after.words()}
	if c.Before == c.After {
		return &permission.Effect{}, nil
	}
	roles := x.model.Set(setERPAccess).Must("Role").Enum
	if after.shows(&before, roles) {
		c.Gains = permission.Read
	}
	if before.shows(&after, roles) {
		c.Loses = permission.Read
	}
	return &permission.Effect{Affected: []permission.Affected{{Logins: []string{e.Login}, Changes: []permission.Change{c}}}}, nil
}

// errRehearsed ends a transaction of which nothing is to stay.
var errRehearsed = errors.New("rehearsed")

// shows reports whether the access shows anything that the other does not: by a higher role,
// or by a window that goes further back.
func (e *ExternalAccess) shows(other *ExternalAccess, roles *model.Enum) bool {
	switch {
	case e.Role == "" || other.Role == "":
		return e.Role != ""
	case e.DaysBack == nil && other.DaysBack != nil, e.DaysBack != nil && other.DaysBack != nil && *e.DaysBack > *other.DaysBack:
		return true
	}
	role, _ := roles.Member(e.Role)
	than, _ := roles.Member(other.Role)
	return role > than
}

// words are the role and the window: Billing, 30 days back.
func (e *ExternalAccess) words() string {
	switch {
	case e.Role == "":
		return ""
	case e.DaysBack == nil:
		return e.Role + ", all days back"
	}
	return e.Role + ", " + strconv.Itoa(*e.DaysBack) + " days back"
}
