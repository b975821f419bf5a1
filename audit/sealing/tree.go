package sealing

import (
	"context"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// A tile has the hashes of up to tileWidth subtrees that stand side by side: those of
// level 0 are leaves, and one of level n+1 is a whole tile of level n.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// Tile is a tile of an epoch's tree.
type Tile struct {
	Level int
	N     int64
	// Hashes are one after the other, tileWidth of them or fewer in the last tile of
	// a level.
	Hashes []byte
}

// hash is one of them.
func (t *Tile) hash(at int) (h tlog.Hash) {
	copy(h[:], t.Hashes[at*tlog.HashSize:])
	return h
}

func (t *Tile) width() int { return len(t.Hashes) / tlog.HashSize }

// root is the hash of the subtree of the tile's first n hashes.
func (t *Tile) root(n int) tlog.Hash {
	var all [tileWidth]tlog.Hash
	for i := range n {
		all[i] = t.hash(i)
	}
	return rootOf(all[:n])
}

// rootOf is the root of subtrees that stand side by side. All have the same size, but
// the last, which may be smaller.
func rootOf(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	left := 1 << (bits.Len(uint(len(hashes)-1)) - 1) // the largest power of 2 below
	return tlog.NodeHash(rootOf(hashes[:left]), rootOf(hashes[left:]))
}

// tree is a tree that grows: its size, and of each level the tile that is not full.
type tree struct {
	size int64
	edge []edge
	// full is called with each tile that has become full; it may be nil.
	full func(Tile)
}

type edge struct {
	hashes  []tlog.Hash
	changed bool
}

// add adds a leaf.
func (t *tree) add(h tlog.Hash) {
	t.size++
	n := t.size - 1
	for level := 0; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, edge{hashes: make([]tlog.Hash, 0, tileWidth)})
		}
		e := &t.edge[level]
		e.hashes, e.changed = append(e.hashes, h), true
		n >>= tileHeight
		if len(e.hashes) < tileWidth {
			return
		}
		h = rootOf(e.hashes)
		if t.full != nil {
			t.full(Tile{level, n, appendHashes(nil, e.hashes)})
		}
		e.hashes, e.changed = e.hashes[:0], false
	}
}

func appendHashes(dst []byte, hashes []tlog.Hash) []byte {
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	return dst
}

// changed are the tiles that are not full and have changed since the last call.
func (t *tree) changed() (tiles []Tile) {
	n := t.size
	for level := range t.edge {
		n >>= tileHeight
		if e := &t.edge[level]; e.changed {
			tiles = append(tiles, Tile{level, n, appendHashes(nil, e.hashes)})
			e.changed = false
		}
	}
	return tiles
}

// root is the hash of the whole tree.
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads nothing
		return h
	}
	var all [tileWidth + 1]tlog.Hash
	rest := all[:0]
	for level := range t.edge {
		last := append([]tlog.Hash(nil), rest...)
		rest = append(append(all[:0], t.edge[level].hashes...), last...)
		if len(rest) > 0 {
			rest = append(all[:0], rootOf(rest))
		}
	}
	return rest[0]
}

// clone is a copy that tells nobody of full tiles.
func (t *tree) clone() *tree {
	c := &tree{size: t.size, edge: make([]edge, len(t.edge))}
	for i := range t.edge {
		c.edge[i].hashes = append(make([]tlog.Hash, 0, tileWidth), t.edge[i].hashes...)
	}
	return c
}

// tileReader reads tiles of one epoch; a tile that is not there is empty.
type tileReader func(ctx context.Context, level int, n int64) (Tile, error)

// loadTree is the tree of the first size leaves.
func loadTree(ctx context.Context, size int64, read tileReader) (*tree, error) {
	t := &tree{size: size}
	for level, n := 0, size; n > 0; level, n = level+1, n>>tileHeight {
		e := edge{hashes: make([]tlog.Hash, 0, tileWidth)}
		if width := int(n % tileWidth); width > 0 {
			tile, err := read(ctx, level, n>>tileHeight)
			if err != nil {
				return nil, err
			}
			if tile.width() < width {
				return nil, &TileError{level, n >> tileHeight}
			}
			for i := range width {
				e.hashes = append(e.hashes, tile.hash(i))
			}
		}
		t.edge = append(t.edge, e)
	}
	return t, nil
}

// TileError says that a tile is missing, or has fewer hashes than the head says.
type TileError struct {
	Level int
	N     int64
}

// Error implements error.
func (e *TileError) Error() string {
	return fmt.Sprintf("tile %d/%d of the record is missing, or cut off", e.Level, e.N)
}

// hashReader reads the hashes of a tree for proofs; each tile once.
func hashReader(ctx context.Context, read tileReader) tlog.HashReader {
	kept := map[[2]int64]Tile{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			at := tlog.TileForIndex(tileHeight, index)
			key := [2]int64{int64(at.L), at.N}
			tile, ok := kept[key]
			if !ok {
				var err error
				if tile, err = read(ctx, at.L, at.N); err != nil {
					return nil, err
				}
				kept[key] = tile
			}
			if tile.width() < at.W {
				return nil, &TileError{at.L, at.N}
			}
			h, err := tlog.HashFromTile(at, tile.Hashes[:at.W*tlog.HashSize], index)
			if err != nil {
				return nil, err
			}
			hashes[i] = h
		}
		return hashes, nil
	})
}

// markAll lets [tree.changed] return all tiles that are not full.
func (t *tree) markAll() {
	for i := range t.edge {
		t.edge[i].changed = len(t.edge[i].hashes) > 0
	}
}
