package platform

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// lacking is what the account has no right to, on one key.
type lacking struct {
	key        string // empty for what is nobody's but of those who manage access
	need       permission.Right
	attributes []string // that the right to update is lacking for; none where it is itself
}

// mostLacking is how many refusals one after another are looked for in one call.
const mostLacking = 12

// mend writes what lets the account make the call: grants, all of them, to a group of its
// own; and, alone, a group that has them already. It is tried: a call can lack more than
// what refused it.
func (x *explaining) mend(ctx context.Context) error {
	if x.e.Status == http.StatusUnauthorized {
		x.e.Mend = x.mended(x.facts.Rule, tandem.AuditEvent{Actor: x.e.Login}, x.facts)
	}
	var all []lacking
	at := x
	for range mostLacking {
		l := at.lacks()
		if l == nil || l.key == "" && len(all) > 0 || !add(&all, l) || l.key == "" {
			break
		}
		if x.path == "" { // of a request that is over only what refused it is known
			break
		}
		at = x.granted(all)
		if err := at.try(ctx); err != nil {
			return err
		}
		if err := at.rowSteps(ctx); err != nil {
			return err
		}
	}
	return x.write(ctx, all)
}

// add adds what is lacking, and reports whether that says anything new.
func add(all *[]lacking, l *lacking) bool {
	at := slices.IndexFunc(*all, func(had lacking) bool { return had.key == l.key })
	if at < 0 {
		*all = append(*all, *l)
		return true
	}
	had := &(*all)[at]
	more := had.need|l.need != had.need
	if had.need&l.need&permission.Update != 0 && len(had.attributes) > 0 { // as long as all that is lacking names some
		more = more || len(l.attributes) == 0 || !slices.Contains(had.attributes, l.attributes[0])
	}
	switch {
	case l.need&permission.Update == 0:
	case had.need&permission.Update == 0:
		had.attributes = l.attributes
	case len(had.attributes) > 0 && len(l.attributes) > 0:
		had.attributes = append(had.attributes, l.attributes...)
	default:
		had.attributes = nil
	}
	had.need |= l.need
	return more
}

// granted is the same call by the account with what it lacks.
func (x *explaining) granted(all []lacking) *explaining {
	const group = "what is lacking"
	d := x.d
	d.Groups = append(slices.Clip(d.Groups), permission.Group{ID: group, Type: permission.NormalGroup})
	d.Grants = slices.Clip(d.Grants)
	for _, l := range all {
		d.Grants = append(d.Grants, permission.Grant{Group: group, Key: l.key, Rights: l.need | permission.Read, UpdateAttributes: l.attributes})
	}
	groups := append(slices.Clone(x.groups), group)
	slices.Sort(groups)
	y := *x
	y.e, y.d, y.groups, y.decided, y.facts, y.hiddenBy, y.body = &Explanation{Login: x.e.Login}, d, groups, nil, tandem.Facts{}, nil, x.sent
	y.rights = permission.NewTable(d).Rights(groups).As(x.of.User.ID)
	return &y
}

// lacks is what the account lacked first; nil where it lacked no right.
func (x *explaining) lacks() *lacking {
	switch {
	case x.e.Status == http.StatusNotFound:
		return x.hiddenBy
	case x.e.Status != http.StatusForbidden:
		return nil
	case x.facts.Rule == tandem.RuleKey && x.facts.Key == "":
		return &lacking{}
	case x.facts.Key == "":
		return nil
	}
	need, _, err := permission.ParseRights(x.facts.Need, permission.All)
	if err != nil { // a right that there is no more
		return nil
	}
	if x.facts.Need != permission.Read.String() {
		need &^= permission.Read
	}
	l := &lacking{key: x.facts.Key, need: need}
	if x.facts.Rule == tandem.RuleLimited {
		l.attributes = []string{x.facts.Attribute}
	}
	if x.kind(l.key) == permission.SystemKey {
		l.need = permission.Read // an ability is granted or not
	}
	return l
}

// write writes the commands.
func (x *explaining) write(ctx context.Context, all []lacking) error {
	switch {
	case len(all) == 0:
		return nil
	case all[0].key == "": // whoever manages access may do it
		return x.mendByGroup(ctx, func(g *permission.Group) bool {
			return g.Type == permission.PowerUsers && x.of.User.Type == tandem.InternalUser
		})
	}
	group := "GROUP"
	for _, g := range x.d.Groups {
		if g.Type == permission.NormalGroup && slices.Contains(x.groups, g.ID) {
			group = permission.Quoted(g.Name)
		}
	}
	for _, l := range all {
		at := slices.IndexFunc(x.d.Keys, func(k permission.Key) bool { return k.ID == l.key })
		if at < 0 { // of something that there is no more
			x.e.Mend = nil
			return nil
		}
		g := permission.Grant{Rights: l.need, UpdateAttributes: l.attributes}
		x.e.Mend = append(x.e.Mend, fmt.Sprintf("tandem access grant %s %s --rights %s", group, x.d.Keys[at].Flag(), permission.Quoted(g.Words())))
	}
	return x.mendByGroup(ctx, func(g *permission.Group) bool {
		return g.Type == permission.NormalGroup && !slices.Contains(x.groups, g.ID) && !slices.ContainsFunc(all, func(l lacking) bool { return !x.gives(g, &l) })
	})
}

// gives reports whether a group is granted all that is lacking on a key.
func (x *explaining) gives(g *permission.Group, l *lacking) bool {
	return slices.ContainsFunc(x.d.Grants, func(grant permission.Grant) bool {
		return grant.Group == g.ID && grant.Key == l.key && grant.Gives(l.need, "") &&
			!slices.ContainsFunc(l.attributes, func(a string) bool { return !grant.Gives(l.need, a) })
	})
}

// mendByGroup writes the command that puts the account into the first group that helps, and
// that is for accounts of its kind: System Users are in others than people.
func (x *explaining) mendByGroup(ctx context.Context, helps func(*permission.Group) bool) error {
	for i := range x.d.Groups {
		g := &x.d.Groups[i]
		if !helps(g) {
			continue
		}
		members, err := x.Permissions.Members(ctx, g.ID, "", membersLooked)
		if err != nil {
			return err
		}
		if len(members) == 0 || slices.ContainsFunc(members, func(u tandem.User) bool { return u.Type == x.of.User.Type }) {
			x.e.Mend = append(x.e.Mend, fmt.Sprintf("tandem access group add-member %s %s", permission.Quoted(g.Name), permission.Quoted(x.e.Login)))
			return nil
		}
	}
	return nil
}

// membersLooked is how many members say what kind of accounts a group is for.
const membersLooked = 50
