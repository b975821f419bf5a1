package data_test

import (
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/sqldb"
)

// erpModel is made once: it is immutable.
var erpModel = erp.NewModel()

// TestSchemaHoldsTheModel compares the tables with the sets: each stored
// property has its columns, of the right type, and no table has others.
func TestSchemaHoldsTheModel(t *testing.T) {
	t.Parallel()
	searched := map[*erp.Property]bool{}
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
			case erp.KindString, erp.KindMultiLanguage, erp.KindGUID, erp.KindReference:
				typ = "TEXT"
			case erp.KindBool:
				typ = "BOOLEAN"
			}
			put(s.Table, p.Column, typ)
			if p.Kind == erp.KindMultiLanguage || searched[p] {
				put(s.Table, p.Column+"_text", "TEXT")
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
