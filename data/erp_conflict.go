package data

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// duplicate says which properties another row has already. key is the unique
// index or, where SQLite names those, its columns.
func duplicate(s *model.Set, key string) error {
	what := "ExternalId and ExternalSystem"
	switch {
	case s.View && len(s.Keys) > 0:
		what = s.Keys[0].String() // its primary key
	case key == s.Table+"_pkey", key == s.Table+".id":
		what = "Id"
	}
	for _, k := range s.Keys {
		if key == k.Index() || sameColumns(s.Table, k, key) {
			what = k.String()
		}
	}
	return tandem.Errorf(tandem.CodeConflict,
		"%s: there is a row with the same %s already; change that one, or give another value.", s.Name, what)
}

// sameColumns reports whether key lists the columns of a key, in any order.
func sameColumns(table string, k *model.Key, key string) bool {
	columns := strings.Split(key, ", ")
	return len(columns) == len(k.Properties) && !slices.ContainsFunc(k.Properties, func(p *model.Property) bool {
		return !slices.Contains(columns, table+"."+p.Column)
	})
}

// removing explains that a row cannot be deleted.
func removing(e model.Entity, err error) error {
	if !sqldb.IsForeignKey(err) {
		return err
	}
	return tandem.Errorf(tandem.CodeConflict,
		"%s cannot be deleted: other rows refer to it or to a part of it; change or delete those first, or make this one inactive.", e)
}
