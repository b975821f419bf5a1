package client

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
)

// Content is the content of a file as it comes.
type Content struct {
	// Name is what to save it under, as the API says; empty where it says nothing.
	Name string
	// MediaType is what kind of content the API takes it for; empty for none.
	MediaType string
	// Size is in bytes; -1 where it is not known ahead.
	Size int64
	// Body ends with an error where the line broke: what was read is then no whole file.
	// Whoever has it closes it.
	Body io.ReadCloser
}

// Content reads a stream attribute of an entity (Edm.Stream, such as EmbeddedFileContents
// of Systems_Core_ObjectFiles). It takes as long as the caller reads: ctx bounds it, and
// each wait for a silent server is bounded as [Patient] says. An answer that is no success
// is an [APIError]; 404 also stands for a file that has no content yet.
func (o *OData[T]) Content(ctx context.Context, id, attribute string) (*Content, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	root, err := o.base(ctx)
	if err != nil {
		return nil, err
	}
	address, err := under(root, id+"/"+url.PathEscape(attribute)+"/$value")
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := o.calls.do(req, origin(root))
	if err != nil {
		var u *url.Error
		if ctx.Err() == nil && errors.As(err, &u) {
			return nil, fail(tandem.CodeUnavailable, u.Err, "the API does not answer at the moment; please try again shortly")
		}
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, readAPIError(res, o.calls.clock.Now())
	}
	c := &Content{Size: res.ContentLength, Body: res.Body}
	c.MediaType, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	if _, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil {
		c.Name = parameters["filename"]
	}
	return c, nil
}
