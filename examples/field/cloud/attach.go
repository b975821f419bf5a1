package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/picture"
)

const (
	setActivities  = "Applications_Service_ServiceActivities"
	setObjectFiles = "Systems_Core_ObjectFiles"
	// thumbnailOf is behind the ExternalId of a photo for its small picture.
	thumbnailOf      = "/thumbnail"
	purposeThumbnail = "field/thumbnail"
)

// purposes are what files may be for.
var purposes = map[string]string{"photo": "field/photo", "signature": "field/signature"}

// pictureReasons are why a file is no picture that is taken.
var pictureReasons = map[picture.Why]wire.Reason{
	picture.NoPicture: wire.PictureKind, picture.TooLarge: wire.PictureTooLarge, picture.Unreadable: wire.PictureUnreadable,
}

// bringFile books the file of a command: a photo with its thumbnail. It may be called again
// after any break, and then finds what it has done. The error is a refusal where trying
// again changes nothing, [errPending] where the bytes are not there, and otherwise of the
// ERP or the machine. may refuses it right before it is committed.
func (c *Cloud) bringFile(ctx context.Context, k *command, body wire.FileBody, may func(context.Context) error) error {
	if purposes[body.Purpose] == "" || body.Upload != k.id || body.Name == "" {
		return refused(wire.FileMalformed, nil)
	}
	file, u, err := c.uploads.Open(ctx, k.userID, body.Upload)
	if u.State == tus.Taken {
		return c.broughtBefore(ctx, k, may)
	}
	if code := tandem.ErrorCode(err); code == tandem.CodeNotFound || code == tandem.CodeConflict {
		if c.clock.Now().Sub(k.receivedAt) < fileAge {
			return errPending
		}
		return refused(wire.FileNotCome, wire.Args{"days": int(fileAge.Hours() / 24)})
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if u.SHA256 != strings.ToLower(body.SHA256) || u.Length != body.Bytes || u.Group != k.visit {
		return refused(wire.FileOther, nil)
	}
	made, err := picture.Prepare(ctx, file, c.pictures())
	var no *picture.Refused
	if errors.As(err, &no) {
		if no.Detail != "" {
			c.log.WarnContext(ctx, "a picture was refused", "command", k.id, "why", no.Detail)
		}
		return told(refused(pictureReasons[no.Why], nil), no.Reason)
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", errSlowPicture, err)
	}
	if err != nil {
		return err
	}
	defer made.Remove()
	if err := may(ctx); err != nil {
		return err
	}
	return c.commitFiles(ctx, k, body, made)
}

// broughtBefore asks the ERP for a file whose bytes are here no longer: they are deleted
// once the answer is kept, and what else took them is not known.
func (c *Cloud) broughtBefore(ctx context.Context, k *command, may func(context.Context) error) error {
	if err := may(ctx); err != nil {
		return err
	}
	on, err := c.objectOf(ctx, k)
	if err != nil {
		return err
	}
	there, err := c.filesOf(ctx, on, k.id)
	if err != nil {
		return err
	}
	for _, external := range []string{k.id, k.id + thumbnailOf} {
		if size := there[external].FileSizeBytes; size == nil || *size == 0 {
			return refused(wire.FileGone, nil)
		}
	}
	return nil
}

// objectFile is what is read of a file's row.
type objectFile struct {
	ID            string `json:"Id"`
	ExternalID    string `json:"ExternalId"`
	Notes         string
	FileSizeBytes *int64
}

// commitFiles writes what is missing of both rows and their contents. Only here the token
// that may write is used.
func (c *Cloud) commitFiles(ctx context.Context, k *command, body wire.FileBody, made picture.Prepared) error {
	on, err := c.objectOf(ctx, k)
	if err != nil {
		return err
	}
	there, err := c.filesOf(ctx, on, k.id)
	if err != nil {
		return err
	}
	name, whose := fileName(body.Name), "for "+k.login
	for _, f := range []struct{ external, name, purpose, from string }{
		{k.id, name + ".jpg", purposes[body.Purpose], made.JPEG},
		{k.id + thumbnailOf, name + "-thumbnail.jpg", purposeThumbnail, made.Thumbnail},
	} {
		row := there[f.external]
		if row.ID == "" {
			notes := whose
			if us := c.knownSelf.get(); us != "" {
				notes = "by " + us + " " + notes
			}
			row, err = client.Create[objectFile](c.asKnown(ctx), c.writes, setObjectFiles+"?$select=Id,ExternalId,Notes,FileSizeBytes", map[string]any{
				"Object": map[string]string{"@odata.id": on}, "FileName": f.name, "AccessPermission": "Internal", "PurposeCode": f.purpose,
				"ExternalId": f.external, "ExternalSystem": externalSystem, "Notes": notes,
			})
			if tandem.ErrorCode(err) == tandem.CodeConflict {
				row, err = c.afterConflict(ctx, on, k.id, f.external)
			}
			if err != nil {
				return err
			}
		}
		if row.FileSizeBytes != nil && *row.FileSizeBytes > 0 {
			if !strings.HasSuffix(row.Notes, whose) {
				return errSameID
			}
			continue // what a file has is never replaced
		}
		if err := c.putFile(ctx, row.ID, f.from); err != nil {
			return err
		}
	}
	return nil
}

// objectOf is what the files of the command's visit hang on.
func (c *Cloud) objectOf(ctx context.Context, k *command) (string, error) {
	var object struct {
		ID string `json:"Id"`
	}
	err := c.writes.Do(c.asKnown(ctx), http.MethodPost, client.Ref(setActivities, k.visit)+"/GetOrCreateExtensibleDataObject", nil, &object)
	return client.Ref("Systems_Core_ExtensibleDataObjects", object.ID), err
}

// filesOf are the rows of a command that hang on an object, by ExternalId.
func (c *Cloud) filesOf(ctx context.Context, on, command string) (map[string]objectFile, error) {
	page, err := client.FirstPage[objectFile](ctx, c.reads, setObjectFiles, client.Query{
		Select: "Id,ExternalId,Notes,FileSizeBytes", Top: 2,
		Filter: client.And("Object eq "+client.Quote(on), "ExternalId in ("+client.Quote(command)+","+client.Quote(command+thumbnailOf)+")"),
	})
	all := map[string]objectFile{}
	for _, f := range page.Value {
		all[f.ExternalID] = f
	}
	return all, err
}

var errSameID = refused(wire.IDTaken, nil)

// afterConflict finds the row that another process of ours was faster to make. An id that
// is another visit's is none of this command.
func (c *Cloud) afterConflict(ctx context.Context, on, command, external string) (objectFile, error) {
	there, err := c.filesOf(ctx, on, command)
	if err == nil && there[external].ID == "" {
		err = errSameID
	}
	return there[external], err
}

func (c *Cloud) putFile(ctx context.Context, id, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return c.writes.PutContent(c.asKnown(ctx), client.Ref(setObjectFiles, id), "EmbeddedFileContents", f, info.Size())
}

// maxFileName is how many characters of a name are kept.
const maxFileName = 100

// fileName is what a phone calls a file, without its folder and kind, such that it is a
// name everywhere.
func fileName(told string) string {
	told = path.Base(strings.ReplaceAll(told, `\`, "/"))
	told = strings.TrimSuffix(told, path.Ext(told))
	name := []rune(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp), r == unicode.ReplacementChar:
			return -1
		case strings.ContainsRune(`/:*?"<>|`, r):
			return '_'
		}
		return r
	}, told))
	clean := strings.Trim(string(name[:min(len(name), maxFileName)]), ". ")
	if clean == "" {
		return "photo"
	}
	return clean
}
