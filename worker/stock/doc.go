// Package stock owns the stock that was pulled from the ERP: products, balances,
// how far the pull has come, the job that pulls, and the search in what it
// left, of which everybody sees what they could read in the ERP themselves.
//
// It does not own the queue of jobs; see package jobs.
package stock

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/recall"
	"github.com/hybridapps/tandem/sqldb"
)

// Stock is the worker's copy of the ERP's stock. [New] makes it.
type Stock struct {
	DB    *sqldb.DB
	ERP   *client.OData[client.ServiceToken]
	Clock tandem.Clock

	reaches recall.Memory[Reach]
}

// New makes the copy in a database migrated by package schema.
func New(db *sqldb.DB, erp *client.OData[client.ServiceToken], clock tandem.Clock) *Stock {
	return &Stock{DB: db, ERP: erp, Clock: clock, reaches: recall.Memory[Reach]{Present: reachFor, AtMost: reachAtMost}}
}
