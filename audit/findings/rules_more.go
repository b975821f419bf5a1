package findings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

func pa7(f *Facts) (all []Finding) {
	for i := range f.Keys {
		k := &f.Keys[i]
		if k.Kind != permission.ColumnKey || f.everybodyReads(k.ID) {
			continue
		}
		x := Finding{Kind: "column", ID: k.ID, Name: k.Name}
		for _, of := range f.shownBeside(k.EntityName + "." + k.Attribute) {
			x.Evidence = append(x.Evidence, Evidence{"computed of", of})
			for _, grant := range f.Grants {
				if g := f.group(grant.Group); grant.Key == k.ID && g != nil {
					x.Mend = append(x.Mend, fmt.Sprintf("tandem access grant %s --column %s --rights read,create,update", permission.Quoted(g.Name), of))
				}
			}
		}
		if len(x.Evidence) > 0 {
			all = append(all, x)
		}
	}
	return all
}

// shownBeside are the attributes that everybody reads, and of which one can be computed, be
// it by way of others.
func (f *Facts) shownBeside(attribute string) (shown []string) {
	all := []string{attribute}
	for i := 0; i < len(all); i++ {
		for _, of := range f.Computable[all[i]] {
			if !slices.Contains(all, of) {
				all = append(all, of)
			}
		}
	}
	for _, of := range all[1:] {
		set, name, _ := strings.Cut(of, ".")
		if key := permission.ColumnKeyID(set, name); f.key(key) == nil || f.everybodyReads(key) {
			shown = append(shown, of)
		}
	}
	return shown
}

func (f *Facts) everybodyReads(key string) bool {
	return slices.ContainsFunc(f.Grants, func(g permission.Grant) bool { return g.Group == permission.EverybodyID && g.Key == key })
}

func pa8(f *Facts) (all []Finding) {
	granted, members := map[string]bool{}, map[string]bool{}
	for _, g := range f.Grants {
		granted[g.Key] = true
	}
	for i := range f.Accounts {
		for _, id := range f.Accounts[i].Put {
			members[id] = true
		}
	}
	for i := range f.Keys {
		k := &f.Keys[i]
		what, unheld := map[permission.KeyKind]string{permission.RowKey: "rows with it are", permission.ColumnKey: "the attribute is"}[k.Kind]
		if unheld && !granted[k.ID] {
			all = append(all, Finding{
				Kind: "key", ID: k.ID, Name: k.Name, Evidence: []Evidence{{"held by", "no group: " + what + " for administrators alone"}},
				Mend: []string{"tandem access grant GROUP " + k.Flag() + " --rights read"},
			})
		}
	}
	for i := range f.Groups {
		if g := &f.Groups[i]; g.Type == permission.NormalGroup && !members[g.ID] {
			all = append(all, Finding{
				Kind: "group", ID: g.ID, Name: g.Name, Evidence: []Evidence{{"members", "none"}},
				Mend: []string{"tandem access group delete " + permission.Quoted(g.Name)},
			})
		}
	}
	for i := range f.Accounts {
		a := &f.Accounts[i]
		switch {
		case a.Enabled && a.Type == tandem.SystemUserNoLogin && len(a.Put) == 0 && len(f.appsOf(a.ID)) > 0:
			x := a.finding(Evidence{"groups", "none, and an application acts as it"})
			x.Mend = []string{"tandem access group add-member GROUP " + permission.Quoted(a.Login)}
			all = append(all, x)
		case !a.Enabled && len(a.Put) > 0:
			x := a.finding(Evidence{"disabled", "and still in groups"})
			for _, id := range a.Put {
				if g := f.group(id); g != nil {
					x.Mend = append(x.Mend, a.remove(g))
				}
			}
			all = append(all, x)
		}
	}
	return all
}

func pa9(f *Facts) (all []Finding) {
	for _, g := range f.Given {
		if x, holds := f.given(&g); holds && g.Self {
			x.Evidence = append(x.Evidence, Evidence{"by", g.By + ", to themselves"})
			all = append(all, x)
		}
	}
	for i, one := range f.Given {
		for _, other := range f.Given[i+1:] {
			near := one.At.Sub(other.At).Abs() <= 24*time.Hour
			if !near || one.Self || other.Self || one.By == other.By || f.login(one.To) != other.By || f.login(other.To) != one.By {
				continue
			}
			if x, holds := f.given(&one); holds {
				x.Severity = Medium
				x.Evidence = append(x.Evidence, Evidence{"each other", one.By + " and " + other.By + " within a day"})
				all = append(all, x)
			}
		}
	}
	return all
}

func (f *Facts) login(id string) string {
	for i := range f.Accounts {
		if f.Accounts[i].ID == id && id != "" {
			return f.Accounts[i].Login
		}
	}
	return ""
}

// given is a finding about a deed, if what was given is still held.
func (f *Facts) given(g *Given) (x Finding, holds bool) {
	group := f.group(g.Group)
	if group == nil {
		return x, false
	}
	x = Finding{Kind: "group", ID: g.Group + "/" + g.To + g.Key, Name: group.Name}
	x.Evidence = []Evidence{{"at", g.At.UTC().Format(time.RFC3339)}}
	if g.To != "" {
		at := slices.IndexFunc(f.Accounts, func(a Account) bool { return a.ID == g.To })
		if at < 0 || !slices.Contains(f.Accounts[at].Put, g.Group) {
			return x, false
		}
		x.Mend = []string{f.Accounts[at].remove(group)}
		return x, true
	}
	k := f.key(g.Key)
	if k == nil || !slices.ContainsFunc(f.Grants, func(has permission.Grant) bool { return has.Group == g.Group && has.Key == g.Key }) {
		return x, false
	}
	x.Evidence = append(x.Evidence, Evidence{"grant", k.Words()})
	x.Mend = []string{fmt.Sprintf("tandem access revoke %s %s", permission.Quoted(group.Name), k.Flag())}
	return x, true
}

func pa10(f *Facts) (all []Finding) {
	for _, t := range f.Types {
		for _, grant := range f.Grants {
			g := f.group(grant.Group)
			const both = permission.Update | permission.Release
			if grant.Key != t.Key || t.Key == "" || grant.Rights&both != both || g == nil {
				continue
			}
			rest := grant.Rights &^ (permission.Release | permission.OtherDate | permission.Approve | permission.ApproveReleased)
			all = append(all, Finding{
				Kind: "type", ID: t.Key + "/" + g.ID, Name: t.Code, Evidence: []Evidence{{"group", g.Name}, {"rights", grant.Words()}},
				Mend: []string{fmt.Sprintf("tandem access grant %s --type %s --rights %s --only",
					permission.Quoted(g.Name), permission.Quoted(t.Code), rest)},
			})
		}
	}
	return all
}

func pa11(f *Facts) (all []Finding) {
	type through struct{ user, app string }
	calls, sets := map[through]int64{}, map[through][]string{}
	for _, u := range f.Uses {
		if by := (through{u.UserID, u.ApplicationURI}); u.For == tandem.InternalUser {
			calls[by] += u.Calls
			sets[by] = append(sets[by], u.Set)
		}
	}
	for _, by := range slices.SortedFunc(maps.Keys(calls), func(a, b through) int { return strings.Compare(a.app+a.user, b.app+b.user) }) {
		all = append(all, Finding{
			Kind: "application", ID: by.app + "/" + by.user, Name: by.app, Application: by.app,
			Evidence: []Evidence{
				{"uses of rights in " + days(Window), strconv.FormatInt(calls[by], 10)}, {"sets", list(sets[by])}, {"System User", f.login(by.user)},
			},
		})
	}
	return all
}
