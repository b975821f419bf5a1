package permission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// Accounts finds accounts. One that does not exist is [tandem.ErrNotFound].
type Accounts interface {
	UserByLogin(ctx context.Context, login string) (tandem.User, error)
}

// Admin changes who may do what. Every change is put on record, and holds on every
// replica within five seconds, for tokens that are held already. All fields but
// Clock are required.
type Admin struct {
	Store    Store
	Accounts Accounts
	Sets     Sets
	Audit    tandem.Auditor
	// Actor is who does it, for the record.
	Actor string
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Sets are the entity sets as far as permissions are about them.
type Sets interface {
	// Keyed are the sets that have a key, with what Everybody is granted at first.
	Keyed() []KeyedSet
	// Attribute is the set that declares an attribute of a set; the error
	// ([tandem.CodeInvalid]) says when there is no such set or attribute.
	Attribute(set, attribute string) (declaring string, err error)
	// Member says in an error when a set has no attribute, child collection or action
	// of the name.
	Member(set, name string) error
	// Guarding says in an error when rows of a set have no AccessKey.
	Guarding(set string) error
}

// KeyedSet is an entity set that has a key.
type KeyedSet struct {
	Name      string
	Everybody Right
}

// Bounds of what people name.
const (
	maxName  = 254
	maxNotes = 254
)

// Learn makes the keys of sets that are new in this version of the program, and
// grants them to Everybody as the sets say.
func (a *Admin) Learn(ctx context.Context) error {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, k := range d.Keys {
		known[k.ID] = true
	}
	var keys []Key
	var grants []Grant
	for _, s := range a.Sets.Keyed() {
		id := SetKeyID(s.Name)
		if known[id] {
			continue
		}
		keys = append(keys, Key{ID: id, Kind: SetKey, Name: s.Name, EntityName: s.Name})
		if s.Everybody != 0 {
			grants = append(grants, Grant{Group: EverybodyID, Key: id, Rights: s.Everybody})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return a.Store.AddSets(ctx, keys, grants)
}

// Groups are all groups, in the order of their names.
func (a *Admin) Groups(ctx context.Context) ([]Group, error) {
	d, err := a.Store.Definitions(ctx)
	return d.Groups, err
}

// Group finds a group by its name, without regard to case.
func (a *Admin) Group(ctx context.Context, name string) (Group, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return Group{}, err
	}
	return d.group(name)
}

func (d *Definitions) group(name string) (Group, error) {
	for _, g := range d.Groups {
		if strings.EqualFold(g.Name, name) {
			return g, nil
		}
	}
	return Group{}, tandem.Errorf(tandem.CodeNotFound, "there is no group %q; tandem access group list shows the groups", tandem.Clip(name, 60))
}

// CreateGroup makes a group that holds nothing yet.
func (a *Admin) CreateGroup(ctx context.Context, name, notes string) (Group, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "" || len([]rune(name)) > maxName:
		return Group{}, tandem.Errorf(tandem.CodeInvalid, "the name of a group has 1 to %d characters", maxName)
	case strings.ContainsAny(name, "<>"):
		return Group{}, tandem.Errorf(tandem.CodeInvalid, "the name of a group has no < and > (Constraint R37154)")
	case len([]rune(notes)) > maxNotes:
		return Group{}, tandem.Errorf(tandem.CodeInvalid, "the notes of a group have at most %d characters", maxNotes)
	}
	g := Group{ID: uuid.NewString(), Name: name, Type: NormalGroup, Notes: notes}
	if err := a.Store.PutGroup(ctx, g); err != nil {
		return Group{}, err
	}
	return g, a.record(ctx, "group %q created", g.Name)
}

// DeleteGroup deletes a group with what it is granted; its members stay.
func (a *Admin) DeleteGroup(ctx context.Context, name string) error {
	g, err := a.Group(ctx, name)
	if err != nil {
		return err
	}
	if g.Type != NormalGroup {
		return tandem.Errorf(tandem.CodeRule, "the group %s is the platform's own and cannot be deleted (Constraint R37166)", g.Name)
	}
	if err := a.Store.DeleteGroup(ctx, g.ID); err != nil {
		return err
	}
	return a.record(ctx, "group %q deleted", g.Name)
}

// AddMember puts an account into a group. External users are in none, and System
// Users in none of those that are for people.
func (a *Admin) AddMember(ctx context.Context, group, login string) error {
	g, u, err := a.member(ctx, group, login)
	if err != nil {
		return err
	}
	switch {
	case g.ID == EverybodyID || g.ID == AdministratorsID:
		return tandem.Errorf(tandem.CodeRule, "accounts are in the group %s by what they are, and are not put into it: %s", g.Name, byItself[g.ID])
	case u.Type == tandem.ExternalCommunityUser:
		return tandem.Errorf(tandem.CodeRule, "%s is an external user, who has no access to the API; tandem access external add gives them customers", u.Login)
	case u.Type == tandem.SystemUserNoLogin && ForPeople(g.ID):
		return tandem.Errorf(tandem.CodeRule, "%s is a System User, and %s is for people (Constraint R34956)", u.Login, g.Name)
	}
	there, err := a.Store.PutMember(ctx, g.ID, u.ID)
	if err != nil || there {
		return err
	}
	return a.record(ctx, "%s put into the group %q%s", u.Login, g.Name, a.self(u))
}

var byItself = map[string]string{
	EverybodyID:      "all internal users are in it",
	AdministratorsID: "tandem user update LOGIN --admin makes an administrator",
}

// self is what the record says of somebody who gives something to themselves.
func (a *Admin) self(u tandem.User) string {
	if strings.EqualFold(a.Actor, u.Login) {
		return ", by themselves"
	}
	return ""
}

// RemoveMember takes an account out of a group.
func (a *Admin) RemoveMember(ctx context.Context, group, login string) error {
	g, u, err := a.member(ctx, group, login)
	if err != nil {
		return err
	}
	if g.ID == EverybodyID || g.ID == AdministratorsID {
		return tandem.Errorf(tandem.CodeRule, "accounts are in the group %s by what they are: %s", g.Name, byItself[g.ID])
	}
	there, err := a.Store.RemoveMember(ctx, g.ID, u.ID)
	if err != nil {
		return err
	}
	if !there {
		return tandem.Errorf(tandem.CodeNotFound, "%s is not in the group %s", u.Login, g.Name)
	}
	return a.record(ctx, "%s taken out of the group %q", u.Login, g.Name)
}

func (a *Admin) member(ctx context.Context, group, login string) (Group, tandem.User, error) {
	g, err := a.Group(ctx, group)
	if err != nil {
		return Group{}, tandem.User{}, err
	}
	u, err := a.Accounts.UserByLogin(ctx, login)
	return g, u, err
}

// Members are up to limit accounts of a group, from the first after the login.
func (a *Admin) Members(ctx context.Context, groupID, after string, limit int) ([]tandem.User, error) {
	return a.Store.Members(ctx, groupID, after, limit)
}

// Target is what a grant is on. Exactly one of its fields is set.
type Target struct {
	// Set is an entity set, Column an attribute of one: Set.Attribute.
	Set, Column string
	// Key is the name or the id of a key that rows have.
	Key string
}

// String is what is named.
func (t Target) String() string { return t.Set + t.Column + t.Key }

// Grant gives a group rights on a target, and returns what it has then. rights are
// as [ParseRights] reads them; they are added to what the group has, unless alone
// says that they are all it shall have. A column that has no key yet gets one, and
// is then hidden from all who are not granted it.
func (a *Admin) Grant(ctx context.Context, group string, on Target, rights string, alone bool) (Grant, error) {
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
	k, isNew, err := a.target(&d, on)
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
	if !alone {
		made = d.merged(made)
	}
	if isNew {
		if err := a.Store.PutKey(ctx, k); err != nil {
			return Grant{}, err
		}
	}
	if err := a.Store.PutGrant(ctx, made); err != nil {
		return Grant{}, err
	}
	return made, a.record(ctx, "group %q granted %s on %s", g.Name, made.Words(), k.Words())
}

// merged is a grant with what the group has on the key already.
func (d *Definitions) merged(g Grant) Grant {
	for _, had := range d.Grants {
		if had.Group != g.Group || had.Key != g.Key {
			continue
		}
		switch {
		case had.Rights&Update == 0: // the new ones say what may be updated
		case g.Rights&Update == 0:
			g.UpdateAttributes = had.UpdateAttributes
		case len(had.UpdateAttributes) == 0 || len(g.UpdateAttributes) == 0:
			g.UpdateAttributes = nil
		default:
			g.UpdateAttributes = append(g.UpdateAttributes, had.UpdateAttributes...)
			slices.Sort(g.UpdateAttributes)
			g.UpdateAttributes = slices.Compact(g.UpdateAttributes)
		}
		g.Rights |= had.Rights
	}
	return g
}

// Revoke takes from a group what it is granted on a target: all of it, the right to
// read included.
func (a *Admin) Revoke(ctx context.Context, group string, on Target) error {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return err
	}
	g, err := d.group(group)
	if err != nil {
		return err
	}
	k, _, err := a.target(&d, on)
	if err != nil {
		return err
	}
	there, err := a.Store.RemoveGrant(ctx, g.ID, k.ID)
	if err != nil {
		return err
	}
	if !there {
		return tandem.Errorf(tandem.CodeNotFound, "the group %s is granted nothing on %s", g.Name, k.Words())
	}
	return a.record(ctx, "group %q has no right on %s any more", g.Name, k.Words())
}

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
		of.Effective = append(of.Effective, e)
	}
	return of, nil
}

// target finds the key of what is named; isNew says that it has to be made.
func (a *Admin) target(d *Definitions, on Target) (k Key, isNew bool, err error) {
	switch {
	case on.Set != "" && on.Column == "" && on.Key == "":
		k = Key{ID: SetKeyID(on.Set), Kind: SetKey}
	case on.Column != "" && on.Set == "" && on.Key == "":
		set, attribute, ok := strings.Cut(on.Column, ".")
		if !ok {
			return k, false, tandem.Errorf(tandem.CodeInvalid, "%q is not Set.Attribute, as in General_Products_Products.StandardCostPerLot",
				tandem.Clip(on.Column, 100))
		}
		declaring, err := a.Sets.Attribute(set, attribute)
		if err != nil {
			return k, false, err
		}
		k = Key{ID: ColumnKeyID(declaring, attribute), Kind: ColumnKey, Name: declaring + "." + attribute, EntityName: declaring, Attribute: attribute}
	case on.Key != "" && on.Set == "" && on.Column == "":
		k, err = d.RowKey(on.Key)
		return k, false, err
	default:
		return k, false, tandem.Errorf(tandem.CodeInvalid, "name one thing that the rights are for: a set, a column or a key")
	}
	at := slices.IndexFunc(d.Keys, func(known Key) bool { return known.ID == k.ID })
	switch {
	case at >= 0:
		return d.Keys[at], false, nil
	case k.Kind == SetKey:
		return k, false, tandem.Errorf(tandem.CodeInvalid, "there is no entity set %q that has a key of its own; "+
			"parts of an aggregate, like lines, go with its root", tandem.Clip(on.Set, 100))
	}
	return k, true, nil
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

// CreateKey makes a key that rows of a set may have, and that no group is granted
// yet: a row that is given it is hidden from all but administrators.
func (a *Admin) CreateKey(ctx context.Context, set, name string) (Key, error) {
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
	k := Key{ID: uuid.NewString(), Kind: RowKey, Name: name, EntityName: set}
	if err := a.Store.PutKey(ctx, k); err != nil {
		return Key{}, err
	}
	return k, a.record(ctx, "key %q made for rows of %s", k.Name, k.EntityName)
}

// Offers are the rights that a grant on the key can have.
func (k *Key) Offers() Right {
	switch {
	case k.Kind == SetKey:
		return OfSets
	case k.Kind == ColumnKey:
		return OfColumns
	case k.EntityName == "Systems_Documents_DocumentTypes":
		return OfTypes
	}
	return OfRows
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

// Words are the rights of a grant as [ParseRights] reads them.
func (g *Grant) Words() string {
	text := g.Rights.String()
	if len(g.UpdateAttributes) > 0 {
		text = strings.Replace(text, Update.String(), Update.String()+":"+strings.Join(g.UpdateAttributes, ":"), 1)
	}
	return text
}

func (a *Admin) record(ctx context.Context, format string, args ...any) error {
	return a.Audit.Record(ctx, tandem.AuditEvent{
		At: a.Clock.Now(), Kind: tandem.AuditAdministration, Actor: a.Actor, Detail: fmt.Sprintf(format, args...),
	})
}
