package sealing

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
)

// Store keeps what is sealed, beside the events.
type Store interface {
	// Epochs returns all epochs, the oldest first; none before the first event was
	// sealed.
	Epochs(ctx context.Context) ([]Epoch, error)
	// NewestHead is the newest head of an epoch; the zero head when it has none.
	NewestHead(ctx context.Context, epoch int64) (Head, error)
	// Heads returns the heads of an epoch, the oldest first, after a number.
	Heads(ctx context.Context, epoch, after int64) ([]Head, error)
	// Tile returns a tile, which is empty where there is none.
	Tile(ctx context.Context, epoch int64, level int, n int64) (Tile, error)
	// Tiles returns tiles of a level that stand side by side, from n on, limit of
	// them at most.
	Tiles(ctx context.Context, epoch int64, level int, n int64, limit int) ([]Tile, error)
	// Extent is how many leaves the tiles of level 0 have.
	Extent(ctx context.Context, epoch int64) (int64, error)
	// Rows returns the events whose ids are from one to another, by id, limit of them at
	// most.
	Rows(ctx context.Context, r Range, limit int) ([]Row, error)
	// Event returns one event; [tandem.ErrNotFound] when there is none of the id.
	Event(ctx context.Context, id string) (Row, error)
	// CountRows counts events.
	CountRows(ctx context.Context, r Range) (int64, error)

	// Open begins the first epoch, where there is none.
	Open(ctx context.Context, at time.Time) error
	// Seal commits a sealing, or none of it: [ErrOvertaken] when the newest head is
	// not the one that it goes on from any more.
	Seal(ctx context.Context, s Sealing) error
	// Close closes the newest head of an epoch, if it is still this one.
	Close(ctx context.Context, h Head) error
	// Restart ends the epoch, whose newest head is this one, and begins the next one,
	// with an event.
	Restart(ctx context.Context, last Head, next Epoch, e tandem.AuditEvent) error

	// Recall is a fact that was remembered; [tandem.ErrNotFound] for none.
	Recall(ctx context.Context, name string) (string, error)
	// Remember keeps a fact in the place of the one before.
	Remember(ctx context.Context, name, value string) error
}

// Range is a range of ids.
type Range struct {
	// From is the first id, or when After is set the one before the first.
	From  string
	After bool
	// Until is the id after the last, empty for no end. Before is when all of them were
	// made, by their ids; zero for no end.
	Until  string
	Before time.Time
}

// Sealing is what one sealing adds.
type Sealing struct {
	// Old is the head that it goes on from; the zero head in a new epoch.
	Old, New Head
	Tiles    []Tile
	// Key is the verifier of the head.
	Key string
}

// ErrOvertaken says that somebody else has sealed, or begun a new epoch, meanwhile.
var ErrOvertaken = errors.New("another one has sealed the record meanwhile")
