package platform

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
)

// restoring is the folder in the data folder in which a restore works until
// everything is there.
const restoring = "restoring"

// Restore brings a backup into an empty data folder, which it makes where there is
// none, and marks the instance as restored: see [data.MarkRestored].
func Restore(ctx context.Context, file, folder string, c StoreConfig) (r data.Restored, err error) {
	c.defaults()
	z, err := zip.OpenReader(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if err != nil {
		return r, errNoBackup(file, "it is cut off, or something else")
	}
	defer z.Close()
	m, err := readManifest(&z.Reader, file)
	if err != nil {
		return r, err
	}
	if err := emptyFolder(folder); err != nil {
		return r, err
	}
	work := filepath.Join(folder, restoring)
	for _, f := range m.Files {
		if err := unpack(ctx, &z.Reader, f, work); err != nil {
			return r, errors.Join(fmt.Errorf("restore %s: %w", file, err), os.RemoveAll(work))
		}
	}
	if r, err = c.markFiles(ctx, work, m.At); err == nil {
		err = settleFiles(work, folder)
	}
	if err != nil {
		return r, errors.Join(err, os.RemoveAll(work))
	}
	return r, nil
}

// emptyFolder makes the folder, and refuses one in which something is.
func emptyFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	return tandem.Errorf(tandem.CodeConflict, "the folder %s is not empty, it has %s: restore into an empty one (--data)", folder, entries[0].Name())
}

// unpack writes one file of a backup, as it was when it was packed or not at all.
func unpack(ctx context.Context, z *zip.Reader, f BackupFile, folder string) error {
	in, err := z.Open(f.Name)
	if err != nil {
		return errNoBackup(f.Name, "it is missing")
	}
	defer in.Close()
	path := filepath.Join(folder, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(reader{ctx, in}, f.Size+1))
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat),
		err == nil && (n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256):
		err = errNoBackup(f.Name, "it was changed after it was packed")
	}
	return errors.Join(err, out.Sync())
}

// markFiles marks what has been unpacked, with the web app's sessions: the tokens in
// them are refused from now on.
func (c *StoreConfig) markFiles(ctx context.Context, work string, backup time.Time) (r data.Restored, err error) {
	if r, err = c.markDatabase(ctx, "sqlite:"+filepath.Join(work, instanceFile), backup); err != nil {
		return r, err
	}
	webapp := filepath.Join(work, "webapp", "webapp.db")
	if _, err := os.Stat(webapp); err != nil {
		return r, nil // it runs elsewhere
	}
	db, err := sqldb.Open(ctx, "sqlite:"+webapp, c.Options)
	if err != nil {
		return r, err
	}
	_, err = db.Writer().ExecContext(ctx, `DELETE FROM webapp_sessions`)
	return r, errors.Join(err, db.Close())
}

func (c *StoreConfig) markDatabase(ctx context.Context, url string, backup time.Time) (r data.Restored, err error) {
	db, err := data.Open(ctx, url, c.Options)
	if err != nil {
		return r, err
	}
	r, err = data.MarkRestored(ctx, db.Identity, c.By, backup, c.Clock.Now())
	return r, errors.Join(err, db.Close())
}

// MarkRestored is for databases that were restored by other means, such as
// pg_restore. Nothing may run on them meanwhile.
func MarkRestored(ctx context.Context, c StoreConfig) (data.Restored, error) {
	c.defaults()
	return c.markDatabase(ctx, c.DB, time.Time{})
}

// settleFiles moves everything to its place, the instance's own database last:
// without it nothing starts that belongs to the others.
func settleFiles(work, folder string) error {
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	for _, last := range []bool{false, true} {
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), instanceFile) != last {
				continue
			}
			if err := os.Rename(filepath.Join(work, e.Name()), filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
		if err := syncFile(folder); err != nil {
			return err
		}
	}
	return os.Remove(work)
}
