package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hybridapps/tandem/internalapi"
)

// Paths of the agent. What is in braces is an id or a name.
const (
	PathBatches    = "/prices/batches"
	PathFiles      = "/prices/files"
	PathMappings   = "/prices/mappings"
	PathTry        = "/prices/try"
	PathConnectors = "/prices/connectors"
	PathChanges    = "/prices/changes"
)

// Client is the pages' access to the agent. Errors are [tandem.Error] with the agent's
// code and words.
type Client struct{ *internalapi.Client }

func batchPath(id int64, tail string) string {
	return PathBatches + "/" + strconv.FormatInt(id, 10) + tail
}

func paged(skip, top int) url.Values {
	return url.Values{"skip": {strconv.Itoa(skip)}, "top": {strconv.Itoa(top)}}
}

// Batches lists the batches, the newest first.
func (c *Client) Batches(ctx context.Context, idToken string, skip, top int) (Page[Batch], error) {
	return internalapi.Ask[Page[Batch]](ctx, c.Client, idToken, http.MethodGet, PathBatches, paged(skip, top), nil)
}

// Batch is one batch with all about it.
func (c *Client) Batch(ctx context.Context, idToken string, id int64) (Batch, error) {
	return internalapi.Ask[Batch](ctx, c.Client, idToken, http.MethodGet, batchPath(id, ""), nil, nil)
}

// Rows are rows of a batch in a state, all where it is empty: in the order of the
// file, or the largest changes first.
func (c *Client) Rows(ctx context.Context, idToken string, id int64, state RowState, largest bool, skip, top int) (Page[Row], error) {
	q := paged(skip, top)
	if state != "" {
		q.Set("state", string(state))
	}
	if largest {
		q.Set("sort", "largest")
	}
	return internalapi.Ask[Page[Row]](ctx, c.Client, idToken, http.MethodGet, batchPath(id, "/rows"), q, nil)
}

// Groups are the product groups whose prices a batch has written.
func (c *Client) Groups(ctx context.Context, idToken string, id int64) ([]Group, error) {
	return internalapi.Ask[[]Group](ctx, c.Client, idToken, http.MethodGet, batchPath(id, "/groups"), nil, nil)
}

// Strike takes rows out of a batch that waits, or puts them back.
func (c *Client) Strike(ctx context.Context, idToken string, id int64, s Strike) (Batch, error) {
	return internalapi.Ask[Batch](ctx, c.Client, idToken, http.MethodPost, batchPath(id, "/strike"), nil, s)
}

// Decide approves or refuses a batch that waits.
func (c *Client) Decide(ctx context.Context, idToken string, id int64, d Decision) (Batch, error) {
	return internalapi.Ask[Batch](ctx, c.Client, idToken, http.MethodPost, batchPath(id, "/decide"), nil, d)
}

// Do is pause, resume, cancel or check: check looks at the file once more.
func (c *Client) Do(ctx context.Context, idToken string, id int64, what string) (Batch, error) {
	return internalapi.Ask[Batch](ctx, c.Client, idToken, http.MethodPost, batchPath(id, "/"+what), nil, struct{}{})
}

// RollBack makes the batch that takes back what another one wrote.
func (c *Client) RollBack(ctx context.Context, idToken string, id int64, r Rollback) (Batch, error) {
	return internalapi.Ask[Batch](ctx, c.Client, idToken, http.MethodPost, batchPath(id, "/rollback"), nil, r)
}

// Report is the report of a batch as csv, xlsx or pdf. The caller closes its body.
func (c *Client) Report(ctx context.Context, idToken string, id int64, format string) (*http.Response, error) {
	return c.Send(ctx, idToken, http.MethodGet, batchPath(id, "/report."+format), nil, "", nil)
}

// HandIn gives the agent a file, which somebody else has to approve.
func (c *Client) HandIn(ctx context.Context, idToken, name string, body io.Reader) error {
	res, err := c.Send(ctx, idToken, http.MethodPost, PathFiles, url.Values{"name": {name}}, "application/octet-stream", body)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Mappings are the newest versions of all mappings.
func (c *Client) Mappings(ctx context.Context, idToken string) ([]Mapping, error) {
	return internalapi.Ask[[]Mapping](ctx, c.Client, idToken, http.MethodGet, PathMappings, nil, nil)
}

// Mapping is a version of a mapping; 0 is the newest.
func (c *Client) Mapping(ctx context.Context, idToken, name string, version int64) (Mapping, error) {
	return internalapi.Ask[Mapping](ctx, c.Client, idToken, http.MethodGet, PathMappings+"/"+url.PathEscape(name),
		url.Values{"version": {fmt.Sprint(version)}}, nil)
}

// SaveMapping adds a version.
func (c *Client) SaveMapping(ctx context.Context, idToken, name, content string) (Mapping, error) {
	return internalapi.Ask[Mapping](ctx, c.Client, idToken, http.MethodPost, PathMappings+"/"+url.PathEscape(name), nil,
		Mapping{Content: content})
}

// Try shows what a mapping makes of a sample. Nothing is kept or written.
func (c *Client) Try(ctx context.Context, idToken string, t Trial) (Tried, error) {
	return internalapi.Ask[Tried](ctx, c.Client, idToken, http.MethodPost, PathTry, nil, t)
}

// Connectors are where files come from.
func (c *Client) Connectors(ctx context.Context, idToken string) ([]Connector, error) {
	return internalapi.Ask[[]Connector](ctx, c.Client, idToken, http.MethodGet, PathConnectors, nil, nil)
}

// SaveConnector adds a connector, or changes one; without a secret it keeps its own.
func (c *Client) SaveConnector(ctx context.Context, idToken string, one Connector) (Connector, error) {
	return internalapi.Ask[Connector](ctx, c.Client, idToken, http.MethodPost, PathConnectors+"/"+url.PathEscape(one.Name), nil, one)
}

// RemoveConnector removes a connector with its secret.
func (c *Client) RemoveConnector(ctx context.Context, idToken, name string) error {
	_, err := internalapi.Ask[struct{}](ctx, c.Client, idToken, http.MethodDelete, PathConnectors+"/"+url.PathEscape(name), nil, nil)
	return err
}

// Changes tells who changed mappings and connectors, the newest first.
func (c *Client) Changes(ctx context.Context, idToken string) ([]Event, error) {
	return internalapi.Ask[[]Event](ctx, c.Client, idToken, http.MethodGet, PathChanges, nil, nil)
}
