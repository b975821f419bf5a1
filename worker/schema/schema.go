// Package schema owns the tables of the worker's own database: one timeline of
// migrations for all its rooms. It knows no row; each room has its own
// statements.
package schema

import (
	"context"
	"embed"
	"fmt"

	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the timeline.
var Migrations = sqldb.Migrations(files)

// Table keeps the version of the worker's schema, and names the lock of those
// who change it or fill it for the first time.
const Table = "worker_schema"

// Migrate brings the worker's tables to their newest version.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	if err := db.Migrate(ctx, Migrations, Table); err != nil {
		return fmt.Errorf("the worker's database: %w", err)
	}
	return nil
}
