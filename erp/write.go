package erp

import (
	"context"

	"github.com/hybridapps/tandem"
)

// Actor is who writes.
type Actor struct {
	// ID is the account's GUID, Login its login: the System User's for service
	// tokens. Login becomes CreationUser and the like.
	ID, Login string
}

// ActorOf is the actor of a verified principal.
func ActorOf(p *tandem.Principal) Actor { return Actor{ID: p.ActorID(), Login: p.Actor()} }

// Entity names one row: what @odata.id says.
type Entity struct {
	Set *Set
	ID  string
}

// String is the @odata.id: Set(guid).
func (e Entity) String() string { return e.Set.Name + "(" + e.ID + ")" }

// State is what a write did to an object.
type State string

// The states, by the names of Import's @erpnet.state.
const (
	Added     State = "Added"
	Modified  State = "Modified"
	Deleted   State = "Deleted"
	Unchanged State = "Unchanged"
)

// Outcome is the result of one write. Entity is zero when the action found
// nothing (findOrNull).
type Outcome struct {
	Entity Entity
	State  State
}

// Store is how the API writes: each call is one transaction, with every rule
// of the model. Errors that a caller caused are [tandem.Error]: 400 unknown
// property or wrong type, 404 row not found, 409 duplicate, referenced row or
// version conflict, 422 rule broken. All name the set, the property and how to
// mend it. The store of package data implements it.
type Store interface {
	Reader
	// Write applies one object to the set as its @erpnet.action says, or
	// "create" without one: POST. Child arrays are inserted with it.
	Write(ctx context.Context, by Actor, set *Set, o *Object) (Outcome, error)
	// CreateChild is Write for POST Set(id)/Child.
	CreateChild(ctx context.Context, by Actor, owner Entity, child *Child, o *Object) (Outcome, error)
	// Update changes the properties given: PATCH. A child array adds lines. An
	// ObjectVersion member must be the current one.
	Update(ctx context.Context, by Actor, e Entity, o *Object) (Outcome, error)
	// Delete removes the row and its children. version is the ObjectVersion it
	// must have; 0 means any.
	Delete(ctx context.Context, by Actor, e Entity, version int64) error
	// Import applies many objects; see [ImportRequest]. The error is only for
	// faults and for a request that is wrong as a whole.
	Import(ctx context.Context, by Actor, req *ImportRequest) (*ImportResult, error)
	// Do runs an action of the row: see [Actions].
	Do(ctx context.Context, by Actor, e Entity, action string, args *Object) error
}

// Actions are the bound actions of a set that Store.Do runs.
func (s *Set) Actions() []string {
	if s.Document {
		return []string{"ChangeState", "Complete", "MakeVoid"}
	}
	return nil
}

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
	// LoggingLevel 0 writes no log, 1 a DataExchange, 2 (default) also a
	// DataExchangeObject for each object.
	LoggingLevel int
	// Objects each have @odata.type, and may have @erpnet.action (default
	// create) and @erpnet.findBy.
	Objects []*Object
}

// ParseImport reads the body of the Import action.
func ParseImport(body *Object) (*ImportRequest, error) {
	req := &ImportRequest{Transaction: PerObject, Model: "frontend", LoggingLevel: 2}
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
			return nil, invalid("Import has no parameter %q; it takes transaction, model, loggingLevel and objects.", clip(m.Name))
		}
		if !ok {
			return nil, invalid("Import: %s is not right; transaction is per-object or all-objects, model frontend or common, loggingLevel 0, 1 or 2, objects an array.", m.Name)
		}
	}
	return req, nil
}

// ImportResult is the answer of Import.
type ImportResult struct {
	// Success is set when every object succeeded.
	Success bool
	// Objects are in the order of the request.
	Objects []ImportedObject
	// DataExchange is the log's row; zero at logging level 0.
	DataExchange Entity
}

// ImportedObject is the result of one object. On failure Entity is zero and
// Err set. With [AllObjects] and a failure, nothing was written, whatever the
// State says.
type ImportedObject struct {
	Entity Entity
	State  State
	Err    error
}

// Tx is the transaction that a [Writer] works in, bound to the context of its
// call. Package data implements it with the SQL of both engines.
type Tx interface {
	// Find yields the rows of a query that needs no fields, in its order.
	Find(q *Query) ([]Entity, error)
	// Load reads a whole row, ErrNotFound when there is none. Rows of an
	// abstract set come as their concrete one. lock keeps others from
	// changing the row until the transaction ends.
	Load(s *Set, id string, lock bool) (*Record, error)
	// Insert adds rows, those of one set that follow each other at once; Save
	// writes the columns of a loaded row that changed. Both make Record.Saved
	// equal to Values.
	Insert(rows ...*Record) error
	Save(r *Record) error
	// Remove deletes a row and the rows of its child collections.
	Remove(s *Set, id string) error
	// NextNumbers takes the next n numbers of a counter, from 1, and returns the
	// first of them; concurrent takers wait for each other's commit.
	NextNumbers(counter string, n int) (first int64, err error)
	// Aggregate is the sum or maximum of a column over the children of owner;
	// 0 when there are none.
	Aggregate(f Aggregate, child *Child, owner string, p *Property) (int64, error)
	// Try runs f so that its failure undoes what f did and nothing else.
	Try(f func() error) error
}

// Aggregate is what [Tx.Aggregate] computes.
type Aggregate uint8

// The aggregates.
const (
	Sum Aggregate = iota + 1
	Max
)
