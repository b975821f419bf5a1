package sealing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/hybridapps/tandem"
)

// Options say what [Log.Verify] looks at.
type Options struct {
	// Key is the verifier of the newest epoch; empty means the log's own.
	Key string
	// Anchors are copies of heads from elsewhere.
	Anchors []Anchor
	// Since leaves out the events that were sealed before; zero means all.
	Since time.Time
	// Alive is when something sealed last: what was not sealed then, and should have
	// been, is late. Zero means that nobody knows, and nothing is.
	Alive time.Time
}

// whole is a verification of all epochs.
type whole struct {
	*Log
	Options
	report    *Report
	instance  string
	epochs    []Epoch
	verifiers []note.Verifier // of each epoch
	rows      *rowReader
	pruned    []Pruned
	restarts  map[int64]*Row // by the epoch that ended
	// leading are the leaves at the begin of each epoch that have no row.
	leading []int64
	// gaps are leaves further on that have no row: those that were pruned meanwhile are
	// no fault.
	gaps     []gap
	started  bool // a row has matched
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
	now := l.Clock.Now()
	w := &whole{Log: l, Options: o, report: &Report{At: now, Notes: []string{}, Faults: []Fault{}}, restarts: map[int64]*Row{}}
	var err error
	if w.instance, err = l.Instance(ctx); err != nil {
		return nil, err
	}
	if w.epochs, err = l.Store.Epochs(ctx); err != nil {
		return nil, err
	}
	if err := w.keys(); err != nil {
		return nil, err
	}
	w.rows = &rowReader{store: l.Store}
	w.report.Epochs = len(w.epochs)
	for i := range w.epochs {
		if err := w.epoch(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := w.unsealed(ctx, now); err != nil {
		return nil, err
	}
	w.report.First, _ = madeAt(w.firstID)
	w.report.Last, _ = madeAt(w.lastID)
	w.judgeGaps()
	w.judgeLeading()
	w.judgeRestarts()
	w.judgeAnchors()
	return w.report, nil
}

// keys finds the verifier of each epoch: of the newest one who calls knows it, that of
// another is told by the begin of the one after it.
func (w *whole) keys() error {
	w.leading, w.lastNotes = make([]int64, len(w.epochs)), make([]string, len(w.epochs))
	for i := range w.epochs {
		e := &w.epochs[i]
		name, newest := origin(w.instance, e.N), i == len(w.epochs)-1
		text := e.Key
		switch {
		case newest && w.Options.Key != "":
			given, err := ParseVerifier(w.Options.Key)
			if err != nil {
				return err
			}
			if text = renamed(w.Options.Key, name); given.Name() != name {
				w.report.note("the key given has the name %s; its public key is used for %s", given.Name(), name)
			}
		case newest && w.Log.Key != nil:
			text = w.Log.Key.Verifier(name)
		case newest && text != "":
			w.report.note("heads are checked by the key that the database names: give the one you know with --key")
		}
		if newest && e.Key != "" && e.Key != text {
			w.report.fault(FaultHead, "", 0, "the database says that epoch %d is signed by another key (%s)", e.N, e.Key)
		}
		v, err := note.NewVerifier(text)
		if err != nil || v.Name() != name {
			v = noVerifier(name)
		}
		w.verifiers = append(w.verifiers, v)
	}
	return nil
}

// noVerifier takes no signature.
type noVerifier string

// Name implements [note.Verifier].
func (n noVerifier) Name() string { return string(n) }

// KeyHash implements [note.Verifier].
func (n noVerifier) KeyHash() uint32 { return 0 }

// Verify implements [note.Verifier].
func (n noVerifier) Verify(_, _ []byte) bool { return false }

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
		w.deed(row)
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

// deed notes what an event says about the record itself.
func (w *whole) deed(row *sealedRow) {
	if row.deed == nil {
		return
	}
	switch e := &row.deed.Event; e.Kind {
	case tandem.AuditPruned:
		if p, ok := openPruned(e.Facts, w.verifiers); ok {
			w.pruned = append(w.pruned, p)
		}
	case tandem.AuditRestarted:
		if f, ok := restartedFacts(e); ok {
			w.restarts[f.Epoch] = row.deed
		}
	}
}

// gap is leaves of an epoch without rows, which end before a number.
type gap struct {
	epoch int
	end   int64
	fault Fault
}

// judgeGaps takes those for pruned that a pruning on record covers.
func (w *whole) judgeGaps() {
	for _, g := range w.gaps {
		n := w.epochs[g.epoch].N
		if slices.ContainsFunc(w.pruned, func(p Pruned) bool { return p.Epoch > n || p.Epoch == n && p.N >= g.end }) {
			w.report.Pruned += g.fault.Count
			continue
		}
		w.report.add(g.fault)
	}
}

// judgeLeading takes the leaves at the begin that have no row for pruned, as far as that
// is on record.
func (w *whole) judgeLeading() {
	for i := range w.epochs {
		var allowed int64
		for _, p := range w.pruned {
			switch {
			case p.Epoch > w.epochs[i].N:
				allowed = w.leading[i]
			case p.Epoch == w.epochs[i].N:
				allowed = max(allowed, p.N)
			}
		}
		w.report.Pruned += min(allowed, w.leading[i])
		if more := w.leading[i] - allowed; more > 0 {
			w.report.fault(FaultMissing, "", more, "missing %d at the begin of epoch %d, which no pruning on record covers", more, w.epochs[i].N)
		}
	}
}

// judgeRestarts sees that each epoch begins with the end of the one before.
func (w *whole) judgeRestarts() {
	for i := range w.epochs[:max(0, len(w.epochs)-1)] {
		e := &w.epochs[i]
		row := w.restarts[e.N]
		if row == nil {
			if w.leading[i+1] == 0 && w.Since.IsZero() {
				w.report.fault(FaultEpoch, "", 0, "no event tells why epoch %d ended, with which head", e.N)
			}
			continue
		}
		f, _ := restartedFacts(&row.Event)
		w.report.note("epoch %d was ended by %s: %s", e.N, row.Event.Actor, f.Reason)
		if f.Verifier != e.Key {
			w.report.fault(FaultEpoch, row.Event.ID, 0, "epoch %d was signed by %s when it ended, and the database names another key", e.N, f.Verifier)
		}
		then, _ := readHead(f.Head)
		if now, _ := readHead(w.lastNotes[i]); now != then {
			w.report.fault(FaultEpoch, row.Event.ID, 0, "epoch %d ended with %d events, and the database has %d, or others", e.N, then.Size, now.Size)
		}
	}
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
