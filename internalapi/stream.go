package internalapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// Import starts an import of the files in a multipart/form-data body, all at
// once, each in a part with a file name; parts without one are skipped. The
// body of a browser's form can be handed on as it comes: it is streamed.
// At most [MaxUpload] bytes and [MaxUploadFiles] files are taken.
func (c *Client) Import(ctx context.Context, idToken, contentType string, body io.Reader) (Job, error) {
	var job Job
	res, err := c.send(ctx, uploadPatience, idToken, http.MethodPost, PathImports, nil, contentType, body)
	if err != nil {
		return job, err
	}
	defer res.Body.Close()
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&job)
	return job, err
}

// Download is a file on its way. The caller closes Body.
type Download struct {
	Name      string
	MediaType string
	// Size is -1 when it is not known.
	Size int64
	Body io.ReadCloser
}

// JobFile opens the file that a job made. The worker may be silent for half a minute: it
// looks first whether the person may still see what is in it.
func (c *Client) JobFile(ctx context.Context, idToken, id string) (*Download, error) {
	return c.download(ctx, filePatience, idToken, under(PathJob, id, TailFile), nil, "export")
}

// download opens a file, which has the name where the worker says none.
func (c *Client) download(ctx context.Context, silent time.Duration, idToken, path string, query url.Values, name string) (*Download, error) {
	res, err := c.send(ctx, cmp.Or(c.Patience, silent), idToken, http.MethodGet, path, query, "", nil)
	if err != nil {
		return nil, err
	}
	d := &Download{Name: name, MediaType: res.Header.Get("Content-Type"), Size: res.ContentLength, Body: res.Body}
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		d.Name = params["filename"]
	}
	return d, nil
}

// ErrStopEvents is returned by a callback of [Client.JobEvents] that has seen
// enough.
var ErrStopEvents = errors.New("stop events")

// JobEvents calls each with the job as it stands and again at every change,
// in the caller's goroutine, until the job has ended, ctx ends, or each
// returns an error; it is nil when the job has ended or each returned
// [ErrStopEvents]. The worker ends a stream when the evidence expires
// ([io.ErrUnexpectedEOF]): call again with a fresh ID token.
func (c *Client) JobEvents(ctx context.Context, idToken, id string, each func(Job) error) error {
	res, err := c.send(ctx, eventPatience, idToken, http.MethodGet, under(PathJob, id, TailEvents), nil, "", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue // id, event, retry, comments and the empty line
		}
		var job Job
		if err := json.Unmarshal(data, &job); err != nil {
			return unavailable(fmt.Errorf("unreadable event: %w", err))
		}
		if err := each(job); err != nil {
			if errors.Is(err, ErrStopEvents) {
				return nil
			}
			return err
		}
		if job.State.Final() {
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := lines.Err(); err != nil {
		return unavailable(err)
	}
	return io.ErrUnexpectedEOF
}
