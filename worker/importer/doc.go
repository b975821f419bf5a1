// Package importer sends uploaded CSV files to the ERP: the upsert of a file by a
// mapping, row by row, and the report of what was wrong with a row.
//
// It owns the job that imports, what is kept of an upload, and how far an import
// has come. The files are read by package csvfile; what becomes of a row is said
// by package mapping. It does not own the queue of jobs, nor the report once it
// is written; see package jobs.
package importer

import (
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// Importer imports by one mapping.
type Importer struct {
	ERP     *client.OData[client.ServiceToken]
	Mapping *mapping.Mapping
}
