package tus

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// partSuffix is that of the files in [Config.Dir].
const partSuffix = ".part"

// part is where an upload has its bytes. Its name is ours: nothing that a caller says
// becomes a path.
func (s *Server) part(id string) string { return filepath.Join(s.config.Dir, id+partSuffix) }

func (s *Server) dropPart(id string) {
	if err := os.Remove(s.part(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("a part of an upload cannot be deleted", "error", err)
	}
}

// syncDir forces the names in a folder to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Find is the upload of an owner with a key, whatever its state; the error matches
// [tandem.ErrNotFound] where there is none, and where it was not finished in time.
func (s *Server) Find(ctx context.Context, owner, key string) (Upload, error) {
	u, err := s.store.byKey(ctx, owner, key)
	if err != nil {
		return Upload{}, err
	}
	if u.over(s.clock.Now()) {
		return Upload{}, tandem.Errorf(tandem.CodeNotFound, "The upload was not finished in time.")
	}
	return *u, nil
}

// Open opens an upload of which all is there; the caller closes it. The error matches
// [tandem.ErrNotFound] where there is none or its bytes were taken, and has
// [tandem.CodeConflict] where not all has come.
func (s *Server) Open(ctx context.Context, owner, key string) (*os.File, Upload, error) {
	u, err := s.Find(ctx, owner, key)
	switch {
	case err != nil:
		return nil, u, err
	case u.State == Open:
		return nil, u, tandem.Errorf(tandem.CodeConflict, "Of the file %d of %d bytes have come.", u.Offset, u.Length)
	case u.State == Taken:
		return nil, u, tandem.Errorf(tandem.CodeNotFound, "The file was taken away before.")
	}
	f, err := os.Open(s.part(u.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, u, tandem.Errorf(tandem.CodeNotFound, "The file is no longer here.")
	}
	return f, u, err
}

// Remove deletes the bytes of an upload, which have been taken to where they belong, and
// keeps its key: who creates it again is told that all is there. Nothing happens where
// there is no such upload.
func (s *Server) Remove(ctx context.Context, owner, key string) error {
	u, err := s.store.byKey(ctx, owner, key)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.writers.settle(ctx, u.ID); err != nil {
		return err
	}
	if err := s.store.become(ctx, u.ID, Taken, u.Length, s.clock.Now().Add(s.config.Keep)); err != nil {
		return err
	}
	s.dropPart(u.ID)
	return nil
}

const (
	cleanAtOnce = 200
	// strayFor is how old a file must be that no row names: one is made before, or
	// deleted after, its row.
	strayFor = time.Hour
)

// Clean deletes what has expired, and returns how many uploads that were. It is for a job
// that runs now and then.
func (s *Server) Clean(ctx context.Context) (gone int64, err error) {
	now := s.clock.Now()
	for {
		rows, err := s.store.db.Reader().QueryContext(ctx, `SELECT id FROM tus_uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`,
			sqldb.Micros(now), cleanAtOnce)
		over, err := sqldb.List[string](rows, err)
		if err != nil {
			return gone, err
		}
		for _, id := range over {
			if err := s.writers.settle(ctx, id); err != nil {
				return gone, err
			}
			if err := s.store.remove(ctx, id); err != nil {
				return gone, err
			}
			s.dropPart(id)
			gone++
		}
		if len(over) < cleanAtOnce {
			break
		}
	}
	if _, err := s.store.db.Purge(ctx, sqldb.Purge{Table: "tus_days", Column: "day", Before: day(now.AddDate(0, 0, -1))}); err != nil {
		return gone, err
	}
	return gone, s.cleanStray(ctx)
}

// cleanStray deletes the files that no row names.
func (s *Server) cleanStray(ctx context.Context) error {
	dir, err := os.Open(s.config.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(cleanAtOnce)
		for _, e := range entries {
			id, ours := strings.CutSuffix(e.Name(), partSuffix)
			info, err := e.Info()
			if !ours || uuid.Validate(id) != nil || err != nil || tandem.SystemTime().Sub(info.ModTime()) < strayFor {
				continue
			}
			var there bool
			err = s.store.db.Reader().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tus_uploads WHERE id = $1 AND state <> 'taken')`, id).Scan(&there)
			if err != nil {
				return err
			}
			if !there {
				s.dropPart(id)
			}
		}
		if len(entries) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
