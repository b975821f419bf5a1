package jobs

import (
	"context"
	"embed"
	"fmt"

	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the timeline of the tables.
var Migrations = sqldb.Migrations(migrationFiles)

// SchemaTable keeps the version of the jobs' tables, beside those that the rest of
// the application has in the same database.
const SchemaTable = "jobs_schema"

// MigrateTables brings the jobs' tables to their newest version, as [New] does. An
// application keeps tables of its own in the same database by a timeline of its
// own; their names must differ from jobs, job_report, job_files, job_leases and schedules.
func MigrateTables(ctx context.Context, db *sqldb.DB) error {
	if err := db.Migrate(ctx, Migrations, SchemaTable); err != nil {
		return fmt.Errorf("the tables of the jobs: %w", err)
	}
	return nil
}
