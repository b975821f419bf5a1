package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/hybridapps/tandem"
)

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
	if err := checkID(id); err != nil {
		return e, err
	}
	err := o.Do(ctx, http.MethodGet, id+q.suffix(), nil, &e)
	return e, err
}

// List reads all entities of a set that pass the query, page after page: Top is
// the size of a page here. It ends after the first error.
func List[E any, T APIToken](ctx context.Context, o *OData[T], set string, q Query) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		var none E
		page, err := FirstPage[E](ctx, o, set, q)
		for {
			if err != nil {
				yield(none, err)
				return
			}
			for _, e := range page.Value {
				if !yield(e, nil) {
					return
				}
			}
			link := page.NextLink
			if link == "" {
				return
			}
			if page, err = NextPage[E](ctx, o, link); err == nil && page.NextLink == link {
				err = tandem.Errorf(tandem.CodeUnavailable, "the API's next page of %s is the page itself", set)
			}
		}
	}
}

// FirstPage reads one page of a set.
func FirstPage[E any, T APIToken](ctx context.Context, o *OData[T], set string, q Query) (Page[E], error) {
	var page Page[E]
	err := o.Do(ctx, http.MethodGet, set+q.suffix(), nil, &page)
	return page, err
}

// NextPage reads the page that a NextLink leads to. A link that leads out of
// the service is refused.
func NextPage[E any, T APIToken](ctx context.Context, o *OData[T], nextLink string) (Page[E], error) {
	var page Page[E]
	err := o.Do(ctx, http.MethodGet, nextLink, nil, &page)
	return page, err
}

// Create adds an entity to a set and returns it as it was stored.
func Create[E any, T APIToken](ctx context.Context, o *OData[T], set string, entity any) (E, error) {
	var e E
	err := o.Do(ctx, http.MethodPost, set, entity, &e)
	return e, err
}

// Update changes the given attributes of the entity with the id ("Set(guid)").
// With the attribute ObjectVersion it fails if someone else changed it since.
func Update[T APIToken](ctx context.Context, o *OData[T], id string, changes any) error {
	if err := checkID(id); err != nil {
		return err
	}
	return o.Do(ctx, http.MethodPatch, id, changes, nil)
}

// Delete removes the entity with the id ("Set(guid)").
func Delete[T APIToken](ctx context.Context, o *OData[T], id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return o.Do(ctx, http.MethodDelete, id, nil, nil)
}
