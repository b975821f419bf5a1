package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hybridapps/tandem/client"
)

// sent is what became of one object.
type sent struct{ state, failure string }

// request sends objects in one Import. A request that the API refuses as a
// whole is halved until the object that is the reason stands alone.
func (i *attempt) request(ctx context.Context, items []item) ([]sent, error) {
	if len(items) == 0 {
		return nil, nil
	}
	objects := make([]any, len(items))
	for n := range items {
		objects[n] = json.RawMessage(items[n].object)
	}
	result, err := i.upsert(ctx, objects)
	if err == nil {
		err = result.Fault() // another try merges what was taken once more
	}
	var api *client.APIError
	switch {
	case err == nil:
	case errors.As(err, &api) && (api.Status == 400 || api.Status == 413 || api.Status == 422):
		if len(items) == 1 {
			return []sent{{failure: api.Message}}, nil
		}
		half := len(items) / 2
		first, err := i.request(ctx, items[:half])
		if err != nil {
			return nil, err
		}
		second, err := i.request(ctx, items[half:])
		return append(first, second...), err
	default:
		return nil, err
	}
	if len(result.Objects) != len(items) {
		return nil, fmt.Errorf("import: %d results for %d objects", len(result.Objects), len(items))
	}
	out := make([]sent, len(items))
	for n := range result.Objects {
		if o := &result.Objects[n]; o.OK() {
			out[n].state = o.State
		} else {
			out[n].failure = reasonOf(o)
		}
	}
	return out, nil
}

// upsert sends objects in one Import: each is found by its ExternalId and
// changed, or made. The API keeps a record of the request, and not of each
// object, which would double its writes.
func (i *attempt) upsert(ctx context.Context, objects []any) (client.ImportResult, error) {
	if i.dry != nil {
		return i.rehearse(ctx, objects)
	}
	logEachImport := 1
	return i.ERP.Import(ctx, client.ImportRequest{
		Transaction:  client.ImportPerObject,
		LoggingLevel: &logEachImport,
		Objects:      objects,
	})
}

func reasonOf(o *client.ImportedObject) string {
	if o.Error != nil && o.Error.Message != "" {
		return o.Error.Message
	}
	if o.Message != "" {
		return o.Message
	}
	return "refused without a reason"
}
