package client

import "net/http"

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
	// Commit false asks what would become of the objects and keeps nothing (a dry
	// run, Tandem's own); nil commits.
	Commit *bool `json:"commit,omitempty"`
	// LoggingLevel is 0, 1 or 2; nil leaves it to the service.
	LoggingLevel *int `json:"loggingLevel,omitempty"`
	// Objects each have "@odata.type" and, where wanted, "@erpnet.action" and
	// "@erpnet.findBy".
	Objects []any `json:"objects"`
}

// ImportResult is the response of Import.
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

// Fault is the fault of the server by which an Import ended before all objects were
// attempted, or that one of them met; nil where each was taken or refused. What was taken
// stays: objects that may be sent again are, all of them.
func (r *ImportResult) Fault() error {
	for i := range r.Objects {
		if e := r.Objects[i].Error; e != nil && (e.Type == "InternalError" || e.Type == "NotAttempted") {
			return &APIError{Status: http.StatusInternalServerError, Type: e.Type, Message: e.Message}
		}
	}
	return nil
}

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
