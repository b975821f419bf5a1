package platform

import (
	"context"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/sqldb"
)

// erpStore is the store of the ERP data.
func erpStore(*sqldb.DB, *erp.Model) erp.Store { return noERP{} }

// noERP answers for a store that is not there.
type noERP struct{ erp.Store }

func (noERP) Query(context.Context, *erp.Query, func(*erp.Row) error) error {
	return &tandem.Error{Code: tandem.CodeUnavailable, Message: "the ERP data is not available"}
}
