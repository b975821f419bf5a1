package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // to know how large pictures are
	_ "image/jpeg"
	_ "image/png"
	"io"
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
			_ = e.dropContent(context.WithoutCancel(ctx), c.ID)
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
	_, _ = e.db.Writer().ExecContext(ctx, `UPDATE erp_file_contents SET unnamed_at = $1 WHERE id = $2 AND unnamed_at = 0
		AND NOT EXISTS (SELECT 1 FROM erp_object_files AS f WHERE f.content_id = erp_file_contents.id)`, e.present().UnixMicro(), id)
}

// storeContent stores the parts of a body.
func (e *ERP) storeContent(ctx context.Context, body io.Reader, limit int64, c *write.Content) error {
	_, err := e.db.Writer().ExecContext(ctx, `INSERT INTO erp_file_contents (id, begun_at) VALUES ($1, $2)`, c.ID, e.present().UnixMicro())
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

func (e *ERP) dropContent(ctx context.Context, id string) error {
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		for _, text := range []string{`DELETE FROM erp_file_parts WHERE content = $1`, `DELETE FROM erp_file_contents WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, text, id); err != nil {
				return err
			}
		}
		return nil
	})
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

// unnamed says that no row names a content.
const unnamed = ` AND NOT EXISTS (SELECT 1 FROM erp_object_files AS f WHERE f.content_id = erp_file_contents.id) LIMIT 100`

// PurgeFiles deletes the bytes that no row names, and returns how many files that were:
// of senders who went away, and of what was replaced or deleted. It notes when it finds
// them first, where [ERP.PutContent] has not, and deletes them [unnamedFor] later.
func (e *ERP) PurgeFiles(ctx context.Context) (files int64, err error) {
	now := e.present()
	before := now.Add(-unnamedFor).UnixMicro()
	for more := int64(1); more > 0; {
		err := e.db.Write(ctx, func(tx *sql.Tx) error {
			found, err := tx.ExecContext(ctx, `UPDATE erp_file_contents SET unnamed_at = $1
				WHERE id IN (SELECT id FROM erp_file_contents WHERE begun_at < $2 AND unnamed_at = 0`+unnamed+`)`, now.UnixMicro(), before)
			if err == nil {
				more, err = found.RowsAffected()
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	for {
		rows, err := e.db.Reader().QueryContext(ctx, `SELECT id FROM erp_file_contents WHERE unnamed_at > 0 AND unnamed_at <= $1`+unnamed, before)
		over, err := sqldb.List[string](rows, err)
		if err != nil || len(over) == 0 {
			return files, err
		}
		for _, id := range over {
			if err := e.dropContent(ctx, id); err != nil {
				return files, err
			}
			files++
		}
	}
}
