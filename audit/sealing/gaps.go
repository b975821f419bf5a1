package sealing

// gap is leaves of an epoch without rows, which end before a number.
type gap struct {
	epoch  int64
	end    int64
	places int64
	fault  Fault
}

// addGap keeps a gap for when it is known what was pruned meanwhile. Prunings go from the
// begin on, so that of those beyond the first MaxFaults the last one tells for all.
func (w *whole) addGap(g gap) {
	if len(w.gaps) < MaxFaults {
		w.gaps = append(w.gaps, g)
		return
	}
	r := &w.moreGaps
	r.epoch, r.end = g.epoch, g.end
	r.places++
	r.fault.Count += g.fault.Count
}

// judgeGaps takes those for pruned that a pruning on record covers.
func (w *whole) judgeGaps() {
	more := &w.moreGaps
	if more.places > 0 && w.pruned.covers(more.epoch, more.end) {
		w.report.Pruned += more.fault.Count
	} else if more.places > 0 { // first, so that it is named
		w.report.fault(FaultMissing, "", more.fault.Count, "missing %d in %d more places of epoch %d and before", more.fault.Count, more.places, more.epoch)
	}
	for _, g := range w.gaps {
		if w.pruned.covers(g.epoch, g.end) {
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
		n := w.epochs[i].N
		allowed := w.leading[i]
		if !w.pruned.covers(n, allowed) {
			allowed = 0
			if w.pruned.Epoch == n {
				allowed = w.pruned.N
			}
		}
		w.report.Pruned += allowed
		if more := w.leading[i] - allowed; more > 0 {
			w.report.fault(FaultMissing, "", more, "missing %d at the begin of epoch %d, which no pruning on record covers", more, n)
		}
	}
}
