package cloud

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// Files of visits. A phone sends one to uploads, in pieces and over as many connections as
// it takes; then its command file.attach says which visit it belongs to. What came is drawn
// anew by a child process (package picture), and committed to the ERP (attach.go).

// uploadsPath is where uploads are created.
const uploadsPath = wire.Prefix + "uploads"

// fileAge is for how long a command waits for the bytes of its file: as long as an
// unfinished upload is kept.
const fileAge = tus.DefaultExpires

func (c *Cloud) filesPart() part {
	serve := http.HandlerFunc(c.serveUploads)
	return part{
		routes: func(on routes) {
			on.stream(uploadsPath, serve)
			on.stream(uploadsPath+"/", serve)
		},
		clean: c.cleanFiles,
	}
}

// startUploads makes the handler of uploads, and the folder in which pictures are made.
func (c *Cloud) startUploads(ctx context.Context) (err error) {
	if err := os.MkdirAll(c.pictures(), 0o700); err != nil {
		return err
	}
	c.uploads, err = tus.New(ctx, tus.Config{
		Dir: filepath.Join(c.config.Dir, "uploads"), DB: c.config.DB, Prefix: uploadsPath, Group: "visit", Log: c.log, Clock: c.clock,
		Owner: func(r *http.Request) (string, error) { return client.CallerOf(r.Context()).UserID, nil },
		Allow: c.allowUpload, Finished: func(tus.Upload) { c.fileDesk.wake() },
	})
	return err
}

// pictures is the folder in which they are made; nothing stays there.
func (c *Cloud) pictures() string { return filepath.Join(c.config.Dir, "pictures") }

// serveUploads asks whether the caller's sign-in lives before anything is written. Where
// nobody can say, what is sent is taken: it changes nothing before it is committed.
func (c *Cloud) serveUploads(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if err := c.server.Alive(r.Context()); errors.Is(err, client.ErrTokenEnded) {
			c.server.Refuse(w, err)
			return
		}
	}
	c.uploads.ServeHTTP(w, r)
}

// allowUpload refuses files for a visit that is known to be somebody else's. A visit that
// is not in the copy is looked at when the file is committed; so is everything while the
// ERP is away.
func (c *Cloud) allowUpload(ctx context.Context, u tus.Upload) error {
	if !isGUID(u.Group) {
		return tus.Refuse(http.StatusBadRequest, wire.Invalid, "Upload-Metadata must have visit: the id of the visit that the file belongs to.")
	}
	responsible, err := c.store.responsibleOf(ctx, u.Group)
	if tandem.ErrorCode(err) == tandem.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	behalf := client.CallerOf(ctx).Behalf()
	p, err := c.personOf(ctx, behalf)
	if err != nil || p.id == responsible {
		return nil //nolint:nilerr // who cannot be asked now is asked when the file is committed
	}
	v, _, err := c.readVisit(client.OnBehalfOf(ctx, behalf), u.Group) // the copy may be old
	if err == nil && (v == nil || v.responsible() != p.id) {
		return tus.Refuse(http.StatusConflict, wire.NotYours, "The visit is somebody else's; its files are for them to send.")
	}
	return nil
}

// cleanFiles deletes uploads whose time is over, and what a process has left that died
// while it made a picture.
func (c *Cloud) cleanFiles(ctx context.Context) error {
	_, err := c.uploads.Clean(ctx)
	entries, err2 := os.ReadDir(c.pictures())
	for _, e := range entries {
		if info, err := e.Info(); err == nil && tandem.SystemTime().Sub(info.ModTime()) > time.Hour {
			err2 = errors.Join(err2, os.Remove(filepath.Join(c.pictures(), e.Name())))
		}
	}
	return errors.Join(err, err2)
}
