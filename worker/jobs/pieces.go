package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/hybridapps/tandem/sqldb"
)

// pieceSize is how many bytes of a file are in one row.
const pieceSize = 1 << 20

// pieces keep the files of jobs in the database, see [files].
type pieces struct{ db *sqldb.DB }

// write is how a row is written: alone, or with the proof that it may be.
type write func(query string, args ...any) error

func (p *pieces) write(ctx context.Context) write {
	return func(query string, args ...any) error {
		_, err := p.db.Writer().ExecContext(ctx, query, args...)
		return err
	}
}

// put keeps a file of this machine.
func (p *pieces) put(write write, id, part, file string, now int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	name, piece := filepath.Base(file), make([]byte, pieceSize)
	if err := write(`DELETE FROM job_files WHERE job_id = $1 AND part = $2 AND name = $3`, id, part, name); err != nil {
		return err
	}
	for place := 0; ; place++ {
		n, err := io.ReadFull(f, piece)
		if errors.Is(err, io.EOF) && place > 0 { // an empty file has one empty piece
			return nil
		}
		last := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		err = write(`INSERT INTO job_files (job_id, part, name, place, created_at, content) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, part, name, place, now, piece[:n])
		if err != nil || last {
			return err
		}
	}
}

// fetch writes what a job was given into a folder of this machine, and reports
// whether there is anything.
func (p *pieces) fetch(ctx context.Context, id, part, dir string) (found bool, err error) {
	stmt, err := p.db.ReadStmt(ctx, `SELECT name FROM job_files WHERE job_id = $1 AND part = $2 AND place = 0`)
	if err != nil {
		return false, err
	}
	names, err := sqldb.List[string](stmt.QueryContext(ctx, id, part))
	if err != nil || len(names) == 0 {
		return false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	for _, name := range names {
		if err := p.fetchOne(ctx, id, part, name, filepath.Join(dir, filepath.Base(name))); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (p *pieces) fetchOne(ctx context.Context, id, part, name, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	read := p.reader(ctx, id, part, name)
	for place := int64(0); ; place++ {
		piece, err := read(place)
		if errors.Is(err, sql.ErrNoRows) {
			return f.Close()
		}
		if err == nil {
			_, err = f.Write(piece)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
}

// reader reads the pieces of a file; [sql.ErrNoRows] says that there is none at
// the place.
func (p *pieces) reader(ctx context.Context, id, part, name string) func(place int64) ([]byte, error) {
	return func(place int64) (piece []byte, err error) {
		stmt, err := p.db.ReadStmt(ctx, `SELECT content FROM job_files WHERE job_id = $1 AND part = $2 AND name = $3 AND place = $4`)
		if err != nil {
			return nil, err
		}
		err = stmt.QueryRowContext(ctx, id, part, name, place).Scan(&piece)
		return piece, err
	}
}

// open gives a file without a copy on this machine. A size that is not known is the
// greatest there is: then the file ends with its last piece.
func (p *pieces) open(ctx context.Context, id, part, name string, size int64) (File, error) {
	f := &pieceFile{read: p.reader(ctx, id, part, name), at: -1, unsized: size == math.MaxInt64}
	if err := f.load(0); err != nil {
		return nil, err
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{io.NewSectionReader(f, 0, size), io.NopCloser(nil)}, nil
}

// pieceFile has one piece of a file in memory.
type pieceFile struct {
	read  func(place int64) ([]byte, error)
	at    int64
	piece []byte

	unsized bool // the first piece that is missing is its end
}

func (f *pieceFile) load(place int64) (err error) {
	if place != f.at {
		f.piece, err = f.read(place)
		f.at = place
	}
	if err != nil {
		f.at = -1
	}
	return err
}

// ReadAt implements [io.ReaderAt].
func (f *pieceFile) ReadAt(b []byte, offset int64) (n int, err error) {
	for n < len(b) {
		place, within := (offset+int64(n))/pieceSize, (offset+int64(n))%pieceSize
		if err := f.load(place); errors.Is(err, sql.ErrNoRows) && f.unsized {
			return n, io.EOF
		} else if err != nil {
			return n, fmt.Errorf("piece %d of a file: %w", place, err)
		}
		if within >= int64(len(f.piece)) {
			return n, io.EOF
		}
		n += copy(b[n:], f.piece[within:])
	}
	return n, nil
}

// drop deletes files of a job; no part means all.
func (p *pieces) drop(ctx context.Context, id, part string) error {
	_, err := p.db.Purge(ctx, sqldb.Purge{
		Table: "job_files", Column: "place", Before: math.MaxInt64, And: `job_id = $4 AND ($5 = '' OR part = $5)`, Args: []any{id, part},
	})
	return err
}

// clean deletes what is not needed any more: of jobs that ended, and what never
// became a job and came before the time. Any piece tells of a file: deleting one
// that ends in the middle leaves its last.
func (p *pieces) clean(ctx context.Context, before int64) error {
	rows, err := p.db.Reader().QueryContext(ctx, `SELECT DISTINCT f.job_id, f.part FROM job_files f LEFT JOIN jobs j ON j.id = f.job_id
		WHERE j.id IS NULL AND f.created_at < $1 OR j.finished_at > 0 AND (f.part = $2 OR j.file = '') LIMIT 100`,
		before, partUpload)
	if err != nil {
		return err
	}
	defer rows.Close()
	var left [][2]string
	for rows.Next() {
		var one [2]string
		if err := rows.Scan(&one[0], &one[1]); err != nil {
			return err
		}
		left = append(left, one)
	}
	for _, one := range left {
		if err := p.drop(ctx, one[0], one[1]); err != nil {
			return err
		}
	}
	return rows.Err()
}
