package sealing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// verification is that of one epoch: its leaves go by one after the other, and beside
// them the rows.
type verification struct {
	*whole
	at     int // of the epoch
	name   string
	size   int64
	last   string // the last id that belongs to the epoch
	open   bool   // the last id is not known
	heads  []Head
	points []point // what is still to be met, by size
	leaves *leafReader
	far    int

	i      int64
	tree   *tree // of the leaves
	upper  []Tile
	before string // the id of the row before
	// Between two heads: other is the tree of what the rows say, nil when they say the
	// same; pending is what of that is a fault, if the leaves are right.
	other      *tree
	otherUpper []Tile
	gap        bool // rows are missing, or too many
	pending    []Fault
	since      string // the id at the last head that matched
	broken     int64  // how many heads do not match
	// morePending are the changed rows beyond the first MaxFaults.
	morePending int64
	// mismatches are the places where rows and leaves differ; after too many of them the
	// rest is not compared, because each costs much more than what matches.
	mismatches int
	blind      bool
}

// point is a head that the tree must have at its size.
type point struct {
	Checkpoint
	seq    int64
	anchor *anchored // nil for a head of the database
}

// epoch verifies one.
func (w *whole) epoch(ctx context.Context, at int) error {
	v := &verification{whole: w, at: at, name: origin(w.instance, w.epochs[at].N), tree: &tree{}, before: w.epochs[at].After}
	n := w.epochs[at].N
	// The tiles first: none of them is newer than the heads that are read then.
	extent, err := w.Store.Extent(ctx, n)
	if err != nil {
		return err
	}
	if v.heads, err = w.Store.Heads(ctx, n, 0); err != nil {
		return err
	}
	cut := v.cutHeads()
	if cut {
		extent = min(extent, v.heads[len(v.heads)-1].Size)
	}
	v.readHeads()
	v.beginning[at] = beginningOf(v.heads)
	if n := len(v.heads); n > 0 && v.heads[n-1].Size > extent {
		// Sealed between the two: the heads' own leaves are there by now.
		again, err := w.Store.Extent(ctx, w.epochs[at].N)
		if err != nil {
			return err
		}
		extent = min(again, v.heads[n-1].Size)
	}
	if extent, err = v.within(ctx, extent); err != nil {
		return err
	}
	if len(v.heads) > 0 {
		newest := v.heads[len(v.heads)-1]
		v.size, v.last, v.lastNotes[at] = newest.Size, newest.Last, newest.Note
	}
	switch {
	case extent > v.size:
		w.report.fault(FaultHead, "", extent-v.size, "a head of epoch %d is missing: its tree has %d events, and the newest head %d", n, extent, v.size)
		v.size, v.open = extent, true
	case extent < v.size:
		w.report.fault(FaultTile, "", v.size-extent, "the tree of epoch %d ends at %d events, and its newest head says %d", n, extent, v.size)
		v.size = extent
	}
	if at+1 < len(w.epochs) && v.size > 0 && !cut {
		v.last, v.open = w.epochs[at+1].After, false
	}
	v.leaves = &leafReader{store: w.Store, epoch: n, told: map[int64]bool{}, missed: func(tile int64) {
		w.report.fault(FaultTile, "", 0, "tile 0/%d of epoch %d is missing or cut off", tile, n)
	}}
	v.anchorPoints()
	if err := v.begin(ctx); err != nil {
		return err
	}
	if err := v.run(ctx); err != nil {
		return err
	}
	return v.end(ctx)
}

// readHeads opens the heads, and keeps what they say.
func (v *verification) readHeads() {
	r, next := v.report, int64(1)
	for i := range v.heads {
		h := &v.heads[i]
		if h.Seq != next {
			r.fault(FaultHead, "", 0, "head %d is missing", next)
		}
		next = h.Seq + 1
		c, err := openHead(h.Note, v.verifiers[v.at])
		switch {
		case err != nil:
			r.fault(FaultHead, "", 0, "head %d is not signed by %s (%s)", h.Seq, v.name, headFault(err))
			continue
		case c.Origin != v.name:
			r.fault(FaultHead, "", 0, "head %d is signed for another record, %s", h.Seq, c.Origin)
			continue
		case c.Size != h.Size:
			r.fault(FaultHead, "", 0, "head %d is signed for %d events, and the database says %d", h.Seq, c.Size, h.Size)
		}
		if n := len(v.points); n > 0 && c.Size < v.points[n-1].Size {
			r.fault(FaultHead, "", 0, "head %d is of %d events, and the one before it of %d", h.Seq, c.Size, v.points[n-1].Size)
		}
		r.Heads++
		v.signed = append(v.signed, *h)
		v.points = append(v.points, point{Checkpoint: c, seq: h.Seq})
	}
}

func headFault(err error) string {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return "another key has signed it"
	case errors.As(err, &invalid):
		return "the signature is wrong"
	}
	return "it cannot be read"
}

// begin goes to where the verification begins.
func (v *verification) begin(ctx context.Context) error {
	slices.SortStableFunc(v.points, func(a, b point) int { return cmp.Compare(a.Size, b.Size) })
	if v.Since.IsZero() {
		return nil
	}
	var from *Head
	for i := range v.heads {
		if made, ok := madeAt(v.heads[i].Last); ok && made.Before(v.Since) && v.heads[i].Size <= v.size {
			from = &v.heads[i]
		}
	}
	if from == nil {
		return nil
	}
	tree, err := loadTree(ctx, from.Size, v.tiles(v.epochs[v.at].N))
	var bad *TileError
	if errors.As(err, &bad) {
		v.report.fault(FaultTile, "", 0, "%v", bad)
		return nil
	}
	if err != nil {
		return err
	}
	v.tree, v.i, v.before, v.since, v.started = tree, from.Size, from.Last, from.Last, true
	v.rows.span.From, v.rows.span.After, v.rows.ahead, v.rows.ended = from.Last, true, nil, false
	v.points = slices.DeleteFunc(v.points, func(p point) bool { return p.Size < from.Size })
	return nil
}

// next is the next row that belongs to the epoch; nil when there is none.
func (v *verification) next(ctx context.Context, n int) (*sealedRow, error) {
	row, err := v.rows.peek(ctx, n)
	if err != nil || row == nil || row.id > v.last && !v.open {
		return nil, err
	}
	return row, nil
}

func (v *verification) run(ctx context.Context) error {
	v.tree.full = func(t Tile) {
		if t.Level > 0 {
			v.upper = append(v.upper, t)
		}
	}
	for v.meet(); v.i < v.size; {
		leaf, err := v.leaves.leaf(ctx, v.i)
		if err != nil {
			return err
		}
		if v.blind {
			v.advance(leaf, leaf)
			continue
		}
		row, err := v.next(ctx, 0)
		if err != nil {
			return err
		}
		if row != nil && row.hash == leaf {
			v.matched(row)
			v.rows.skip(1)
			v.advance(leaf, leaf)
			continue
		}
		if err := v.mismatch(ctx); err != nil {
			return err
		}
	}
	for !v.open { // that stand after the last leaf
		row, err := v.next(ctx, 0)
		if err != nil || row == nil {
			return err
		}
		if !v.blind {
			v.inserted(row)
		}
		v.rows.skip(1)
	}
	return nil
}

func (v *verification) matched(row *sealedRow) {
	v.started = true
	v.before = row.id
	v.deed(row, v.at, v.i)
	v.counted(row.id)
	if v.until != "" && v.stays == nil && row.id >= v.until {
		v.stays = &Pruned{Epoch: v.epochs[v.at].N, N: v.i}
	}
}

func (v *verification) counted(id string) {
	if v.report.Events++; v.report.Events == 1 {
		v.firstID = id
	}
	v.lastID = id
}

// advance goes on by a leaf, of which the row says another hash or the same.
func (v *verification) advance(leaf, row tlog.Hash) {
	if v.other == nil && leaf != row {
		v.other = v.tree.clone()
		v.otherUpper = slices.Clone(v.upper)
		v.other.full = func(t Tile) {
			if t.Level > 0 {
				v.otherUpper = append(v.otherUpper, t)
			}
		}
	}
	v.tree.add(leaf)
	if v.other != nil {
		v.other.add(row)
	}
	v.i++
	v.meet()
}

// mismatch tells of rows and leaves that do not match, and goes on behind them.
func (v *verification) mismatch(ctx context.Context) error {
	if v.mismatches++; v.mismatches > MaxFaults {
		v.gap, v.blind = true, true
		v.report.fault(FaultChanged, v.before, v.size-v.i, "too many differences: %d events of epoch %d after %s are not compared with what was sealed",
			v.size-v.i, v.epochs[v.at].N, orBegin(v.before))
		return nil
	}
	d, err := v.differ(ctx, v.i)
	if err != nil {
		return err
	}
	both := min(d.leaves, int64(d.rows))
	if d.leaves > both || int64(d.rows) > both {
		v.gap = true
	}
	for range both {
		row, err := v.next(ctx, 0)
		if err != nil {
			return err
		}
		if row == nil {
			return nil
		}
		leaf, err := v.leaves.leaf(ctx, v.i)
		if err != nil {
			return err
		}
		id, hash := row.id, row.hash
		v.before = id
		v.rows.skip(1)
		v.counted(id)
		v.changed(id)
		v.advance(leaf, hash)
	}
	for n := int64(d.rows) - both; n > 0; n-- {
		row, err := v.next(ctx, 0)
		if err != nil || row == nil {
			return err
		}
		v.inserted(row)
		v.rows.skip(1)
	}
	if n := d.leaves - both; n > 0 {
		return v.missing(ctx, n)
	}
	return nil
}

// changed keeps a row that is not its leaf, until it is known which of them is right.
func (v *verification) changed(id string) {
	if len(v.pending) == MaxFaults {
		v.morePending++
		return
	}
	v.pending = append(v.pending, Fault{FaultChanged, id, 1, "changed " + id})
}

func (v *verification) inserted(row *sealedRow) {
	v.report.fault(FaultInserted, row.id, 1, "inserted %s: it stands among sealed events, and was not sealed", row.id)
}

// missing tells of leaves that have no row.
func (v *verification) missing(ctx context.Context, n int64) error {
	begin := v.i == 0 && !v.started || v.leading[v.at] == v.i && v.i > 0
	if begin {
		v.leading[v.at] += n
	} else {
		row, err := v.next(ctx, 0)
		if err != nil {
			return err
		}
		before, after := v.before, "the end of what is sealed"
		if row != nil {
			after = row.id
		}
		if before == "" {
			before = "the begin"
		}
		v.addGap(gap{v.epochs[v.at].N, v.i + n, 1, Fault{FaultMissing, v.before, n, fmt.Sprintf("missing %d between %s and %s", n, before, after)}})
	}
	for range n {
		leaf, err := v.leaves.leaf(ctx, v.i)
		if err != nil {
			return err
		}
		v.advance(leaf, leaf)
	}
	return nil
}

// meet looks at the heads that are of as many events as have gone by.
func (v *verification) meet() {
	for len(v.points) > 0 && v.points[0].Size <= v.i {
		p := v.points[0]
		v.points = v.points[1:]
		if p.Size == v.i {
			v.judge(&p)
		}
	}
}

// judge compares a head with the tree, and finds out who is right where rows and leaves
// differ.
func (v *verification) judge(p *point) {
	switch {
	case v.tree.root() == p.Root:
		v.settle(v.upper)
	case v.other != nil && !v.gap && v.other.root() == p.Root: // the rows are right
		v.tilesEdited()
		full := v.tree.full
		v.tree, v.upper = v.other, v.otherUpper
		v.tree.full = full
		v.settle(v.upper)
	default:
		v.unlike(p)
		return
	}
	v.since, v.broken = v.before, 0
	if p.anchor != nil {
		v.report.Anchored++
		p.anchor.matched = true
	}
}

// settle tells of what is at fault, now that the leaves are known to be right.
func (v *verification) settle(upper []Tile) {
	for _, f := range v.pending {
		v.report.add(f)
	}
	v.report.More += v.morePending
	v.morePending = 0
	v.pending, v.other, v.otherUpper, v.gap = nil, nil, nil, false
	v.upper = upper
}

// tilesEdited tells of leaves that are not what was sealed, while the rows are.
func (v *verification) tilesEdited() {
	n := int64(len(v.pending)) + v.morePending
	v.pending, v.morePending = nil, 0
	if len(v.leaves.told) > 0 { // some are missing, which was told
		return
	}
	v.report.fault(FaultTile, "", n, "the tree was edited between %s and %s: tiles of epoch %d have %d leaves that are not those of the events, which are as they were sealed",
		v.since, v.before, v.epochs[v.at].N, n)
}

// unlike tells of a head that the tree does not have. Those after it cannot match
// either, and are counted.
func (v *verification) unlike(p *point) {
	if p.anchor != nil { // told with the others of its file
		p.anchor.unlike = true
		return
	}
	if v.broken++; v.broken > 1 {
		return
	}
	rewritten := len(v.pending) == 0 && !v.gap
	v.settle(v.upper)
	if rewritten {
		v.report.fault(FaultRewritten, v.since, p.Size, "rewritten: events between %s and %s and their tree are not those of head %d", orBegin(v.since), v.before, p.seq)
		return
	}
	v.report.fault(FaultHead, v.since, p.Size, "head %d is not that of the tree", p.seq)
}

func orBegin(id string) string { return cmp.Or(id, "the begin") }

// end compares what is left of the tree with the tiles.
func (v *verification) end(ctx context.Context) error {
	v.settle(v.upper)
	if v.broken > 1 {
		v.report.note("%d heads of epoch %d after the first that does not match do not match either", v.broken-1, v.epochs[v.at].N)
	}
	for _, p := range v.points { // beyond the tree
		if p.anchor == nil {
			v.report.fault(FaultHead, "", 0, "head %d is of %d events, and the tree has %d", p.seq, p.Size, v.size)
		} else {
			p.anchor.beyond = true
		}
	}
	if n := len(v.heads); n > 0 && v.at == len(v.epochs)-1 && v.before != v.heads[n-1].Last && v.report.OK() && len(v.gaps) == 0 {
		v.report.fault(FaultHead, v.heads[n-1].Last, 0, "the newest head is said to end with %s, and it ends with %s", v.heads[n-1].Last, v.before)
	}
	if v.broken > 0 || v.i != v.size {
		return nil
	}
	v.tree.markAll()
	for _, t := range append(v.upper, v.tree.changed()...) {
		if t.Level == 0 {
			continue
		}
		stored, err := v.Store.Tile(ctx, v.epochs[v.at].N, t.Level, t.N)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(stored.Hashes, t.Hashes) {
			v.report.fault(FaultTile, "", 0, "tile %d/%d of epoch %d is not what its events make", t.Level, t.N, v.epochs[v.at].N)
		}
	}
	return nil
}
