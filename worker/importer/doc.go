// Package importer sends uploaded CSV files to the ERP: the upsert of a file by a
// mapping, row by row, and the report of what was wrong with a row.
//
// It owns the job that imports, what is kept of an upload, and how far an import
// has come. The files are read by package csvfile; what becomes of a row is said
// by package mapping. It does not own the queue of jobs, nor the report once it
// is written; see package jobs.
package importer

import (
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// Importer imports by one mapping.
type Importer struct {
	ERP     *client.OData[client.ServiceToken]
	Mapping *mapping.Mapping
	// Keep is how long a file of refused rows can be downloaded.
	Keep  time.Duration
	Clock tandem.Clock
}

// Plan is what the mapping knows.
func (m *Importer) Plan() internalapi.ImportPlan {
	plan := internalapi.ImportPlan{Name: m.Mapping.Name, Files: []internalapi.ImportFile{}}
	for _, name := range m.Mapping.Files() {
		file := internalapi.ImportFile{Name: name, Separator: string(m.Mapping.Separator)}
		for _, step := range m.Mapping.Steps {
			used, _ := step.FileColumns(name)
			file.Columns = append(file.Columns, used...)
		}
		plan.Files = append(plan.Files, file)
	}
	return plan
}
