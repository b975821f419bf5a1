package erp

import (
	"slices"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// What filters and orders may do with a property, in the words of the standard
// model's documentation: [eq,in,ge,like,ord].
const (
	eq   = model.CanEq
	in   = model.CanIn
	ge   = model.CanRange
	like = model.CanLike
	ord  = model.CanOrder
)

// NewModel makes the standard model, with more sets where they are given. A
// mistake in a declaration panics: declarations are constants of the program,
// and a test makes the model.
func NewModel(more ...write.Declaration) *write.Model {
	state := documentState()
	m := write.NewModel(slices.Concat(
		productSets(), currencySets(), partySets(), companySets(), customerSets(),
		salesSets(state), invoicingSets(state), shipmentSets(state), serviceSets(state), inventorySets(), documentTypeSets(state), fileSets(), notificationSets(), userSets(), accessKeySets(), exchangeSets(), more,
	), renames)
	m.Log = newExchangeLog
	m.Common(&createNotification, notify)
	return m
}

// renames are the renamed sets of the standard model whose successors are
// here, chronologically.
var renames = []model.Rename{
	{OldName: "General_DocumentTypes", NewName: "Systems_Documents_DocumentTypes", Version: "24.1.5.35"},
	{OldName: "General_MeasurementUnits", NewName: "General_Products_MeasurementUnits", Version: "24.1.5.35"},
	{OldName: "General_Currencies", NewName: "General_Currencies_Currencies", Version: "25.1.0.64"},
	{OldName: "Crm_Customers", NewName: "Crm_Sales_Customers", Version: "25.1.2.28"},
}
