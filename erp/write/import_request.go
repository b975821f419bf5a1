package write

import "github.com/hybridapps/tandem/erp/model"

// Import's transaction modes.
const (
	// PerObject commits each object as it is ready.
	PerObject = "per-object"
	// AllObjects commits once, and only when every object succeeded.
	AllObjects = "all-objects"
)

// MaxImportObjects is the most objects of one Import.
const MaxImportObjects = 10000

// ImportRequest is the body of the Import action.
type ImportRequest struct {
	// Transaction is [PerObject] (default) or [AllObjects].
	Transaction string
	// Model is "frontend" (default) or "common"; the rules here are the same.
	Model string
	// DryRun asks what would become of the objects, and keeps nothing: each is
	// written after those before it, with all rules, and all are undone at the end.
	// In the request it is "commit": false, as for ERP.net's transactions.
	DryRun bool
	// LoggingLevel 0 writes no log, 1 a DataExchange, 2 (default) also a
	// DataExchangeObject for each object. A dry run has no log.
	LoggingLevel int
	// KeepPayload keeps each object as it came in its DataExchangeObject: only for
	// who asks for level 2, since the log is then larger than what it tells of.
	KeepPayload bool
	// Objects each have @odata.type, and may have @erpnet.action (default
	// create) and @erpnet.findBy.
	Objects []*Object
}

// ParseImport reads the body of the Import action.
func ParseImport(body *Object) (*ImportRequest, error) {
	req := &ImportRequest{Transaction: PerObject, Model: "frontend", LoggingLevel: 2}
	logged := false
	for _, m := range body.Members {
		var ok bool
		switch m.Name {
		case "transaction":
			req.Transaction, _ = m.Value.(string)
			ok = req.Transaction == PerObject || req.Transaction == AllObjects
		case "model":
			req.Model, _ = m.Value.(string)
			ok = req.Model == "frontend" || req.Model == "common" || req.Model == "backend"
		case "loggingLevel":
			var n int64
			n, ok = wholeNumber(m.Value)
			req.LoggingLevel = int(n)
			ok = ok && n >= 0 && n <= 2
			req.KeepPayload, logged = n == 2, n > 0
		case "commit":
			var commit bool
			commit, ok = m.Value.(bool)
			req.DryRun = !commit
		case "objects":
			list, isList := m.Value.([]any)
			if ok = isList; len(list) > MaxImportObjects {
				return nil, invalid("Import: %d objects; at most %d fit in one request, send the rest in the next.", len(list), MaxImportObjects)
			}
			for i, v := range list {
				o, isObject := v.(*Object)
				if !isObject {
					return nil, invalid("Import: objects[%d] is not an object.", i)
				}
				req.Objects = append(req.Objects, o)
			}
		default:
			return nil, invalid("Import has no parameter %q; it takes transaction, model, commit, loggingLevel and objects.", model.Shown(m.Name))
		}
		if !ok {
			return nil, invalid("Import: %s is not right; transaction is per-object or all-objects, "+
				"model frontend or common, commit true or false, loggingLevel 0, 1 or 2, objects an array.", m.Name)
		}
	}
	if req.DryRun {
		if logged {
			return nil, invalid("Import: with commit false nothing is kept, a log neither; leave out loggingLevel, or send 0.")
		}
		req.LoggingLevel = 0
	}
	return req, nil
}

// ImportResult is the result of Import.
type ImportResult struct {
	// Success is set when every object succeeded.
	Success bool
	// Objects are in the order of the request.
	Objects []ImportedObject
	// DataExchange is the log's row; zero at logging level 0.
	DataExchange model.Entity
	// Unlogged is why the log does not tell all of it, although it was done; nil where it
	// does.
	Unlogged error
}

// ImportedObject is the result of one object. On failure Entity is zero and
// Err set, which may be a fault of ours. With [AllObjects] and a failure, nothing was written, whatever the
// State says. After a dry run what would be added has no Entity, because there is
// none.
type ImportedObject struct {
	Entity model.Entity
	State  State
	// Note is what to know of an object that was taken: rows of a collection that
	// it does not have any more.
	Note string
	Err  error
}
