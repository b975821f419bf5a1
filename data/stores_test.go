package data_test

import (
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

func TestI7_OneNameHasOneOwner(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			datatest.OneNameHasOneOwner(t, datatest.OpenStores(t, engine))
		})
	}
}

func TestStores(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			datatest.Run(t, func(t testing.TB) *datatest.Stores { return datatest.OpenStores(t, engine) })
		})
	}
}

// Through a pooler in transaction mode, each statement may come to another
// connection of the server.
func TestStoresThroughAPooler(t *testing.T) {
	t.Parallel()
	datatest.ThroughAPooler(t)
}
