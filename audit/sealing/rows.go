package sealing

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
)

// readRows is how many events are read at a time, readTiles how many tiles.
const (
	readRows  = 2000
	readTiles = 64
)

// sealedRow is a row as the verification needs it.
type sealedRow struct {
	hash tlog.Hash
	id   string
	// deed is a row that says what may be missing, or which epoch begins; else nil.
	deed *Row
}

// rowReader yields events by id, and looks ahead.
type rowReader struct {
	store  Store
	span   Range
	buffer []byte
	ahead  []sealedRow
	ended  bool
}

// peek is the row n after the next one; nil when there are no more.
func (r *rowReader) peek(ctx context.Context, n int) (*sealedRow, error) {
	for len(r.ahead) <= n && !r.ended {
		rows, err := r.store.Rows(ctx, r.span, readRows)
		if err != nil {
			return nil, err
		}
		r.ended = len(rows) < readRows
		for i := range rows {
			row := sealedRow{hash: leafHash(&rows[i], &r.buffer), id: rows[i].Event.ID}
			if isDeed(&rows[i].Event) {
				row.deed = &rows[i]
			}
			r.ahead = append(r.ahead, row)
		}
		if len(rows) > 0 {
			r.span.From, r.span.After = rows[len(rows)-1].Event.ID, true
		}
	}
	if n >= len(r.ahead) {
		return nil, nil
	}
	return &r.ahead[n], nil
}

// skip goes on by n rows, which have been looked at.
func (r *rowReader) skip(n int) {
	r.ahead = r.ahead[n:]
	if len(r.ahead) == 0 {
		r.ahead = nil
	}
}

// leafReader yields leaves of level 0 by their number. Those that are not there are
// zero.
type leafReader struct {
	store  Store
	epoch  int64
	first  int64 // the first tile of those at hand
	tiles  []Tile
	missed func(n int64) // is told of a tile that is missing or cut off
	told   map[int64]bool
}

// tile is a tile of level 0; it is empty where there is none.
func (r *leafReader) tile(ctx context.Context, n int64) (*Tile, error) {
	if n < r.first || n >= r.first+int64(len(r.tiles)) || r.tiles == nil {
		found, err := r.store.Tiles(ctx, r.epoch, 0, n, readTiles)
		if err != nil {
			return nil, err
		}
		r.first, r.tiles = n, make([]Tile, readTiles)
		for _, t := range found {
			if at := t.N - n; at < readTiles && len(t.Hashes) <= tileWidth*tlog.HashSize {
				r.tiles[at] = t
			}
		}
	}
	return &r.tiles[n-r.first], nil
}

// leaf is the hash of a leaf.
func (r *leafReader) leaf(ctx context.Context, i int64) (tlog.Hash, error) {
	n := i / tileWidth
	t, err := r.tile(ctx, n)
	if err != nil {
		return tlog.Hash{}, err
	}
	if at := int(i % tileWidth); at < t.width() {
		return t.hash(at), nil
	}
	if !r.told[n] {
		r.told[n] = true
		r.missed(n)
	}
	return tlog.Hash{}, nil
}
