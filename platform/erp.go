package platform

import (
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
)

// erpStore is the store of the ERP's rows.
func (a *Administration) erpStore(model *erp.Model) *data.ERP {
	store := data.NewERP(a.DB, model)
	store.Now = a.config.Clock.Now
	return store
}
