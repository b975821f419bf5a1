package data

import (
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// SetGathered makes the bound of the rows that are expanded at once small.
func (e *ERP) SetGathered(n int) { e.atOnce = n }

// What replicas ask after changes.
var (
	AppsAfter    = appChanges.Select + appsAfter
	RevokedAfter = revokedTokens.Select + revokedAfter
)

// Text is the statement of a query.
func (e *ERP) Text(q *query.Query) (string, error) {
	p, err := e.plan(q, nil)
	if err != nil {
		return "", err
	}
	return p.text, nil
}

// Purges are all of the identity server's.
var Purges = []sqldb.Purge{
	oldFamilies, oldCodes, oldEndings, oldAssertions, oldFailures, oldAttempts, oldSessions, expiredSignIns, endedSignIns, oldEvents,
}

// MaxShapes bounds [ERP.Shapes], the shapes of queries that are kept.
const MaxShapes = maxShapes

// Shapes is how many are kept.
func (e *ERP) Shapes() int {
	e.shapes.mu.RLock()
	defer e.shapes.mu.RUnlock()
	return len(e.shapes.kept)
}
