package permission

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Suggestion is how little an account would have needed.
type Suggestion struct {
	Login string
	Since time.Time
	// Group is the group that would have these grants: one of the account alone, or a
	// new one.
	Group string
	// Grants are the smallest that would have been enough.
	Grants []GrantOn
	// Commands make it so, in the order in which nothing is refused meanwhile.
	Commands []string
	// Notes say what the uses do not tell.
	Notes []string
}

// Suggest turns what an account has used since a time into the smallest grants.
func (a *Admin) Suggest(ctx context.Context, login string, since time.Time) (*Suggestion, error) {
	of, err := a.Of(ctx, login)
	if err != nil {
		return nil, err
	}
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	put, _, err := a.Store.GroupsOf(ctx, of.User.ID)
	if err != nil {
		return nil, err
	}
	n := newNeeds(&d)
	if err := a.Uses.EachUse(ctx, of.User.ID, since, func(u *Use) error { n.add(u); return nil }); err != nil {
		return nil, err
	}
	s := &Suggestion{Login: of.User.Login, Since: since, Grants: n.grants(&of)}
	own, err := a.ownGroup(ctx, &d, put)
	if err != nil {
		return nil, err
	}
	s.write(&d, own, put)
	return s, nil
}

// ownGroup is a group that the account is alone in; nil when there is none.
func (a *Admin) ownGroup(ctx context.Context, d *Definitions, put []string) (*Group, error) {
	for i := range d.Groups {
		g := &d.Groups[i]
		if g.Type != NormalGroup || !slices.Contains(put, g.ID) {
			continue
		}
		members, err := a.Store.Members(ctx, g.ID, "", 2)
		if err != nil {
			return nil, err
		}
		if len(members) == 1 {
			return g, nil
		}
	}
	return nil, nil
}

// needs are what was used, by key.
type needs struct {
	keys       []Key
	granted    map[string]bool // keys that any group is granted
	by         map[string]Right
	attributes map[string]map[string]bool // by set: what was changed
}

func newNeeds(d *Definitions) *needs {
	n := &needs{d.Keys, map[string]bool{}, map[string]Right{}, map[string]map[string]bool{}}
	for _, g := range d.Grants {
		n.granted[g.Key] = true
	}
	return n
}

func (n *needs) add(u *Use) {
	if u.Key != "" {
		n.by[u.Key] |= u.Right
		return
	}
	if u.Attribute == "" {
		n.by[SetKeyID(u.Set)] |= u.Right
		return
	}
	n.by[ColumnKeyID(u.Set, u.Attribute)] |= u.Right & OfColumns
	if u.Right == Update {
		if n.attributes[u.Set] == nil {
			n.attributes[u.Set] = map[string]bool{}
		}
		n.attributes[u.Set][u.Attribute] = true
	}
}

// grants are the least that the uses need. What is held on keys of rows is kept where
// anything is used, but for rights on documents: which rows were read or changed is not
// counted. An ability that nobody is granted is everybody's, and a grant would take it from
// the others.
func (n *needs) grants(of *Of) []GrantOn {
	var all []GrantOn
	for i := range n.keys {
		k := n.keys[i]
		g := Grant{Key: k.ID, Rights: n.by[k.ID] & k.Offers()}
		switch k.Kind {
		case SetKey:
			if g.Rights&Update != 0 {
				g.UpdateAttributes = slices.Sorted(maps.Keys(n.attributes[k.EntityName]))
			}
		case RowKey:
			at := slices.IndexFunc(of.Effective, func(e Effective) bool { return e.Key.ID == k.ID })
			if at >= 0 && len(n.by) > 0 {
				g.Rights |= of.Effective[at].Rights &^ OfDocuments
			}
		case SystemKey:
			if n.by[k.ID] != 0 && n.granted[k.ID] {
				g.Rights = Read
			}
		case ColumnKey:
		}
		if g.Rights != 0 {
			g.Rights |= Read
			all = append(all, GrantOn{g, k})
		}
	}
	return all
}

// write writes the commands.
func (s *Suggestion) write(d *Definitions, own *Group, put []string) {
	s.Group = "Needs of " + s.Login
	if own != nil {
		s.Group = own.Name
	} else if len(s.Grants) > 0 {
		s.command("group create", Quoted(s.Group), "--notes", Quoted("What "+s.Login+" has used."))
	}
	flags := map[KeyKind]string{SetKey: "--set", ColumnKey: "--column", RowKey: "--key", SystemKey: "--system"}
	had := map[string]Grant{}
	if own != nil {
		for _, g := range d.Grants {
			if g.Group == own.ID {
				had[g.Key] = g
			}
		}
	}
	together, order := map[string][]string{}, []string(nil)
	for _, g := range s.Grants {
		was, granted := had[g.Grant.Key]
		delete(had, g.Grant.Key)
		if flags[g.Key.Kind] == "" || granted && was.Words() == g.Words() {
			continue
		}
		name := flags[g.Key.Kind] + " %s --rights " + g.Words()
		if granted {
			name += " --only"
		}
		if together[name] == nil {
			order = append(order, name)
		}
		together[name] = append(together[name], g.Key.argument())
	}
	for _, name := range order {
		s.command("grant", Quoted(s.Group), fmt.Sprintf(name, strings.Join(together[name], ",")))
	}
	s.leave(d, own, put, had, flags)
}

// leave writes the commands that take away what is not needed.
func (s *Suggestion) leave(d *Definitions, own *Group, put []string, rest map[string]Grant, flags map[KeyKind]string) {
	if own == nil && len(s.Grants) > 0 {
		s.command("group add-member", Quoted(s.Group), Quoted(s.Login))
	}
	for i := range d.Groups {
		if g := &d.Groups[i]; slices.Contains(put, g.ID) && (own == nil || g.ID != own.ID) {
			s.command("group remove-member", Quoted(g.Name), Quoted(s.Login))
		}
	}
	for i := range d.Keys {
		k := &d.Keys[i]
		if _, ok := rest[k.ID]; ok && k.Kind != SystemKey && flags[k.Kind] != "" { // the last one would give it to everybody
			s.command("revoke", Quoted(s.Group), flags[k.Kind], k.argument())
		}
	}
	if slices.ContainsFunc(s.Grants, func(g GrantOn) bool { return g.Key.Kind == RowKey }) {
		s.Notes = append(s.Notes, "which rows were read or changed is not counted: that much of the keys of rows stays as it is held")
	}
	if len(s.Grants) == 0 {
		s.Notes = append(s.Notes, "nothing was used")
	}
}

func (s *Suggestion) command(words ...string) {
	s.Commands = append(s.Commands, "tandem access "+strings.Join(words, " "))
}

// Flag names the key as commands do: --set SET.
func (k *Key) Flag() string {
	switch k.Kind {
	case SetKey:
		return "--set " + k.argument()
	case ColumnKey:
		return "--column " + k.argument()
	case SystemKey:
		return "--system " + k.argument()
	case RowKey:
	}
	return "--key " + k.argument()
}

// argument names the key in a command.
func (k *Key) argument() string {
	switch k.Kind {
	case SetKey:
		return Quoted(k.EntityName)
	case ColumnKey:
		return Quoted(k.EntityName + "." + k.Attribute)
	case SystemKey:
		return Quoted(k.Name)
	case RowKey:
	}
	return Quoted(k.ID)
}

// Quoted is a text as one word of a shell's command.
func Quoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:,@", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	if !strings.ContainsAny(text, "\"$`\\!") {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
