package sealing

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
)

// TilesOf are the tiles of a tree of the first size rows, as anybody can make them who
// reads the database.
func TilesOf(ctx context.Context, store Store, size int64) (tiles []Tile, err error) {
	t := &tree{full: func(t Tile) { tiles = append(tiles, t) }}
	rows := &rowReader{store: store}
	for range size {
		row, err := rows.peek(ctx, 0)
		if err != nil {
			return nil, err
		}
		t.add(row.hash)
		rows.skip(1)
	}
	return append(tiles, t.changed()...), nil
}

// SignHead signs a head with a key, of the tree that there is.
func SignHead(ctx context.Context, l *Log, k *Key, h *Head) (note, verifier string, err error) {
	t, err := loadTree(ctx, h.Size, l.tiles(h.Epoch))
	if err != nil {
		return "", "", err
	}
	name, err := l.origin(ctx, h.Epoch)
	if err != nil {
		return "", "", err
	}
	note, err = k.sign(name, (&Checkpoint{name, h.Size, t.root()}).text())
	return note, k.Verifier(name), err
}

// Origin is the origin of an epoch.
func Origin(instance string, epoch int64) string { return origin(instance, epoch) }

// RootsOf are the roots of trees of the leaves, of each size, as [tree] has them.
func RootsOf(leaves []tlog.Hash) (roots []tlog.Hash) {
	t := &tree{}
	for _, h := range leaves {
		t.add(h)
		roots = append(roots, t.root())
	}
	return roots
}

// SignPruned are the facts of a pruning that a key has signed.
func SignPruned(k *Key, origin string, p Pruned) (facts string, err error) {
	signed, err := k.sign(origin, p.text(origin))
	return factsOf(prunedFacts{signed}), err
}
