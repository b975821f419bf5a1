package sealing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
)

// Options say what [Log.Verify] looks at.
type Options struct {
	// Keys are verifiers of epochs. The public key of the newest of them is the one of all
	// epochs that none is given for; where there is none, the log's own is.
	Keys []string
	// Anchors are copies of heads from elsewhere.
	Anchors []Anchor
	// Since leaves out the events that were sealed before; zero means all.
	Since time.Time
	// Alive is when something sealed last: what was not sealed then, and should have
	// been, is late. Zero means that nobody knows, and nothing is.
	Alive time.Time
	// until is the id of an event behind which nothing is looked at; empty for all.
	until string
}

// whole is a verification of all epochs.
type whole struct {
	*Log
	Options
	report    *Report
	instance  string
	epochs    []Epoch
	verifiers []note.Verifier // of each epoch
	known     []bool          // not only by the database
	rows      *rowReader
	pruned    Pruned         // the farthest
	restarts  map[int64]*Row // by the epoch that ended
	// leading are the leaves at the begin of each epoch that have no row.
	leading []int64
	// beginning is how many leaves the first head of each epoch has.
	beginning []int64
	// gaps are leaves further on that have no row: those that were pruned meanwhile are
	// no fault. moreGaps are those beyond the first ones, in one.
	gaps     []gap
	moreGaps gap
	stays    *Pruned // of the first event from until on: what is before it
	started  bool    // a row has matched
	anchored []*anchored
	// firstID and lastID are the first and the last event, lastNotes the newest head of
	// each epoch.
	firstID, lastID string
	lastNotes       []string
	signed          []Head
}

// Verify reads the record and its tree, and says everything that does not fit. An error
// means that it could not be found out.
func (l *Log) Verify(ctx context.Context, o Options) (*Report, error) {
	w, err := l.begin(ctx, o)
	if err != nil {
		return nil, err
	}
	for i := range w.epochs {
		if err := w.epoch(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := w.unsealed(ctx, w.report.At); err != nil {
		return nil, err
	}
	w.judge()
	w.judgeAnchors()
	return w.report, nil
}

// begin begins a verification.
func (l *Log) begin(ctx context.Context, o Options) (w *whole, err error) {
	w = &whole{
		Log: l, Options: o, rows: &rowReader{store: l.Store}, restarts: map[int64]*Row{},
		report: &Report{At: l.Clock.Now(), Notes: []string{}, Faults: []Fault{}},
	}
	if w.instance, err = l.Instance(ctx); err != nil {
		return nil, err
	}
	if w.epochs, err = l.Store.Epochs(ctx); err != nil {
		return nil, err
	}
	w.numbered()
	w.report.Epochs = len(w.epochs)
	w.report.WithAnchors = slices.ContainsFunc(o.Anchors, func(a Anchor) bool { return len(a.Heads) > 0 })
	return w, w.keys()
}

// judge tells what is wrong with all epochs together.
func (w *whole) judge() {
	w.report.First, _ = madeAt(w.firstID)
	w.report.Last, _ = madeAt(w.lastID)
	w.judgeGaps()
	w.judgeLeading()
	w.judgeRestarts()
}

// unsealed looks at the rows after all that are sealed.
func (w *whole) unsealed(ctx context.Context, now time.Time) error {
	w.report.Idle = now.Sub(w.Alive) > Late
	var late int64
	var first string
	for {
		row, err := w.rows.peek(ctx, 0)
		if err != nil || row == nil {
			if late > 0 {
				w.report.fault(FaultLate, first, late, "late: %d events from %s on were not sealed within %s, and something has sealed since", late, first, Late)
			}
			return err
		}
		w.rows.skip(1)
		w.deed(row, len(w.epochs)-1, unsealedIndex)
		made, ok := madeAt(row.id)
		switch {
		case !ok || made.After(now.Add(time.Hour)):
			w.report.fault(FaultInserted, row.id, 1, "inserted: %q is no id that the program makes now", row.id)
			continue
		case made.Add(Late).Before(w.Alive):
			if late++; first == "" {
				first = row.id
			}
		}
		w.report.Unsealed++
	}
}

// madeAt is when an id was made.
func madeAt(id string) (at time.Time, ok bool) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 || parsed.String() != id {
		return at, false
	}
	return time.Unix(parsed.Time().UnixTime()).UTC(), true
}

// Words are the report in a few lines.
func (r *Report) Words() string {
	day := func(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04:05") }
	text := fmt.Sprintf("%d events", r.Events)
	if r.Events > 0 {
		text += ", " + day(r.First) + " – " + day(r.Last)
	}
	text += fmt.Sprintf(", %d heads, %d anchored; %d newer not yet sealed", r.Heads, r.Anchored, r.Unsealed)
	if r.Pruned > 0 {
		text += fmt.Sprintf("; %d pruned by their age, as the record says", r.Pruned)
	}
	return text
}
