package sealing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// How sealing goes.
const (
	// Settle is how old the id of an event is when it is sealed: a commit takes 10 s
	// at most, and the clocks of replicas may differ by 20.
	Settle = 30 * time.Second
	// Late is how old an event is at most when it is sealed.
	Late = 60 * time.Second
	// Every is how long after a sealing the next one follows.
	Every = 10 * time.Second
	// pageRows is how many events one transaction seals, which takes the writer some
	// milliseconds.
	pageRows = 1000
	// quietAfter is when a log in which nothing happens gets an event of its own.
	quietAfter = time.Hour
)

// Log seals the record and proves what it holds. Make it with its fields set and share
// the pointer.
type Log struct {
	Store Store
	// Key signs heads; a log without one can only be verified.
	Key *Key
	// Keys are verifiers of ended epochs that another key has signed.
	Keys []string
	// Instance is the id of the instance.
	Instance func(ctx context.Context) (string, error)
	// Audit records what the log itself does.
	Audit tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
	// Log gets what happens; nil means slog.Default.
	Log *slog.Logger

	mu    sync.Mutex // one sealing at a time; guards the fields below
	grown *tree      // the tree of head, as this process has sealed it
	head  Head
}

func (l *Log) log() *slog.Logger {
	if l.Log == nil {
		return slog.Default()
	}
	return l.Log
}

// Seal seals every event that has settled, some thousand at a time, and returns the
// newest head. It can be called by several at once, also in several processes: one
// of them gets each head.
func (l *Log) Seal(ctx context.Context) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	epoch, err := l.current(ctx)
	if err != nil {
		return Head{}, err
	}
	for {
		begun := tandem.SystemTime()
		n, err := l.page(ctx, &epoch)
		if err != nil {
			l.grown = nil
			return Head{}, err
		}
		if n < pageRows {
			break
		}
		select { // a record of years is sealed beside other work
		case <-ctx.Done():
			return l.head, ctx.Err()
		case <-time.After(tandem.SystemTime().Sub(begun)):
		}
	}
	return l.head, l.keepMoving(ctx)
}

// current is the newest epoch, which begins here when there is none.
func (l *Log) current(ctx context.Context) (Epoch, error) {
	epochs, err := l.Store.Epochs(ctx)
	if err == nil && len(epochs) == 0 {
		if err = l.Store.Open(ctx, l.Clock.Now()); err == nil {
			epochs, err = l.Store.Epochs(ctx)
		}
	}
	if err != nil || len(epochs) == 0 {
		return Epoch{}, errors.Join(err, errNoEpoch(epochs))
	}
	return epochs[len(epochs)-1], nil
}

func errNoEpoch(epochs []Epoch) error {
	if len(epochs) > 0 {
		return nil
	}
	return errors.New("the record has no epoch")
}

// origin is the one of an epoch.
func (l *Log) origin(ctx context.Context, epoch int64) (string, error) {
	instance, err := l.Instance(ctx)
	return origin(instance, epoch), err
}

// ErrKey is for a log that was sealed with another key.
var ErrKey error = tandem.Errorf(tandem.CodeConflict, "the record was sealed with another key than the instance has now: "+
	"bring that one back (--key-file), or begin a new epoch with tandem record restart --reason TEXT")

// verifier is that of the epoch's heads; [ErrKey] when they are another key's.
func (l *Log) verifier(ctx context.Context, e *Epoch) (origin, verifier string, err error) {
	if origin, err = l.origin(ctx, e.N); err != nil {
		return "", "", err
	}
	verifier = l.Key.Verifier(origin)
	if e.Key != "" && e.Key != verifier {
		err = ErrKey
	}
	return origin, verifier, err
}

// page seals the next events, and returns how many.
func (l *Log) page(ctx context.Context, epoch *Epoch) (int, error) {
	origin, verifier, err := l.verifier(ctx, epoch)
	if err != nil {
		return 0, err
	}
	if err := l.load(ctx, epoch.N); err != nil {
		return 0, err
	}
	now := l.Clock.Now()
	from := l.head.Last
	if l.head.Size == 0 {
		from = epoch.After
	}
	rows, err := l.Store.Rows(ctx, Range{From: from, After: from != "", Before: now.Add(-Settle)}, pageRows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	s := Sealing{Old: l.head, Key: verifier}
	l.grown.full = func(t Tile) { s.Tiles = append(s.Tiles, t) }
	var buffer []byte
	for i := range rows {
		l.grown.add(leafHash(&rows[i], &buffer))
	}
	s.Tiles = append(s.Tiles, l.grown.changed()...)
	checkpoint := Checkpoint{origin, l.grown.size, l.grown.root()}
	s.New = Head{Epoch: epoch.N, Seq: max(1, l.head.Seq), Size: l.grown.size, Last: rows[len(rows)-1].Event.ID, At: now}
	if l.head.Closed || l.head.Size > 0 && hour(l.head.At) != hour(now) {
		s.New.Seq = l.head.Seq + 1
	}
	if s.New.Note, err = l.Key.sign(origin, checkpoint.text()); err != nil {
		return 0, err
	}
	if err := l.Store.Seal(ctx, s); err != nil {
		return 0, err
	}
	if l.head.Size > 0 && !l.head.Closed && s.New.Seq > l.head.Seq {
		l.tell(&l.head)
	}
	l.head, epoch.Key = s.New, verifier
	return len(rows), nil
}

func hour(at time.Time) int64 { return at.Unix() / 3600 }

// load has the tree of the newest head at hand, which another process may have made.
func (l *Log) load(ctx context.Context, epoch int64) error {
	newest, err := l.Store.NewestHead(ctx, epoch)
	if err != nil {
		return err
	}
	if l.grown == nil || l.head.Epoch != newest.Epoch || l.grown.size != newest.Size || l.head.Note != newest.Note {
		tree, err := loadTree(ctx, newest.Size, l.tiles(epoch))
		if err != nil {
			return fmt.Errorf("%w: see what tandem record verify says", err)
		}
		l.grown = tree
		if newest.Size > 0 { // never sign what goes on from another tree
			was, err := readHead(newest.Note)
			if err != nil || was.Size != newest.Size || was.Root != tree.root() {
				l.grown = nil
				return errors.New("the tree of the record does not match its newest head, so that nothing more is sealed: see what tandem record verify says")
			}
		}
	}
	l.head = newest
	return nil
}

func (l *Log) tiles(epoch int64) tileReader {
	return func(ctx context.Context, level int, n int64) (Tile, error) { return l.Store.Tile(ctx, epoch, level, n) }
}

// keepMoving closes a head of an hour ago, and puts an event on the record when there
// was none for an hour.
func (l *Log) keepMoving(ctx context.Context) error {
	now := l.Clock.Now()
	if l.head.Size > 0 && !l.head.Closed && hour(l.head.At) != hour(now) {
		if err := l.closeHead(ctx); err != nil {
			return err
		}
	}
	if l.Audit == nil || now.Sub(l.head.At) < quietAfter {
		return nil
	}
	// Those that wait to be sealed will move it.
	rows, err := l.Store.Rows(ctx, Range{From: l.head.Last, After: l.head.Last != ""}, 1)
	if err != nil || len(rows) > 0 {
		return err
	}
	return l.Audit.Record(ctx, tandem.AuditEvent{Kind: tandem.AuditSealed, Actor: "tandem",
		Detail: fmt.Sprintf("%d events are sealed in epoch %d, and nothing has happened for an hour", l.head.Size, l.head.Epoch),
		Facts:  factsOf(sealedFacts{l.head.Epoch, l.head.Size})})
}

func (l *Log) closeHead(ctx context.Context) error {
	if err := l.Store.Close(ctx, l.head); err != nil {
		return err
	}
	l.head.Closed = true
	l.tell(&l.head)
	return nil
}

// tell puts a head into the log, and so where logs are kept.
func (l *Log) tell(h *Head) { l.log().Info("the record is sealed", "events", h.Size, "head", h.Note) }

// Rest closes the newest head, so that it is anchored before the program ends.
func (l *Log) Rest(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head.Size == 0 || l.head.Closed {
		return nil
	}
	return l.closeHead(ctx)
}

// sealedFacts are the facts of an event [tandem.AuditSealed].
type sealedFacts struct {
	Epoch int64 `json:"epoch"`
	Size  int64 `json:"size"`
}

func factsOf(facts any) string {
	text, err := json.Marshal(facts)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}
