package erp

import "slices"

// NewModel makes the standard model. A mistake in a declaration panics: the
// declarations are constants of the program, and a test makes the model.
func NewModel() *WriteModel {
	state := documentState()
	m := NewWriteModel(slices.Concat(
		productSets(), currencySets(), partySets(), companySets(), customerSets(),
		salesSets(state), invoicingSets(state), inventorySets(), documentSets(), securitySets(), exchangeSets(),
	), renames)
	m.Log = newExchangeLog
	return m
}

// renames are the renamed sets of the standard model whose successors are
// here, chronologically.
var renames = []Rename{
	{"General_DocumentTypes", "Systems_Documents_DocumentTypes", "24.1.5.35"},
	{"General_MeasurementUnits", "General_Products_MeasurementUnits", "24.1.5.35"},
	{"General_Currencies", "General_Currencies_Currencies", "25.1.0.64"},
	{"Crm_Customers", "Crm_Sales_Customers", "25.1.2.28"},
}
