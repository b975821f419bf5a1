package permission

import "slices"

// Abilities are what is not about a set, an attribute or a row. Each has a key with
// the id that it has in ERP.net, the same in every database. As long as it is granted
// to no group everybody has it, whoever reads the sets that it is about.
const (
	// EditUnitPrice is to give the lines of sales orders another price than the list's,
	// EditLineDiscount a discount.
	EditUnitPrice    = "b85c23e3-f314-467a-9022-53e43c08b585"
	EditLineDiscount = "e71c31d2-e315-4a72-d021-f3143c08b58a"
)

// abilities are their keys, by the names that commands know.
var abilities = []Key{
	{ID: EditUnitPrice, Kind: SystemKey, Name: "unit-price"},
	{ID: EditLineDiscount, Kind: SystemKey, Name: "line-discount"},
}

// isAbility reports whether a key is one of an ability.
func isAbility(key string) bool {
	return slices.ContainsFunc(abilities, func(k Key) bool { return k.ID == key })
}

// abilityNames are the names, for messages.
func abilityNames() (names []string) {
	for _, k := range abilities {
		names = append(names, k.Name)
	}
	return names
}

// Can reports whether the account has an ability.
func (r *Rights) Can(ability string) bool {
	return r != nil && (r.everything || r.allRows || !r.closed[ability] || r.keys[ability] != 0)
}

// Asks reports whether an ability is asked for: it is not everybody's, and the account no
// administrator.
func (r *Rights) Asks(ability string) bool {
	return r == nil || !r.everything && r.closed[ability]
}

// close takes into account that an ability is granted to somebody, so that others have
// it no more.
func (t *Table) close(r *Rights) {
	for _, g := range t.Grants {
		if k := t.keys[g.Key]; k != nil && k.Kind == SystemKey {
			r.closed = with(r.closed, k.ID)
		}
	}
}

func with(set map[string]bool, id string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[id] = true
	return set
}

// learnAbilities are the keys of those that are not known yet.
func (d *Definitions) learnAbilities() (missing []Key) {
	for _, k := range abilities {
		if !slices.ContainsFunc(d.Keys, func(known Key) bool { return known.ID == k.ID }) {
			missing = append(missing, k)
		}
	}
	return missing
}
