package data_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

func TestNewerDatabaseIsRefusedUntouched(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		_, err := db.Writer().ExecContext(ctx, `INSERT INTO tandem_schema (version_id, is_applied) VALUES (99999, $1)`, true)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Migrate(ctx, data.Migrations, data.MigrationTable)
		if err == nil || !strings.Contains(err.Error(), "newer tandem") {
			t.Fatalf("a newer database was accepted: %v", err)
		}
	})
}
