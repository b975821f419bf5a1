package data_test

import (
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// erpModel is made once: it is immutable.
var erpModel = erp.NewModel()

// TestSchemaHoldsTheModel compares the tables with the sets: each stored
// property has its columns, of the right type, and no table has others.
func TestSchemaHoldsTheModel(t *testing.T) {
	t.Parallel()
	searched := map[*model.Property]bool{}
	for _, s := range erpModel.Sets {
		for _, p := range s.SearchPaths {
			searched[p.Property] = true
		}
	}
	want := map[string]map[string]string{} // table, column: type
	put := func(table, column, typ string) {
		if want[table] == nil {
			want[table] = map[string]string{}
		}
		if old := want[table][column]; old != "" && old != typ {
			t.Errorf("%s.%s is %s for one set and %s for another", table, column, old, typ)
		}
		want[table][column] = typ
	}
	for _, s := range erpModel.Sets {
		for _, p := range s.Properties {
			if !p.Stored() {
				continue
			}
			typ := "BIGINT"
			switch p.Kind {
			case model.KindString, model.KindMultiLanguage, model.KindGUID, model.KindReference:
				typ = "TEXT"
			case model.KindBool:
				typ = "BOOLEAN"
			}
			put(s.Table, p.Column, typ)
			if p.Kind == model.KindMultiLanguage || searched[p] {
				put(s.Table, p.Column+"_text", "TEXT")
			}
			if p.Kind == model.KindString && p.Can&^model.CanOrder != 0 {
				put(s.Table, p.Column+"_case", "TEXT")
			}
			if p.Polymorphic() {
				put(s.Table, p.Column+"_type", "BIGINT")
			}
		}
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for table, columns := range want {
			have := columnsOf(t, db, table)
			for name, typ := range columns {
				// The view's types are those of its expressions.
				if have[name] != typ && (table != "erp_users" || have[name] == "") {
					t.Errorf("%s.%s is %q, want %s", table, name, have[name], typ)
				}
			}
			for name := range have {
				if columns[name] == "" {
					t.Errorf("%s.%s belongs to no property", table, name)
				}
			}
		}
	})
}

// columnsOf reads the types of a table's columns.
func columnsOf(t *testing.T, db *sqldb.DB, table string) map[string]string {
	t.Helper()
	query := `SELECT name, CASE type WHEN '' THEN '?' ELSE type END FROM pragma_table_info($1)`
	if db.Engine == sqldb.PostgreSQL {
		query = `SELECT column_name, CASE data_type WHEN 'text' THEN 'TEXT' WHEN 'bigint' THEN 'BIGINT' WHEN 'boolean' THEN 'BOOLEAN' ELSE data_type END
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
	}
	rows, err := db.Reader().QueryContext(t.Context(), query, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			t.Fatal(err)
		}
		all[name] = typ
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSchemaHoldsTheKeys compares the unique indexes with the keys of the sets:
// a duplicate is explained by what the model says of its index.
func TestSchemaHoldsTheKeys(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, s := range erpModel.Sets {
		for _, k := range s.Keys {
			if !s.View { // whose key is the primary one
				want[k.Index()] = true
			}
		}
		if p := s.Property("ExternalId"); p != nil && p.Set == s && !s.ReadOnly {
			want[s.Table+"_external_id"] = true
		}
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		have := uniqueIndexes(t, db)
		for name := range want {
			if !have[name] {
				t.Errorf("no unique index is called %s", name)
			}
		}
		for name := range have {
			if !want[name] {
				t.Errorf("the unique index %s is of no declared key", name)
			}
		}
	})
}

// uniqueIndexes are those that migrations made for the tables of the model.
func uniqueIndexes(t *testing.T, db *sqldb.DB) map[string]bool {
	t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'erp~_%' ESCAPE '~' AND sql LIKE 'CREATE UNIQUE%'`
	if db.Engine == sqldb.PostgreSQL {
		query = `SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname LIKE 'erp~_%' ESCAPE '~'
			AND indexdef LIKE 'CREATE UNIQUE%' AND indexname NOT LIKE '%~_pkey' ESCAPE '~'`
	}
	rows, err := db.Reader().QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		all[name] = true
	}
	must(t, rows.Err())
	return all
}
