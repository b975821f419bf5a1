package data_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123000, time.UTC)

func account(login string) signin.Account {
	return signin.Account{User: tandem.User{
		ID: uuid.NewString(), Login: login, Name: "Анна O'Neil \U0001F600", Locale: "bg", Type: tandem.InternalUser,
		Enabled: true, CreatedAt: noon, ChangedAt: noon, Version: 1,
	}, PasswordHash: "$argon2id$…", PasswordChangedAt: noon}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// meanwhile runs f while a transaction with the statements is open, and commits it
// when f waits for it. On SQLite, where others wait for the writer, f comes first.
func meanwhile(t *testing.T, db *sqldb.DB, f func() error, statements ...string) {
	t.Helper()
	if db.Engine == sqldb.SQLite {
		must(t, f())
	}
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	must(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, statement := range statements {
		_, err := tx.ExecContext(t.Context(), statement)
		must(t, err)
	}
	if db.Engine == sqldb.SQLite {
		must(t, tx.Commit())
		return
	}
	done := make(chan error, 1)
	go func() { done <- f() }()
	testkit.Eventually(t, "it waits", func() bool { return waiting(t, db) > 0 })
	must(t, tx.Commit())
	must(t, <-done)
}

// waiting is how many connections to PostgreSQL wait for a lock.
func waiting(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	must(t, db.Reader().QueryRowContext(t.Context(),
		`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n))
	return n
}
