// Package picture makes of a file that somebody sent a picture that may be shown: it is
// read and drawn again, so that nothing of the file is kept but what is seen. Where and
// when it was taken, who else hides in it, is gone.
//
// Files are decoded by a child process: the program itself, called with [Command], with no
// environment, no network use, bounded memory and time, and no file open but the one that
// it reads and the two that it writes. Whatever a file does to a decoder, it does it there.
package picture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Command is the first argument by which a program of this package's users becomes the
// child: its main calls [Child] then, before anything else.
const Command = "picture"

// The bounds.
const (
	// MaxBytes is of a file, and MaxPixels of what it shows, looked at before it is decoded.
	MaxBytes  = 20 << 20
	MaxPixels = 50_000_000
	// MaxSide is the longer side of the picture that is made, and ThumbnailSide that of the
	// small one, in pixels. Smaller pictures keep their size.
	MaxSide, ThumbnailSide = 4096, 320
	// AtOnce is how many children there may be; who comes later waits.
	AtOnce = 2
	// Within is how long a child may take.
	Within = time.Minute
)

// memory is how much a child may use beside what it begins with, in bytes: 50 million
// pixels of a PNG with 16 bits take 400 MB, of a progressive JPEG 375 MB.
var memory int64 = 640 << 20

// Prepared are the two pictures that were made, both JPEG, in files of the caller's folder
// that nobody else may read.
type Prepared struct {
	// JPEG and Thumbnail are the names of the files. The same file that came makes the same
	// bytes.
	JPEG, Thumbnail string
	// Width and Height are of the large one.
	Width, Height int
}

// Remove deletes the files.
func (p *Prepared) Remove() {
	for _, name := range []string{p.JPEG, p.Thumbnail} {
		if name != "" {
			_ = os.Remove(name) // what stays is in the caller's folder
		}
	}
}

// Refused says that a file is no picture that is taken: trying again changes nothing. Other
// errors are of the machine.
type Refused struct {
	// Why is for programs, which may say it in another language.
	Why Why
	// Reason is for the person who sent it: what is wrong, and how to mend it.
	Reason string
	// Detail is for the log.
	Detail string
}

// Error implements error.
func (r *Refused) Error() string { return r.Reason }

// Why says which of a few things is wrong with a file.
type Why string

// What is wrong with a file: it is another kind of file, larger than is taken, or cannot be
// read.
const (
	NoPicture  Why = "no-picture"
	TooLarge   Why = "too-large"
	Unreadable Why = "unreadable"
)

func refused(why Why, format string, args ...any) *Refused {
	return &Refused{Why: why, Reason: fmt.Sprintf(format, args...)}
}

// verdict is what a child says.
type verdict struct {
	Refused       *Refused `json:",omitempty"`
	Width, Height int      `json:",omitempty"`
}

var busy = make(chan struct{}, AtOnce)

// Prepare makes the pictures of a file, whose position is at its beginning, in a folder. The
// caller removes them. The error is a [Refused] where the file is to blame.
func Prepare(ctx context.Context, in *os.File, dir string) (p Prepared, err error) {
	info, err := in.Stat()
	if err != nil {
		return p, err
	}
	if info.Size() > MaxBytes {
		return p, refused(TooLarge, "The picture has more than %d MB; send a smaller one.", MaxBytes>>20)
	}
	first := make([]byte, sniffed)
	n, err := in.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return p, err
	}
	if err := sniff(first[:n]); err != nil {
		return p, err
	}
	select {
	case busy <- struct{}{}:
		defer func() { <-busy }()
	case <-ctx.Done():
		return p, ctx.Err()
	}
	large, err1 := os.CreateTemp(dir, "picture-*.jpg")
	small, err2 := os.CreateTemp(dir, "thumbnail-*.jpg")
	for name, f := range map[*string]*os.File{&p.JPEG: large, &p.Thumbnail: small} {
		if f != nil {
			defer f.Close()
			*name = f.Name()
		}
	}
	if err = errors.Join(err1, err2); err == nil {
		var v verdict
		if v, err = child(ctx, in, large, small); err == nil {
			p.Width, p.Height = v.Width, v.Height
			return p, nil
		}
	}
	p.Remove()
	return Prepared{}, err
}

// child runs one, and reads what it says.
func child(ctx context.Context, in, large, small *os.File) (v verdict, err error) {
	program, err := os.Executable()
	if err != nil {
		return v, err
	}
	bounded, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	said, complaint := &limited{left: 4 << 10}, &limited{left: 4 << 10}
	cmd := exec.CommandContext(bounded, program, Command, strconv.FormatInt(memory, 10))
	// No environment: it needs no secret. One thread decodes, the other cores are others'.
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = os.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = in, said, complaint, []*os.File{large, small}
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case bounded.Err() != nil:
		return v, refused(Unreadable, "The picture takes too long to read; save it anew and send it again.")
	case err != nil && !errors.As(err, &exit):
		return v, fmt.Errorf("the child that reads pictures: %w", err)
	case err != nil:
		// It was killed for want of memory or time, or its decoder has failed.
		r := refused(Unreadable, "The picture cannot be read, or needs too much memory; save it anew as a JPEG of at most 12 million pixels and send it again.")
		what, _, _ := strings.Cut(complaint.String(), "\n\n") // and not where each of its threads was
		r.Detail = exit.String() + ": " + strings.TrimSpace(what)
		return v, r
	}
	if err := json.Unmarshal(said.Bytes(), &v); err != nil {
		return v, fmt.Errorf("the child that reads pictures says %q: %w", said.String(), err)
	}
	if v.Refused != nil {
		return v, v.Refused
	}
	for _, f := range []*os.File{large, small} { // it is taken for nothing but what it is
		head := make([]byte, 3)
		if _, err := f.ReadAt(head, 0); err != nil || string(head) != jpegBegins {
			return v, fmt.Errorf("the child that reads pictures has made something else than a JPEG: %w", err)
		}
	}
	return v, nil
}

// limited keeps the beginning of what is written.
type limited struct {
	bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}
