package permission

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// Change is what becomes of an account's rights on one thing.
type Change struct {
	// On is what the rights are on, in words; Before and After are rights as
	// [ParseRights] reads them, empty for none.
	On, Before, After string
	// Gains and Loses are what is in the one and not in the other. Where only the
	// attributes differ that may be updated, both are Update.
	Gains, Loses Right
}

// Affected are accounts whose rights change in the same way.
type Affected struct {
	// Logins are the first of them, in the order of their ids; More is how many
	// others there are.
	Logins  []string
	More    int
	Changes []Change
}

// Missed is a use of before that would be refused.
type Missed struct {
	Use
	Login string
	// By is what the use needed, in words, where that was a right on the key of a
	// document's type, or an ability.
	By string
}

// Effect is what a change would do.
type Effect struct {
	Affected []Affected
	Missed   []Missed
	// Uncounted are attributes, as Set.Attribute, that have no key yet: who has read them
	// was not counted, so that Missed does not tell of it.
	Uncounted []string
	// Rows are the rows whose key changes, and those that refer to them: uses are counted by
	// set and attribute, so that Missed tells of none of theirs.
	Rows []string
}

// shownLogins is how many logins of accounts that are affected alike are named.
const shownLogins = 20

// Rehearse tells what f would change, and changes nothing: f gets an administration
// of a copy. Missed are the uses since the time that would have been refused.
func (a *Admin) Rehearse(ctx context.Context, since time.Time, f func(*Admin) error) (*Effect, error) {
	before, err := a.Store.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	copied := newRehearsal(a.Store, &before)
	as := *a
	as.Store, as.Audit = copied, unrecorded{}
	if err := f(&as); err != nil {
		return nil, err
	}
	was, is := NewTable(before), NewTable(copied.d)
	effect, err := a.compare(ctx, since, func(u *tandem.User, put []string) (string, func() []Change, func(*Use) bool) {
		had, has := GroupsOf(u, put), GroupsOf(u, copied.groups(u.ID, put))
		b, c := was.Rights(had), is.Rights(has)
		return strings.Join(had, " ") + "|" + strings.Join(has, " "),
			func() []Change { return changes(was, is, b, c) },
			func(u *Use) bool { return b.Allows(u) && !c.Allows(u) }
	})
	if err != nil {
		return nil, err
	}
	for _, k := range copied.d.Keys {
		if k.Kind == ColumnKey && was.keys[k.ID] == nil {
			effect.Uncounted = append(effect.Uncounted, k.EntityName+"."+k.Attribute)
		}
	}
	for i := range effect.Missed {
		if k := was.keys[effect.Missed[i].Key]; k != nil {
			effect.Missed[i].By = k.Words()
		}
	}
	return effect, nil
}

// Guarded are rows that the key of one row guards: that row, and those that refer to it.
type Guarded struct {
	// On is what they are called, Set is their set, and Rights are what the key decides
	// about.
	On, Set string
	Rights  Right
}

// RehearseRow is [Admin.Rehearse] for giving a row another key, which guards these. An
// empty id is no key.
func (a *Admin) RehearseRow(ctx context.Context, guarded []Guarded, had, has string) (*Effect, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	table := NewTable(d)
	effect, err := a.compare(ctx, time.Time{}, func(u *tandem.User, put []string) (string, func() []Change, func(*Use) bool) {
		groups := GroupsOf(u, put)
		return strings.Join(groups, " "), func() (all []Change) {
			r := table.Rights(groups)
			for i := range guarded {
				g := &guarded[i]
				all = append(all, difference(g.On, r.onRow(g, had), r.onRow(g, has))...)
			}
			return all
		}, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range guarded {
		effect.Rows = append(effect.Rows, guarded[i].On)
	}
	return effect, nil
}

// onRow are the rights on rows with the key, as far as the key decides.
func (r *Rights) onRow(on *Guarded, key string) Grant {
	var g Grant
	for need := Read; need <= All; need <<= 1 {
		of := need
		switch {
		case on.Rights&need == 0 || need == Reopen && key == "": // which nobody can be granted without a key
			continue
		case need&OfDocuments != 0 && key == "":
			of = Update // whoever may change the document may do it
		case need&OfDocuments != 0:
			of = Read
		}
		if r.Set(on.Set, of) && r.Key(key, need) {
			g.Rights |= need
		}
	}
	return g
}

// compare looks at every account. of gives a name to what accounts have in common whose
// rights change alike, and tells what changes, and which uses are missed.
func (a *Admin) compare(ctx context.Context, since time.Time,
	of func(u *tandem.User, put []string) (string, func() []Change, func(*Use) bool),
) (*Effect, error) {
	alike, lose := map[string]*Affected{}, map[string]func(*Use) bool{}
	logins := map[string]string{}
	err := a.Store.EachAccount(ctx, func(u *tandem.User, put []string) error {
		name, what, missed := of(u, put)
		x := alike[name]
		if x == nil {
			x = &Affected{Changes: what()}
			alike[name] = x
		}
		if len(x.Changes) == 0 {
			return nil
		}
		if len(x.Logins) < shownLogins {
			x.Logins = append(x.Logins, u.Login)
		} else {
			x.More++
		}
		if missed != nil && slices.ContainsFunc(x.Changes, func(c Change) bool { return c.Loses != 0 }) {
			lose[u.ID], logins[u.ID] = missed, u.Login
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e := &Effect{}
	for _, name := range slices.Sorted(maps.Keys(alike)) {
		if x := alike[name]; len(x.Changes) > 0 && len(x.Logins) > 0 {
			e.Affected = append(e.Affected, *x)
		}
	}
	if len(lose) == 0 || a.Uses == nil {
		return e, nil
	}
	return e, a.Uses.EachUse(ctx, "", since, func(u *Use) error {
		if missed := lose[u.UserID]; missed != nil && missed(u) {
			e.Missed = append(e.Missed, Missed{Use: *u, Login: logins[u.UserID]})
		}
		return nil
	})
}

// Allows reports whether what was used before would still be allowed, as far as rows
// do not decide.
func (r *Rights) Allows(u *Use) bool {
	switch {
	case isAbility(u.Key):
		return r.Can(u.Key)
	case u.Key != "":
		return r.Key(u.Key, u.Right)
	case u.Attribute == "":
		return r.Set(u.Set, u.Right)
	}
	if r.Column(u.Set, u.Attribute)&u.Right&OfColumns != u.Right&OfColumns {
		return false
	}
	return u.Right != Update || !r.Set(u.Set, Update) || r.MayUpdate(u.Set, u.Attribute)
}

// changes are the differences between rights of one table and of another.
func changes(was, is *Table, before, after *Rights) []Change {
	if before.Everything() && after.Everything() {
		return nil
	}
	keys := map[string]*Key{}
	maps.Copy(keys, was.keys)
	maps.Copy(keys, is.keys)
	var all []Change
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		k := keys[id]
		all = append(all, difference(k.Words(), before.effective(k), after.effective(k))...)
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(a.On, b.On) })
	return all
}

// effective is [Rights.on] that knows that an attribute without a key is everybody's.
func (r *Rights) effective(k *Key) Grant {
	if k.Kind == ColumnKey {
		if !r.Set(k.EntityName, Read) {
			return Grant{}
		}
		return Grant{Rights: r.Column(k.EntityName, k.Attribute)}
	}
	return r.on(k)
}

func difference(on string, before, after Grant) []Change {
	c := Change{
		On: on, Before: before.Words(), After: after.Words(), Gains: after.Rights &^ before.Rights, Loses: before.Rights &^ after.Rights,
	}
	if c.Before == c.After {
		return nil
	}
	both := before.Rights & after.Rights & Update
	if both != 0 && !slices.Equal(before.UpdateAttributes, after.UpdateAttributes) {
		if wider(after.UpdateAttributes, before.UpdateAttributes) {
			c.Gains |= both
		}
		if wider(before.UpdateAttributes, after.UpdateAttributes) {
			c.Loses |= both
		}
	}
	return []Change{c}
}

// wider reports whether the attributes have one that others do not; none are all.
func wider(attributes, others []string) bool {
	if len(others) == 0 {
		return false
	}
	return len(attributes) == 0 || slices.ContainsFunc(attributes, func(a string) bool { return !slices.Contains(others, a) })
}

// unrecorded is the record of what does not happen.
type unrecorded struct{}

// Record implements [tandem.Auditor].
func (unrecorded) Record(context.Context, tandem.AuditEvent) error { return nil }

// rehearsal is a store that keeps changes to itself.
type rehearsal struct {
	Store
	d       Definitions
	members map[string]map[string]bool // by account and group: whether it is in it
}

func newRehearsal(of Store, d *Definitions) *rehearsal {
	return &rehearsal{
		of, Definitions{d.Version, slices.Clone(d.Groups), slices.Clone(d.Keys), slices.Clone(d.Grants)}, map[string]map[string]bool{},
	}
}

// groups are those that an account was put into, after the changes.
func (s *rehearsal) groups(userID string, put []string) []string {
	changed := s.members[userID]
	all := slices.DeleteFunc(slices.Clone(put), func(id string) bool {
		in, ok := changed[id]
		return ok && !in || !slices.ContainsFunc(s.d.Groups, func(g Group) bool { return g.ID == id })
	})
	for id, in := range changed {
		if in && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// Definitions implements [Store].
func (s *rehearsal) Definitions(context.Context) (Definitions, error) { return s.d, nil }

// GroupsOf implements [Store].
func (s *rehearsal) GroupsOf(ctx context.Context, userID string) ([]string, int64, error) {
	put, version, err := s.Store.GroupsOf(ctx, userID)
	return s.groups(userID, put), version, err
}

// PutGroup implements [Store].
func (s *rehearsal) PutGroup(_ context.Context, g Group) error {
	if slices.ContainsFunc(s.d.Groups, func(had Group) bool { return had.ID != g.ID && strings.EqualFold(had.Name, g.Name) }) {
		return groupExists(g.Name)
	}
	s.d.Groups = append(slices.DeleteFunc(s.d.Groups, func(had Group) bool { return had.ID == g.ID }), g)
	return nil
}

// DeleteGroup implements [Store].
func (s *rehearsal) DeleteGroup(_ context.Context, id string) error {
	s.d.Groups = slices.DeleteFunc(s.d.Groups, func(g Group) bool { return g.ID == id })
	s.d.Grants = slices.DeleteFunc(s.d.Grants, func(g Grant) bool { return g.Group == id })
	return nil
}

// PutMember implements [Store].
func (s *rehearsal) PutMember(ctx context.Context, groupID, userID string) (bool, error) {
	return s.member(ctx, groupID, userID, true)
}

// RemoveMember implements [Store].
func (s *rehearsal) RemoveMember(ctx context.Context, groupID, userID string) (bool, error) {
	return s.member(ctx, groupID, userID, false)
}

func (s *rehearsal) member(ctx context.Context, groupID, userID string, in bool) (there bool, err error) {
	groups, _, err := s.GroupsOf(ctx, userID)
	if err != nil {
		return false, err
	}
	if s.members[userID] == nil {
		s.members[userID] = map[string]bool{}
	}
	s.members[userID][groupID] = in
	return slices.Contains(groups, groupID), nil
}

// PutKey implements [Store].
func (s *rehearsal) PutKey(_ context.Context, k Key) error {
	if !slices.ContainsFunc(s.d.Keys, func(had Key) bool { return had.ID == k.ID }) {
		s.d.Keys = append(s.d.Keys, k)
	}
	return nil
}

// ChangeGrant implements [Store].
func (s *rehearsal) ChangeGrant(ctx context.Context, groupID string, k Key, change func(had *Grant) (*Grant, error)) error {
	of := func(g Grant) bool { return g.Group == groupID && g.Key == k.ID }
	var had *Grant
	if at := slices.IndexFunc(s.d.Grants, of); at >= 0 {
		g := s.d.Grants[at]
		had = &g
	}
	has, err := change(had)
	if err != nil {
		return err
	}
	s.d.Grants = slices.DeleteFunc(s.d.Grants, of)
	if has == nil {
		return nil
	}
	s.d.Grants = append(s.d.Grants, *has)
	return s.PutKey(ctx, k)
}

// AddSets implements [Store].
func (s *rehearsal) AddSets(context.Context, []Key, []Grant) error { return nil }

// groupExists is the error for a name that another group has.
func groupExists(name string) error {
	return tandem.Errorf(tandem.CodeConflict, "there is a group %q already", name)
}
