// Package portal is what external people see: the companies that they may act
// for, and the orders, invoices and shipments of those.
//
// It owns the rules for that, and decides by the verified evidence of who asks
// and the ERP's table of customer access. It calls the ERP with the service
// token, which may read every customer: what the rules do not give is not given
// (attack A8). It does not own the evidence; see package worker.
package portal

import (
	"log/slog"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// Portal answers external people. Its zero value lacks the ERP only.
type Portal struct {
	ERP   *client.OData[client.ServiceToken]
	Clock tandem.Clock
	// Zone says which day it is, for roles that see so many days back, and for agreements; nil
	// is UTC.
	Zone *time.Location
	// Dir is the folder in which photos are looked at before they are kept.
	Dir string
	// Log gets what people are not told of their photos; nil discards it.
	Log *slog.Logger

	access   accessCache
	statuses statuses
	// printed are the latest printouts; made with the first.
	prints  sync.Once
	printed *otter.Cache[printKey, printout]
}
