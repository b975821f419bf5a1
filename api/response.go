package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/query"
)

const (
	// flushAt is how many bytes a response collects before it is sent; a response
	// that stays below goes out in one piece, with its length.
	flushAt = 64 << 10
	// compressAt is from how many bytes a response is compressed, where the
	// caller takes gzip.
	compressAt = 16 << 10
)

// response is a 2xx body in the making. Nothing is sent before flushAt bytes are
// there, so an error until then is a clean error response.
type response struct {
	w           http.ResponseWriter
	r           *http.Request
	status      int
	contentType string
	buf         []byte
	pooled      *[]byte
	sent        bool
	packer      *gzip.Writer // nil unless the body is compressed
}

var responseBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, flushAt+flushAt/4)
	return &b
}}

// packers compress for speed: most callers are near.
var packers = sync.Pool{New: func() any {
	p, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	return p
}}

func newResponse(w http.ResponseWriter, r *http.Request, status int) *response {
	pooled := responseBuffers.Get().(*[]byte)
	return &response{w: w, r: r, status: status, contentType: jsonType(query.Form{}), buf: (*pooled)[:0], pooled: pooled}
}

// in makes the response one of a form.
func (out *response) in(f query.Form) *response {
	out.contentType = jsonType(f)
	return out
}

// str appends text as it is.
func (out *response) str(s string) { out.buf = append(out.buf, s...) }

// url appends a URL of ours as a JSON string. Neither the configured root nor
// what [escapeQuery] leaves holds a character that JSON escapes.
func (out *response) url(parts ...string) {
	out.buf = append(out.buf, '"')
	for _, p := range parts {
		out.buf = append(out.buf, p...)
	}
	out.buf = append(out.buf, '"')
}

// int appends a number.
func (out *response) int(n int64) { out.buf = strconv.AppendInt(out.buf, n, 10) }

// spill sends what is there when it is much, unless the time of the response is
// over.
func (out *response) spill(ctx context.Context) error {
	if len(out.buf) < flushAt {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := out.still(ctx); err != nil {
		return err
	}
	out.header()
	_, err := out.body().Write(out.buf)
	out.buf = out.buf[:0]
	return err
}

// still is [Call.Still] for what is read. What was written is told in any case.
func (out *response) still(ctx context.Context) error {
	if ScopeFor(out.r.Method) != tandem.ScopeRead {
		return nil
	}
	return CallOf(out.r.Context()).Still(ctx)
}

// header sends the header, once; the size of what is there decides whether the
// body is compressed.
func (out *response) header() {
	if out.sent {
		return
	}
	out.sent = true
	h := out.w.Header()
	h.Set("Content-Type", out.contentType)
	if len(out.buf) >= compressAt {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(out.r.Header) {
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			out.packer = packers.Get().(*gzip.Writer)
			out.packer.Reset(out.w)
		}
	}
	out.w.WriteHeader(out.status)
}

func (out *response) body() io.Writer {
	if out.packer != nil {
		return out.packer
	}
	return out.w
}

// done sends the rest.
func (out *response) done() error {
	if err := out.still(out.r.Context()); err != nil {
		return out.fail(err, func(error) {})
	}
	if !out.sent {
		out.w.Header().Set("Content-Length", strconv.Itoa(len(out.buf)))
	}
	out.header()
	_, _ = out.body().Write(out.buf) // the caller may have gone
	if out.packer != nil {
		_ = out.packer.Close() // the same
	}
	out.release()
	return nil
}

// fail gives up. Where a part was already sent the connection is broken off,
// so that nobody takes the part for the whole; an answer in a batch is taken back instead,
// for the others of the batch go out on the same connection.
func (out *response) fail(err error, log func(error)) error {
	sent := out.sent
	out.release()
	if a, ok := out.w.(*batchAnswer); ok && sent {
		a.takeBack()
		return err
	}
	if !sent {
		return err
	}
	if out.r.Context().Err() == nil {
		log(err)
	}
	panic(http.ErrAbortHandler)
}

func (out *response) release() {
	if cap(out.buf) <= 4*flushAt {
		*out.pooled = out.buf[:0]
		responseBuffers.Put(out.pooled)
	}
	if out.packer != nil {
		out.packer.Reset(nil)
		packers.Put(out.packer)
	}
	out.buf, out.pooled, out.packer = nil, nil, nil
}

// document answers 200 with a value as JSON, without the escapes that only HTML
// needs.
func document(w http.ResponseWriter, r *http.Request, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return plain(w, r, jsonType(query.Form{}), bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// plain answers 200 with a body of a type.
func plain(w http.ResponseWriter, r *http.Request, contentType string, body []byte) error {
	out := newResponse(w, r, http.StatusOK)
	out.contentType = contentType
	out.buf = append(out.buf, body...)
	return out.done()
}
