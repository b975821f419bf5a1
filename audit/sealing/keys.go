package sealing

import (
	"cmp"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// maxEpochs is how many epochs are looked at: one begins by hand, or with a restore.
const maxEpochs = 10_000

// numbered sees that the epochs are those from 1 on without a gap, as they are begun:
// others somebody else has written.
func (w *whole) numbered() {
	kept, next := []Epoch{}, int64(1)
	for _, e := range w.epochs {
		switch {
		case e.N < next:
			w.report.fault(FaultEpoch, "", 0, "the database has an epoch %d, and the first is 1", e.N)
			continue
		case e.N > next:
			w.report.fault(FaultEpoch, "", 0, "epoch %d is missing: the next one is %d", next, e.N)
		}
		kept, next = append(kept, e), e.N+1
	}
	if len(kept) > maxEpochs {
		w.report.fault(FaultEpoch, "", 0, "the database has %d epochs, and the first %d are looked at", len(kept), maxEpochs)
		kept = kept[:maxEpochs]
	}
	w.epochs = kept
}

// keys finds the verifier of each epoch. The one that is given for it, or else the public
// key that is given or the log's own: what the database alone names is a fault, because
// who writes there could name a key of theirs, and sign all of an ended epoch anew.
func (w *whole) keys() error {
	n := len(w.epochs)
	w.leading, w.lastNotes, w.beginning = make([]int64, n), make([]string, n), make([]int64, n)
	named, base, err := w.given()
	if err != nil || n == 0 {
		return err
	}
	newest := &w.epochs[n-1]
	if base == "" && newest.Key != "" {
		base = newest.Key
		w.report.note("heads are checked by the key that the database names: give the one you know with --key")
	}
	if v, err := note.NewVerifier(base); err == nil && len(w.Options.Keys) > 0 && named[newest.N] == "" {
		w.report.note("the key given has the name %s; its public key is used for %s", v.Name(), origin(w.instance, newest.N))
	}
	for i := range w.epochs {
		w.key(&w.epochs[i], i == n-1, named[w.epochs[i].N], base)
	}
	return nil
}

// given are the verifiers that come from elsewhere than the database, by the epoch that
// they name, and the one of them whose public key is the one of all other epochs.
func (w *whole) given() (named map[int64]string, base string, err error) {
	named = map[int64]string{}
	newest, last := int64(0), int64(len(w.epochs))
	if last > 0 {
		last = w.epochs[last-1].N
	}
	if w.Log.Key != nil {
		base = w.Log.Key.Verifier(origin(w.instance, max(last, 1)))
	}
	if len(w.Options.Keys) > 0 {
		base = w.Options.Keys[0]
	}
	for _, text := range slices.Concat(w.Log.Keys, w.Options.Keys) {
		v, err := ParseVerifier(text)
		if err != nil {
			return nil, "", err
		}
		instance, epoch, err := epochOf(v.Name())
		if err != nil || instance != w.instance {
			continue
		}
		text = renamed(text, v.Name()) // as the database has it
		named[epoch] = text
		if len(w.Options.Keys) > 0 && epoch > newest {
			newest, base = epoch, text
		}
		if epoch > last && last > 0 {
			w.report.fault(FaultEpoch, "", 0, "a key is given for epoch %d, and this record has %d epochs: its database is older, or was cut", epoch, last)
		}
	}
	return named, base, nil
}

// key finds the verifier of an epoch, of the one that is given for it, if any, and of the
// public key of the others.
func (w *whole) key(e *Epoch, newest bool, given, base string) {
	name := origin(w.instance, e.N)
	text, known := cmp.Or(given, renamed(base, name)), true
	switch {
	case e.Key == "" || e.Key == text:
	case newest || given != "":
		w.report.fault(FaultHead, "", 0, "the database says that epoch %d is signed by another key (%s)", e.N, e.Key)
	default: // its heads are read all the same, so that this is told once
		text, known = e.Key, false
		w.report.fault(FaultEpoch, "", 0, "epoch %d is signed by another key than the one that is known, and only the database names it (%s): "+
			"somebody has written this epoch anew, or its key was lost; when you have its verifier from then, give it, too (--key, and --record-key of tandem instance)", e.N, e.Key)
	}
	v, err := note.NewVerifier(text)
	if err != nil || v.Name() != name {
		v = noVerifier(name)
	}
	w.verifiers, w.known = append(w.verifiers, v), append(w.known, known)
}

// signers are the verifiers that an event is signed by that stands in an epoch: its own,
// and the one of the epoch before, which may have ended before the event was sealed.
func (w *whole) signers(at int) (all []note.Verifier) {
	for i := max(0, at-1); i <= at; i++ {
		if w.known[i] {
			all = append(all, w.verifiers[i])
		}
	}
	return all
}

// noVerifier takes no signature.
type noVerifier string

// Name implements [note.Verifier].
func (n noVerifier) Name() string { return string(n) }

// KeyHash implements [note.Verifier].
func (n noVerifier) KeyHash() uint32 { return 0 }

// Verify implements [note.Verifier].
func (n noVerifier) Verify(_, _ []byte) bool { return false }
