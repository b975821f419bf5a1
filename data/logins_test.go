package data_test

import (
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// Rows of before logins were compared without case are found, and hold their
// names, applications whose names differ by case together.
func TestI7_NamesOfBefore(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, err := sqldb.Open(ctx, datatest.URL(t, engine), sqldb.Options{})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			must(t, db.Migrate(ctx, sqldb.Only(data.Migrations, func(name string) bool { return name < "00055" }), data.MigrationTable))
			for _, statement := range []string{
				`INSERT INTO users VALUES ('1', 'anna', 'Anna', '', FALSE, '', 'InternalUser', FALSE, TRUE, '', 0, 0, 0, 1)`,
				`INSERT INTO principal_names VALUES ('anna', 'user'), ('portal', 'application'), ('Portal', 'application'), ('Field', 'application')`,
			} {
				_, err := db.Writer().ExecContext(ctx, statement)
				must(t, err)
			}
			must(t, db.Migrate(ctx, data.Migrations, data.MigrationTable))
			users := data.NewUsers(db)
			if u, err := users.ByLogin(ctx, "Anna"); err != nil || u.Login != "anna" {
				t.Errorf("%q, %v", u.Login, err)
			}
			for _, login := range []string{"Anna", "portal", "PORTAL", "field", "Field"} {
				err := users.Create(ctx, account(login))
				if tandem.ErrorCode(err) != tandem.CodeConflict {
					t.Errorf("a user with the login %s: %v", login, err)
				}
			}
			var holders int
			must(t, db.Reader().QueryRowContext(ctx, `SELECT holders FROM principal_names WHERE name = 'portal'`).Scan(&holders))
			if holders != 2 {
				t.Errorf("%d applications hold the name", holders)
			}
		})
	}
}
