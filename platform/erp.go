package platform

import (
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp/write"
)

// erpStore is the store of the ERP's rows.
func (a *Administration) erpStore(model *write.Model) *data.ERP {
	store := data.NewERP(a.DB, model)
	store.Clock = a.config.Clock
	return store
}
