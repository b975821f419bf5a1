package findings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d/(24*time.Hour))) }

// systemUsers are the System Users.
func (f *Facts) systemUsers() (all []*Account) {
	for i := range f.Accounts {
		if f.Accounts[i].Type == tandem.SystemUserNoLogin {
			all = append(all, &f.Accounts[i])
		}
	}
	return all
}

// appsOf are the enabled applications that a System User acts for.
func (f *Facts) appsOf(id string) (all []*tandem.TrustedApp) {
	for i := range f.Apps {
		if a := &f.Apps[i]; a.Enabled && a.SystemUserAllowed && a.SystemUserID == id {
			all = append(all, a)
		}
	}
	return all
}

func (f *Facts) group(id string) *permission.Group {
	for i := range f.Groups {
		if f.Groups[i].ID == id {
			return &f.Groups[i]
		}
	}
	return nil
}

func (f *Facts) key(id string) *permission.Key {
	for i := range f.Keys {
		if f.Keys[i].ID == id {
			return &f.Keys[i]
		}
	}
	return nil
}

// groupsOf are the groups of an account by which it has rights.
func (f *Facts) groupsOf(a *Account) (all []*permission.Group) {
	for _, id := range permission.GroupsOf(&a.User, a.Put) {
		if g := f.group(id); g != nil {
			all = append(all, g)
		}
	}
	return all
}

// held are the grants of a group on keys.
func (f *Facts) held(group string) (all []permission.GrantOn) {
	for _, g := range f.Grants {
		if k := f.key(g.Key); g.Group == group && k != nil {
			all = append(all, permission.GrantOn{Grant: g, Key: *k})
		}
	}
	return all
}

// of begins a finding about an account.
func (a *Account) finding(evidence ...Evidence) Finding {
	return Finding{Kind: "user", ID: a.ID, Name: a.Login, Evidence: evidence}
}

// remove is the command that takes an account out of a group.
func (a *Account) remove(g *permission.Group) string {
	return fmt.Sprintf("tandem access group remove-member %s %s", permission.Quoted(g.Name), a.Login)
}

// only is the command that leaves a group these rights alone.
func only(g *permission.Group, k *permission.Key, rights string) string {
	return fmt.Sprintf("tandem access grant %s %s --rights %s --only", permission.Quoted(g.Name), k.Flag(), rights)
}

func list(words []string) string {
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}

const writes = permission.Create | permission.Update | permission.Delete
