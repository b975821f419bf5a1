package write

import "github.com/hybridapps/tandem/erp/model"

// What was found is remembered, and by which columns: once a row is written that differs
// in one of them, what is remembered may no longer be what is found.

// sought are the columns that something remembered was found by; true where a new row can
// take its place: of names, which several rows can have, and of the first of some rows.
type sought map[column]bool

// column is a column of a table, which sets that are kinds of one another share.
type column struct{ table, name string }

// by reports whether a row that is about to be written may change what is found: one that
// is saved by a column that differs, a new one by any that it has.
func (s sought) by(r *model.Record, added bool) bool {
	if len(s) == 0 {
		return false
	}
	for _, p := range r.Set.Properties {
		if !p.Stored() || added && r.Get(p).Null || !added && !r.Changed(p) {
			continue
		}
		if many, ok := s[column{r.Set.Table, p.Column}]; ok && (many || !added) {
			return true
		}
	}
	return false
}

// remember keeps what was found by the paths; many says that a new row can take its place.
func (w *Writer) remember(key string, e model.Entity, many bool, by ...*model.Path) {
	if len(w.lookups) >= maxRemembered {
		w.forgetLookups()
	}
	w.lookups[key] = e
	for _, path := range by {
		for _, p := range append(path.Refs[:len(path.Refs):len(path.Refs)], path.Property) {
			at := column{p.Set.Table, p.Column}
			w.sought[at] = w.sought[at] || many
		}
	}
}

func (w *Writer) forgetLookups() {
	clear(w.lookups)
	clear(w.sought)
}
