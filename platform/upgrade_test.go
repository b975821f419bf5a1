package platform_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
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
