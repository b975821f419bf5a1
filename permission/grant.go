package permission

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// Target is what a grant is on. Exactly one of its fields is set.
type Target struct {
	// Set is an entity set, Column an attribute of one: Set.Attribute.
	Set, Column string
	// Key is the name or the id of a key that rows have.
	Key string
	// System is the name of an ability, like unit-price.
	System string
}

// String is what is named.
func (t Target) String() string { return t.Set + t.Column + t.Key + t.System }

// Grant gives a group rights on a target, and returns what it has then. rights are
// as [ParseRights] reads them; they are added to what the group has, unless alone
// says that they are all it shall have. A column that has no key yet gets one, and
// is then hidden from all who are not granted it.
func (a *Admin) Grant(ctx context.Context, by tandem.By, group string, on Target, rights string, alone bool) (Grant, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return Grant{}, err
	}
	g, err := d.group(group)
	if err != nil {
		return Grant{}, err
	}
	if g.Type != NormalGroup && g.Type != Everybody && g.Type != PowerUsers {
		return Grant{}, tandem.Errorf(tandem.CodeRule, "the group %s has everything it can have", g.Name)
	}
	k, err := a.target(&d, on)
	if err != nil {
		return Grant{}, err
	}
	made := Grant{Group: g.ID, Key: k.ID}
	made.Rights, made.UpdateAttributes, err = ParseRights(rights, k.Offers())
	if err != nil {
		return Grant{}, err
	}
	for _, attribute := range made.UpdateAttributes {
		if err := a.Sets.Member(k.EntityName, attribute); err != nil {
			return Grant{}, err
		}
	}
	if err := a.mayGive(ctx, nil, []GrantOn{{made, k}}); err != nil {
		return Grant{}, err
	}
	var before tandem.Attributes
	err = a.Store.ChangeGrant(ctx, g.ID, k, func(had *Grant) (*Grant, error) {
		before = rightsOn(&k, had)
		if had != nil && !alone {
			made = made.with(had)
		}
		return &made, nil
	})
	if err != nil {
		return Grant{}, err
	}
	self, err := a.isIn(ctx, g.ID)
	if err != nil {
		return Grant{}, err
	}
	f := tandem.Facts{Rule: tandem.RuleGranted, Group: g.ID, Key: k.ID, Need: made.Rights.String(), Self: self, Subject: g.subject()}
	f.Changed(before, rightsOn(&k, &made))
	return made, a.record(ctx, by, f, "group %q granted %s on %s%s", g.Name, made.Words(), k.Words(), byThemselves(self))
}

// rightsOn is what is granted on a key, for the record; nil for nothing.
func rightsOn(k *Key, g *Grant) tandem.Attributes {
	if g == nil {
		return nil
	}
	return tandem.Attributes{"on": k.Words(), "rights": g.Words()}
}

// with is a grant with what the group has on the key already.
func (g Grant) with(had *Grant) Grant {
	switch {
	case had.Rights&Update == 0: // the new ones say what may be updated
	case g.Rights&Update == 0:
		g.UpdateAttributes = had.UpdateAttributes
	case len(had.UpdateAttributes) == 0 || len(g.UpdateAttributes) == 0:
		g.UpdateAttributes = nil
	default:
		g.UpdateAttributes = slices.Concat(g.UpdateAttributes, had.UpdateAttributes)
		slices.Sort(g.UpdateAttributes)
		g.UpdateAttributes = slices.Compact(g.UpdateAttributes)
	}
	g.Rights |= had.Rights
	return g
}

// Revoke takes from a group what it is granted on a target: all of it, the right to
// read included.
func (a *Admin) Revoke(ctx context.Context, by tandem.By, group string, on Target) error {
	if err := a.mayManage(ctx); err != nil {
		return err
	}
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return err
	}
	g, err := d.group(group)
	if err != nil {
		return err
	}
	k, err := a.target(&d, on)
	if err != nil {
		return err
	}
	if err := a.mayTake(ctx, &g, k.ID); err != nil {
		return err
	}
	f := tandem.Facts{Group: g.ID, Key: k.ID, Subject: g.subject()}
	err = a.Store.ChangeGrant(ctx, g.ID, k, func(had *Grant) (*Grant, error) {
		if had == nil {
			return nil, tandem.Errorf(tandem.CodeNotFound, "the group %s is granted nothing on %s", g.Name, k.Words())
		}
		f.Changed(rightsOn(&k, had), nil)
		return nil, nil
	})
	if err != nil {
		return err
	}
	return a.record(ctx, by, f, "group %q has no right on %s any more", g.Name, k.Words())
}

// target finds the key of what is named, which an attribute may not have yet.
func (a *Admin) target(d *Definitions, on Target) (k Key, err error) {
	switch {
	case on.System != "" && on.Set+on.Column+on.Key == "":
		at := slices.IndexFunc(abilities, func(k Key) bool { return strings.EqualFold(k.Name, on.System) || k.ID == on.System })
		if at < 0 {
			return k, tandem.Errorf(tandem.CodeNotFound, "there is no ability %q; use one of %s", tandem.Clip(on.System, 40),
				strings.Join(abilityNames(), ", "))
		}
		k = abilities[at]
	case on.System != "":
		return k, tandem.Errorf(tandem.CodeInvalid, "name one thing that the rights are for: a set, a column, a key or an ability")
	case on.Set != "" && on.Column == "" && on.Key == "":
		k = Key{ID: SetKeyID(on.Set), Kind: SetKey}
	case on.Column != "" && on.Set == "" && on.Key == "":
		set, attribute, ok := strings.Cut(on.Column, ".")
		if !ok {
			return k, tandem.Errorf(tandem.CodeInvalid, "%q is not Set.Attribute, as in General_Products_Products.StandardCostPerLot",
				tandem.Clip(on.Column, 100))
		}
		declaring, err := a.Sets.Attribute(set, attribute)
		if id := ColumnKeyID(set, attribute); err != nil && slices.ContainsFunc(d.Keys, func(known Key) bool { return known.ID == id }) {
			declaring, err = set, nil // what an earlier version has given a key to can be taken away
		}
		if err != nil {
			return k, err
		}
		k = Key{ID: ColumnKeyID(declaring, attribute), Kind: ColumnKey, Name: declaring + "." + attribute, EntityName: declaring, Attribute: attribute}
	case on.Key != "" && on.Set == "" && on.Column == "":
		k, err = d.RowKey(on.Key)
		return k, err
	default:
		return k, tandem.Errorf(tandem.CodeInvalid, "name one thing that the rights are for: a set, a column, a key or an ability")
	}
	at := slices.IndexFunc(d.Keys, func(known Key) bool { return known.ID == k.ID })
	switch {
	case at >= 0:
		return d.Keys[at], nil
	case k.Kind == SetKey:
		return k, tandem.Errorf(tandem.CodeInvalid, "there is no entity set %q that has a key of its own; "+
			"parts of an aggregate, like lines, go with its root", tandem.Clip(on.Set, 100))
	}
	return k, nil
}

// RowKey finds a key that rows have, by its name or id.
func (d *Definitions) RowKey(name string) (Key, error) {
	var found []Key
	for _, k := range d.Keys {
		if k.Kind == RowKey && (k.ID == name || strings.EqualFold(k.Name, name)) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Key{}, tandem.Errorf(tandem.CodeNotFound, "there is no key %q; tandem access key list shows the keys", tandem.Clip(name, 60))
	}
	return Key{}, tandem.Errorf(tandem.CodeConflict, "there are %d keys named %q; name one by its id", len(found), tandem.Clip(name, 60))
}

// For is what may have a key of rows, in words.
func (k *Key) For() string {
	if k.EntityID != "" {
		return "the row " + k.EntityName + "(" + k.EntityID + ")"
	}
	return "rows of " + k.EntityName
}

// CreateKey makes a key that rows of a set may have, and that no group is granted
// yet: a row that is given it is hidden from all but administrators.
func (a *Admin) CreateKey(ctx context.Context, by tandem.By, set, name string) (Key, error) {
	return a.createKey(ctx, by, set, "", name)
}

// CreatePrivateKey is [Admin.CreateKey] for a key that no row but the one with the id may
// have.
func (a *Admin) CreatePrivateKey(ctx context.Context, by tandem.By, set, id, name string) (Key, error) {
	return a.createKey(ctx, by, set, id, name)
}

func (a *Admin) createKey(ctx context.Context, by tandem.By, set, id, name string) (Key, error) {
	if err := a.mayManage(ctx); err != nil {
		return Key{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > maxName {
		return Key{}, tandem.Errorf(tandem.CodeInvalid, "the name of a key has 1 to %d characters", maxName)
	}
	if err := a.Sets.Guarding(set); err != nil {
		return Key{}, err
	}
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return Key{}, err
	}
	if slices.ContainsFunc(d.Keys, func(k Key) bool { return k.Kind == RowKey && k.EntityName == set && strings.EqualFold(k.Name, name) }) {
		return Key{}, tandem.Errorf(tandem.CodeConflict, "there is a key %q for %s already", name, set)
	}
	k := Key{ID: uuid.NewString(), Kind: RowKey, Name: name, EntityName: set, EntityID: id}
	if !a.Unused {
		k.CreatedAt = a.Clock.Now()
	}
	if err := a.Store.PutKey(ctx, k); err != nil {
		return Key{}, err
	}
	f := tandem.Facts{Key: k.ID, Subject: tandem.Subject{Kind: "key", ID: k.ID, Name: k.Name}}
	return k, a.record(ctx, by, f, "key %q made for %s", k.Name, k.For())
}
