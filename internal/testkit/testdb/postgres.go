package testdb

import (
	"context"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

// admin is the server that tests may use, by the URL of its scratch database.
type admin string

// address is the URL of a database of the server.
type address struct{ url.URL }

func (u *address) query(name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

func server(t testing.TB) admin {
	t.Helper()
	given := os.Getenv(PostgresVariable)
	if given == "" {
		t.Skipf("PostgreSQL is not tested: set %s to the URL of a scratch database, or run make test", PostgresVariable)
	}
	return admin(given)
}

// with is the server's URL, changed.
func (a admin) with(change func(*address)) string {
	u, err := url.Parse(string(a))
	if err != nil {
		return string(a) // whoever connects says what is wrong with it
	}
	changed := &address{*u}
	change(changed)
	return changed.String()
}

// database is the URL of another database of the server.
func (a admin) database(name string) string {
	return a.with(func(u *address) { u.Path = "/" + name })
}

// must runs a statement on a connection of its own.
func (a admin) must(t testing.TB, statement string) {
	t.Helper()
	err := a.do(context.Background(), func(c *pgx.Conn) error {
		_, err := c.Exec(context.Background(), statement)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (a admin) do(ctx context.Context, f func(c *pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, string(a))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	return f(c)
}
