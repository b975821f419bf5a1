package write

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// Tx is the transaction that a [Writer] works in, bound to the context of its
// call. Package data implements it with the SQL of both engines.
type Tx interface {
	// Find yields the rows of a query that needs no fields, in its order.
	Find(q *query.Query) ([]model.Entity, error)
	// Load reads a whole row, ErrNotFound when there is none. Rows of an
	// abstract set come as their concrete one. lock keeps others from
	// changing the row until the transaction ends.
	Load(s *model.Set, id string, lock bool) (*model.Record, error)
	// Insert adds rows, those of one set that follow each other at once; Save
	// writes the columns of a loaded row that changed. Both make Record.Saved
	// equal to Values.
	Insert(rows ...*model.Record) error
	Save(r *model.Record) error
	// Remove deletes a row and the rows of its child collections.
	Remove(s *model.Set, id string) error
	// NextNumbers takes the next n numbers of a counter, from 1, and returns the
	// First of them; concurrent takers wait for each other's commit.
	NextNumbers(counter string, n int) (first int64, err error)
	// Aggregate is the sum or maximum of a column over the children of owner;
	// 0 when there are none.
	Aggregate(f Aggregate, child *model.Child, owner string, p *model.Property) (int64, error)
	// Try runs f so that its failure undoes what f did and nothing else.
	Try(f func() error) error
}

// Aggregate is what [Tx.Aggregate] computes.
type Aggregate uint8

// The aggregates.
const (
	Sum Aggregate = iota + 1
	Max
)
