package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// jsonType is the content type of the documented API's responses.
const jsonType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// flushAt is how many bytes a response collects before it is sent; a response
// that stays below goes out in one piece, with its length.
const flushAt = 64 << 10

// response is a 2xx body in the making. Nothing is sent before flushAt bytes are
// there, so an error until then is a clean error response.
type response struct {
	w      http.ResponseWriter
	r      *http.Request
	status int
	buf    []byte
	pooled *[]byte
	sent   bool
}

var responseBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, flushAt+flushAt/4)
	return &b
}}

func newResponse(w http.ResponseWriter, r *http.Request, status int) *response {
	pooled := responseBuffers.Get().(*[]byte)
	return &response{w: w, r: r, status: status, buf: (*pooled)[:0], pooled: pooled}
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
	out.header()
	_, err := out.w.Write(out.buf)
	out.buf = out.buf[:0]
	return err
}

func (out *response) header() {
	if out.sent {
		return
	}
	out.sent = true
	if h := out.w.Header(); h.Get("Content-Type") == "" {
		h.Set("Content-Type", jsonType)
	}
	out.w.WriteHeader(out.status)
}

// done sends the rest.
func (out *response) done() error {
	if !out.sent {
		out.w.Header().Set("Content-Length", strconv.Itoa(len(out.buf)))
	}
	out.header()
	_, _ = out.w.Write(out.buf) // the caller may have gone
	out.release()
	return nil
}

// fail gives up. Where a part was already sent the connection is broken off,
// so that nobody takes the part for the whole.
func (out *response) fail(err error, log func(error)) error {
	sent := out.sent
	out.release()
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
	out.buf, out.pooled = nil, nil
}

// document answers 200 with a value as JSON, without the escapes that only HTML
// needs.
func document(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return plain(w, jsonType, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// plain answers with a text of another type than JSON.
func plain(w http.ResponseWriter, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller may have gone
	return nil
}

// preference is the value of a preference of the Prefer header (RFC 7240).
func preference(r *http.Request, name string) string {
	for _, line := range r.Header.Values("Prefer") {
		for part := range strings.SplitSeq(line, ",") {
			part, _, _ = strings.Cut(part, ";")
			key, value, _ := strings.Cut(part, "=")
			if strings.EqualFold(strings.TrimSpace(key), name) {
				return strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return ""
}
