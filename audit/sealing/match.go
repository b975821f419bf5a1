package sealing

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
)

// How rows and leaves are brought together again where they do not match.
const (
	// nearby is how far both are looked at.
	nearby = 2048
	// sample is how many of one are looked for in all of the other, and farLooks how
	// often.
	sample   = 64
	farLooks = 16
)

// difference is how many leaves and how many rows do not match, before those that do
// again.
type difference struct {
	leaves int64
	rows   int
}

// differ finds the smallest difference at the next row and leaf i of a tree of size.
func (v *verification) differ(ctx context.Context, i int64) (d difference, err error) {
	if d, ok, err := v.differNearby(ctx, i); ok || err != nil {
		return d, err
	}
	if v.far < farLooks {
		v.far++
		if d, ok, err := v.differFar(ctx, i); ok || err != nil {
			return d, err
		}
	}
	// Nothing matches any more: row by row, as far as both go.
	for most := min(nearby, v.size-i); d.rows < int(most); {
		row, err := v.next(ctx, d.rows)
		if err != nil {
			return d, err
		}
		if row == nil {
			break
		}
		d.rows++
	}
	if d.leaves = int64(d.rows); d.rows == 0 {
		d.leaves = v.size - i
	}
	return d, nil
}

func (v *verification) differNearby(ctx context.Context, i int64) (best difference, found bool, err error) {
	at := make(map[tlog.Hash]int64, nearby)
	for a := range min(nearby, v.size-i) {
		h, err := v.leaves.leaf(ctx, i+a)
		if err != nil {
			return best, false, err
		}
		if _, twice := at[h]; !twice {
			at[h] = a
		}
	}
	least := int64(4 * nearby)
	for b := 0; b < nearby && int64(b) < least; b++ {
		row, err := v.next(ctx, b)
		if err != nil {
			return best, false, err
		}
		if row == nil {
			break
		}
		if a, ok := at[row.hash]; ok && a+int64(b) < least {
			best, found, least = difference{a, b}, true, a+int64(b)
		}
	}
	return best, found, nil
}

// differFar looks for the next rows among all leaves: for many that are missing. As many
// that were inserted are told as rows that follow nothing.
func (v *verification) differFar(ctx context.Context, i int64) (d difference, found bool, err error) {
	at := map[tlog.Hash]int{}
	for b := range sample {
		row, err := v.next(ctx, b)
		if err != nil || row == nil {
			if err != nil {
				return d, false, err
			}
			break
		}
		at[row.hash] = b
	}
	for a := int64(nearby); i+a < v.size && len(at) > 0; a++ {
		h, err := v.leaves.leaf(ctx, i+a)
		if err != nil {
			return d, false, err
		}
		if b, ok := at[h]; ok {
			return difference{a, b}, true, nil
		}
	}
	return d, false, nil
}
