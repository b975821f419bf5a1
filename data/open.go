package data

import (
	"context"
	"embed"

	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the instance's schema timeline, and MigrationTable the table
// that keeps the version.
var Migrations = sqldb.Migrations(migrationFiles)

// MigrationTable keeps the schema version of the instance's database.
const MigrationTable = "tandem_schema"

// Open opens the instance's database and brings its schema up to date. A
// database of a newer version is refused untouched.
func Open(ctx context.Context, url string, opts sqldb.Options) (*sqldb.DB, error) {
	db, err := sqldb.Open(ctx, url, opts)
	if err != nil {
		return nil, err
	}
	err = db.Lock(ctx, MigrationTable, func() error { return db.Migrate(ctx, Migrations, MigrationTable) })
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
