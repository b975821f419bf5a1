package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/multiparts"
)

// BatchPart is one step of a [OData.Batch]: a changeset, or a read.
type BatchPart struct {
	// Changes are made in one transaction, in their order: all of them, or none.
	Changes []Change
	// Read is the path that is read, relative and encoded as for [OData.Do]; empty in a
	// changeset. The JSON goes into Into.
	Read string
	Into any
	// Err says why the part failed: an [APIError], or [ErrNotDone]. It is set by Batch.
	Err error
	// Failed is the index of the change by which the changeset failed.
	Failed int

	first int // the Content-ID of its first change
}

// ReadOf is a part that reads what [Get] reads by an id, or [FirstPage] of a set: into is a
// pointer to the entity, or to a [Page] of them.
func ReadOf(path string, q Query, into any) *BatchPart {
	return &BatchPart{Read: path + q.suffix(), Into: into}
}

// Change is one write of a changeset.
type Change struct {
	// Method is POST, PATCH or DELETE. Path is relative and encoded; $1 at its beginning
	// stands for the row that the first change of the whole batch has made, $2 for that of
	// the second, and so on.
	Method, Path string
	// Version is the ObjectVersion that the row must have; 0 takes any.
	Version int64
	// Body is sent as JSON unless nil.
	Body any
	// ID is the row that was made or changed, "Set(guid)", and Made the ObjectVersion that
	// the change gave its aggregate, where the service tells. Both are set by Batch.
	ID   string
	Made int64
}

// ErrNotDone is of parts that come after one that failed.
var ErrNotDone error = tandem.Errorf(tandem.CodeInvalid, "not done, as something before it failed")

// Batch makes several requests in one call ($batch, OData 4.0 part 1 section 11.7), in
// their order. The error is of the batch as a whole; each part has its own in Err. What
// comes after a part that failed is not done, unless goOn.
//
// A batch whose answer was lost may have been done: changes that must not be made twice
// name what would show that they were made, such as an ExternalId or a Version.
func (o *OData[T]) Batch(ctx context.Context, goOn bool, parts ...*BatchPart) error {
	body, boundary, err := writeBatch(parts)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"multipart/mixed;boundary=" + boundary}}
	if goOn {
		header.Set("Prefer", "odata.continue-on-error")
	}
	answer, contentType, err := o.send(ctx, http.MethodPost, "$batch", header, "multipart/mixed", body)
	if err != nil {
		return err
	}
	answers, err := readBatch(answer, contentType, false)
	if err != nil {
		return fail(tandem.CodeUnavailable, err, "the answer of the API to a batch is not what was expected: %v", err)
	}
	for i, p := range parts {
		if i >= len(answers) {
			p.Err = ErrNotDone
			continue
		}
		if err := p.take(answers[i]); err != nil {
			return fail(tandem.CodeUnavailable, err, "the answer of the API to part %d of a batch is not what was expected: %v", i+1, err)
		}
	}
	return nil
}

// writeBatch is the body of a batch. Content-IDs count the changes of all of it.
func writeBatch(parts []*BatchPart) (io.Reader, string, error) {
	var body bytes.Buffer
	out := multipart.NewWriter(&body)
	id := 0
	for _, p := range parts {
		p.Err, p.Failed = nil, 0
		if p.Changes == nil {
			if err := writeBatchPart(out, 0, &Change{Method: http.MethodGet, Path: p.Read}); err != nil {
				return nil, "", err
			}
			continue
		}
		inner := multipart.NewWriter(io.Discard).Boundary()
		section, err := out.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/mixed;boundary=" + inner}})
		if err != nil {
			return nil, "", err
		}
		set := multipart.NewWriter(section)
		if err := set.SetBoundary(inner); err != nil {
			return nil, "", err
		}
		p.first = id + 1
		for i := range p.Changes {
			id++
			if err := writeBatchPart(set, id, &p.Changes[i]); err != nil {
				return nil, "", err
			}
		}
		if err := set.Close(); err != nil {
			return nil, "", err
		}
	}
	return &body, out.Boundary(), out.Close()
}

func writeBatchPart(out *multipart.Writer, id int, c *Change) error {
	if strings.ContainsAny(c.Method+c.Path, " \r\n") || c.Path == "" || strings.HasPrefix(c.Path, "/") {
		return tandem.Errorf(tandem.CodeInvalid, "%s %q is no request of a batch: the path must be relative and encoded", c.Method, c.Path)
	}
	h := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if id > 0 {
		h.Set("Content-Id", strconv.Itoa(id))
	}
	section, err := out.CreatePart(h)
	if err != nil {
		return err
	}
	lines := c.Method + " " + c.Path + " HTTP/1.1\r\nAccept: application/json\r\n"
	if c.Version > 0 {
		lines += fmt.Sprintf("If-Match: W/\"%d\"\r\n", c.Version)
	}
	text := []byte(nil)
	if c.Body != nil {
		if text, err = json.Marshal(c.Body); err != nil {
			return err
		}
		lines += "Content-Type: application/json\r\n"
	}
	_, err = io.WriteString(section, lines+"\r\n"+string(text))
	return err
}

// batchAnswer is the answer of a part: of a changeset those of its changes.
type batchAnswer struct {
	id     int
	res    *http.Response
	body   []byte
	inside []batchAnswer
}

// readBatch reads an answer, or inside it that of a changeset, where there is no further one.
func readBatch(answer []byte, contentType string, inside bool) (all []batchAnswer, err error) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" {
		return nil, errors.New("it is no multipart/mixed")
	}
	for in := multiparts.NewReader(bytes.NewReader(answer), parameters["boundary"]); ; {
		section, err := in.NextRawPart()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(section)
		if err != nil {
			return nil, err
		}
		if kind := section.Header.Get("Content-Type"); !inside && strings.HasPrefix(kind, "multipart/") {
			inside, err := readBatch(text, kind, true)
			if err != nil {
				return nil, err
			}
			all = append(all, batchAnswer{inside: inside})
			continue
		}
		a := batchAnswer{}
		a.id, _ = strconv.Atoi(section.Header.Get("Content-Id"))
		if a.res, err = http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil); err != nil {
			return nil, err
		}
		if a.body, err = readLimited(a.res.Body, maxAPIResponse); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
}

// statusHeader is where a service tells why a changeset failed, beside the 500 of the answer.
const statusHeader = "Tandem-Status"

// told takes which row was made or changed, and its version.
func (c *Change) told(h http.Header) {
	if id := h.Get("OData-EntityId"); id != "" {
		c.ID = id[strings.LastIndexByte(id, '/')+1:]
	}
	if tag, ok := strings.CutPrefix(h.Get("ETag"), `W/"`); ok {
		c.Made, _ = strconv.ParseInt(strings.TrimSuffix(tag, `"`), 10, 64)
	}
}

// take takes what was answered.
func (p *BatchPart) take(a batchAnswer) error {
	// Some services write the one answer of a changeset that failed as if it were a change's.
	failed := slices.IndexFunc(a.inside, func(in batchAnswer) bool { return in.res.StatusCode/100 != 2 })
	if failed >= 0 {
		a = a.inside[failed]
	}
	if a.res == nil {
		for i := range min(len(a.inside), len(p.Changes)) {
			p.Changes[i].told(a.inside[i].res.Header)
		}
		if len(a.inside) != len(p.Changes) {
			return fmt.Errorf("%d changes have %d answers", len(p.Changes), len(a.inside))
		}
		return nil
	}
	if a.res.StatusCode/100 != 2 {
		if n, err := strconv.Atoi(a.res.Header.Get(statusHeader)); err == nil {
			a.res.StatusCode = n
		}
		a.res.Body = io.NopCloser(bytes.NewReader(a.body))
		p.Err = readAPIError(a.res, tandem.SystemTime())
		p.Failed = max(0, min(a.id-p.first, len(p.Changes)-1))
		return nil
	}
	if p.Changes != nil {
		return errors.New("a changeset has the answer of a read")
	}
	if p.Into == nil || len(a.body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	return d.Decode(p.Into)
}
