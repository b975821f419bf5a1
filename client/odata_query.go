package client

import (
	"encoding/json"
	"strings"
	"time"
)

// Query is the options of a read, each in the API's own grammar. Text that a
// person typed goes into Filter through [Quote] only; Search takes it as it is.
type Query struct {
	// Select lists attributes ("default,ObjectVersion"); empty means the
	// defaults.
	Select string
	// Expand reads along references ("Customer($select=Number)").
	Expand  string
	Filter  string
	OrderBy string
	Search  string
	// Top is the size of a page; zero leaves it to the service.
	Top, Skip int
	// Count asks for the total.
	Count bool
	// SkipNulls leaves out attributes without a value.
	SkipNulls bool
}

// Quote is a string literal for a filter.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ref is the id of an entity, "Set(guid)". In a filter it must be quoted:
// "Customer eq " + Quote(Ref("Crm_Sales_Customers", id)).
func Ref(set, guid string) string { return set + "(" + guid + ")" }

// Time is a literal of a point in time for a filter, to the millisecond.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Date is a literal of a day for a filter, the day that t has in its location.
func Date(t time.Time) string { return t.Format(time.DateOnly) }

// And joins conditions of a filter; empty ones are left out.
func And(conditions ...string) string {
	return ""
}

// Amount is a sum of money, exact.
type Amount struct {
	Value    json.Number
	Currency string
}

// Quantity is a number of units, exact.
type Quantity struct {
	Value json.Number
	Unit  string
}

// Text is a text in several languages, by two-letter language.
type Text map[string]string

// In is the text in the language, whatever the case of its code; else in
// English, else in the first language there is.
func (t Text) In(language string) string { return "" }

// Import transactions.
const (
	ImportPerObject  = "per-object"
	ImportAllObjects = "all-objects"
)

// ImportRequest is the body of Import.
type ImportRequest struct {
	// Transaction is [ImportPerObject], the service's default, or
	// [ImportAllObjects].
	Transaction string `json:"transaction,omitempty"`
	// Model is frontend, the service's default, or common.
	Model string `json:"model,omitempty"`
	// LoggingLevel is 0, 1 or 2; nil leaves it to the service.
	LoggingLevel *int `json:"loggingLevel,omitempty"`
	// Objects each have "@odata.type" and, where wanted, "@erpnet.action" and
	// "@erpnet.findBy".
	Objects []any `json:"objects"`
}

// ImportResult is the answer of Import.
type ImportResult struct {
	// Result is success, or fail when any object failed.
	Result string `json:"@erpnet.result"`
	// Objects has one result for each object of the request, in its order.
	Objects []ImportedObject `json:"objects"`
	// DataExchange is the id of the log, if one was written.
	DataExchange string `json:"data-exchange"`
}

// OK reports whether every object was taken.
func (r *ImportResult) OK() bool { return r.Result == "success" }

// ImportedObject is what became of one object.
type ImportedObject struct {
	Result string `json:"@erpnet.result"`
	// ID is the entity's ("Set(guid)"); empty on failure.
	ID      string `json:"@odata.id"`
	Message string `json:"@erpnet.message"`
	// State is Added, Modified, Deleted or Unchanged.
	State string `json:"@erpnet.state"`
	// Error says why the object failed.
	Error *APIError `json:"@erpnet.error"`
}

// OK reports whether the object was taken.
func (o *ImportedObject) OK() bool { return o.Result == "success" }
