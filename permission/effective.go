package permission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
)

// GrantOn is a grant with its key.
type GrantOn struct {
	Grant
	Key Key
}

// Grants are what a group is granted, in the order of the keys.
func (a *Admin) Grants(ctx context.Context, groupID string) ([]GrantOn, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	held := map[string]Grant{}
	for _, g := range d.Grants {
		if g.Group == groupID {
			held[g.Key] = g
		}
	}
	var all []GrantOn
	for _, k := range d.Keys {
		if g, ok := held[k.ID]; ok {
			all = append(all, GrantOn{g, k})
		}
	}
	return all, nil
}

// KeyHeld is a key with the names of the groups that are granted it.
type KeyHeld struct {
	Key
	Groups []string
}

// Keys are all keys, with who is granted them.
func (a *Admin) Keys(ctx context.Context) ([]KeyHeld, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, g := range d.Groups {
		names[g.ID] = g.Name
	}
	by := map[string][]string{}
	for _, g := range d.Grants {
		by[g.Key] = append(by[g.Key], names[g.Group])
	}
	all := make([]KeyHeld, len(d.Keys))
	for i, k := range d.Keys {
		groups := by[k.ID]
		slices.Sort(groups)
		all[i] = KeyHeld{k, append([]string{}, groups...)}
	}
	return all, nil
}

// HeldBy is a grant with the name of its group.
type HeldBy struct {
	Grant
	GroupName string
}

// Key finds a key that rows have, by its name or id, with what groups are granted on it.
func (a *Admin) Key(ctx context.Context, name string) (Key, []HeldBy, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return Key{}, nil, err
	}
	k, err := d.RowKey(name)
	if err != nil {
		return Key{}, nil, err
	}
	var held []HeldBy
	for _, group := range d.Groups { // in the order of their names
		for _, g := range d.Grants {
			if g.Key == k.ID && g.Group == group.ID {
				held = append(held, HeldBy{g, group.Name})
			}
		}
	}
	return k, held, nil
}

// Of is what an account may do.
type Of struct {
	User tandem.User
	// Groups are the names of its groups.
	Groups []string
	// Effective are the rights on each key, with the groups that they come from.
	Effective []Effective
}

// Effective are rights of an account on a key.
type Effective struct {
	Grant
	Key    Key
	Groups []string
}

// Of tells what an account may do, and by which groups. Administrators and members of
// groups of all data hold every key.
func (a *Admin) Of(ctx context.Context, login string) (Of, error) {
	u, err := a.Accounts.UserByLogin(ctx, login)
	if err != nil {
		return Of{}, err
	}
	put, _, err := a.Store.GroupsOf(ctx, u.ID)
	if err != nil {
		return Of{}, err
	}
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return Of{}, err
	}
	of := Of{User: u, Groups: []string{}}
	in := map[string]*Group{}
	mine := GroupsOf(&u, put)
	for i := range d.Groups {
		if g := &d.Groups[i]; slices.Contains(mine, g.ID) {
			of.Groups, in[g.ID] = append(of.Groups, g.Name), g
		}
	}
	rights := NewTable(d).Rights(mine)
	for i := range d.Keys {
		k := &d.Keys[i]
		e := Effective{Key: *k, Grant: rights.on(k)}
		if e.Rights == 0 {
			continue
		}
		for _, g := range d.Groups {
			if in[g.ID] != nil && (g.Type == Administrators || g.Type == AllData) {
				e.Groups = append(e.Groups, g.Name)
			}
		}
		for _, g := range d.Grants {
			if g.Key == k.ID && in[g.Group] != nil {
				e.Groups = append(e.Groups, in[g.Group].Name)
			}
		}
		if k.Kind == SystemKey && len(e.Groups) == 0 {
			continue // everybody's
		}
		of.Effective = append(of.Effective, e)
	}
	return of, nil
}

// Offers are the rights that a grant on the key can have.
func (k *Key) Offers() Right {
	switch {
	case k.Kind == SetKey:
		return OfSets
	case k.Kind == ColumnKey:
		return OfColumns
	case k.Kind == SystemKey:
		return Read
	case k.EntityName == "Systems_Documents_DocumentTypes":
		return OfTypes
	}
	return OfRows
}

// Idle are the rights on a key that are held and not among those used. Those on rows are
// not counted, and never idle, but for what is done with documents of a type; nor is an
// ability, as the last grant that is taken away makes it everybody's.
func (r *Rights) Idle(k *Key, used Right) Right {
	switch k.Kind {
	case SetKey:
		if used != 0 {
			used |= Read // which comes with any other
		}
		return r.sets[k.EntityName].Right & OfSets &^ used
	case RowKey:
		return r.keys[k.ID] & OfDocuments &^ used
	case ColumnKey:
		if used != 0 {
			used |= Read
		}
		return r.keys[k.ID] & OfColumns &^ used
	case SystemKey:
	}
	return 0
}

// Words name what the key guards, for people.
func (k *Key) Words() string {
	switch k.Kind {
	case SetKey:
		return "the set " + k.EntityName
	case ColumnKey:
		return "the column " + k.EntityName + "." + k.Attribute
	case RowKey:
		return fmt.Sprintf("rows of %s with the key %q", k.EntityName, k.Name)
	case SystemKey:
	}
	return "the ability " + k.Name
}

// Gives reports whether the grant gives what is needed, where an attribute is named for it.
func (g *Grant) Gives(need Right, attribute string) bool {
	if g.Rights&need != need {
		return false
	}
	return attribute == "" || need&Update == 0 || len(g.UpdateAttributes) == 0 || slices.Contains(g.UpdateAttributes, attribute)
}

// Words are the rights of a grant as [ParseRights] reads them.
func (g *Grant) Words() string {
	text := g.Rights.String()
	if len(g.UpdateAttributes) > 0 {
		text = strings.Replace(text, Update.String(), Update.String()+":"+strings.Join(g.UpdateAttributes, ":"), 1)
	}
	return text
}
