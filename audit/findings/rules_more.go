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

// A reader is who reads by one group: of people, with what everybody reads.
type reader struct {
	group  *permission.Group
	rights *permission.Rights
	people bool
}

// readers are the groups as those read who are in no other, what everybody reads first.
func (f *Facts) readers() (all []reader) {
	table := permission.NewTable(f.Definitions)
	everybody := f.group(permission.EverybodyID)
	if everybody != nil {
		all = append(all, reader{everybody, table.Rights([]string{everybody.ID}), true})
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		if g.Type == permission.Administrators || g.Type == permission.AllData || g == everybody {
			continue
		}
		people, systems := f.kindsIn(g)
		if systems && !permission.ForPeople(g.ID) {
			all = append(all, reader{g, table.Rights([]string{g.ID}), false})
		}
		if people || !systems {
			both := []string{g.ID, permission.EverybodyID}
			slices.Sort(both)
			all = append(all, reader{g, table.Rights(both), true})
		}
	}
	return all
}

// kindsIn says whether people, and System Users, are in a group.
func (f *Facts) kindsIn(g *permission.Group) (people, systems bool) {
	for i := range f.Accounts {
		if a := &f.Accounts[i]; slices.Contains(a.Put, g.ID) {
			systems = systems || a.Type == tandem.SystemUserNoLogin
			people = people || a.Type != tandem.SystemUserNoLogin
		}
	}
	return people, systems
}

// reads reports whether an attribute is read: in rows of some set, and without a key or
// by it.
func (r *reader) reads(f *Facts, attribute string) bool {
	set, name, _ := strings.Cut(attribute, ".")
	return r.rights.Column(set, name)&permission.Read != 0 &&
		slices.ContainsFunc(f.ReadBy[attribute], func(s string) bool { return r.rights.Set(s, permission.Read) })
}

func pa7(f *Facts) (all []Finding) {
	readers := f.readers()
	for i := range f.Keys {
		k := &f.Keys[i]
		if k.Kind != permission.ColumnKey {
			continue
		}
		x := Finding{Kind: "column", ID: k.ID, Name: k.Name}
		told := map[string]bool{} // by everybody
		for n := range readers {
			r := &readers[n]
			if r.rights.Column(k.EntityName, k.Attribute)&permission.Read != 0 {
				continue
			}
			for _, way := range f.ways(k.EntityName + "." + k.Attribute) {
				parts := strings.Split(way, " + ")
				if r.people && told[way] || slices.ContainsFunc(parts, func(p string) bool { return !r.reads(f, p) }) {
					continue
				}
				by := ""
				if r.group.ID == permission.EverybodyID {
					told[way] = true
				} else {
					by = ", which " + r.group.Name + " reads"
				}
				x.Evidence = append(x.Evidence, Evidence{"computed of", way + by})
				for _, command := range f.hide(k, parts[len(parts)-1], r.group) {
					if !slices.Contains(x.Mend, command) {
						x.Mend = append(x.Mend, command)
					}
				}
			}
		}
		if len(x.Evidence) > 0 {
			all = append(all, x)
		}
	}
	return all
}

// hide are the commands that leave an attribute to those alone who have the key; of one that
// has a key itself it is taken from the group, or from everybody.
func (f *Facts) hide(k *permission.Key, attribute string, from *permission.Group) (commands []string) {
	for _, grant := range f.Grants {
		if g := f.group(grant.Group); grant.Key == k.ID && g != nil {
			commands = append(commands, fmt.Sprintf("tandem access grant %s --column %s --rights read,create,update", permission.Quoted(g.Name), attribute))
		}
	}
	set, name, _ := strings.Cut(attribute, ".")
	for _, grant := range f.Grants {
		if grant.Key == permission.ColumnKeyID(set, name) && (grant.Group == from.ID || grant.Group == permission.EverybodyID) {
			if g := f.group(grant.Group); g != nil {
				commands = append(commands, fmt.Sprintf("tandem access revoke %s --column %s", permission.Quoted(g.Name), attribute))
			}
		}
	}
	return commands
}

// ways are what an attribute can be computed of, be it by way of others.
func (f *Facts) ways(attribute string) []string {
	all := []string{attribute}
	for i := 0; i < len(all); i++ {
		for _, of := range f.Computable[all[i]] {
			if !slices.Contains(all, of) {
				all = append(all, of)
			}
		}
	}
	return all[1:]
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
		if t.Key == "" { // whoever may change the documents may release them
			all = append(all, f.released(&t)...)
			continue
		}
		for _, grant := range f.Grants {
			g := f.group(grant.Group)
			const both = permission.Update | permission.Release
			if grant.Key != t.Key || grant.Rights&both != both || g == nil {
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

// changesState is the action that releases documents.
const changesState = "ChangeState"

// released are the groups that release documents of a type without a key, by the right to
// change them. Any grant on the type gives it one, and releasing needs a right from then on.
func (f *Facts) released(t *Type) (all []Finding) {
	for _, grant := range f.Grants {
		g := f.group(grant.Group)
		if g == nil || grant.Key != permission.SetKeyID(t.Set) || !grant.Gives(permission.Update, changesState) {
			continue
		}
		if len(grant.UpdateAttributes) == 1 { // which enters nothing
			continue
		}
		all = append(all, Finding{
			Kind: "type", ID: t.ID + "/" + g.ID, Name: t.Code,
			Evidence: []Evidence{{"group", g.Name}, {"rights", grant.Words() + " on the set " + t.Set}, {"key of the type", "none: whoever may change its documents may release them"}},
			Mend:     []string{fmt.Sprintf("tandem access grant %s --type %s --rights complete,void", permission.Quoted(g.Name), permission.Quoted(t.Code))},
		})
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
