package testdb

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// databases begins the names of all databases that tests make on a PostgreSQL
// server; the run's name and the database's own follow.
const databases = "tandem_test_"

// own is the run of this process.
var own struct {
	sync.Mutex
	name string
	// alive holds a lock for as long as the process lives: who wants to remove
	// the databases of the run sees that they are in use.
	alive *pgx.Conn
}

// ownRun is the name of the run of this process. When it is asked for the first
// time it also removes the templates of runs that have ended.
func ownRun(ctx context.Context, a admin) (name string, err error) {
	own.Lock()
	defer own.Unlock()
	if own.name != "" {
		return own.name, nil
	}
	name = strings.ToLower(rand.Text()[:12])
	if run := os.Getenv(RunVariable); run != "" {
		sum := sha256.Sum256([]byte(run))
		name = hex.EncodeToString(sum[:6])
	}
	c, err := pgx.Connect(ctx, string(a))
	if err != nil {
		return "", err
	}
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock_shared(hashtext($1))", databases+name); err != nil {
		c.Close(ctx)
		return "", err
	}
	own.name, own.alive = name, c
	return name, removeOthers(ctx, c)
}

// removeOthers removes the databases of runs that no process belongs to: what
// tests that were killed have left, and templates.
func removeOthers(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", databases)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, database := range all {
		run, _, _ := strings.Cut(strings.TrimPrefix(database, databases), "_")
		if run == own.name {
			continue
		}
		var ended bool
		err := c.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext($1))", databases+run).Scan(&ended)
		if err != nil {
			return err
		}
		if !ended {
			continue
		}
		// It fails where somebody else is just removing it, which is as good.
		_, _ = c.Exec(ctx, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)")
		if _, err := c.Exec(ctx, "SELECT pg_advisory_unlock(hashtext($1))", databases+run); err != nil {
			return err
		}
	}
	return nil
}
