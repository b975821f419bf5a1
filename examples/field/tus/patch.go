package tus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/hybridapps/tandem"
)

const (
	bufferSize = 16 << 10
	// What came is forced to the disk and noted after so many bytes or so much time: that
	// is the most that a crash in mid-body takes.
	noteBytes = 1 << 20
	noteEvery = 3 * time.Second
	// forcedAtOnce is how many wait for the disk at a time: each takes a thread meanwhile.
	forcedAtOnce = 8
	// noteWithin bounds the writing down when the caller has gone.
	noteWithin = 10 * time.Second
	// maxRestarts is how often a file may begin again that was not what it was to be.
	maxRestarts = 2
)

// patch appends a body.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, owner, id string) error {
	if r.Header.Get("Content-Type") != "application/offset+octet-stream" {
		return Refuse(http.StatusUnsupportedMediaType, "media_type", "Send the bytes with Content-Type: application/offset+octet-stream.")
	}
	offset, err := count(r.Header, "Upload-Offset")
	if err != nil {
		return err
	}
	sum, err := parseChecksum(r.Header.Get("Upload-Checksum"))
	if err != nil {
		return err
	}
	if _, err := s.find(r.Context(), owner, id); err != nil {
		return err
	}
	writing, u, done, err := s.hold(w, r, owner, id)
	if err != nil {
		return err
	}
	defer done()
	if u.Offset != offset {
		s.tell(w.Header(), u)
		return Refuse(http.StatusConflict, "offset", "The upload is at %d and not at %d; go on there.", u.Offset, offset)
	}
	if r.ContentLength > u.Length-u.Offset {
		return tooLong(u)
	}
	if u.State == Open {
		if err := s.receive(r, writing, u, sum); err != nil {
			return err
		}
	}
	s.tell(w.Header(), u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// hold makes a request the one that writes an upload; done ends that. No transaction is
// open and no lock held meanwhile: only its place here, and a lock on the part that another
// process would be refused.
func (s *Server) hold(w http.ResponseWriter, r *http.Request, owner, id string) (writing *writer, u *Upload, done func(), err error) {
	writing, leave, err := s.writers.take(r.Context(), owner, id, http.NewResponseController(w))
	if err != nil {
		return nil, nil, nil, err
	}
	lock := flock.New(s.part(id), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	done = func() { lock.Close(); leave() }
	free, err := lock.TryLock()
	if err == nil && !free {
		err = locked()
	}
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	if u, err = s.find(r.Context(), owner, id); err != nil {
		var gone *Refusal
		if errors.As(err, &gone) { // it was deleted meanwhile, and the lock has made the file again
			s.dropPart(id)
		}
		done()
		return nil, nil, nil, err
	}
	return writing, u, done, nil
}

// stands is how an upload stands when whoever writes it was ended. One of which all came,
// and whose end nobody has seen, is finished.
func (s *Server) stands(w http.ResponseWriter, r *http.Request, owner, id string) (*Upload, error) {
	if err := s.writers.settle(r.Context(), id); err != nil {
		return nil, err
	}
	u, err := s.find(r.Context(), owner, id)
	if err != nil || u.State != Open || u.Offset < u.Length {
		return u, err
	}
	_, u, done, err := s.hold(w, r, owner, id)
	if err != nil {
		return nil, err
	}
	defer done()
	if u.State != Open || u.Offset < u.Length {
		return u, nil
	}
	part, err := os.OpenFile(s.part(id), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	b := body{server: s, upload: u, part: part, at: u.Offset}
	var refused *Refusal
	if err := b.finish(r.Context()); err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	return s.find(r.Context(), owner, id) // a file that is not what it was to be begins again
}

func tooLong(u *Upload) error {
	return Refuse(http.StatusRequestEntityTooLarge, "too_large", "The body is longer than the %d bytes that are missing; nothing of it was kept.", u.Length-u.Offset)
}

// receive writes a body behind what is there, and finishes the upload with its last byte.
func (s *Server) receive(r *http.Request, writing *writer, u *Upload, sum checksum) error {
	part, err := os.OpenFile(s.part(u.ID), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer part.Close()
	if err := part.Truncate(u.Offset); err != nil { // what was never noted
		return err
	}
	if u.Offset == 0 {
		if err := syncDir(s.config.Dir); err != nil {
			return err
		}
	}
	b := body{server: s, writing: writing, upload: u, part: part, sum: sum, at: u.Offset}
	cut := b.copy(r)
	writing.rest()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), noteWithin)
	defer cancel()
	var refused *Refusal
	switch {
	case errors.As(cut, &refused) && refused.Status == http.StatusRequestEntityTooLarge, cut != nil && sum.hash != nil:
		// A part of what has a sum of its own cannot be compared.
		return errors.Join(cut, b.back(ctx))
	case cut != nil && b.at < u.Length: // what is cut behind its last byte is all there
		return errors.Join(b.note(ctx), cut)
	case sum.hash != nil && !bytes.Equal(sum.hash.Sum(nil), sum.want):
		return errors.Join(Refuse(statusMismatch, "checksum", "The bytes that came are not those of Upload-Checksum, and nothing of them was kept; send them again."), b.back(ctx))
	case b.at == u.Length:
		return b.finish(ctx)
	}
	return b.note(ctx)
}

// body is one that comes.
type body struct {
	server  *Server
	writing *writer
	upload  *Upload
	part    *os.File
	sum     checksum
	at      int64
}

// copy reads the body to its end, or to where it is cut. What came is noted now and then.
func (b *body) copy(r *http.Request) error {
	buffer := b.server.buffers.Get().(*[bufferSize]byte)
	defer b.server.buffers.Put(buffer)
	noted, last := b.at, tandem.SystemTime()
	pace := pace{config: &b.server.config, ends: last.Add(b.server.config.MaxTime)}
	for {
		before := tandem.SystemTime()
		if !b.writing.wait(min(pace.config.Idle, pace.ends.Sub(before))) {
			return locked()
		}
		left := b.upload.Length - b.at
		n, err := r.Body.Read(buffer[:min(bufferSize, left+1)])
		slow := pace.tooSlow(n, before, tandem.SystemTime())
		if int64(n) > left {
			return tooLong(b.upload)
		}
		if n > 0 {
			if _, err := b.part.WriteAt(buffer[:n], b.at); err != nil {
				return err
			}
			if b.sum.hash != nil {
				b.sum.hash.Write(buffer[:n])
			}
			b.at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && b.writing.halted():
			return locked()
		case slow, errors.Is(err, os.ErrDeadlineExceeded):
			return Refuse(http.StatusRequestTimeout, "slow", "The body comes too slowly: at least %d bytes a second for any %v, and all within %v. Ask for the offset and go on there.",
				pace.config.MinRate, pace.config.Idle, pace.config.MaxTime)
		case err != nil:
			return malformed("The body was cut short; what came is kept, ask for the offset and go on there.")
		}
		if b.sum.hash == nil && b.at < b.upload.Length && (b.at-noted >= noteBytes || b.at > noted && tandem.SystemTime().Sub(last) >= noteEvery) {
			if err := b.note(r.Context()); err != nil {
				return err
			}
			noted, last = b.at, tandem.SystemTime()
		}
	}
}

// pace is how fast a body comes.
type pace struct {
	config *Config
	ends   time.Time
	waited time.Duration // of this stretch, for bytes
	came   int64         // in this stretch
}

// tooSlow takes a read of n bytes into account.
func (p *pace) tooSlow(n int, before, after time.Time) bool {
	p.waited += after.Sub(before)
	p.came += int64(n)
	if p.waited < p.config.Idle {
		return !after.Before(p.ends)
	}
	slow := float64(p.came) < float64(p.config.MinRate)*p.waited.Seconds()
	p.waited, p.came = 0, 0
	return slow || !after.Before(p.ends)
}

// note forces what came to the disk, and then writes down how much that is.
func (b *body) note(ctx context.Context) error {
	if err := b.force(); err != nil {
		return err
	}
	u := b.upload
	if err := b.server.store.note(ctx, u.ID, b.at, u.restarts); err != nil {
		return err
	}
	u.Offset = b.at
	return nil
}

// force waits until the disk has what was written.
func (b *body) force() error {
	b.server.forced <- struct{}{}
	defer func() { <-b.server.forced }()
	return b.part.Sync()
}

// back forgets this body.
func (b *body) back(ctx context.Context) error {
	b.at = b.upload.Offset
	if err := b.part.Truncate(b.at); err != nil {
		return err
	}
	return b.note(ctx)
}

// finish compares the whole, as it is on the disk, with what it is to be.
func (b *body) finish(ctx context.Context) error {
	s, u := b.server, b.upload
	if err := b.force(); err != nil {
		return err
	}
	whole := sha256.New()
	buffer := s.buffers.Get().(*[bufferSize]byte)
	defer s.buffers.Put(buffer)
	if _, err := io.CopyBuffer(whole, io.NewSectionReader(b.part, 0, u.Length), buffer[:]); err != nil {
		return err
	}
	if hex.EncodeToString(whole.Sum(nil)) != u.SHA256 {
		return b.restart(ctx)
	}
	until := s.clock.Now().Add(s.config.Keep)
	if err := s.store.become(ctx, u.ID, Complete, u.Length, until); err != nil {
		return err
	}
	u.State, u.Offset, u.ExpiresAt = Complete, u.Length, until
	s.config.Finished(*u)
	return nil
}

// restart lets a file begin again that was not what it was to be, so often and no more.
func (b *body) restart(ctx context.Context) error {
	u := b.upload
	if u.restarts == maxRestarts {
		if err := b.server.store.remove(ctx, u.ID); err != nil {
			return err
		}
		b.server.dropPart(u.ID)
		return Refuse(statusMismatch, "checksum", "The file was not what its sha256 says, %d times, and was deleted; make its sha256 anew and create it again.", maxRestarts+1).
			because("checksum_final", nil)
	}
	u.restarts++
	u.Offset = 0
	if err := b.back(ctx); err != nil {
		return err
	}
	return Refuse(statusMismatch, "checksum", "The file is not what its sha256 says, and nothing of it was kept; send it again from its beginning.")
}

// find is an upload of the owner that can go on, with the offset as the disk has it.
func (s *Server) find(ctx context.Context, owner, id string) (*Upload, error) {
	u, err := s.store.byID(ctx, owner, id)
	switch {
	case isNotFound(err):
		return nil, notThere()
	case err != nil:
		return nil, err
	case u.over(s.clock.Now()):
		return nil, Refuse(http.StatusGone, "expired", "This upload was not finished in time and is gone; create it again with the same key.")
	case u.State != Open || u.Offset == 0:
		return u, nil
	}
	info, err := os.Stat(s.part(id))
	switch {
	case errors.Is(err, fs.ErrNotExist): // a database that was restored without its parts
		u.Offset = 0
	case err != nil:
		return nil, err
	default:
		u.Offset = min(u.Offset, info.Size())
	}
	return u, nil
}
