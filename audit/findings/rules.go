package findings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// month is the window of the rules about who may do what.
func month(*Limits) time.Duration { return Window }

// Permissions are the rules about who may do what.
var Permissions = []Rule{
	{ID: "PA1", Severity: High, Title: "A System User is in a group that is for people, or holds everything",
		Why: "It can do far more than its work needs, and nobody watches it sign in.", Needs: Rights, Check: pa1},
	{ID: "PA2", Severity: High, Title: "A System User may change who sees what",
		Why: "A mistake of the back end, or its secret in the wrong hands, gives rights to anybody.", Needs: Rights, Check: pa2},
	{ID: "PA3", Severity: Medium, Title: "A System User holds rights that it has not used",
		Why: "What is not needed only helps who should not be there.", Needs: Rights | RightUses | Deeds, Window: month, Check: pa3},
	{ID: "PA4", Severity: Medium, Title: "Several applications act as one System User",
		Why: "Nobody can tell who needs which right, or who did it.", Absent: "SYS-01 tells of it"},
	{ID: "PA5", Severity: Medium, Title: "A System User holds rights that no application's scope can use",
		Why: "They come to life when somebody widens a scope for another reason.", Needs: Rights, Check: pa5},
	{ID: "PA6", Severity: Low, Title: "A back end's scope has no right behind it",
		Why: "The scope promises what the account cannot do.", Needs: Rights, Check: pa6},
	{ID: "PA7", Severity: Medium, Title: "A hidden attribute can be computed of others",
		Why: "Who may not see it sees what it is made of.", Needs: Rights, Check: pa7},
	{ID: "PA8", Severity: Low, Title: "Groups, keys or accounts that nothing comes of",
		Why: "What is left over hides what matters.", Needs: Rights, Check: pa8},
	{ID: "PA9", Severity: High, Title: "Somebody gave rights to themselves",
		Why: "Nobody else has decided it.", Needs: Rights | Deeds, Check: pa9},
	{ID: "PA10", Severity: Medium, Title: "A group both enters and releases documents that need four eyes",
		Why: "One person could be enough in the end.", Needs: Rights | Types, Check: pa10},
	{ID: "PA11", Severity: Info, Title: "Employees are served through a service session",
		Why: "They use no licence of their own, and the rights of the back end.", Absent: "SYS-05 tells of it"},
}

func pa1(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		if a.Admin {
			x := a.finding(Evidence{"administrator", "yes"})
			x.Mend = []string{"tandem user update " + permission.Quoted(a.Login) + " --no-admin"}
			all = append(all, x)
		}
		for _, id := range a.Put {
			if g := f.group(id); g != nil && (permission.ForPeople(id) || id == permission.BeforeID) {
				x := a.finding(Evidence{"group", g.Name})
				x.ID += "/" + id
				x.Mend = []string{a.remove(g)}
				all = append(all, x)
			}
		}
	}
	return all
}

// securing are the sets whose rows say who sees what.
func securing(set string) bool {
	return set == "Crm_Sales_CustomerExternalAccess" || set == "Systems_Documents_DocumentTypes" || strings.HasPrefix(set, "Systems_Security_")
}

func pa2(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		x := a.finding()
		for _, g := range f.groupsOf(a) {
			if g.Type == permission.AllData {
				x.Evidence = append(x.Evidence, Evidence{"group", g.Name})
				x.Mend = append(x.Mend, a.remove(g))
				continue
			}
			for _, held := range f.held(g.ID) {
				on := &held.Key
				var takes permission.Right
				switch {
				case on.Kind == permission.SetKey && securing(on.EntityName):
					takes = held.Rights & writes
				case on.Kind == permission.RowKey:
					takes = held.Rights & permission.Administer
				}
				if takes != 0 {
					x.Evidence = append(x.Evidence, Evidence{g.Name, held.Words() + " on " + on.Words()})
					x.Mend = append(x.Mend, only(g, on, (held.Rights&^takes|permission.Read).String()))
				}
			}
		}
		if len(x.Evidence) > 0 {
			all = append(all, x)
		}
	}
	return all
}

func pa3(f *Facts) (all []Finding) {
	is, was := permission.NewTable(f.Definitions), permission.NewTable(f.before())
	for _, a := range f.systemUsers() {
		if !a.Enabled || f.Now.Sub(a.CreatedAt) < Window {
			continue
		}
		used := map[string]permission.Right{}
		for _, u := range f.Uses {
			switch {
			case u.UserID != a.ID:
			case u.Key != "":
				used[u.Key] |= u.Right
			case u.Attribute == "":
				used[permission.SetKeyID(u.Set)] |= u.Right
			default:
				used[permission.ColumnKeyID(u.Set, u.Attribute)] |= u.Right
			}
		}
		now, then := is.Rights(permission.GroupsOf(&a.User, a.Put)), was.Rights(permission.GroupsOf(&a.User, f.putBefore(a)))
		var unused []string
		for i := range f.Keys {
			k := &f.Keys[i]
			if idle := now.Idle(k, used[k.ID]) & then.Idle(k, used[k.ID]); idle != 0 {
				unused = append(unused, idle.String()+" "+strings.TrimPrefix(k.Words(), "the set "))
			}
		}
		if len(unused) == 0 {
			continue
		}
		x := a.finding(Evidence{"unused for " + days(Window), list(unused)})
		x.Mend = []string{fmt.Sprintf("tandem access suggest %s --days %d", permission.Quoted(a.Login), int(Window.Hours()/24))}
		all = append(all, x)
	}
	return all
}

// before are the definitions as they were before the window, as far as what is held now is
// concerned: without what was granted since.
func (f *Facts) before() permission.Definitions {
	d := f.Definitions
	d.Grants = nil
	for _, g := range f.Grants {
		if first := slices.IndexFunc(f.Given, func(given Given) bool { return given.To == "" && given.Group == g.Group && given.Key == g.Key }); first >= 0 {
			had, attributes, err := permission.ParseRights(f.Given[first].Had, permission.All)
			if err != nil { // nothing
				continue
			}
			g.Rights, g.UpdateAttributes = had, attributes
		}
		d.Grants = append(d.Grants, g)
	}
	return d
}

// putBefore are the groups that the account was put into before the window.
func (f *Facts) putBefore(a *Account) []string {
	return slices.DeleteFunc(slices.Clone(a.Put), func(group string) bool {
		return slices.ContainsFunc(f.Given, func(g Given) bool { return g.To == a.ID && g.Group == group })
	})
}

func pa4(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		apps := f.appsOf(a.ID)
		if len(apps) < 2 {
			continue
		}
		var names []string
		x := a.finding()
		for i, app := range apps {
			names = append(names, app.ApplicationURI)
			if i > 0 {
				login := permission.Quoted("svc." + strings.ReplaceAll(strings.ReplaceAll(app.ApplicationURI, "/", "."), ":", "."))
				x.Mend = append(x.Mend, "tandem user create "+login+" --type system",
					fmt.Sprintf("tandem app update %s --system-user %s", permission.Quoted(app.ApplicationURI), login))
			}
		}
		x.Evidence = []Evidence{{"applications", list(names)}}
		all = append(all, x)
	}
	return all
}

// writing is what an account may write, by the group that lets it: sets, and documents of a
// type, which are released and voided by rights on the type alone.
func (f *Facts) writing(a *Account) (what []string, mend []string) {
	for _, g := range f.groupsOf(a) {
		if g.Type == permission.AllData {
			what, mend = append(what, "all sets"), append(mend, a.remove(g))
			continue
		}
		for _, held := range f.held(g.ID) {
			switch k := &held.Key; {
			case k.Kind == permission.SetKey && held.Rights&writes != 0:
				what = append(what, k.EntityName)
				mend = append(mend, only(g, k, "read"))
			case k.Kind == permission.RowKey && held.Rights&permission.OfDocuments != 0:
				what = append(what, (held.Rights&permission.OfDocuments).String()+" "+k.Words())
				mend = append(mend, only(g, k, (held.Rights&^permission.OfDocuments).String()))
			}
		}
	}
	return what, mend
}

// reads reports whether an account may read any set.
func (f *Facts) reads(a *Account) bool {
	return slices.ContainsFunc(f.groupsOf(a), func(g *permission.Group) bool {
		return g.Type == permission.AllData || slices.ContainsFunc(f.held(g.ID), func(held permission.GrantOn) bool { return held.Key.Kind == permission.SetKey })
	})
}

func pa5(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		apps := f.appsOf(a.ID)
		updates := false
		for _, app := range apps {
			updates = updates || app.FlowScope(tandem.FlowService).Has(tandem.ScopeUpdate)
		}
		sets, mend := f.writing(a)
		if len(apps) == 0 || updates || len(sets) == 0 {
			continue
		}
		x := a.finding(Evidence{"may write", list(sets)}, Evidence{"scope", "no application of it has update"})
		x.Mend = mend
		all = append(all, x)
	}
	return all
}

func pa6(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		written, _ := f.writing(a)
		reads := f.reads(a)
		for _, app := range f.appsOf(a.ID) {
			scope := app.FlowScope(tandem.FlowService)
			x := app.finding(Evidence{"scope", scope.String()})
			switch {
			case scope.Has(tandem.ScopeRead) && !reads:
				x.Evidence = append(x.Evidence, Evidence{"System User", a.Login + " may read no set"})
				x.Mend = []string{"tandem access group add-member GROUP " + permission.Quoted(a.Login)}
			case scope.Has(tandem.ScopeUpdate) && len(written) == 0:
				x.Evidence = append(x.Evidence, Evidence{"System User", a.Login + " may write nothing"})
				if scope.Has(tandem.ScopeRead) {
					x.Mend = []string{app.update("--service-scope read")}
				}
			default:
				continue
			}
			all = append(all, x)
		}
	}
	return all
}
