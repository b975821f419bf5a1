package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // to know how large pictures are
	_ "image/jpeg"
	_ "image/png"
	"io"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/internal/filetype"
	"github.com/hybridapps/tandem/sqldb"
)

// The bytes of files are kept in parts, apart from the rows. They are stored before the
// row is changed, each part in a transaction of its own, so that a slow sender holds
// nothing that others wait for, and no process holds a whole file. What no row names in
// the end is deleted by [ERP.PurgeFiles].

const (
	// partSize is how many bytes a part has.
	partSize = 256 << 10
	// unnamedFor is for how long bytes are kept that no row names: somebody may be
	// sending them, or reading what was replaced.
	unnamedFor = time.Hour
	// markedGone is when it was seen that no row names what is being deleted.
	markedGone = 1
)

// PutContent implements [write.Contents].
func (e *ERP) PutContent(ctx context.Context, by write.Actor, entity model.Entity, when write.Condition, body io.Reader, limit int64,
	check func(*write.Content) error) (out write.Outcome, err error) {
	if err := e.change(ctx, by, func(w *write.Writer) error { return w.MayStore(entity, when) }); err != nil {
		return out, err
	}
	c := write.Content{ID: uuid.NewString()}
	asked := false
	defer func() {
		refused := (*tandem.Error)(nil)
		// A commit that ends in another error may have been done: then the row names the
		// bytes, and what it does not name is purged.
		if err != nil && (!asked || errors.As(err, &refused) && refused.Code != tandem.CodeUnavailable) {
			// The caller may have gone; what stays anyway is purged.
			_ = e.dropContents(context.WithoutCancel(ctx), []any{c.ID})
		}
	}()
	if err := e.storeContent(ctx, body, limit, &c); err != nil {
		return out, err
	}
	if err := check(&c); err != nil {
		return out, err
	}
	asked = true
	replaced := ""
	out, err = e.outcome(ctx, by, func(w *write.Writer) (out write.Outcome, err error) {
		out, replaced, err = w.SetContent(entity, when, c)
		return out, err
	})
	if err == nil && replaced != "" {
		e.noteReplaced(context.WithoutCancel(ctx), replaced)
	}
	return out, err
}

// noteReplaced notes at once that a content was replaced, so that who sends one after
// another fills no more than they send within [unnamedFor]. What is not noted here is
// found by the purge.
func (e *ERP) noteReplaced(ctx context.Context, id string) {
	_, _ = e.db.Writer().ExecContext(ctx, `UPDATE erp_file_contents SET unnamed_at = $1 WHERE id = $2 AND unnamed_at = 0 AND NOT `+isNamed, e.present().UnixMicro(), id)
}

// storeContent stores the parts of a body.
func (e *ERP) storeContent(ctx context.Context, body io.Reader, limit int64, c *write.Content) error {
	begun := e.present()
	_, err := e.db.Writer().ExecContext(ctx, `INSERT INTO erp_file_contents (id, begun_at) VALUES ($1, $2)`, c.ID, begun.UnixMicro())
	if err != nil {
		return err
	}
	sum, buffer := sha256.New(), make([]byte, partSize)
	for number := int64(0); ; number++ {
		n, err := io.ReadFull(body, buffer)
		part := buffer[:n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && bodyEnded(body)
		if err != nil && !last {
			return err
		}
		if now := e.present(); now.Sub(begun) > unnamedFor/2 {
			if err := e.renewContent(ctx, c.ID, now); err != nil {
				return err
			}
			begun = now
		}
		if number == 0 {
			describe(part, c)
		}
		if c.Size += int64(n); c.Size > limit {
			return tandem.Errorf(tandem.CodeTooLarge, "The file is larger than %d MiB; send a smaller one.", limit>>20)
		}
		if n > 0 {
			sum.Write(part)
			_, err := e.db.Writer().ExecContext(ctx, `INSERT INTO erp_file_parts (content, number, bytes) VALUES ($1, $2, $3)`, c.ID, number, part)
			if err != nil {
				return err
			}
		}
		if last {
			c.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return nil
		}
	}
}

// renewContent keeps what takes long to send from being deleted before a row names it.
func (e *ERP) renewContent(ctx context.Context, id string, now time.Time) error {
	there, err := sqldb.Changed(e.db.Writer().ExecContext(ctx, `UPDATE erp_file_contents SET begun_at = $1, unnamed_at = 0
		WHERE id = $2 AND unnamed_at <> `+itoa(markedGone), now.UnixMicro(), id))
	if err == nil && !there {
		err = tandem.Errorf(tandem.CodeUnavailable, "The file took too long to come; send it again.")
	}
	return err
}

// bodyEnded reports whether a body that gave less than was asked for is at its end: one that
// was cut short says so again.
func bodyEnded(body io.Reader) bool {
	n, err := body.Read(make([]byte, 1))
	return n == 0 && errors.Is(err, io.EOF)
}

// describe tells what the first part of a file says of it.
func describe(part []byte, c *write.Content) {
	c.MediaType = filetype.Of(part)
	if picture, _, err := image.DecodeConfig(bytes.NewReader(part)); err == nil {
		c.Width, c.Height = picture.Width, picture.Height
	}
}

// contentsAtOnce is how many contents one statement notes or deletes.
const contentsAtOnce = 100

// asMany are ids as arguments of a statement for [contentsAtOnce], the last again and again:
// each text that is asked stays prepared, and so there is one.
func asMany(ids []any) []any {
	if len(ids) == 0 || len(ids) >= contentsAtOnce {
		return ids
	}
	return append(slices.Clone(ids), slices.Repeat(ids[len(ids)-1:], contentsAtOnce-len(ids))...)
}

// dropContents deletes contents that no row names, marked before so that none will. Their
// parts are deleted first, a few at a time.
func (e *ERP) dropContents(ctx context.Context, ids []any) error {
	if len(ids) == 0 {
		return nil
	}
	ids = asMany(ids)
	_, err := e.db.Purge(ctx, sqldb.Purge{
		Table: "erp_file_parts", Column: "number", Before: int64(math.MaxInt64), And: `content IN (` + placeholders(4, len(ids)) + `)`, Args: ids,
	})
	if err == nil {
		_, err = e.db.Writer().ExecContext(ctx, `DELETE FROM erp_file_contents WHERE id IN (`+placeholders(1, len(ids))+`)`, ids...)
	}
	return err
}

// WriteContent implements [write.Contents].
func (e *ERP) WriteContent(ctx context.Context, w io.Writer, id string) error {
	var parts int64
	err := e.db.Reader().QueryRowContext(ctx, `SELECT COUNT(p.number) FROM erp_file_contents AS c LEFT JOIN erp_file_parts AS p ON p.content = c.id
		WHERE c.id = $1 GROUP BY c.id`, id).Scan(&parts)
	if err != nil {
		return fmt.Errorf("the content %s: %w", id, err)
	}
	for number := range parts {
		var part []byte
		err := e.db.Reader().QueryRowContext(ctx, `SELECT bytes FROM erp_file_parts WHERE content = $1 AND number = $2`, id, number).Scan(&part)
		if err != nil {
			return fmt.Errorf("part %d of the content %s: %w", number, id, err)
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// isNamed says that a row names a content.
const isNamed = `EXISTS (SELECT 1 FROM erp_object_files AS f WHERE f.content_id = erp_file_contents.id)`

// PurgeFiles deletes the bytes that no row names, and returns how many files that were:
// of senders who went away, and of what was replaced or deleted. It notes when it finds
// them first, where [ERP.PutContent] has not, and deletes them [unnamedFor] later. A reader
// finds them, page by page; the writer gets what is to be written alone, a few rows each time.
func (e *ERP) PurgeFiles(ctx context.Context) (files int64, err error) {
	now := e.present()
	before := now.Add(-unnamedFor).UnixMicro()
	if err := e.noteUnnamed(ctx, now.UnixMicro(), before); err != nil {
		return 0, err
	}
	for {
		over, err := sqldb.List[any](e.db.Reader().QueryContext(ctx, `SELECT id FROM erp_file_contents
			WHERE unnamed_at > 0 AND unnamed_at <= $1 AND NOT `+isNamed+` LIMIT `+itoa(contentsAtOnce), before))
		if err != nil || len(over) == 0 {
			return files, err
		}
		over = asMany(over)
		// Whoever has sent for so long asks whether it is marked before a row names it.
		marked, err := sqldb.List[any](e.db.Writer().QueryContext(ctx, `UPDATE erp_file_contents SET unnamed_at = `+itoa(markedGone)+`
			WHERE unnamed_at > 0 AND unnamed_at <= $1 AND id IN (`+placeholders(2, len(over))+`) RETURNING id`, append([]any{before}, over...)...))
		if err != nil {
			return files, err
		}
		if err := e.dropContents(ctx, marked); err != nil {
			return files, err
		}
		files += int64(len(marked))
	}
}

// noteUnnamed notes of all contents that were begun before which no row names.
func (e *ERP) noteUnnamed(ctx context.Context, now, before int64) error {
	const page = 500
	for last := ""; ; {
		var found []any
		n := 0
		rows, err := e.db.Reader().QueryContext(ctx, `SELECT id, CASE WHEN begun_at < $2 AND unnamed_at = 0 AND NOT `+isNamed+` THEN 1 ELSE 0 END
			FROM erp_file_contents WHERE id > $1 ORDER BY id LIMIT `+itoa(page), last, before)
		err = eachPair(rows, err, func(id string, unnamed int64) {
			n, last = n+1, id
			if unnamed > 0 {
				found = append(found, id)
			}
		})
		if err != nil {
			return err
		}
		for ids := range slices.Chunk(found, contentsAtOnce) {
			ids = asMany(ids)
			_, err := e.db.Writer().ExecContext(ctx, `UPDATE erp_file_contents SET unnamed_at = $1 WHERE unnamed_at = 0 AND begun_at < $2 AND NOT `+isNamed+`
				AND id IN (`+placeholders(3, len(ids))+`)`, append([]any{now, before}, ids...)...)
			if err != nil {
				return err
			}
		}
		if n < page {
			return nil
		}
	}
}
