package write

import (
	"context"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// Store is how the API writes: each call is one transaction, with every rule
// of the model. Errors that a caller caused are [tandem.Error]: 400 unknown
// property or wrong type, 404 row not found, 409 duplicate, referenced row or
// version conflict, 412 condition not met, 422 rule broken. All name the set, the property and how to
// mend it. The store of package data implements it.
type Store interface {
	query.Reader
	// Write applies one object to the set as its @erpnet.action says, or
	// "create" without one: POST. Child arrays are inserted with it.
	Write(ctx context.Context, by Actor, set *model.Set, o *Object) (Outcome, error)
	// CreateChild is Write for POST Set(id)/Child.
	CreateChild(ctx context.Context, by Actor, owner model.Entity, when Condition, child *model.Child,
		o *Object) (Outcome, error)
	// Update changes the properties given: PATCH. A child array adds lines. An
	// ObjectVersion member must be the current one.
	Update(ctx context.Context, by Actor, e model.Entity, when Condition, o *Object) (Outcome, error)
	// Delete removes the row and its children.
	Delete(ctx context.Context, by Actor, e model.Entity, when Condition) error
	// Import applies many objects; see [ImportRequest]. The error is only for
	// faults and for a request that is wrong as a whole: nothing was changed then.
	Import(ctx context.Context, by Actor, req *ImportRequest) (*ImportResult, error)
	// Together runs f, whose calls of Write, CreateChild, Update, Delete and Do with the
	// context that it gets are one transaction: where f fails nothing stays. f may be run
	// again, and changes nothing else. What is written is seen by no read before its end.
	Together(ctx context.Context, by Actor, f func(ctx context.Context) error) error
	// Call answers a function of the row: see [Declaration].Functions. It waits for no
	// write.
	Call(ctx context.Context, by Actor, e model.Entity, function string) (*Object, error)
	// Do runs an action of the row: see [Declaration].Actions.
	Do(ctx context.Context, by Actor, e model.Entity, when Condition, action string, args *Object) (Outcome, error)
}
