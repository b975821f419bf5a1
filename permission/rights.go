package permission

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hybridapps/tandem"
)

// Granted is what a call may do: what its token was granted, and what the account
// is. The zero value may do nothing.
type Granted struct {
	Scope tandem.Scope
	*Rights
	// Watch is told of what is asked of them; nil for nobody.
	Watch Watcher
}

// ByPlatform is for what the platform does itself, in the name of no account: it
// has every right, and every scope but sec.
func ByPlatform() Granted {
	return Granted{Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}, Rights: everything}
}

// None is no right at all. Unlike nil it also sees no row, wherever it is asked.
func None() *Rights { return none }

var (
	everything = &Rights{everything: true}
	none       = &Rights{serial: serials.Add(1)}
)

var serials atomic.Uint64

// Serial tells rights apart in one process, for who keeps what depends on them. It
// is 0 for nil, and for everything: both see every row and attribute.
func (r *Rights) Serial() uint64 {
	if r == nil {
		return 0
	}
	return r.serial
}

// Rights are what the accounts of some groups may do. They never change, and are
// shared by all accounts of the same groups, but for whose they are. Nil is no right
// at all.
type Rights struct {
	serial     uint64
	everything bool // also what nobody has defined yet
	allRows    bool // every right on every key of rows
	manages    bool // who may do what
	sets       map[string]setRights
	columns    map[string]map[string]Right // by set and attribute: those that have a key
	rows       map[string]*rowRights       // by the set of the rows
	keys       map[string]Right
	closed     map[string]bool // abilities that are granted to some group
	outside    *Outside        // whose rows alone are seen; nil for nobody's in particular
	account    string          // whose they are: see As
}

// setRights are the rights on one set.
type setRights struct {
	Right
	// only are the attributes that may be updated; nil is all.
	only map[string]bool
}

// rowRights are the rights on the keys that rows of one set have.
type rowRights struct {
	all  Right          // what is granted on every one of them
	ids  []string       // the keys on which anything is granted
	held map[Right]Held // by right
}

// As are the same rights as those of one account, by its id: some rows are somebody's
// own, and seen by no other account. Who may do everything sees these too.
func (r *Rights) As(account string) *Rights {
	if r == nil || r.everything || r.account == account {
		return r
	}
	own := *r
	own.account = account
	return &own
}

// Account is the id of the account whose rights they are; empty for nobody's.
func (r *Rights) Account() string {
	if r == nil {
		return ""
	}
	return r.account
}

// Everything reports whether there is nothing that is not granted: administrators
// and the platform itself.
func (r *Rights) Everything() bool { return r != nil && r.everything }

// Manages reports whether the account may change who may do what: administrators and
// power users.
func (r *Rights) Manages() bool { return r != nil && (r.everything || r.manages) }

// Some reports whether anything at all is granted.
func (r *Rights) Some() bool { return r != nil && (r.everything || r.allRows || len(r.keys) > 0) }

// Set reports whether need is granted on an entity set.
func (r *Rights) Set(set string, need Right) bool {
	return r != nil && (r.everything || r.sets[set].Right&need == need)
}

// MayUpdate reports whether the right to update the set is also for an attribute.
func (r *Rights) MayUpdate(set, attribute string) bool {
	if r == nil || r.everything {
		return r != nil
	}
	s := r.sets[set]
	return s.Right&Update != 0 && (s.only == nil || s.only[attribute])
}

// Column is what may be done with an attribute, beside what may be done with its
// set: everything, where it has no key.
func (r *Rights) Column(set, attribute string) Right {
	if r == nil {
		return 0
	}
	if guarded, ok := r.columns[set][attribute]; ok && !r.everything {
		return guarded
	}
	return OfColumns
}

// Guards reports whether the attribute has a key that is asked for.
func (r *Rights) Guards(set, attribute string) bool {
	if r == nil || r.everything {
		return false
	}
	_, ok := r.columns[set][attribute]
	return ok
}

// HidesIn reports whether there may be attributes of the set that cannot be read.
func (r *Rights) HidesIn(set string) bool {
	return r == nil || !r.everything && len(r.columns[set]) > 0
}

// Key reports whether need is granted on the key of a row. An empty id is no key.
func (r *Rights) Key(id string, need Right) bool {
	switch {
	case id == "":
		return true
	case r == nil, r.outside != nil && need&^Read != 0: // people of the outside only read
		return false
	case r.allRows: // which are no administrators'
		need &^= r.keys[id] | All&^Administer
		return need == 0
	}
	return r.everything || r.keys[id]&need == need
}

// Keys are the keys, among those that rows of a set have, on which need (one of
// Read, Update and Delete) is granted. all reports that these are all keys there
// are, so that nobody need look at rows.
func (r *Rights) Keys(set string, need Right) (held Held, all bool) {
	if r == nil {
		return noKeys, false
	}
	rows := r.rows[set]
	if r.everything || r.allRows || rows == nil || rows.all&need == need {
		return noKeys, true
	}
	return rows.held[need], false
}

// on are the rights on a key.
func (r *Rights) on(k *Key) Grant {
	g := Grant{Key: k.ID, Rights: r.keys[k.ID]}
	switch {
	case r.everything:
		g.Rights = k.Offers()
	case r.allRows:
		g.Rights |= k.Offers() &^ Administer
	}
	if k.Kind == SystemKey && r.Can(k.ID) {
		g.Rights = Read
	}
	if k.Kind == SetKey {
		for attribute := range r.sets[k.EntityName].only {
			g.UpdateAttributes = append(g.UpdateAttributes, attribute)
		}
		slices.Sort(g.UpdateAttributes)
	}
	return g
}

// Table turns groups into [Rights]. It is safe for concurrent use.
type Table struct {
	Definitions
	groups map[string]*Group
	grants map[string][]Grant // by group
	keys   map[string]*Key

	before map[string]*Rights // what the table before this one had made

	mu       sync.Mutex // guards what follows
	made     map[string]*Rights
	narrowed map[[2]uint64]*Rights // by the two that they are the common part of
}

// NewTable prepares definitions, which must not be changed any more.
func NewTable(d Definitions) *Table {
	t := &Table{
		Definitions: d, groups: make(map[string]*Group, len(d.Groups)), grants: make(map[string][]Grant, len(d.Groups)),
		keys: make(map[string]*Key, len(d.Keys)), made: map[string]*Rights{},
	}
	for i := range d.Groups {
		t.groups[d.Groups[i].ID] = &d.Groups[i]
	}
	for i := range d.Keys {
		t.keys[d.Keys[i].ID] = &d.Keys[i]
	}
	for _, g := range d.Grants {
		t.grants[g.Group] = append(t.grants[g.Group], g)
	}
	return t
}

// After makes the table give what the one before it gave, where that is the same
// still: most changes are of a few groups, and what was prepared for the rights of
// the others stays good.
func (t *Table) After(before *Table) *Table {
	if before != nil {
		before.mu.Lock()
		defer before.mu.Unlock()
		t.before = maps.Clone(before.made)
	}
	return t
}

// same reports whether the rights are equal in all but their serial.
func (r *Rights) same(other *Rights) bool {
	if r == nil || other == nil {
		return r == other
	}
	a, b := *r, *other
	a.serial, b.serial, a.rows, b.rows = 0, 0, nil, nil
	return reflect.DeepEqual(a, b) && maps.EqualFunc(r.rows, other.rows, func(a, b *rowRights) bool {
		return a.all == b.all && slices.Equal(a.ids, b.ids) // what is held of them is in keys
	})
}

// GroupsOf are the groups of an account by which it has rights: those it was put
// into, and Everybody and Administrators by what it is. Groups that a kind of
// account can never be in are left out, whatever somebody wrote down.
func GroupsOf(u *tandem.User, put []string) []string {
	var groups []string
	switch u.Type {
	case tandem.InternalUser:
		groups = append(slices.Clone(put), EverybodyID)
		if u.Admin {
			groups = append(groups, AdministratorsID)
		}
	case tandem.SystemUserNoLogin:
		for _, g := range put {
			if !ForPeople(g) {
				groups = append(groups, g)
			}
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// ForPeople reports whether a group is one that System Users are never in.
func ForPeople(group string) bool {
	return group == EverybodyID || group == AdministratorsID || group == PowerUsersID
}

// Names are the names of groups, in order. Those that the table does not know are
// left out; no table knows none.
func (t *Table) Names(groups []string) (names []string) {
	if t == nil {
		return nil
	}
	for _, id := range groups {
		if g := t.groups[id]; g != nil {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Rights are those of accounts in the groups, which are sorted.
func (t *Table) Rights(groups []string) *Rights {
	name := strings.Join(groups, " ")
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.made[name]
	if r == nil {
		r = t.rights(groups)
		if had := t.before[name]; had.same(r) {
			r = had
		}
		t.made[name] = r
	}
	return r
}

func (t *Table) rights(groups []string) *Rights {
	r := &Rights{
		serial: serials.Add(1), sets: map[string]setRights{}, columns: map[string]map[string]Right{}, rows: map[string]*rowRights{}, keys: map[string]Right{},
	}
	for _, id := range groups {
		g := t.groups[id]
		switch {
		case g == nil:
		case g.Type == Administrators:
			return everything
		case g.Type == AllData:
			r.allRows = true
		case g.Type == PowerUsers:
			r.manages = true
		}
		for _, grant := range t.grants[id] {
			r.add(t.keys[grant.Key], grant)
		}
	}
	for i := range t.Keys {
		k := &t.Keys[i]
		switch {
		case k.Kind == SetKey && r.allRows:
			r.sets[k.EntityName] = setRights{Right: OfSets}
		case k.Kind == ColumnKey:
			r.guard(k)
		case k.Kind == RowKey && !r.allRows:
			r.row(k)
		}
	}
	t.close(r)
	for _, rows := range r.rows {
		rows.hold(r.keys)
	}
	return r
}

// add takes a grant into account.
func (r *Rights) add(k *Key, g Grant) {
	if k == nil {
		return
	}
	had, seen := r.keys[k.ID]
	r.keys[k.ID] |= g.Rights | Read
	if k.Kind != SetKey {
		return
	}
	s := r.sets[k.EntityName]
	s.Right |= g.Rights | Read
	if g.Rights&Update != 0 {
		switch {
		case len(g.UpdateAttributes) == 0 || seen && had&Update != 0 && s.only == nil:
			s.only = nil
		default:
			if s.only == nil {
				s.only = map[string]bool{}
			}
			for _, a := range g.UpdateAttributes {
				s.only[a] = true
			}
		}
	}
	r.sets[k.EntityName] = s
}

// guard takes into account that an attribute has a key.
func (r *Rights) guard(k *Key) {
	held := r.keys[k.ID] & OfColumns
	if r.allRows {
		held = OfColumns
	}
	r.hide(k.EntityName, k.Attribute, held)
}

// row takes into account that rows of a set may have the key.
func (r *Rights) row(k *Key) {
	rows := r.rows[k.EntityName]
	if rows == nil {
		rows = &rowRights{all: All}
		r.rows[k.EntityName] = rows
	}
	held := r.keys[k.ID]
	rows.all &= held
	if held != 0 {
		rows.ids = append(rows.ids, k.ID)
	}
}

// hold makes what [Rights.Keys] answers.
func (rows *rowRights) hold(keys map[string]Right) {
	rows.held = map[Right]Held{}
	for _, need := range []Right{Read, Update, Delete} {
		var ids []string
		for _, id := range rows.ids {
			if keys[id]&need == need {
				ids = append(ids, id)
			}
		}
		rows.held[need] = HeldOf(ids)
	}
}
