package client

import (
	"context"
	"errors"
	"iter"
)

// OData is a client of an OData service (the Domain API) for one half: an
// OData[UserToken] calls as a person, an OData[ServiceToken] as the
// application. Neither can be used where the other is wanted.
type OData[T APIToken] struct{}

// UserOData is the OData client of a signed-in person. root finds the service's
// root, for example [Provider.ODataRoot] or [Root].
func UserOData(root func(context.Context) (string, error), s *UserSession) *OData[UserToken] {
	return &OData[UserToken]{}
}

// ServiceOData is the OData client of the application itself.
func ServiceOData(root func(context.Context) (string, error), s *ServiceTokens) *OData[ServiceToken] {
	return &OData[ServiceToken]{}
}

// Root is a root that is known beforehand.
func Root(url string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return url, nil }
}

// Do makes a call under the root: path is relative, its query encoded. body is
// sent as JSON unless nil; the answer's JSON is read into into unless nil, with
// numbers exact where into has json.Number. An answer that is no success is an
// [APIError].
func (o *OData[T]) Do(ctx context.Context, method, path string, body, into any) error {
	return errors.ErrUnsupported
}

// Count is how many entities of the set pass the filter and search of q.
func (o *OData[T]) Count(ctx context.Context, set string, q Query) (int64, error) {
	return 0, errors.ErrUnsupported
}

// Import writes many objects in one call. That some were refused is no error:
// it is in the result, object by object.
func (o *OData[T]) Import(ctx context.Context, req ImportRequest) (ImportResult, error) {
	return ImportResult{}, errors.ErrUnsupported
}

// Action calls a bound action of the entity with the id ("Set(guid)"), or an
// unbound one when id is empty.
func (o *OData[T]) Action(ctx context.Context, id, name string, args, into any) error {
	return errors.ErrUnsupported
}

// Page is one page of a list.
type Page[E any] struct {
	Value []E `json:"value"`
	// Count is the total, where the query asked for it.
	Count *int64 `json:"@odata.count"`
	// NextLink leads to the next page with [NextPage]; empty on the last one.
	// It is opaque.
	NextLink string `json:"@odata.nextLink"`
}

// Get reads the entity with the id ("Set(guid)", see [Ref]).
func Get[E any, T APIToken](ctx context.Context, o *OData[T], id string, q Query) (E, error) {
	var e E
	return e, errors.ErrUnsupported
}

// List reads all entities of a set that pass the query, page after page: Top is
// the size of a page here. It ends after the first error.
func List[E any, T APIToken](ctx context.Context, o *OData[T], set string, q Query) iter.Seq2[E, error] {
	return func(func(E, error) bool) {}
}

// FirstPage reads one page of a set.
func FirstPage[E any, T APIToken](ctx context.Context, o *OData[T], set string, q Query) (Page[E], error) {
	return Page[E]{}, errors.ErrUnsupported
}

// NextPage reads the page that a NextLink leads to. A link that leads out of
// the service is refused.
func NextPage[E any, T APIToken](ctx context.Context, o *OData[T], nextLink string) (Page[E], error) {
	return Page[E]{}, errors.ErrUnsupported
}

// Create adds an entity to a set and returns it as it was stored.
func Create[E any, T APIToken](ctx context.Context, o *OData[T], set string, entity any) (E, error) {
	var e E
	return e, errors.ErrUnsupported
}

// Update changes the given attributes of the entity with the id ("Set(guid)").
// With the attribute ObjectVersion it fails if someone else changed it since.
func Update[T APIToken](ctx context.Context, o *OData[T], id string, changes any) error {
	return errors.ErrUnsupported
}

// Delete removes the entity with the id ("Set(guid)").
func Delete[T APIToken](ctx context.Context, o *OData[T], id string) error {
	return errors.ErrUnsupported
}
