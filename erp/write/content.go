package write

import (
	"context"
	"errors"
	"io"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// Content is what is known of the bytes of a file that were stored.
type Content struct {
	// ID names the bytes, which never change.
	ID string
	// Size is in bytes; SHA256 in hexadecimal.
	Size   int64
	SHA256 string
	// MediaType is that of the bytes, Width and Height of pictures in pixels, zero where
	// they are none.
	MediaType     string
	Width, Height int
}

// Contents keeps the bytes of files, apart from their rows: see [model.Set].Stream.
type Contents interface {
	// PutContent stores what the body has, at most limit bytes, as the content of a row.
	// A body that ends in an error changes nothing. check is asked of what was read
	// before anything is changed.
	PutContent(ctx context.Context, by Actor, e model.Entity, when Condition, body io.Reader, limit int64, check func(*Content) error) (Outcome, error)
	// WriteContent writes the bytes of a content, part by part, whoever may read them:
	// who asks by its id has read that of a row.
	WriteContent(ctx context.Context, w io.Writer, id string) error
}

// SetContent gives a row another content, and returns the id of the one before; empty
// where it had none.
func (w *Writer) SetContent(e model.Entity, when Condition, content Content) (out Outcome, replaced string, err error) {
	c, err := w.openWhen(e, when, permission.Update)
	if err != nil {
		return Outcome{}, "", err
	}
	if err := c.mayStore(); err != nil {
		return Outcome{}, "", err
	}
	replaced = c.Get(e.Set.StreamID).Text
	optional := func(n int) model.Value { return model.Value{Int: int64(n), Null: n == 0} }
	c.Put("FileSizeBytes", model.IntValue(content.Size))
	c.Put("MediaType", model.TextValue(content.MediaType))
	c.Put("MediaWidth", optional(content.Width))
	c.Put("MediaHeight", optional(content.Height))
	c.Put("ContentSha256", model.TextValue(content.SHA256))
	c.Put(e.Set.StreamID, model.TextValue(content.ID))
	if err := c.settle(); err != nil {
		return Outcome{}, "", err
	}
	top := c
	if c.owner != nil {
		top = c.owner
	}
	state, err := top.write()
	return Outcome{Entity: e, State: state, Version: c.version()}, replaced, err
}

// MayStore asks, before any bytes are read, what [Writer.SetContent] asks of the actor.
func (w *Writer) MayStore(e model.Entity, when Condition) error {
	c, err := w.openWhen(e, when, permission.Update)
	if err != nil {
		return err
	}
	return c.mayStore()
}

// mayStore refuses another content: it is changed as the attribute is that names it.
func (c *Change) mayStore() error {
	id := c.Record.Set.StreamID
	for _, need := range []permission.Right{permission.Read, permission.Update} {
		if err := c.Property(id).PermitTo(c.w.by.Granted, need); err != nil {
			return err
		}
	}
	return c.guard()
}

// PermittedRow refuses an actor who may not change another row, that this one belongs
// to; member is what of it is changed. A row that they do not see is not there.
func (c *Change) PermittedRow(e model.Entity, member string) error {
	w, set := c.w, e.Set.Permissive().Name
	if err := w.permitted(e.Set, permission.Update); err != nil {
		return err
	}
	if !w.by.Granted.MayUpdate(set, member) {
		return w.by.Granted.Decided(set, member, permission.Update, &permission.Denied{
			Set: set, Attribute: member, Need: permission.Update, Rule: tandem.RuleLimited, Key: permission.SetKeyID(set),
		})
	}
	there, err := c.Lookup(e.Set, e.ID)
	if err != nil {
		return err
	}
	if there == nil || there.Set != e.Set {
		return notFound(e)
	}
	if err := w.permittedRow(e, permission.Update); errors.Is(err, tandem.ErrNotFound) {
		return notFound(e)
	} else if err != nil {
		return err
	}
	return nil
}
