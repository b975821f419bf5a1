package data_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// released are the migrations of the last program that kept everything in one
// database. They do not change, and none comes between them: a migration that
// does would not be run where those have been.
var released = []string{
	"00001_instance.sql", "00010_names.sql", "00011_applications.sql", "00012_signing_keys.sql", "00013_grants.sql",
	"00014_client_authentication.sql", "00020_users.sql", "00021_sign_ins.sql", "00030_sessions.sql", "00031_audit.sql",
	"00040_erp_parties.sql", "00041_erp_products.sql", "00042_erp_customers.sql", "00043_erp_documents.sql",
	"00044_erp_inventory.sql", "00045_erp_exchange.sql", "00046_erp_users.sql",
}

// older makes a database of the last program that kept everything in one: with
// an account, and a currency and an import log of the ERP. It returns its URL.
func older(t *testing.T, engine sqldb.Engine) string {
	t.Helper()
	url := datatest.URL(t, engine)
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{})
	must(t, err)
	must(t, db.Migrate(t.Context(), sqldb.Only(data.Migrations, func(name string) bool { return slices.Contains(released, name) }), data.MigrationTable))
	anna := account("anna")
	statements := []string{
		`INSERT INTO instance (name, value) VALUES ('id', 'one')`,
		`INSERT INTO users (id, login, name, email, email_verified, locale, user_type, is_admin, is_enabled, password_hash,
			password_changed_at, created_at, changed_at, version) VALUES ('` + anna.ID + `', 'anna', 'Anna', '', false, '', 'InternalUser', true, true, '', 1, 2, 3, 4)`,
		`INSERT INTO erp_currencies (id, object_version, aggregate_last_update_time_utc, currency_sign, currency_sign_text, name, name_text,
			show_order, is_active) VALUES ('eur', 1, 5, 'EUR', 'eur', '{"EN":"Euro"}', 'euro', 1, true)`,
		`INSERT INTO erp_counters (name, value) VALUES ('orders', 42)`,
	}
	if engine == sqldb.PostgreSQL { // as its tables were then
		statements = append(statements,
			`ALTER TABLE erp_sales_orders ADD CONSTRAINT erp_sales_orders_assigned_to_user_fkey FOREIGN KEY (assigned_to_user) REFERENCES users`,
			`ALTER TABLE erp_customer_external_access ADD CONSTRAINT erp_customer_external_access_user_fkey FOREIGN KEY ("user") REFERENCES users`)
	}
	for _, statement := range statements {
		_, err := db.Writer().ExecContext(t.Context(), statement)
		must(t, err)
	}
	must(t, db.Close())
	return url
}

// whole opens the databases and looks for what older has put there, once.
func whole(t *testing.T, url string) *data.DB {
	t.Helper()
	db, err := data.Open(t.Context(), url, sqldb.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	store := data.NewERP(db.ERP, erpModel)
	must(t, store.FollowUsers(t.Context(), data.NewUsers(db.Identity)))
	for query, want := range map[string]string{
		`SELECT name FROM erp_currencies WHERE id = 'eur' AND is_active`:                      `{"EN":"Euro"}`,
		`SELECT CAST(value AS TEXT) FROM erp_counters`:                                        "42",
		`SELECT name_text FROM erp_users WHERE login = 'anna' AND is_admin AND email IS NULL`: "anna",
	} {
		var got string
		if err := db.ERP.Reader().QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v", query, got, err)
		}
	}
	if db.ERP.Engine == sqldb.PostgreSQL {
		return db
	}
	var n int
	err = db.Identity.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE name LIKE 'erp%'`).Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("%d of the ERP's tables are still in the old place: %v", n, err)
	}
	if _, err := os.Stat(db.ERP.URL()[len("sqlite:"):] + ".moving"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half of a copy is left: %v", err)
	}
	return db
}

// A database of an older program is brought up to date with all that is in it:
// on SQLite the ERP's rows move into a file of their own.
func TestOlderDatabaseIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := older(t, engine)
			db := whole(t, url)
			_, err := db.ERP.Writer().ExecContext(t.Context(), `INSERT INTO erp_customer_external_access (id, role, customer, "user")
				VALUES ('1', 1, 'nobody', 'gone')`)
			if engine == sqldb.PostgreSQL && (!sqldb.IsForeignKey(err) || !strings.Contains(err.Error(), "access_customer_fkey")) {
				t.Errorf("the row's account need not be there, but its customer: %v", err)
			}
			must(t, db.Close())
			whole(t, url)
		})
	}
}

// Wherever the move was ended in the middle, the next start has everything, once.
func TestMoveIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	for name, ended := range map[string]func(t *testing.T, file, rows string, before []byte){
		"while the rows were copied": func(t *testing.T, file, rows string, before []byte) {
			must(t, errors.Join(os.WriteFile(file, before, 0o600), os.Rename(rows, rows+".moving"), os.Truncate(rows+".moving", 20000)))
			must(t, os.WriteFile(rows+".moving-journal", []byte("torn"), 0o600))
		},
		"before the old rows were deleted": func(t *testing.T, file, rows string, before []byte) {
			must(t, os.WriteFile(file, before, 0o600))
			setState(t, rows, "1", `UPDATE erp_counters SET value = 7`) // older than what it was copied from
		},
		"after the old rows were deleted": func(t *testing.T, _, rows string, _ []byte) { setState(t, rows, "1", `SELECT 1`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := older(t, sqldb.SQLite)
			file := url[len("sqlite:"):]
			before, err := os.ReadFile(file)
			must(t, err)
			must(t, whole(t, url).Close())
			ended(t, file, data.ERPFile(file), before)
			db := whole(t, url)
			var state int
			if err := db.ERP.Reader().QueryRowContext(t.Context(), `PRAGMA user_version`).Scan(&state); err != nil || state != 0 {
				t.Errorf("the file's state is %d, %v", state, err)
			}
		})
	}
}

func setState(t *testing.T, file, state, statement string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+file, sqldb.Options{})
	must(t, err)
	_, err = db.Writer().ExecContext(t.Context(), `PRAGMA user_version = `+state)
	must(t, err)
	_, err = db.Writer().ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
}

// Rows are never moved, made or paired where that could lose some.
func TestFilesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, file, rows string, before []byte)
		want   string
	}{
		"an old backup beside newer rows": {func(t *testing.T, file, _ string, before []byte) { must(t, os.WriteFile(file, before, 0o600)) },
			"both files have rows of the ERP"},
		"the rows are missing": {func(t *testing.T, _, rows string, _ []byte) { must(t, os.Remove(rows)) }, "-erp.db is missing"},
		"another instance's":   {func(t *testing.T, file, _ string, _ []byte) { must(t, os.Remove(file)) }, "belongs to another instance"},
		"an older program's is in use": {func(t *testing.T, file, rows string, before []byte) {
			must(t, errors.Join(os.Remove(rows), os.WriteFile(file, before, 0o600)))
			user, err := sql.Open("sqlite", file)
			must(t, err)
			t.Cleanup(func() { user.Close() })
			rowsRead, err := user.QueryContext(t.Context(), `SELECT id FROM users`)
			must(t, err)
			t.Cleanup(func() { rowsRead.Close() })
			if !rowsRead.Next() {
				t.Fatal("nobody")
			}
		}, "is in use by another program: stop it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := older(t, sqldb.SQLite)
			file := url[len("sqlite:"):]
			before, err := os.ReadFile(file)
			must(t, err)
			must(t, whole(t, url).Close())
			test.change(t, file, data.ERPFile(file), before)
			listed := list(t, filepath.Dir(file))
			db, err := data.Open(t.Context(), url, sqldb.Options{})
			if err == nil {
				db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || tandem.ErrorCode(err) == tandem.CodeInternal {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
			if now := list(t, filepath.Dir(file)); test.want != "belongs to another instance" && now != listed {
				t.Errorf("files were %s, are %s", listed, now)
			}
		})
	}
}

// list are the files of a folder, without those of open databases.
func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".db") || strings.Contains(e.Name(), "moving") {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// The ERP's copy of the accounts follows what is made, changed and gone, from
// several replicas at once, and begins afresh with the accounts of a backup.
func TestAccountsAreFollowed(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, users := t.Context(), data.NewUsers(db)
		anna, paul := account("anna"), account("paul")
		anna.Email, paul.Type = "a@b.example", tandem.ExternalCommunityUser
		must(t, errors.Join(users.Create(ctx, anna), users.Create(ctx, paul)))
		shows := func(want string) {
			t.Helper()
			datatest.Together(t, 4, func(int) error { return data.NewERP(db, erpModel).FollowUsers(ctx, users) })
			got, err := sqldb.List[string](db.Reader().QueryContext(ctx,
				`SELECT login || ' ' || COALESCE(email, '-') || ' ' || user_type || ' ' || name_text FROM erp_users WHERE active ORDER BY login`))
			if err != nil || strings.Join(got, "; ") != want {
				t.Errorf("the ERP has %q, want %q; %v", got, want, err)
			}
		}
		shows("anna a@b.example 0 анна o'neil \U0001F600; paul - 1 анна o'neil \U0001F600")
		_, err := users.Update(ctx, anna.ID, func(a signin.Account) (signin.Account, error) { a.Name = "Ann"; return a, nil })
		must(t, err)
		_, err = users.Update(ctx, paul.ID, func(a signin.Account) (signin.Account, error) { a.Enabled = false; return a, nil })
		must(t, err)
		shows("anna a@b.example 0 ann")
		for _, statement := range []string{`DELETE FROM users WHERE login = 'anna'`,
			`UPDATE user_changes SET change = 5 WHERE change = 3`, `UPDATE change_counters SET last = 5`} {
			_, err := db.Writer().ExecContext(ctx, statement)
			must(t, err)
		}
		shows("")
		for _, statement := range []string{`UPDATE user_changes SET change = change - 3`, `UPDATE users SET is_enabled = true`,
			`UPDATE change_counters SET last = 2`} {
			_, err := db.Writer().ExecContext(ctx, statement)
			must(t, err)
		}
		shows("paul - 1 анна o'neil \U0001F600")
	})
}
