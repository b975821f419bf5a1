package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// What ends the grants of a person or an application holds the writer: it goes by an index, however many codes
// and families others have, also of those that have been used or have ended.
func TestGrantsOfAPersonAreFoundByTheIndex(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const many = ` WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) `
		bytes := map[sqldb.Engine]string{sqldb.SQLite: "BLOB", sqldb.PostgreSQL: "BYTEA"}[db.Engine]
		for table, key := range map[string]string{"authorization_codes": `CAST('c' || i AS ` + bytes + `)`, "refresh_families": `'f' || i`} {
			columns, values := emptyRow(t, db, table)
			_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO %s (%s)%sSELECT %s FROM n`, table, columns, many, strings.NewReplacer(
				"<key>", key, "<user>", `'u' || i`).Replace(values)))
			must(t, err)
		}
		_, err := db.Writer().ExecContext(t.Context(), `ANALYZE`)
		must(t, err)
		at := sqldb.Micros(noon)
		plans := []string{
			explained(t, db, data.WithdrawnGrants[0], "u1", "a", at, at, at), explained(t, db, data.WithdrawnGrants[1], "u1", "a", at, at, at),
			explained(t, db, data.UseCodesOfBoth, "u1", "a", at), explained(t, db, data.UseCodesOfUser, "u1", at),
			explained(t, db, data.UseCodesOfApp, "a", at), explained(t, db, data.EndFamiliesOf("application_uri"), "a", at, "r", []byte{}),
		}
		for _, plan := range plans {
			if readsAll(plan, "authorization_codes") || readsAll(plan, "refresh_families") || !strings.Contains(plan, "authorization_codes_of") && !strings.Contains(plan, "refresh_families_of") {
				t.Errorf("not by the index:\n%s", plan)
			}
		}
	})
}

// emptyRow are the columns of a table and values for them: of a used code, or a family that
// has ended.
func emptyRow(t *testing.T, db *sqldb.DB, table string) (columns, values string) {
	t.Helper()
	query := `SELECT name || ' ' || type FROM pragma_table_info($1)`
	if db.Engine == sqldb.PostgreSQL {
		query = `SELECT column_name || ' ' || upper(data_type) FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema()`
	}
	rows, err := db.Reader().QueryContext(t.Context(), query, table)
	all, err := sqldb.List[string](rows, err)
	must(t, err)
	var names, of []string
	for _, column := range all {
		name, kind, _ := strings.Cut(column, " ")
		value := `''`
		switch {
		case name == "id" || name == "hash":
			value = "<key>"
		case name == "user_id":
			value = "<user>"
		case strings.HasPrefix(kind, "BIGINT"):
			value = "1"
		case strings.HasPrefix(kind, "BOOL"):
			value = "FALSE"
		case strings.HasPrefix(kind, "BYTEA"):
			value = "CAST('' AS BYTEA)"
		}
		names, of = append(names, name), append(of, value)
	}
	return strings.Join(names, ", "), strings.Join(of, ", ")
}
