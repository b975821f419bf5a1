package portal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/picture"
	"github.com/hybridapps/tandem/internalapi"
)

// Files of tickets: the photos that customers send, which are drawn again before they are
// kept, and what the office lets them see.

const (
	setDataObjects = "Systems_Core_ExtensibleDataObjects"
	setFiles       = "Systems_Core_ObjectFiles"
	contents       = "EmbeddedFileContents"

	// external is the AccessPermission of files that customers see.
	external = "External"
	// purposePhoto and purposeThumbnail are what the portal's files are for; a thumbnail
	// has the ExternalId of its photo with ofThumbnail behind it.
	purposePhoto, purposeThumbnail, ofThumbnail = "portal/photo", "portal/thumbnail", "/thumbnail"
	// photosLie is how long a photo can lie in the folder: nobody looks at one for longer.
	photosLie = time.Hour
)

// erpFile is a file of a ticket.
type erpFile struct {
	ID                                                 string `json:"Id"`
	FileName, AccessPermission                         string
	MediaType, PurposeCode, ExternalId, ExternalSystem *string
	FileSizeBytes                                      *int64
	CreationTimeUtc                                    time.Time
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// is reports whether the file is one of the portal's, for a purpose.
func (f *erpFile) is(purpose string) bool {
	return text(f.PurposeCode) == purpose && text(f.ExternalSystem) == externalSystem
}

func (f *erpFile) filled() bool { return f.FileSizeBytes != nil && *f.FileSizeBytes > 0 }

const fileSelect = "Id,FileName,AccessPermission,MediaType,PurposeCode,ExternalId,ExternalSystem,FileSizeBytes,CreationTimeUtc"

// filesOf asks for the files of a ticket.
func filesOf(ticket string) client.Query {
	return client.Query{
		Select: "Id", Top: 1, Filter: client.And("EntityItemId eq "+ticket, "EntityType eq "+client.Quote(setTickets)), Expand: "Files($select=" + fileSelect + ")",
	}
}

// erpFiles is what filesOf gives.
type erpFiles = client.Page[struct{ Files []erpFile }]

// seenFiles are the files of a ticket that the person sees: those that are External and
// have a content.
func (o *Portal) seenFiles(ctx context.Context, p client.IDToken, ticket string) ([]erpFile, error) {
	found, err := client.FirstPage[struct{ Files []erpFile }](client.NarrowedTo(ctx, p), o.ERP, setDataObjects, filesOf(ticket))
	return seenOf(found), err
}

func seenOf(found erpFiles) []erpFile {
	if len(found.Value) == 0 {
		return nil
	}
	all := slices.DeleteFunc(found.Value[0].Files, func(f erpFile) bool { return f.AccessPermission != external || !f.filled() })
	slices.SortFunc(all, func(a, b erpFile) int {
		return cmp.Or(a.CreationTimeUtc.Compare(b.CreationTimeUtc), strings.Compare(a.ID, b.ID))
	})
	return all
}

// filesFor are files as the page shows them: small pictures go with what they are of.
func filesFor(found []erpFile) []internalapi.TicketFile {
	small := map[string]string{} // ExternalId of a photo → its small picture
	for i := range found {
		if f := &found[i]; f.is(purposeThumbnail) {
			small[strings.TrimSuffix(text(f.ExternalId), ofThumbnail)] = f.ID
		}
	}
	var all []internalapi.TicketFile
	for i := range found {
		f := &found[i]
		if f.is(purposeThumbnail) {
			continue
		}
		one := internalapi.TicketFile{ID: f.ID, Name: f.FileName, MediaType: text(f.MediaType), Size: *f.FileSizeBytes, At: f.CreationTimeUtc}
		if f.is(purposePhoto) {
			one.Picture, one.Photo = small[text(f.ExternalId)], true
		}
		all = append(all, one)
	}
	return all
}

// photos is how many of the files the customer sent.
func photos(files []internalapi.TicketFile) (n int) {
	for _, f := range files {
		if f.Photo {
			n++
		}
	}
	return n
}

// OpenFile opens a file of a ticket that the person sees.
func (o *Portal) OpenFile(ctx context.Context, p client.IDToken, ticket, file string) (*client.Content, error) {
	notFound := tandem.Errorf(tandem.CodeNotFound, "there is no such file")
	file, err := guid(file)
	if err != nil {
		return nil, notFound
	}
	narrowed := client.NarrowedTo(ctx, p)
	d, _, err := o.read(narrowed, p, Tickets, ticket, expandCustomer)
	if err != nil {
		return nil, err
	}
	seen, err := o.seenFiles(ctx, p, d.ID)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(seen, func(f erpFile) bool { return strings.EqualFold(f.ID, file) }) {
		return nil, notFound
	}
	content, err := o.ERP.Content(narrowed, client.Ref(setFiles, file), contents)
	if status(err) == http.StatusNotFound {
		return nil, notFound // taken away meanwhile
	}
	return content, err
}

// AddPhoto keeps a photo of a ticket that the person sees: drawn again, as a file that the
// customer sees too. The same one again is kept once. Why it is not kept is the answer; the
// ticket stays.
func (o *Portal) AddPhoto(ctx context.Context, p client.IDToken, ticket string, in io.Reader) (internalapi.PhotoRefusal, error) {
	d, _, err := o.read(client.NarrowedTo(ctx, p), p, Tickets, ticket, expandCustomer)
	if err != nil {
		return "", err
	}
	if !d.open() {
		return internalapi.PhotoClosed, nil
	}
	came, sum, err := o.take(in)
	if err != nil || came == nil {
		return internalapi.PhotoTooLarge, err
	}
	defer came.Close()
	seen, err := o.seenFiles(ctx, p, d.ID)
	if err != nil {
		return "", err
	}
	own := client.OnBehalfOf(ctx, p)
	sent := photos(filesFor(seen))
	n := &newPhoto{id: d.ID + "/" + sum, name: fmt.Sprintf("%s-photo-%d", PlainName(d.DocumentNo), sent+1), by: p.Login}
	if n.on, err = o.object(own, d.ID); err == nil {
		n.rows, err = o.kept(own, n.on, n.id)
	}
	if err != nil {
		return "", refused(err)
	}
	if _, again := n.rows[n.id]; !again && sent >= internalapi.MaxPhotos {
		return internalapi.PhotoTooMany, nil
	}
	made, err := picture.Prepare(ctx, came, o.Dir)
	var no *picture.Refused
	if errors.As(err, &no) {
		if no.Detail != "" && o.Log != nil {
			o.Log.WarnContext(ctx, "a photo was refused", "ticket", d.DocumentNo, "why", no.Detail)
		}
		return photoRefusals[no.Why], nil
	}
	if err != nil {
		return "", err
	}
	defer made.Remove()
	return "", refused(o.keep(own, n, made))
}

var photoRefusals = map[picture.Why]internalapi.PhotoRefusal{
	picture.NoPicture: internalapi.PhotoNoPicture, picture.TooLarge: internalapi.PhotoTooLarge, picture.Unreadable: internalapi.PhotoUnreadable,
}

// take writes what comes to a file that has no name any more, and ends with it; sum is of
// its content. There is no file where too much comes.
func (o *Portal) take(in io.Reader) (f *os.File, sum string, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, "", err
	}
	f, err = os.CreateTemp(o.Dir, "came-*")
	if err != nil {
		return nil, "", err
	}
	defer os.Remove(f.Name())
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(in, internalapi.MaxPhoto+1))
	var tooMuch *http.MaxBytesError
	if errors.As(err, &tooMuch) || n > internalapi.MaxPhoto {
		f.Close()
		return nil, "", nil
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, "", err
	}
	return f, hex.EncodeToString(hash.Sum(nil)[:16]), nil
}

// object is what the files of a ticket hang on, which is made with the first.
func (o *Portal) object(ctx context.Context, ticket string) (string, error) {
	var object struct {
		ID string `json:"Id"`
	}
	err := o.ERP.Do(ctx, http.MethodPost, client.Ref(setTickets, ticket)+"/GetOrCreateExtensibleDataObject", nil, &object)
	return client.Ref(setDataObjects, object.ID), err
}

// kept are the rows that there are of a photo, by their ExternalId.
func (o *Portal) kept(ctx context.Context, on, id string) (map[string]erpFile, error) {
	page, err := client.FirstPage[erpFile](ctx, o.ERP, setFiles, client.Query{
		Select: fileSelect, Top: 2,
		Filter: client.And("Object eq "+client.Quote(on), "ExternalId in ("+client.Quote(id)+","+client.Quote(id+ofThumbnail)+")", "ExternalSystem eq "+client.Quote(externalSystem)),
	})
	rows := map[string]erpFile{}
	for _, f := range page.Value {
		rows[text(f.ExternalId)] = f
	}
	return rows, err
}

// newPhoto is a photo that is being kept: what its files hang on, its id in the ERP, what it
// is called, and what is there of it.
type newPhoto struct {
	on, id, name, by string
	rows             map[string]erpFile
}

// keep writes what is missing of a photo and its small picture: rows first, and then their
// contents. A break in between leaves a row without one, which nobody sees and the next try
// fills.
func (o *Portal) keep(ctx context.Context, n *newPhoto, made picture.Prepared) error {
	for _, f := range []struct{ id, name, purpose, from string }{
		{n.id + ofThumbnail, n.name + "-small.jpg", purposeThumbnail, made.Thumbnail},
		{n.id, n.name + ".jpg", purposePhoto, made.JPEG},
	} {
		row, there := n.rows[f.id]
		if !there {
			var err error
			row, err = client.Create[erpFile](ctx, o.ERP, setFiles+"?$select="+fileSelect, map[string]any{
				"Object": reference(n.on), "FileName": f.name, "AccessPermission": external, "PurposeCode": f.purpose,
				"ExternalId": f.id, "ExternalSystem": externalSystem, "Notes": "Sent in the portal by " + n.by,
			})
			if status(err) == http.StatusConflict { // the same photo, at the same time
				var rows map[string]erpFile
				if rows, err = o.kept(ctx, n.on, n.id); err == nil {
					row = rows[f.id]
				}
			}
			if err != nil {
				return err
			}
		}
		if row.filled() {
			continue
		}
		if err := o.fill(ctx, row.ID, f.from); err != nil {
			return err
		}
	}
	return nil
}

func (o *Portal) fill(ctx context.Context, id, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return o.ERP.PutContent(ctx, client.Ref(setFiles, id), contents, f, info.Size())
}

// PlainName keeps of a number what a file may be called everywhere.
func PlainName(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, number)
}

// Clean deletes what a process that was killed has left of photos in the folder.
func (o *Portal) Clean() error {
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if info, known := e.Info(); known == nil && o.Clock.Now().Sub(info.ModTime()) > photosLie {
			err = errors.Join(err, os.Remove(filepath.Join(o.Dir, e.Name())))
		}
	}
	return err
}
