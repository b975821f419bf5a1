package platform_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/schema"
)

// firstSchema makes a database as the first program did that had all three, with a
// row in every table, from what was dumped of it then. It returns the tables.
func firstSchema(t *testing.T, name string, engine sqldb.Engine, url string) (tables []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "first", name+"."+string(engine)+".sql"))
	must(t, err)
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{})
	must(t, err)
	defer db.Close()
	for _, statement := range strings.Split(strings.ReplaceAll(string(text), "public.", ""), ";\n") {
		if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil && strings.TrimSpace(statement) != "" {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^INSERT INTO (?:public\.)?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		tables = append(tables, m[1])
	}
	return tables
}

// have looks for the row of each table.
func have(t *testing.T, tables []string, in func(table string) *sqldb.DB) {
	t.Helper()
	for _, table := range tables {
		var n int
		err := in(table).Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n)
		if err != nil || n == 0 {
			t.Errorf("%s has %d rows: %v", table, n, err)
		}
	}
}

// The databases of the first program are brought up to date with all that is in
// them, and a second time nothing happens.
func TestTheFirstSchemaIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			t.Run("instance", func(t *testing.T) {
				url := datatest.URL(t, engine)
				tables := firstSchema(t, "data", engine, url)
				for range 2 {
					db, err := data.Open(t.Context(), url, sqldb.Options{})
					must(t, err)
					have(t, tables, func(table string) *sqldb.DB {
						if strings.HasPrefix(table, "erp_") {
							return db.ERP
						}
						return db.Identity
					})
					anna, err := data.NewUsers(db.Identity).ByLogin(t.Context(), "Anna")
					if err != nil || anna.Email != "anna@example.com" || anna.Name != "Anna O'Neil" {
						t.Errorf("the account of then: %+v, %v", anna, err)
					}
					app, err := data.NewApplications(db.Identity).ByURI(t.Context(), "com.Example/Portal")
					if err != nil || len(app.Live()) != 1 || app.Credentials[0].Name != "" || !app.SecretUsedAt.IsZero() {
						t.Errorf("the application of then: %+v, %v", app, err)
					}
					must(t, db.Close())
				}
			})
			for name, migrate := range map[string]func(context.Context, *sqldb.DB) error{
				"worker": schema.Migrate,
				"webapp": func(ctx context.Context, db *sqldb.DB) error {
					return db.Migrate(ctx, webapp.Migrations, webapp.MigrationTable)
				},
			} {
				t.Run(name, func(t *testing.T) {
					url := datatest.URL(t, engine)
					tables := firstSchema(t, name, engine, url)
					db, err := sqldb.Open(t.Context(), url, sqldb.Options{})
					must(t, err)
					defer db.Close()
					for range 2 {
						must(t, migrate(t.Context(), db))
						have(t, tables, func(string) *sqldb.DB { return db })
					}
				})
			}
		})
	}
}

// On PostgreSQL replicas of the version before go on with a schema that is newer than they
// are: what a migration leaves is all that they write to, and nothing that they would have
// to write. Migrations of before this rule are not looked at.
func TestMigrationsLetTheVersionBeforeGoOn(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		migrations fs.FS
		table      string
		before     string // the newest migration of before the rule
	}{
		"data":   {data.Migrations, data.MigrationTable, "00228"},
		"webapp": {webapp.Migrations, webapp.MigrationTable, "00004"},
		"worker": {schema.Migrations, schema.Table, "00009"},
		"jobs":   {jobs.Migrations, jobs.SchemaTable, "00003"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := sqldb.Open(t.Context(), datatest.URL(t, sqldb.PostgreSQL), sqldb.Options{})
			must(t, err)
			defer db.Close()
			files, err := fs.Glob(of.migrations, "*.sql")
			must(t, err)
			numbers := []string{of.before}
			for _, file := range files {
				if number := file[:5]; number > of.before && !slices.Contains(numbers, number) {
					numbers = append(numbers, number)
				}
			}
			slices.Sort(numbers)
			var was map[string]string
			for _, number := range numbers {
				upTo := sqldb.Only(of.migrations, func(file string) bool { return file[:5] <= number })
				must(t, db.Migrate(t.Context(), upTo, of.table))
				is := shapeOf(t, db)
				for part, as := range was {
					if is[part] != as {
						t.Errorf("%s changes what the version before writes: %s was %q and is %q", number, part, as, is[part])
					}
				}
				for part, as := range is {
					table, column, isColumn := strings.Cut(part, ".")
					if isColumn && was[table] != "" && was[part] == "" && strings.HasPrefix(as, "must be given") {
						t.Errorf("%s makes the version before fail: it does not give %s.%s, which has no default", number, table, column)
					}
				}
				was = is
			}
		})
	}
}

// shapeOf is what a program relies on that writes: the tables, their columns, and what no
// two rows have in common, which conflicts are told by.
func shapeOf(t *testing.T, db *sqldb.DB) map[string]string {
	t.Helper()
	rows, err := db.Reader().QueryContext(t.Context(), `SELECT table_name::text, 'a table' FROM information_schema.tables WHERE table_schema = current_schema()
		UNION ALL SELECT table_name::text || '.' || column_name::text, CASE WHEN is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES' THEN '' ELSE 'must be given, ' END || data_type
			FROM information_schema.columns WHERE table_schema = current_schema()
		UNION ALL SELECT c.relname::text || ' unique by ' || substring(pg_get_indexdef(i.indexrelid) FROM ' USING (.*)'), 'unique'
			FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indisunique AND c.relnamespace = current_schema()::regnamespace`)
	must(t, err)
	defer rows.Close()
	shape := map[string]string{}
	for rows.Next() {
		var part, as string
		must(t, rows.Scan(&part, &as))
		shape[part] = as
	}
	must(t, rows.Err())
	return shape
}
