package sealing

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
)

// Prune signs that the events before the id first are removed, whose ids are of before a
// day, and returns the facts for the record. It returns the id that is really the first
// to stay: what is not sealed yet stays.
//
// It signs for what it sees alone: each event that goes, and went since the last pruning,
// must be there, and be what was sealed. Otherwise somebody who removed some would get a
// signature for it.
func (l *Log) Prune(ctx context.Context, first string, before time.Time) (id, facts string, err error) {
	epochs, err := l.Store.Epochs(ctx)
	if err != nil || len(epochs) == 0 {
		return "", "", err
	}
	newest := &epochs[len(epochs)-1]
	head, err := l.Store.NewestHead(ctx, newest.N)
	if err != nil || head.Size == 0 {
		return "", "", err
	}
	origin, _, err := l.verifier(ctx, newest)
	if err != nil {
		return "", "", err
	}
	first = min(first, head.Last)
	p, err := l.stays(ctx, first)
	if err != nil {
		return "", "", err
	}
	p.Before = before.UTC().Format(time.DateOnly)
	signed, err := l.Key.sign(origin, p.text(origin))
	if err != nil {
		return "", "", err
	}
	facts = factsOf(prunedFacts{signed})
	return first, facts, l.Store.Remember(ctx, factPruned, facts)
}

// stays is how many leaves are before the first event from an id on, of which all rows are
// there that no pruning has removed.
func (l *Log) stays(ctx context.Context, first string) (Pruned, error) {
	w, err := l.upTo(ctx, first, (*whole).recallPruned)
	if err == nil && w.refused() != nil { // by what another version has pruned
		w, err = l.upTo(ctx, first, (*whole).findPruned)
	}
	if err != nil {
		return Pruned{}, err
	}
	if f := w.refused(); f != nil {
		return Pruned{}, tandem.Errorf(tandem.CodeConflict, "no event is removed from the record, because those that are to go are not as they were sealed (%s): "+
			"see what tandem record verify says, and find out who did it", f.Text)
	}
	return *w.stays, nil
}

// upTo verifies the record up to the first event from an id on.
func (l *Log) upTo(ctx context.Context, first string, pruned func(*whole, context.Context) error) (*whole, error) {
	w, err := l.begin(ctx, Options{until: first})
	if err != nil {
		return nil, err
	}
	if err := pruned(w, ctx); err != nil {
		return nil, err
	}
	for i := range w.epochs {
		if i > 0 && w.epochs[i].After >= first {
			w.epochs = w.epochs[:i]
			break
		}
		if err := w.epoch(ctx, i); err != nil {
			return nil, err
		}
	}
	w.judge()
	return w, nil
}

// refused is why nothing is signed; nil when all that goes is as it was sealed. Rows that
// were not sealed hold nothing up.
func (w *whole) refused() *Fault {
	for i := range w.report.Faults {
		if f := &w.report.Faults[i]; f.Kind != FaultInserted {
			return f
		}
	}
	if w.report.More > 0 {
		return &Fault{Text: "too many that were not sealed"}
	}
	if w.stays == nil {
		return &Fault{Text: "no event from " + w.until + " on is what was sealed"}
	}
	return nil
}

// recallPruned takes the last pruning that this log has signed.
func (w *whole) recallPruned(ctx context.Context) error {
	facts, err := w.Store.Recall(ctx, factPruned)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	w.takePruned(facts)
	return nil
}

// findPruned looks through the record for prunings.
func (w *whole) findPruned(ctx context.Context) error {
	rows := &rowReader{store: w.Store}
	for {
		row, err := rows.peek(ctx, 0)
		if err != nil || row == nil {
			return err
		}
		if row.deed != nil && row.deed.Event.Kind == tandem.AuditPruned {
			w.takePruned(row.deed.Event.Facts)
		}
		rows.skip(1)
	}
}

// takePruned takes a pruning that a known key has signed.
func (w *whole) takePruned(facts string) {
	for at := range w.epochs {
		if p, ok := openPruned(facts, w.signers(at)); ok {
			w.pruned = w.pruned.more(p)
		}
	}
}
