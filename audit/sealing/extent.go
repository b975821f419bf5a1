package sealing

import (
	"context"
	"slices"
)

// cutHeads leaves out the heads after the first one that has the event behind which
// nothing is looked at, and reports whether it is one of this epoch's.
func (v *verification) cutHeads() bool {
	at := slices.IndexFunc(v.heads, func(h Head) bool { return h.Last >= v.until })
	if v.until == "" || at < 0 {
		return false
	}
	v.heads = v.heads[:at+1]
	return true
}

// within is how many leaves are looked at: as many as a head says that is signed by a
// known key, and further on as far as tiles stand side by side. Numbers alone, which
// anybody can write, would have us look for ever.
func (v *verification) within(ctx context.Context, extent int64) (int64, error) {
	signed := int64(0)
	if v.known[v.at] {
		for i := range v.points {
			signed = max(signed, v.points[i].Size)
		}
	}
	if extent <= signed {
		return extent, nil
	}
	reader := &leafReader{store: v.Store, epoch: v.epochs[v.at].N}
	for n := signed / tileWidth; ; n++ {
		t, err := reader.tile(ctx, n)
		if err != nil {
			return 0, err
		}
		if t.width() < tileWidth || (n+1)*tileWidth >= extent {
			side := min(extent, max(signed, n*tileWidth+int64(t.width())))
			if side < extent {
				v.report.fault(FaultTile, "", 0, "the tree of epoch %d has a tile behind %d events, and none behind %d", v.epochs[v.at].N, extent, side)
			}
			return side, nil
		}
	}
}
