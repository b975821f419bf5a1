package platform

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// backupFormat is what a backup says of itself, and manifestName where.
const (
	backupFormat = "tandem-backup/1"
	manifestName = "manifest.json"
)

// Manifest is what a backup tells of itself. It is its last file: one that was cut
// off has none.
type Manifest struct {
	Format string `json:"format"`
	// At is the moment of which the data is, Version the program that wrote it.
	At      time.Time    `json:"at"`
	Version string       `json:"version"`
	Files   []BackupFile `json:"files"`
}

// BackupFile is a file of a backup; its name is that in the data folder, with
// slashes.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup says what to back up: the file of the identity server's database, and the
// data folder with those of the halves.
type Backup struct {
	DB, Data string
	Version  string
	Clock    tandem.Clock
}

// instanceFile and halfFiles are the databases' names in a backup. The order
// matters: what depends on something else is taken before it, so that nothing is
// there without what it came from. What is there without what was to follow is as
// after the death of a program at that moment, which each of them gets over.
const instanceFile = "tandem.db"

var halfFiles = []string{"worker/worker.db", "webapp/webapp.db"}

// Write writes the backup into a new file that only this user can read. The
// instance and its halves go on meanwhile. There is either a whole file of that
// name or none.
func (b *Backup) Write(ctx context.Context, file string) (m Manifest, err error) {
	if _, err := os.Lstat(file); err == nil {
		return m, tandem.Errorf(tandem.CodeConflict, "%s is there already: name another file", file)
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), ".tandem-backup-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	m = Manifest{Format: backupFormat, Version: b.Version}
	sources, err := b.copyDatabases(ctx, dir, &m)
	if err != nil {
		return m, err
	}
	whole := filepath.Join(dir, "whole")
	if err := b.archive(ctx, whole, sources, &m); err != nil {
		return m, err
	}
	if err := os.Link(whole, file); err != nil { // which replaces nothing
		return m, fmt.Errorf("name the backup: %w", err)
	}
	return m, syncFile(filepath.Dir(file))
}

// source is a file that goes into the backup under a name.
type source struct{ name, path string }

// copyDatabases takes hold of all databases one right after the other, and then
// copies them.
func (b *Backup) copyDatabases(ctx context.Context, dir string, m *Manifest) (sources []source, err error) {
	var held []*sqldb.Snapshot
	defer func() {
		for _, s := range held {
			s.Close()
		}
	}()
	files := []source{}
	for _, name := range halfFiles {
		files = append(files, source{name, filepath.Join(b.Data, filepath.FromSlash(name))})
	}
	files = append(files, source{data.ERPFile(instanceFile), data.ERPFile(b.DB)}, source{instanceFile, b.DB})
	for _, f := range files {
		if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) && f.path != b.DB {
			continue // a half that runs elsewhere, or the ERP of an older program
		}
		s, err := sqldb.HoldSnapshot(ctx, f.path)
		if err != nil {
			return nil, err
		}
		held, sources = append(held, s), append(sources, source{f.name, filepath.Join(dir, filepath.Base(f.name))})
	}
	m.At = b.Clock.Now().UTC().Truncate(time.Second)
	for i, s := range held {
		if err := s.CopyTo(ctx, sources[i].path); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// archive writes the file, what the worker keeps of jobs with it, and the manifest
// at its end.
func (b *Backup) archive(ctx context.Context, file string, sources []source, m *Manifest) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	z := zip.NewWriter(out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	kept, err := b.jobFiles()
	if err != nil {
		return err
	}
	for _, s := range append(sources, kept...) {
		f, err := addFile(ctx, z, s)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the job has ended meanwhile
		}
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	w, err := z.Create(manifestName)
	if err == nil {
		_, err = w.Write(text)
	}
	return errors.Join(err, z.Close(), out.Sync())
}

// jobFiles are uploads that wait for their import, and exports.
func (b *Backup) jobFiles() (sources []source, err error) {
	root := filepath.Join(b.Data, "worker", "files")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.Type().IsRegular() {
			name, _ := filepath.Rel(b.Data, path) // it is below
			sources = append(sources, source{filepath.ToSlash(name), path})
		}
		return err
	})
	return sources, err
}

func addFile(ctx context.Context, z *zip.Writer, s source) (f BackupFile, err error) {
	in, err := os.Open(s.path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	w, err := z.Create(s.name)
	if err != nil {
		return f, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), reader{ctx, in})
	return BackupFile{Name: s.name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

// Read implements [io.Reader].
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// errNoBackup is for a file that is none, or not a whole one.
func errNoBackup(file, why string) error {
	return tandem.Errorf(tandem.CodeInvalid, "%s is not a whole backup of tandem (%s): use another", file, why)
}

// readManifest reads what a backup says of itself, and sees that it has what it says.
func readManifest(z *zip.Reader, file string) (m Manifest, err error) {
	f, err := z.Open(manifestName)
	if err != nil {
		return m, errNoBackup(file, "it has no manifest")
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, 64<<20)).Decode(&m); err != nil {
		return m, errNoBackup(file, "its manifest cannot be read")
	}
	if m.Format != backupFormat {
		return m, errNoBackup(file, fmt.Sprintf("its format is %q, this program knows %s", m.Format, backupFormat))
	}
	instance := false
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) || strings.ContainsRune(f.Name, '\\') || f.Name == "" {
			return m, errNoBackup(file, fmt.Sprintf("it has a file %q", f.Name))
		}
		instance = instance || f.Name == instanceFile
	}
	if !instance {
		return m, errNoBackup(file, "it has no "+instanceFile)
	}
	return m, nil
}
