package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
)

// contentPatience is how long the API may be silent while content comes to it: a slow
// line has 20 MiB in it.
const contentPatience = 15 * time.Minute

// PutContent stores size bytes of content as a stream of an entity, such as
// EmbeddedFileContents of a file: PUT id/stream/$value. They are sent as they are, never
// held in memory together, and with their SHA-256 (Repr-Digest, RFC 9530), so that the API
// refuses bytes that arrive as others; content is read twice for that. Sent again, they
// replace what is there. What kind of file they are the API tells from the bytes.
func (o *OData[T]) PutContent(ctx context.Context, id, stream string, content io.ReaderAt, size int64) error {
	if err := checkID(id); err != nil {
		return err
	}
	sum := sha256.New()
	if n, err := io.Copy(sum, io.NewSectionReader(content, 0, size)); err != nil || n != size {
		return errors.Join(err, tandem.Errorf(tandem.CodeInvalid, "the content has %d bytes and not %d", n, size))
	}
	header := http.Header{"Repr-Digest": {"sha-256=:" + base64.StdEncoding.EncodeToString(sum.Sum(nil)) + ":"}}
	_, _, err := o.send(Patient(ctx, contentPatience), http.MethodPut, id+"/"+url.PathEscape(stream)+"/$value", header, "application/json",
		io.NewSectionReader(content, 0, size))
	return err
}
