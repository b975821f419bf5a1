package permission

import (
	"context"
	"fmt"
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
	// Uses tell what rights were used; nil knows of none.
	Uses  Uses
	Audit tandem.Auditor
	// As is the account that does it, where it is done by one: an administrator or a
	// power user, who gives nothing that they do not hold. Nil is whoever may open the
	// database.
	As *tandem.User
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
	// Unused says that nobody works with the instance yet, so that no replica decides
	// anything: keys can be put on rows at once, and not after [Settling].
	Unused bool
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

// Learn makes the keys of sets and abilities that are new in this version of the
// program, and grants those of sets to Everybody as the sets say.
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
	keys = append(keys, d.learnAbilities()...)
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
func (a *Admin) CreateGroup(ctx context.Context, by tandem.By, name, notes string) (Group, error) {
	if err := a.mayManage(ctx); err != nil {
		return Group{}, err
	}
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
	return g, a.record(ctx, by, tandem.Facts{Subject: g.subject()}, "group %q created", g.Name)
}

// DeleteGroup deletes a group with what it is granted; its members stay.
func (a *Admin) DeleteGroup(ctx context.Context, by tandem.By, name string) error {
	if err := a.mayManage(ctx); err != nil {
		return err
	}
	g, err := a.Group(ctx, name)
	if err != nil {
		return err
	}
	if g.Type != NormalGroup {
		return tandem.Errorf(tandem.CodeRule, "the group %s is the platform's own and cannot be deleted (Constraint R37166)", g.Name)
	}
	if err := a.mayTake(ctx, &g, ""); err != nil {
		return err
	}
	if err := a.Store.DeleteGroup(ctx, g.ID); err != nil {
		return err
	}
	return a.record(ctx, by, tandem.Facts{Subject: g.subject()}, "group %q deleted", g.Name)
}

// AddMember puts an account into a group. External users are in none, and System
// Users in none of those that are for people.
func (a *Admin) AddMember(ctx context.Context, by tandem.By, group, login string) error {
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
	if err := a.mayGive(ctx, &g, nil); err != nil {
		return err
	}
	there, err := a.Store.PutMember(ctx, g.ID, u.ID)
	if err != nil || there {
		return err
	}
	self := a.self(by, u.Login)
	return a.record(ctx, by, tandem.Facts{Rule: tandem.RuleMember, Group: g.ID, User: u.ID, Self: self, Subject: userSubject(&u)},
		"%s put into the group %q%s", u.Login, g.Name, byThemselves(self))
}

var byItself = map[string]string{
	EverybodyID:      "all internal users are in it",
	AdministratorsID: "tandem user update LOGIN --admin makes an administrator",
}

// RemoveMember takes an account out of a group.
func (a *Admin) RemoveMember(ctx context.Context, by tandem.By, group, login string) error {
	if err := a.mayManage(ctx); err != nil {
		return err
	}
	g, u, err := a.member(ctx, group, login)
	if err != nil {
		return err
	}
	if (g.ID == EverybodyID || g.ID == AdministratorsID) && u.Type != tandem.SystemUserNoLogin { // who never should have been put into it
		return tandem.Errorf(tandem.CodeRule, "accounts are in the group %s by what they are: %s", g.Name, byItself[g.ID])
	}
	there, err := a.Store.RemoveMember(ctx, g.ID, u.ID)
	if err != nil {
		return err
	}
	if !there {
		return tandem.Errorf(tandem.CodeNotFound, "%s is not in the group %s", u.Login, g.Name)
	}
	return a.record(ctx, by, tandem.Facts{Group: g.ID, User: u.ID, Subject: userSubject(&u)}, "%s taken out of the group %q", u.Login, g.Name)
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

func (g *Group) subject() tandem.Subject {
	return tandem.Subject{Kind: "group", ID: g.ID, Name: g.Name}
}

func userSubject(u *tandem.User) tandem.Subject {
	return tandem.Subject{Kind: "user", ID: u.ID, Name: u.Login}
}

// record tells what was done, and by the account that the administration is of where
// it is of one.
func (a *Admin) record(ctx context.Context, by tandem.By, f tandem.Facts, format string, args ...any) error {
	if a.As != nil {
		by.Login = a.As.Login
	}
	e := by.Recorded(fmt.Sprintf(format, args...), f)
	e.At = a.Clock.Now()
	return a.Audit.Record(ctx, e)
}
