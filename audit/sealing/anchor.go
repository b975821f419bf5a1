package sealing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Anchor is a file with copies of heads.
type Anchor struct {
	Name  string
	Heads []string // signed notes
}

// maxAnchor is how large an anchor may be, in bytes: a head of each hour of 400 years.
const maxAnchor = 1 << 30

// errCutOff is for an anchor whose last head has no end.
var errCutOff = errors.New("its last head has no end")

// ParseAnchor reads a file of signed notes, one after the other, with an empty line
// after each. One that is cut off in the middle of a head is refused, with the heads of
// before it.
func ParseAnchor(name string, r io.Reader) (a Anchor, err error) {
	a.Name = name
	text, err := io.ReadAll(io.LimitReader(r, maxAnchor+1))
	if err != nil {
		return a, err
	}
	if len(text) > maxAnchor {
		return a, fmt.Errorf("%s is larger than %d bytes: it is no anchor", name, maxAnchor)
	}
	var head strings.Builder
	signed := false
	for n, line := range strings.SplitAfter(string(text), "\n") {
		switch {
		case line == "\n" && signed: // the end of one
			if _, err := readHead(head.String()); err != nil {
				return a, fmt.Errorf("%s, before line %d: %w", name, n+1, err)
			}
			a.Heads = append(a.Heads, head.String())
			head.Reset()
			signed = false
			continue
		case strings.HasPrefix(line, "— ") && strings.HasSuffix(line, "\n"):
			signed = true
		}
		if head.WriteString(line); head.Len() > maxNote {
			return a, fmt.Errorf("%s, line %d: %w", name, n+1, errNoHead)
		}
	}
	if head.Len() > 0 {
		return a, fmt.Errorf("%s is cut off: %w", name, errCutOff)
	}
	return a, nil
}

// ReadAnchor reads an anchor; one that is not there yet is empty.
func ReadAnchor(file string) (Anchor, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return Anchor{Name: file}, nil
	}
	if err != nil {
		return Anchor{}, err
	}
	defer f.Close()
	return ParseAnchor(file, f)
}

// anchored is one head of an anchor.
type anchored struct {
	Checkpoint
	anchor                  *Anchor
	at                      int
	matched, unlike, beyond bool
}

// anchorPoints takes in the heads of the anchors that are of this epoch.
func (v *verification) anchorPoints() {
	for a := range v.Anchors {
		anchor := &v.Anchors[a]
		for i, signed := range anchor.Heads {
			c, err := readHead(signed)
			if err != nil || c.Origin != v.name {
				continue
			}
			v.points = append(v.points, point{Checkpoint: c, anchor: v.anchorHead(anchor, i, c)})
		}
	}
}

func (w *whole) anchorHead(anchor *Anchor, at int, c Checkpoint) *anchored {
	h := &anchored{Checkpoint: c, anchor: anchor, at: at}
	w.anchored = append(w.anchored, h)
	return h
}

// judgeAnchors tells which anchors the record does not go on from, and what they lack.
func (w *whole) judgeAnchors() {
	for a := range w.Anchors {
		anchor := &w.Anchors[a]
		w.judgeSignatures(anchor)
		if w.judgeAncestors(anchor) {
			w.judgeComplete(anchor)
		}
	}
}

func (w *whole) judgeSignatures(anchor *Anchor) {
	for i, signed := range anchor.Heads {
		if _, err := openHead(signed, w.verifiers...); err != nil {
			w.report.fault(FaultAnchor, "", 0, "%s, head %d is not signed by the key of this record (%s)", anchor.Name, i+1, headFault(err))
		}
	}
}

// judgeAncestors reports whether the record goes on from the anchor's heads.
func (w *whole) judgeAncestors(anchor *Anchor) bool {
	known := map[int]bool{}
	unlike, beyond := 0, 0
	var first, farthest *anchored
	for _, h := range w.anchored {
		if h.anchor != anchor {
			continue
		}
		known[h.at] = true
		switch {
		case h.unlike:
			if unlike++; first == nil {
				first = h
			}
		case h.beyond && h.Origin == origin(w.instance, w.epochs[len(w.epochs)-1].N):
			beyond++
			farthest = h
		case h.beyond:
			w.report.note("%s has a head of %d events of %s, which ended before: see why it was restarted", anchor.Name, h.Size, h.Origin)
		}
	}
	if unlike > 0 {
		w.report.fault(FaultAnchor, "", int64(unlike), "%s: %d heads, from that of %d events on, are not of this record: its history was rewritten", anchor.Name, unlike, first.Size)
	}
	if beyond > 0 {
		w.report.fault(FaultAnchor, "", int64(beyond), "database older than anchor: %s has a head of %d events, and this record fewer: an older database was put in the place of the newer one",
			anchor.Name, farthest.Size)
	}
	for i := range anchor.Heads {
		if c, err := readHead(anchor.Heads[i]); !known[i] && err == nil {
			w.report.fault(FaultAnchor, "", 0, "%s, head %d is of another record or of a later epoch, %s", anchor.Name, i+1, c.Origin)
		}
	}
	return unlike == 0 && beyond == 0
}

// anchorGrace is how long after its end an hour's head may be missing in an anchor.
const anchorGrace = 15 * time.Minute

// judgeComplete sees that an anchor has every head that was closed since its first one.
func (w *whole) judgeComplete(anchor *Anchor) {
	if len(anchor.Heads) == 0 {
		w.report.note("%s has no head yet", anchor.Name)
		return
	}
	has := map[Checkpoint]bool{}
	for _, signed := range anchor.Heads {
		if c, err := readHead(signed); err == nil {
			has[c] = true
		}
	}
	start, _ := readHead(anchor.Heads[0])
	_, from, err := epochOf(start.Origin)
	if err != nil {
		return // told already
	}
	var first, last *Head
	n := int64(0)
	for i := range w.signed {
		h := &w.signed[i]
		closed := h.Closed || i+1 < len(w.signed)
		since := h.Epoch > from || h.Epoch == from && h.Size > start.Size
		c, _ := readHead(h.Note)
		if has[c] || !closed || !since || h.At.After(w.report.At.Add(-time.Hour-anchorGrace)) {
			continue
		}
		if n++; first == nil {
			first = h
		}
		last = h
	}
	if n > 0 {
		w.report.fault(FaultAnchor, "", n, "%s lacks %d heads, from head %d of epoch %d to head %d of epoch %d: it was cut, or is an older one",
			anchor.Name, n, first.Seq, first.Epoch, last.Seq, last.Epoch)
	}
}

// AnchorFile appends heads to a file.
type AnchorFile struct {
	Log  *Log
	File string

	mu sync.Mutex
	// epoch and seq are the last head that it has.
	epoch, seq int64
}

// Begin sees that the record goes on from the anchor's last head, and refuses an anchor
// of another record, or of a later time than the record's.
func (a *AnchorFile) Begin(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(a.File), 0o700); err != nil {
		return err
	}
	anchor, err := ReadAnchor(a.File)
	if errors.Is(err, errCutOff) {
		err = a.cut(&anchor)
	}
	if err != nil || len(anchor.Heads) == 0 {
		return err
	}
	signed := anchor.Heads[len(anchor.Heads)-1]
	c, err := readHead(signed)
	if err != nil {
		return err
	}
	return a.follow(ctx, signed, c)
}

// cut takes the beginning of a head off the end of the file, which a crash has left in the
// middle of appending it. The record still has it, so it is appended again.
func (a *AnchorFile) cut(anchor *Anchor) error {
	whole := int64(0)
	for _, head := range anchor.Heads {
		whole += int64(len(head)) + 1
	}
	a.Log.log().Warn("the last head of the record's anchor had no end, and was cut off", "file", a.File, "heads", len(anchor.Heads))
	return os.Truncate(a.File, whole)
}

func (a *AnchorFile) refused(c Checkpoint, format string, args ...any) error {
	return fmt.Errorf("the record does not go on from its anchor %s, whose last head is of %d events of %s: %s; "+
		"see what tandem record verify --anchor %[1]s says, and after a restore run tandem record restart --reason TEXT",
		a.File, c.Size, c.Origin, fmt.Sprintf(format, args...))
}

func (a *AnchorFile) follow(ctx context.Context, signed string, c Checkpoint) error {
	instance, epoch, err := epochOf(c.Origin)
	if err != nil {
		return a.refused(c, "%v", err)
	}
	own, err := a.Log.Instance(ctx)
	if err != nil {
		return err
	}
	if instance != own {
		return a.refused(c, "this is instance %s", own)
	}
	epochs, err := a.Log.Store.Epochs(ctx)
	if err != nil {
		return err
	}
	for i := range epochs {
		if epochs[i].N != epoch {
			continue
		}
		if v, err := note.NewVerifier(epochs[i].Key); err == nil {
			if _, err := openHead(signed, v); err != nil {
				return a.refused(c, "another key has signed it")
			}
		}
		if err := a.ancestor(ctx, c, epoch); err == nil || !epochs[i].Ended {
			return err
		}
		a.epoch, a.seq = epoch+1, 0 // it ended otherwise, which its restart tells of
		return nil
	}
	return a.refused(c, "the record has no epoch %d", epoch)
}

// ancestor sees that the epoch's tree has the head, and goes on after it.
func (a *AnchorFile) ancestor(ctx context.Context, c Checkpoint, epoch int64) error {
	newest, err := a.Log.Store.NewestHead(ctx, epoch)
	if err != nil {
		return err
	}
	if c.Size > newest.Size {
		return a.refused(c, "the record has %d", newest.Size)
	}
	tree, err := loadTree(ctx, c.Size, a.Log.tiles(epoch))
	if err != nil {
		return a.refused(c, "%v", err)
	}
	if tree.root() != c.Root {
		return a.refused(c, "the first %d of this record are others", c.Size)
	}
	heads, err := a.Log.Store.Heads(ctx, epoch, 0)
	a.epoch = epoch
	for i := range heads {
		if heads[i].Size <= c.Size {
			a.seq = heads[i].Seq
		}
	}
	return err
}

// Append appends the heads that were closed since, and returns how many.
func (a *AnchorFile) Append(ctx context.Context) (n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	epochs, err := a.Log.Store.Epochs(ctx)
	if err != nil {
		return 0, err
	}
	for i := range epochs {
		if epochs[i].N < a.epoch {
			continue
		}
		after := a.seq
		if epochs[i].N > a.epoch {
			after = 0
		}
		heads, err := a.Log.Store.Heads(ctx, epochs[i].N, after)
		if err != nil {
			return n, err
		}
		if len(heads) > 0 && !heads[len(heads)-1].Closed && !epochs[i].Ended {
			heads = heads[:len(heads)-1]
		}
		if err := a.write(heads); err != nil {
			return n, err
		}
		n += len(heads)
	}
	if n > 0 {
		err = a.Log.Anchored(ctx)
	}
	return n, err
}

// write appends heads, all or none, and forces them to the disk.
func (a *AnchorFile) write(heads []Head) error {
	if len(heads) == 0 {
		return nil
	}
	var text strings.Builder
	for i := range heads {
		text.WriteString(heads[i].Note + "\n")
	}
	f, err := os.OpenFile(a.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		if _, err = f.WriteString(text.String()); err != nil {
			err = errors.Join(err, f.Truncate(info.Size()))
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("anchor the record in %s: %w", a.File, err)
	}
	last := heads[len(heads)-1]
	a.epoch, a.seq = last.Epoch, last.Seq
	return nil
}
