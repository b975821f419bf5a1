package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/internal/filetype"
	"github.com/hybridapps/tandem/permission"
)

const (
	// MaxFile bounds the content of a file, in bytes.
	MaxFile = 20 << 20
	// fileTimeout is how long one may take to come or go: a slow line has 20 MiB in it.
	fileTimeout = 15 * time.Minute
	// dataObject is the function of rows that files hang on, dataObjects what it gives.
	dataObject, dataObjects = "GetOrCreateExtensibleDataObject", "Systems_Core_ExtensibleDataObjects"
)

// stream serves Set(guid)/Stream/$value: the bytes of a file as they are.
func (t *target) stream(w http.ResponseWriter, r *http.Request) error {
	if !t.path.MemberValue {
		return notFound("%s: the bytes of %s are at %[2]s/$value.", t.set.Name, t.path.Member)
	}
	contents, ok := t.Store.(write.Contents)
	if !ok {
		return notFound("%s keeps no contents here.", t.set.Name)
	}
	get := func(w http.ResponseWriter, r *http.Request) error { return t.getContent(w, r, contents) }
	put := func(w http.ResponseWriter, r *http.Request) error { return t.putContent(w, r, contents) }
	return methods{"GET": get, "PUT": put}.serve(w, r)
}

// getContent answers with the content. Whatever it is, a browser saves it and runs
// nothing of it.
func (t *target) getContent(w http.ResponseWriter, r *http.Request, contents write.Contents) error {
	if err := noOptions(r); err != nil {
		return err
	}
	c, version, err := t.contentOf(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("ETag", entityTag(version))
	if hasVersion(r.Header, version) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", filetype.Shown(c.MediaType, c.FileName))
	h.Set("Content-Disposition", attachment(c.FileName))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if c.FileSizeBytes != nil {
		h.Set("Content-Length", strconv.FormatInt(*c.FileSizeBytes, 10))
	}
	if sum, err := hex.DecodeString(c.ContentSha256); err == nil && len(sum) > 0 {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), fileTimeout)
	defer cancel()
	sent := &pieces{w: w, still: func() error { return CallOf(r.Context()).Still(ctx) }}
	if err := contents.WriteContent(ctx, sent, c.ContentID); err != nil {
		if sent.n == 0 {
			return err
		}
		if r.Context().Err() == nil {
			t.logBroken(r)(err)
		}
		panic(http.ErrAbortHandler) // nobody takes the part for the whole
	}
	return nil
}

// content is what the headers of a content tell: attributes of the row. One that the
// caller may not read is empty, and its header is left out.
type content struct {
	FileName, MediaType, ContentSha256 string
	FileSizeBytes                      *int64
	ContentID                          string `json:"ContentId"`
}

// contentOf reads what the row of a content says of it, as if the caller had asked for
// each attribute, and the version of the row.
func (t *target) contentOf(r *http.Request) (c content, version int64, err error) {
	id := t.set.Must(t.set.StreamID)
	if err := id.PermitTo(grantedTo(r), permission.Read); err != nil {
		return c, 0, err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	version, err = t.readInto(ctx, r, t.self(), "options=skiphidden&$select=FileName,MediaType,ContentSha256,FileSizeBytes,"+id.Name, &c)
	if err == nil && c.ContentID == "" {
		err = notFound("%s has no content yet.", t.self())
	}
	if c.FileName == "" {
		c.FileName = "file"
	}
	return c, version, err
}

// hasVersion reports whether the caller has the version already (RFC 9110 section 13.1.2).
func hasVersion(h http.Header, version int64) bool {
	when, err := condition(h)
	return err == nil && when.None != nil && (when.None.Any || when.None.Has(version))
}

// attachment is the header by which a file is saved under its name (RFC 6266).
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// pieceSize is how much of a file is on the line at a time.
const pieceSize = 16 << 10

// pieces sends a file as long as its reader may see what they could at the beginning: who
// takes it slowly gets no more of it afterwards than the piece that is on the line (E4).
type pieces struct {
	w     io.Writer
	still func() error
	n     int
}

func (p *pieces) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		if err = p.still(); err != nil {
			break
		}
		var n int
		n, err = p.w.Write(b[written:min(written+pieceSize, len(b))])
		written, p.n = written+n, p.n+n
	}
	return written, err
}

// putContent stores the body as the content.
func (t *target) putContent(w http.ResponseWriter, r *http.Request, contents write.Contents) error {
	by, when, err := changing(r)
	if err != nil {
		return err
	}
	digest, err := checkContent(r.Header)
	if err != nil {
		return err
	}
	if r.ContentLength > MaxFile {
		w.Header().Set("Connection", "close") // do not read what is on its way
		return tandem.Errorf(tandem.CodeTooLarge, "The file is larger than %d MiB; send a smaller one.", MaxFile>>20)
	}
	ctx, cancel := context.WithTimeout(r.Context(), fileTimeout)
	defer cancel()
	out, err := contents.PutContent(ctx, by, t.self(), when, http.MaxBytesReader(w, r.Body, MaxFile+1), MaxFile, func(c *write.Content) error {
		switch {
		case c.MediaType == filetype.Octets:
			return unsupportedMedia("This kind of file is not kept here: send JPEG, PNG, GIF or WebP, PDF, plain text in UTF-8, or a document of an office.")
		case digest != "" && digest != c.SHA256:
			return invalid("The bytes that came are not those that Repr-Digest tells of, and nothing was stored; send them again.")
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.written(w, out)
	return nil
}

// checkContent refuses headers that would make the body something else than the content,
// and reads which one it is to be (RFC 9530): its SHA-256 in hexadecimal, or nothing.
func checkContent(h http.Header) (sha256 string, err error) {
	if h.Get("Content-Range") != "" {
		return "", invalid("Content-Range is not offered, and nothing was stored; send the whole content.")
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", unsupportedMedia("The content must come as it is; leave out Content-Encoding.")
	}
	if t := h.Get("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || strings.HasPrefix(media, "multipart/") {
			return "", unsupportedMedia("The body is the content itself, and no form: send the bytes with their own Content-Type, or none.")
		}
	}
	for _, name := range []string{"Repr-Digest", "Content-Digest"} {
		for part := range strings.SplitSeq(h.Get(name), ",") {
			encoded, ok := strings.CutPrefix(strings.TrimSpace(part), "sha-256=:")
			if !ok {
				continue
			}
			sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, ":"))
			if err != nil || len(sum) != 32 {
				return "", invalid("%s is not understood; write it as sha-256=:BASE64:.", name)
			}
			sha256 = hex.EncodeToString(sum)
		}
	}
	return sha256, nil
}

// dataObject serves Set(guid)/GetOrCreateExtensibleDataObject: GET finds what the files
// of a row hang on, 204 where there is none yet, and POST makes it where it is missing.
func (t *target) dataObject(w http.ResponseWriter, r *http.Request) error {
	set := t.Model.Set(dataObjects)
	get := func(w http.ResponseWriter, r *http.Request) error {
		id, err := t.findDataObject(r, set)
		if err != nil {
			return err
		}
		if id == "" {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return t.one(w, r, http.StatusOK, model.Entity{Set: set, ID: id})
	}
	return methods{"GET": get, "POST": func(w http.ResponseWriter, r *http.Request) error { return t.makeDataObject(w, r, set) }}.serve(w, r)
}

func (t *target) findDataObject(r *http.Request, set *model.Set) (id string, err error) {
	by, item, typ := grantedTo(r), set.Must("EntityItemId"), set.Must("EntityType")
	if err := errors.Join(set.Permit(by, permission.Read), item.PermitTo(by, permission.Read), typ.PermitTo(by, permission.Read)); err != nil {
		return "", err
	}
	if err := t.exists(r); err != nil {
		return "", err
	}
	q := &query.Query{Set: set, By: by.Rights, Limit: 1, Fields: []*model.Property{set.ID()},
		Where: query.And{query.Equal(item, model.TextValue(t.path.Key)), query.Equal(typ, model.TextValue(t.set.Name))}}
	ctx, cancel := t.bounded(r)
	defer cancel()
	err = t.Store.Query(ctx, q, func(row *query.Row) error {
		id = strings.Clone(row.ID)
		return nil
	})
	return id, err
}

func (t *target) makeDataObject(w http.ResponseWriter, r *http.Request, set *model.Set) error {
	if err := unconditional(r.Header); err != nil {
		return err
	}
	by, err := actor(r)
	if err != nil {
		return err
	}
	id, err := t.findDataObject(r, set)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if id == "" {
		ctx, cancel := t.bounded(r)
		defer cancel()
		o := (&write.Object{}).Set("EntityType", t.set.Name).Set("EntityItemId", t.path.Key)
		out, err := t.Store.Write(ctx, by, set, o)
		if is := (*tandem.Error)(nil); errors.As(err, &is) && is.Code == tandem.CodeConflict { // somebody was as fast
			if id, err = t.findDataObject(r, set); id == "" && err == nil {
				err = notFound("There is no %s.", t.self())
			}
		} else if err == nil {
			id, status = out.Entity.ID, http.StatusCreated
		}
		if err != nil {
			return err
		}
	}
	e := model.Entity{Set: set, ID: id}
	if status == http.StatusOK {
		return t.one(w, r, status, e)
	}
	w.Header().Set("Location", t.root()+e.String())
	return t.represent(w, r, status, write.Outcome{Entity: e, State: write.Added})
}
