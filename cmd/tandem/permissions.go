package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
)

type groupCommands struct {
	Create       groupCreate       `cmd:"" help:"Make a group, which is granted nothing yet."`
	List         groupList         `cmd:"" help:"List the groups."`
	Show         groupShow         `cmd:"" help:"Show what a group is granted, and who is in it."`
	Delete       groupDelete       `cmd:"" help:"Delete a group with what it is granted."`
	AddMember    groupAddMember    `cmd:"" help:"Put accounts into a group."`
	RemoveMember groupRemoveMember `cmd:"" help:"Take accounts out of a group."`
}

type accessKeyCommands struct {
	Create accessKeyCreate `cmd:"" help:"Make a key that rows of a set may have: who is not granted it does not see them."`
	List   accessKeyList   `cmd:"" help:"List the keys."`
	Show   accessKeyShow   `cmd:"" help:"Show what a key is for, and who is granted what on it."`
	Put    accessKeyPut    `cmd:"" help:"Give a row a key."`
	Take   accessKeyTake   `cmd:"" help:"Take its key from a row."`
}

// groupRow is a group in JSON.
type groupRow struct {
	ID    string               `json:"id"`
	Name  string               `json:"name"`
	Type  permission.GroupType `json:"group_type"`
	Notes string               `json:"notes"`
}

func groupRowOf(g *permission.Group) groupRow { return groupRow(*g) }

type groupCreate struct {
	changing
	Name  string `arg:"" help:"Name of the group."`
	Notes string `help:"What it is for." placeholder:"TEXT"`
}

// Run makes a group.
func (c *groupCreate) Run(ctx context.Context, r *run) error {
	return c.change(ctx, r, func(a *permission.Admin) error {
		g, err := a.CreateGroup(ctx, operator(), c.Name, c.Notes)
		if err != nil {
			return err
		}
		row := groupRowOf(&g)
		return showOne(r.stdout, c.output, row, []field{{"name", row.Name}, {"id", row.ID}, {"notes", row.Notes}})
	})
}

type groupList struct {
	store
	output
}

// Run lists the groups.
func (c *groupList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.Permissions.Groups(ctx)
		if err != nil {
			return err
		}
		rows := make([]groupRow, len(all))
		for i := range all {
			rows[i] = groupRowOf(&all[i])
		}
		return showList(r.stdout, c.output, rows, []column[groupRow]{
			{"name", func(g groupRow) string { return g.Name }}, {"type", func(g groupRow) string { return string(g.Type) }},
			{"notes", func(g groupRow) string { return g.Notes }},
		})
	})
}

// grantRow is a grant in JSON.
type grantRow struct {
	On     string `json:"on"`
	Rights string `json:"rights"`
}

// groupDetail is a group with all about it in JSON.
type groupDetail struct {
	groupRow
	Grants  []grantRow `json:"grants"`
	Members []string   `json:"members"`
}

// maxMembers is how many members of a group are shown.
const maxMembers = 1000

type groupShow struct {
	store
	output
	Name string `arg:"" help:"Name of the group."`
}

// Run shows a group.
func (c *groupShow) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		g, err := a.Permissions.Group(ctx, c.Name)
		if err != nil {
			return err
		}
		grants, err := a.Permissions.Grants(ctx, g.ID)
		if err != nil {
			return err
		}
		members, err := a.Permissions.Members(ctx, g.ID, "", maxMembers)
		if err != nil {
			return err
		}
		detail := groupDetail{groupRow: groupRowOf(&g), Grants: []grantRow{}, Members: []string{}}
		lines := []field{{"name", g.Name}, {"type", string(g.Type)}, {"notes", g.Notes}}
		for _, granted := range grants {
			row := grantRow{granted.Key.Words(), granted.Words()}
			detail.Grants = append(detail.Grants, row)
			lines = append(lines, field{"granted", row.Rights + " on " + row.On})
		}
		for _, u := range members {
			detail.Members = append(detail.Members, u.Login)
			lines = append(lines, field{"member", u.Login})
		}
		return showOne(r.stdout, c.output, detail, lines)
	})
}

type groupDelete struct {
	changing
	Name string `arg:"" help:"Name of the group."`
}

// Run deletes a group.
func (c *groupDelete) Run(ctx context.Context, r *run) error {
	return c.change(ctx, r, func(a *permission.Admin) error {
		if err := a.DeleteGroup(ctx, operator(), c.Name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "the group %s is gone\n", c.Name)
		return err
	})
}

type groupMembers struct {
	changing
	Name   string   `arg:"" help:"Name of the group."`
	Logins []string `arg:"" help:"Logins."`
}

// each does something with every login, and tells of it.
func (c *groupMembers) each(ctx context.Context, r *run, what string, f func(*permission.Admin, string) error) error {
	return c.change(ctx, r, func(a *permission.Admin) error {
		for _, login := range c.Logins {
			if err := f(a, login); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(r.stdout, "%s %s the group %s\n", login, what, c.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

type groupAddMember struct{ groupMembers }

// Run puts accounts into a group.
func (c *groupAddMember) Run(ctx context.Context, r *run) error {
	return c.each(ctx, r, "is in", func(a *permission.Admin, login string) error { return a.AddMember(ctx, operator(), c.Name, login) })
}

type groupRemoveMember struct{ groupMembers }

// Run takes accounts out of a group.
func (c *groupRemoveMember) Run(ctx context.Context, r *run) error {
	return c.each(ctx, r, "is no longer in", func(a *permission.Admin, login string) error { return a.RemoveMember(ctx, operator(), c.Name, login) })
}

// accessKeyRow is a key in JSON.
type accessKeyRow struct {
	ID     string             `json:"id"`
	Kind   permission.KeyKind `json:"kind"`
	Name   string             `json:"name"`
	Set    string             `json:"set"`
	Groups []string           `json:"groups"`
}

type accessKeyCreate struct {
	changing
	Key    string `arg:"" optional:"" help:"Name of the key."`
	Name   string `help:"Name of the key, in the place of the argument." placeholder:"TEXT"`
	Set    string `help:"Entity set whose rows may have it." placeholder:"SET"`
	Shared bool   `help:"Any row of the set may have it, which is so without --row."`
	Row    string `help:"The one row that may have it: Set(id). The name of the key is the row's unless you give one." placeholder:"'SET(ID)'"`
}

// Run makes a key.
func (c *accessKeyCreate) Run(ctx context.Context, r *run) error {
	name := cmp.Or(c.Key, c.Name)
	switch {
	case c.Key != "" && c.Name != "" && c.Key != c.Name:
		return usage("name the key once")
	case c.Row != "" && c.Shared, c.Row != "" && c.Set != "", c.Row == "" && c.Set == "":
		return usage("say what the key is for: --set SET for rows of a set, or --row 'SET(ID)' for one row alone")
	case name == "" && c.Row == "":
		return usage("give the key a name: --name TEXT")
	}
	return c.changeTypes(ctx, r, func(a *platform.Administration, p *permission.Admin) (err error) {
		var k permission.Key
		if c.Row != "" {
			k, err = a.CreatePrivateKey(ctx, operator(), p, c.Row, name)
		} else {
			k, err = p.CreateKey(ctx, operator(), c.Set, name)
		}
		if err != nil {
			return err
		}
		return showOne(r.stdout, c.output, accessKeyRow{k.ID, k.Kind, k.Name, k.EntityName, []string{}},
			[]field{{"name", k.Name}, {"id", k.ID}, {"for", k.For()}})
	})
}

// heldRow is a grant on a key in JSON.
type heldRow struct {
	Group  string `json:"group"`
	Rights string `json:"rights"`
}

// accessKeyDetail is a key with all about it in JSON.
type accessKeyDetail struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Set     string    `json:"set"`
	Row     string    `json:"row,omitempty"`
	Granted []heldRow `json:"granted"`
}

type accessKeyShow struct {
	store
	output
	Key string `arg:"" help:"Name or id of the key."`
}

// Run shows a key.
func (c *accessKeyShow) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		k, held, err := a.Permissions.Key(ctx, c.Key)
		if err != nil {
			return err
		}
		detail := accessKeyDetail{ID: k.ID, Name: k.Name, Set: k.EntityName, Granted: []heldRow{}}
		if k.EntityID != "" {
			detail.Row = k.EntityName + "(" + k.EntityID + ")"
		}
		lines := []field{{"name", k.Name}, {"id", k.ID}, {"for", k.For()}}
		for i := range held {
			row := heldRow{held[i].GroupName, held[i].Words()}
			detail.Granted = append(detail.Granted, row)
			lines = append(lines, field{"granted", row.Rights + " to " + row.Group})
		}
		return showOne(r.stdout, c.output, detail, lines)
	})
}

type accessKeyList struct {
	store
	output
	All bool `help:"Also the keys that every entity set has."`
}

// Run lists the keys.
func (c *accessKeyList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		held, err := a.Permissions.Keys(ctx)
		if err != nil {
			return err
		}
		var rows []accessKeyRow
		for _, k := range held {
			if c.All || k.Kind != permission.SetKey {
				rows = append(rows, accessKeyRow{k.ID, k.Kind, k.Name, k.EntityName, k.Groups})
			}
		}
		return showList(r.stdout, c.output, rows, []column[accessKeyRow]{
			{"name", func(k accessKeyRow) string { return k.Name }}, {"kind", func(k accessKeyRow) string { return string(k.Kind) }},
			{"set", func(k accessKeyRow) string { return k.Set }}, {"granted to", func(k accessKeyRow) string { return strings.Join(k.Groups, ", ") }},
			{"id", func(k accessKeyRow) string { return k.ID }},
		})
	})
}

type accessKeyPut struct {
	changing
	Key string `arg:"" help:"Name or id of the key."`
	Row string `arg:"" help:"The row: Set(id)."`
}

// Run gives a row a key.
func (c *accessKeyPut) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.DryRun {
			return c.rehearseKey(ctx, r, a, c.Key, c.Row)
		}
		if err := a.PutKey(ctx, operator(), c.Key, c.Row); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s has the key %s\n", c.Row, c.Key)
		return err
	})
}

type accessKeyTake struct {
	changing
	Row string `arg:"" help:"The row: Set(id)."`
}

// Run takes its key from a row.
func (c *accessKeyTake) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.DryRun {
			return c.rehearseKey(ctx, r, a, "", c.Row)
		}
		if err := a.TakeKey(ctx, operator(), c.Row); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s has no key: everybody who may read the set sees it\n", c.Row)
		return err
	})
}

// targetFlags say what rights are for.
type targetFlags struct {
	Set    []string `help:"Entity sets, joined by commas." placeholder:"SET,…"`
	Column []string `help:"Attributes: Set.Attribute. They are hidden from all who are not granted them." placeholder:"SET.ATTRIBUTE,…"`
	Key    []string `help:"Keys that rows have, by name or id." placeholder:"KEY,…"`
	Type   []string `help:"Document types, by code: what may be done with their documents." placeholder:"CODE,…"`
	System []string `help:"Abilities: unit-price, line-discount. One that is granted to no group is everybody's." placeholder:"NAME,…"`
}

func (t *targetFlags) targets() ([]permission.Target, error) {
	var all []permission.Target
	for _, set := range t.Set {
		all = append(all, permission.Target{Set: set})
	}
	for _, column := range t.Column {
		all = append(all, permission.Target{Column: column})
	}
	for _, key := range t.Key {
		all = append(all, permission.Target{Key: key})
	}
	for _, ability := range t.System {
		all = append(all, permission.Target{System: ability})
	}
	if len(all) == 0 && len(t.Type) == 0 {
		return nil, usage("say what the rights are for: --set, --column, --key, --type or --system")
	}
	return all, nil
}

type accessGrant struct {
	changing
	targetFlags
	Group  string `arg:"" help:"Name of the group."`
	Rights string `help:"Rights, joined by commas: read, create, update, delete; of a document type also release, complete, reopen, other-date, void, approve, approve-released. update:Name:Notes is for these attributes alone. Not for an ability, which one has or has not." placeholder:"RIGHTS"`
	Only   bool   `help:"These rights alone, in the place of what the group has."`
}

// Run grants rights.
func (c *accessGrant) Run(ctx context.Context, r *run) error {
	targets, err := c.targets()
	if err != nil {
		return err
	}
	if c.Rights == "" && len(c.System) < len(targets)+len(c.Type) {
		return usage("say which rights: --rights read,update")
	}
	return c.changeTypes(ctx, r, func(a *platform.Administration, p *permission.Admin) error {
		for _, on := range targets {
			if err := c.grant(ctx, r, p, on); err != nil {
				return err
			}
		}
		for _, code := range c.Type {
			if err := c.grantType(ctx, r, a, p, code); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *accessGrant) grant(ctx context.Context, r *run, p *permission.Admin, on permission.Target) error {
	if on.System != "" {
		if _, err := p.Grant(ctx, operator(), c.Group, on, permission.Read.String(), c.Only); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s has the ability %s; who is in no group that is granted it has it no more\n", c.Group, on)
		return err
	}
	g, err := p.Grant(ctx, operator(), c.Group, on, c.Rights, c.Only)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "%s may %s %s\n", c.Group, g.Words(), on)
	return err
}

func (c *accessGrant) grantType(ctx context.Context, r *run, a *platform.Administration, p *permission.Admin, code string) error {
	if c.DryRun {
		_, _, err := a.RehearseGrantType(ctx, operator(), p, c.Group, code, c.Rights, c.Only)
		return err
	}
	g, secured, err := a.GrantType(ctx, operator(), c.Group, code, c.Rights, c.Only)
	if err != nil {
		return err
	}
	if secured {
		_, err = fmt.Fprintf(r.stdout, "%s has a key now: who sees, changes and deletes its documents stays as it was; "+
			"releasing, completing, voiding and approving them needs a right from now on\n", code)
	}
	if err == nil {
		_, err = fmt.Fprintf(r.stdout, "%s may %s documents of the type %s\n", c.Group, g.Words(), code)
	}
	return err
}

type accessRevoke struct {
	changing
	targetFlags
	Group string `arg:"" help:"Name of the group."`
}

// Run takes rights away.
func (c *accessRevoke) Run(ctx context.Context, r *run) error {
	targets, err := c.targets()
	if err != nil {
		return err
	}
	return c.changeTypes(ctx, r, func(a *platform.Administration, p *permission.Admin) error {
		revoke := func(on permission.Target, name string) error {
			if err := p.Revoke(ctx, operator(), c.Group, on); err != nil {
				return err
			}
			_, err := fmt.Fprintf(r.stdout, "%s is granted nothing on %s any more\n", c.Group, name)
			if err == nil && on.System != "" {
				_, err = fmt.Fprintf(r.stdout, "where that was the last group, everybody has the ability %s again\n", name)
			}
			return err
		}
		for _, on := range targets {
			if err := revoke(on, on.String()); err != nil {
				return err
			}
		}
		for _, code := range c.Type {
			on, err := a.TypeKey(ctx, code)
			if err != nil {
				return err
			}
			if err := revoke(on, "the document type "+code); err != nil {
				return err
			}
		}
		return nil
	})
}
