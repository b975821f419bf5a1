package sealing

import (
	"encoding/json"
	"math"

	"github.com/hybridapps/tandem"
)

func restartedFacts(e *tandem.AuditEvent) (f Restarted, ok bool) {
	return f, json.Unmarshal([]byte(e.Facts), &f) == nil && f.Epoch > 0
}

// unsealedIndex is the number of a row that is not sealed.
const unsealedIndex = -1

// deed notes what a row says about the record itself, which stands in an epoch as leaf
// index.
func (w *whole) deed(row *sealedRow, at int, index int64) {
	if row.deed == nil || at < 0 {
		return
	}
	switch e := &row.deed.Event; e.Kind {
	case tandem.AuditPruned:
		if p, ok := openPruned(e.Facts, w.signers(at)); ok {
			w.pruned = w.pruned.more(p)
		}
	case tandem.AuditRestarted:
		if f, ok := restartedFacts(e); ok {
			w.restart(row.deed, &f, at, index)
		}
	}
}

// restart takes the one event that tells of the end of an epoch, which stands where the
// next one begins. Any other was written by somebody who has no epoch to begin.
func (w *whole) restart(row *Row, f *Restarted, at int, index int64) {
	id := row.Event.ID
	switch {
	case f.Epoch >= w.epochs[at].N:
		if index != unsealedIndex { // otherwise it began beside the verification
			w.report.fault(FaultEpoch, id, 0, "event %s says that epoch %d ended, and stands in epoch %d", id, f.Epoch, w.epochs[at].N)
		}
	case w.restarts[f.Epoch] != nil:
		w.report.fault(FaultEpoch, id, 0, "a second event, %s, says that epoch %d ended", id, f.Epoch)
	case !w.begins(row, f.Epoch, at, index):
		w.report.fault(FaultEpoch, id, 0, "event %s says that epoch %d ended, and does not stand where the next one begins", id, f.Epoch)
	default:
		w.restarts[f.Epoch] = row
	}
}

// begins reports whether a row stands where the epoch after an ended one begins: in that
// one, behind what was not sealed before. When two restarts follow one another at once,
// both are sealed in the last epoch.
func (w *whole) begins(row *Row, ended int64, at int, index int64) bool {
	if w.epochs[at].At.Sub(row.Event.At) > Late {
		for i := range w.epochs[:at] {
			if w.epochs[i].N > ended && w.lastNotes[i] != "" {
				return false
			}
		}
	}
	if index == unsealedIndex {
		return w.beginning[at] == math.MaxInt64
	}
	return index < w.beginning[at] || w.leading[at] == 0
}

// beginningOf is how many leaves the first head of an epoch has in the end.
func beginningOf(heads []Head) int64 {
	if len(heads) == 0 || len(heads) == 1 && !heads[0].Closed {
		return math.MaxInt64 // it grows
	}
	return heads[0].Size
}

// judgeRestarts sees that each epoch begins with the end of the one before.
func (w *whole) judgeRestarts() {
	for i := range w.epochs[:max(0, len(w.epochs)-1)] {
		e, next := &w.epochs[i], &w.epochs[i+1]
		row := w.restarts[e.N]
		if row == nil {
			if w.Since.IsZero() && !w.pruned.covers(next.N, 1) { // it went with the begin
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
