package findings

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Permissions are the rules about who may do what.
var Permissions = []Rule{
	{"PA1", High, "A System User is in a group that is for people, or holds everything",
		"It can do far more than its work needs, and nobody watches it sign in.", 0, pa1},
	{"PA2", High, "A System User may change who sees what",
		"A mistake of the back end, or its secret in the wrong hands, gives rights to anybody.", 0, pa2},
	{"PA3", Medium, "A System User holds rights that it has not used",
		"What is not needed only helps who should not be there.", Window, pa3},
	{"PA4", Medium, "Several applications act as one System User",
		"Nobody can tell who needs which right, or who did it.", 0, pa4},
	{"PA5", Medium, "A System User holds rights that no application's scope can use",
		"They come to life when somebody widens a scope for another reason.", 0, pa5},
	{"PA6", Low, "A back end's scope has no right behind it",
		"The scope promises what the account cannot do.", 0, pa6},
	{"PA7", Medium, "A hidden attribute can be computed of others",
		"Who may not see it sees what it is made of.", 0, pa7},
	{"PA8", Low, "Groups, keys or accounts that nothing comes of",
		"What is left over hides what matters.", 0, pa8},
	{"PA9", High, "Somebody gave rights to themselves",
		"Nobody else has decided it.", 0, pa9},
	{"PA10", Medium, "A group both enters and releases documents that need four eyes",
		"One person could be enough in the end.", 0, pa10},
	{"PA11", Info, "Employees are served through a service session",
		"They use no licence of their own, and the rights of the back end.", 0, pa11},
}

func pa1(f *Facts) (all []Finding) {
	for _, a := range f.systemUsers() {
		if a.Admin {
			x := a.finding(Evidence{"administrator", "yes"})
			x.Mend = []string{"tandem user update " + a.Login + " --no-admin"}
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
				changes := on.Kind == permission.SetKey && securing(on.EntityName) && held.Rights&writes != 0
				if changes || on.Kind == permission.RowKey && held.Rights&permission.Administer != 0 {
					x.Evidence = append(x.Evidence, Evidence{g.Name, held.Words() + " on " + on.Words()})
					x.Mend = append(x.Mend, only(g, on, (held.Rights&^(writes|permission.Administer)|permission.Read).String()))
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
	table := permission.NewTable(f.Definitions)
	for _, a := range f.systemUsers() {
		used := map[string]permission.Right{}
		for _, u := range f.Uses {
			if u.UserID == a.ID && u.Attribute == "" {
				used[u.Set] |= u.Right
			}
		}
		rights := table.Rights(permission.GroupsOf(&a.User, a.Put))
		var unused []string
		for i := range f.Keys {
			k := &f.Keys[i]
			var idle permission.Right
			for _, need := range []permission.Right{permission.Read, permission.Create, permission.Update, permission.Delete} {
				if k.Kind == permission.SetKey && rights.Set(k.EntityName, need) && used[k.EntityName]&need == 0 {
					idle |= need
				}
			}
			if used[k.EntityName] != 0 {
				idle &^= permission.Read // which comes with any other
			}
			if idle != 0 {
				unused = append(unused, idle.String()+" "+k.EntityName)
			}
		}
		if len(unused) == 0 || !a.Enabled {
			continue
		}
		x := a.finding(Evidence{"unused for " + days(Window), list(unused)})
		x.Mend = []string{fmt.Sprintf("tandem access suggest %s --days %d", a.Login, int(Window.Hours()/24))}
		all = append(all, x)
	}
	return all
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
				login := "svc." + strings.ReplaceAll(strings.ReplaceAll(app.ApplicationURI, "/", "."), ":", ".")
				x.Mend = append(x.Mend, "tandem user create "+login+" --type system",
					fmt.Sprintf("tandem app update %s --system-user %s", permission.Quoted(app.ApplicationURI), login))
			}
		}
		x.Evidence = []Evidence{{"applications", list(names)}}
		all = append(all, x)
	}
	return all
}

// writing are the sets that an account may write, by the group that lets it.
func (f *Facts) writing(a *Account) (sets []string, mend []string) {
	for _, g := range f.groupsOf(a) {
		if g.Type == permission.AllData {
			sets, mend = append(sets, "all sets"), append(mend, a.remove(g))
			continue
		}
		for _, held := range f.held(g.ID) {
			if held.Key.Kind == permission.SetKey && held.Rights&writes != 0 {
				sets = append(sets, held.Key.EntityName)
				mend = append(mend, only(g, &held.Key, "read"))
			}
		}
	}
	return sets, mend
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
		if sets, _ := f.writing(a); len(sets) > 0 {
			continue
		}
		for _, app := range f.appsOf(a.ID) {
			scope := app.FlowScope(tandem.FlowService)
			if !scope.Has(tandem.ScopeUpdate) {
				continue
			}
			all = append(all, Finding{
				Kind: "application", ID: app.ID, Name: app.ApplicationURI,
				Evidence: []Evidence{{"scope", scope.String()}, {"System User", a.Login + " may write no set"}},
				Mend:     []string{fmt.Sprintf("tandem app update %s --service-scope read", permission.Quoted(app.ApplicationURI))},
			})
		}
	}
	return all
}
