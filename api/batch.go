package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/internal/multiparts"
)

// A batch is several requests in one (OData 4.0 part 1, section 11.7): reads, single
// writes, and changesets, each of which is one transaction. Each request in it is served
// as if it had come alone, with the token, the session and the rights of the batch.

// Limits of a batch: bytes of its body, requests and changesets in it, bytes of the answer
// to one of them, and how long all of it may take.
const (
	MaxBatchBody     = 16 << 20
	MaxBatchRequests = 1000
	MaxBatchAnswer   = 8 << 20
	MaxBatchTime     = 2 * time.Minute
)

// StatusHeader tells the status of the request by which a changeset failed, inside the
// answer of the changeset, which is 500 whatever the reason was.
const StatusHeader = "Tandem-Status"

// errChangesetFails undoes a changeset whose answer says why.
var errChangesetFails = errors.New("a request of the changeset failed")

// batch serves POST $batch.
func (d *Domain) batch(w http.ResponseWriter, r *http.Request) error {
	if err := errors.Join(unconditional(r.Header), noOptions(r)); err != nil {
		return err
	}
	parts, err := readBatch(w, r)
	if err != nil {
		return err
	}
	boundary := "batchresponse_" + uuid.NewString()
	out := multipart.NewWriter(w)
	if err := out.SetBoundary(boundary); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "multipart/mixed;boundary="+boundary)
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(r.Context(), MaxBatchTime)
	defer cancel()
	b := &batching{Domain: d, r: r.WithContext(ctx), out: out, rows: map[string]string{}}
	goesOn := false
	_ = preferences(r.Header, func(name, value string) error { // this never fails
		goesOn = goesOn || strings.TrimPrefix(name, "odata.") == "continue-on-error" && value != "false"
		return nil
	})
	for _, p := range parts {
		failed, err := b.serve(p)
		if err != nil { // whoever asked has gone away
			return nil
		}
		if failed && !goesOn {
			break
		}
	}
	_ = out.Close() // who has gone away cannot be told
	return nil
}

// batchPart is one request of a batch, or a changeset.
type batchPart struct {
	id      string // Content-ID
	method  string
	target  string
	header  http.Header
	body    []byte
	changes []batchPart // nil where it is no changeset
	set     bool
}

// batching is a batch at work.
type batching struct {
	*Domain
	r    *http.Request
	out  *multipart.Writer
	rows map[string]string // what each Content-ID has made or changed, Set(guid)
}

// serve answers one part and reports whether it failed. What the account may do is asked
// anew for each, as if it had come alone.
func (b *batching) serve(p batchPart) (failed bool, err error) {
	ctx, err := b.again()
	switch {
	case err != nil:
		a := b.refused(err)
		return true, a.write(b.out, p.id)
	case p.set:
		return b.changeset(ctx, p.changes)
	}
	a := b.one(ctx, p, false)
	return a.status >= 400, a.write(b.out, p.id)
}

// again is the context of the batch, with what the account may do by now.
func (b *batching) again() (context.Context, error) {
	ctx := b.r.Context()
	if err := ctx.Err(); err != nil {
		return ctx, tandem.Errorf(tandem.CodeUnavailable, "the batch took longer than %s; send the rest in another one", MaxBatchTime)
	}
	call := CallOf(ctx)
	if call == nil {
		return ctx, nil
	}
	rights, err := call.Again(ctx)
	if err != nil {
		return ctx, err
	}
	now := *call
	now.Rights = rights
	return WithCall(ctx, &now), nil
}

// refused is the answer to a request that is not served.
func (b *batching) refused(err error) *batchAnswer {
	a := &batchAnswer{header: http.Header{}}
	Errors{b.Log, b.Access.Metadata}.Write(a, b.r, b.denied(a, b.r, edge(err)))
	return a
}

// one serves a request of the batch.
func (b *batching) one(ctx context.Context, p batchPart, inChangeset bool) *batchAnswer {
	r, err := b.request(ctx, p, inChangeset)
	if err == nil && !inChangeset {
		err = b.Access.recordPart(ctx, r)
	}
	if err != nil {
		return b.refused(err)
	}
	a := &batchAnswer{header: http.Header{}}
	b.ServeHTTP(a, r)
	if a.over {
		return b.refused(tooLong(p.method))
	}
	if name := strings.TrimPrefix(a.header.Get("OData-EntityId"), b.root()); p.id != "" && name != "" {
		b.rows[p.id] = name
	} else if name := strings.TrimPrefix(a.header.Get("Location"), b.root()); p.id != "" && name != "" {
		b.rows[p.id] = name
	}
	return a
}

// request is a part as a request of its own. What is written in a changeset is seen by
// nobody before its end: so it is named in the answer, and not shown.
func (b *batching) request(ctx context.Context, p batchPart, inChangeset bool) (*http.Request, error) {
	target := p.target
	if id, rest, ok := referenced(target); ok {
		name := b.rows[id]
		if name == "" {
			return nil, invalid("$%s names no request before this one that has made or changed a row.", clip(id))
		}
		target = name + rest
	}
	for _, root := range []string{b.root(), DomainPath} {
		target = strings.TrimPrefix(target, root)
	}
	if path, _, _ := strings.Cut(target, "?"); strings.HasPrefix(path, "/") || strings.Contains(path, "://") {
		return nil, invalid("%s %s: requests in a batch are below the root of the API, such as Set(guid).", clip(p.method), clip(target))
	}
	scope := ScopeFor(p.method)
	if call := CallOf(ctx); call == nil || !call.Principal.Scope.Has(scope) {
		return nil, InsufficientScope(scope)
	}
	if inChangeset && scope == tandem.ScopeRead {
		return nil, invalid("a changeset takes no %s; put it before or after the changeset.", clip(p.method))
	}
	if err := mayBeInside(target, inChangeset); err != nil {
		return nil, err
	}
	b.Access.usedByPart(CallOf(ctx), scope, b.r)
	r, err := http.NewRequestWithContext(ctx, p.method, DomainPath+target, bytes.NewReader(p.body))
	if err != nil {
		return nil, invalid("%s %s is no request.", clip(p.method), clip(target))
	}
	r.Header, r.RemoteAddr = p.header, b.r.RemoteAddr
	if len(p.body) > 0 && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if inChangeset {
		r.Header.Set("Prefer", "return=minimal")
	}
	return r, nil
}

// alone are operations that a changeset cannot have: they have transactions of their own,
// or take long while others wait.
var alone = []string{"Import", "GetPrintout", "GetOrCreateExtensibleDataObject"}

// mayBeInside refuses what a batch, or a changeset in it, cannot have, however its path is
// written.
func mayBeInside(target string, inChangeset bool) error {
	escaped, _, _ := strings.Cut(target, "?")
	path, err := odata.ParsePath(escaped)
	switch {
	case err != nil:
		return err
	case path.Resource == odata.Batch || path.MemberValue:
		return invalid("%s cannot be inside a batch; send it by itself.", clip(escaped))
	case inChangeset && (slices.Contains(alone, path.Name) || slices.Contains(alone, path.Member)):
		return invalid("%s cannot be inside a changeset; send it by itself.", clip(escaped))
	}
	return nil
}

// referenced takes $1/Lines apart, into the Content-ID and what follows it.
func referenced(target string) (id, rest string, ok bool) {
	text, ok := strings.CutPrefix(strings.TrimPrefix(target, "/"), "$")
	if !ok {
		return "", "", false
	}
	end := strings.IndexAny(text, "/?")
	if end < 0 {
		end = len(text)
	}
	if _, err := strconv.ParseUint(text[:end], 10, 32); err != nil {
		return "", "", false
	}
	return text[:end], text[end:], true
}

// changeset serves writes in one transaction: the first that fails undoes all, and its
// answer is the one of the changeset.
func (b *batching) changeset(ctx context.Context, changes []batchPart) (failed bool, err error) {
	var answers []*batchAnswer
	by, err := actor(b.r.WithContext(ctx))
	if err != nil {
		return true, err
	}
	before := maps.Clone(b.rows)
	if err = b.mayBegin(ctx, changes); err == nil && len(changes) > 0 {
		err = b.Store.Together(ctx, by, func(ctx context.Context) error {
			answers, b.rows = answers[:0], maps.Clone(before) // it may be run again
			for _, p := range changes {
				a := b.one(ctx, p, true)
				answers = append(answers, a)
				if a.status >= 400 {
					return errChangesetFails
				}
			}
			return nil
		})
	}
	if err != nil {
		b.rows = before // what was undone is named by nobody
		return true, b.writeFailed(changes, answers, err)
	}
	inner := "changesetresponse_" + uuid.NewString()
	section, err := b.out.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/mixed;boundary=" + inner}})
	if err != nil {
		return false, err
	}
	parts := multipart.NewWriter(section)
	if err := parts.SetBoundary(inner); err != nil {
		return false, err
	}
	for i, a := range answers {
		if err := a.write(parts, changes[i].id); err != nil {
			return false, err
		}
	}
	return false, parts.Close()
}

// mayBegin refuses a changeset before others wait for its transaction, and puts its
// requests on record.
func (b *batching) mayBegin(ctx context.Context, changes []batchPart) error {
	call := CallOf(ctx)
	if call == nil || !call.Principal.Scope.Has(tandem.ScopeUpdate) {
		return InsufficientScope(tandem.ScopeUpdate)
	}
	for _, p := range changes {
		path, _, _ := strings.Cut(p.target, "?")
		err := b.Access.recordPart(ctx, &http.Request{Method: p.method, URL: &url.URL{Path: DomainPath + path}, RemoteAddr: b.r.RemoteAddr})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFailed answers a changeset that was undone.
func (b *batching) writeFailed(changes []batchPart, answers []*batchAnswer, cause error) error {
	a, id := &batchAnswer{header: http.Header{}}, ""
	if n := len(answers); n > 0 {
		id = changes[n-1].id
		if errors.Is(cause, errChangesetFails) {
			a = answers[n-1]
		}
	}
	if a.status == 0 { // the transaction itself
		Errors{b.Log, b.Access.Metadata}.Write(a, b.r, b.denied(a, b.r, edge(cause)))
	}
	a.header.Set(StatusHeader, strconv.Itoa(a.status))
	a.status = http.StatusInternalServerError
	return a.write(b.out, id)
}

// boundaryOf is the boundary of a multipart/mixed.
func boundaryOf(contentType string) (string, bool) {
	media, parameters, err := mime.ParseMediaType(contentType)
	return parameters["boundary"], err == nil && media == "multipart/mixed" && parameters["boundary"] != ""
}

// readBatch reads the whole batch before anything of it is done.
func readBatch(w http.ResponseWriter, r *http.Request) ([]batchPart, error) {
	boundary, ok := boundaryOf(r.Header.Get("Content-Type"))
	if !ok {
		return nil, unsupportedMedia("A batch is multipart/mixed; send Content-Type: multipart/mixed;boundary=... (JSON batches are not offered).")
	}
	if r.ContentLength > MaxBatchBody {
		w.Header().Set("Connection", "close") // do not read what is on its way
		return nil, tooLarge(MaxBatchBody)
	}
	left := MaxBatchRequests
	return readParts(http.MaxBytesReader(w, r.Body, MaxBatchBody), boundary, &left, true)
}

// readParts reads the parts of a batch, or of a changeset in it.
func readParts(body io.Reader, boundary string, left *int, changesets bool) (parts []batchPart, err error) {
	for in := multiparts.NewReader(body, boundary); ; {
		section, err := in.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		var big *http.MaxBytesError
		switch {
		case errors.As(err, &big):
			return nil, err
		case err != nil:
			return nil, invalid("The batch is no multipart/mixed with the boundary that was said: %s.", clip(err.Error()))
		}
		if *left--; *left < 0 {
			return nil, invalid("A batch has at most %d requests and changesets; send the rest in another one.", MaxBatchRequests)
		}
		if inner, ok := boundaryOf(section.Header.Get("Content-Type")); ok {
			if !changesets {
				return nil, invalid("A changeset cannot have a changeset in it.")
			}
			changes, err := readParts(section, inner, left, false)
			if err != nil {
				return nil, err
			}
			parts = append(parts, batchPart{changes: changes, set: true})
			continue
		}
		text, err := io.ReadAll(section)
		switch {
		case errors.As(err, &big):
			return nil, err
		case err != nil:
			return nil, invalid("A part of the batch has no end: each multipart/mixed ends with --BOUNDARY--.")
		}
		p, err := readPart(text)
		if err != nil {
			return nil, err
		}
		if id := strings.TrimSpace(section.Header.Get("Content-Id")); id != "" {
			p.id = id
		}
		parts = append(parts, p)
	}
}

// notPassedOn are the headers that a request in a batch cannot have: whose it is, and how
// it is carried, is said by the batch.
var notPassedOn = []string{"Authorization", "Dpop", OnBehalfHeader, NarrowHeader, "Cookie", "Accept-Encoding", "Content-Length", "Host", "Connection", "Transfer-Encoding"}

// readPart reads an application/http: request line, headers, body. Line ends may be LF
// alone, headers without a space after the colon: published examples have both.
func readPart(text []byte) (p batchPart, err error) {
	line := func() string {
		first, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		return strings.TrimRight(string(first), "\r")
	}
	start := ""
	for start == "" && len(text) > 0 {
		start = strings.TrimSpace(line())
	}
	method, target, ok := strings.Cut(start, " ")
	if i := strings.LastIndex(target, " HTTP/"); i >= 0 {
		target = target[:i]
	}
	if target = strings.TrimSpace(target); !ok || target == "" {
		return p, invalid("A request in a batch begins with a line such as PATCH Set(guid) HTTP/1.1, and not with %q.", clip(start))
	}
	p = batchPart{method: strings.ToUpper(method), target: strings.ReplaceAll(target, " ", "%20"), header: http.Header{}}
	for len(text) > 0 {
		field := line()
		if strings.TrimSpace(field) == "" {
			break
		}
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return p, invalid("The header %q of a request in the batch has no colon.", clip(field))
		}
		p.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	p.id = p.header.Get("Content-Id")
	for _, name := range append(notPassedOn, "Content-Id") {
		p.header.Del(name)
	}
	p.body = bytes.TrimSpace(text)
	return p, nil
}
