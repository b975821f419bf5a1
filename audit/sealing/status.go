package sealing

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/hybridapps/tandem"
)

// Status is how it stands with the record.
type Status struct {
	// Epoch is the newest, Size how many events of it are sealed, At when its newest
	// head was signed.
	Epoch, Size int64
	At          time.Time
	// Begun is when the first epoch began.
	Begun time.Time
	// Unsealed is when the oldest event was made that is not sealed; zero for none.
	Unsealed time.Time
	// Verified is the last verification of all of the record; its time is zero when
	// there was none.
	Verified Verified
	// Anchored is when a head was anchored outside the database last; zero for never.
	Anchored time.Time
}

// Verified is the outcome of a verification.
type Verified struct {
	At     time.Time `json:"at"`
	Events int64     `json:"events"`
	Faults int64     `json:"faults"`
	// First is the first fault, in words.
	First string `json:"first"`
	// WithAnchors says that it had heads from elsewhere to compare with.
	WithAnchors bool `json:"with_anchors"`
}

// Facts that the log remembers.
const (
	factVerified = "record verified"
	factAnchored = "record anchored"
	factPruned   = "record pruned"
)

// Remember keeps the outcome of a verification, and reports whether it did: one that had
// no anchors does not hide what one with anchors has found.
func (l *Log) Remember(ctx context.Context, r *Report) (kept bool, err error) {
	var last Verified
	if err := l.recallSigned(ctx, &last); err != nil {
		return false, err
	}
	if last.WithAnchors && !r.WithAnchors {
		return false, nil
	}
	return true, l.RememberNightly(ctx, r)
}

// RememberNightly keeps the outcome of a verification that had all that the instance has.
func (l *Log) RememberNightly(ctx context.Context, r *Report) error {
	v := Verified{At: r.At, Events: r.Events, Faults: int64(len(r.Faults)) + r.More, WithAnchors: r.WithAnchors}
	if !r.OK() {
		v.First = r.Faults[0].Text
	}
	origin, err := l.origin(ctx, 1)
	if err != nil || l.Key == nil {
		return err
	}
	signed, err := l.Key.sign(origin, verifiedVersion+factsOf(v)+"\n")
	if err != nil {
		return err
	}
	return l.Store.Remember(ctx, factVerified, signed)
}

// verifiedVersion begins what is signed of a verification: otherwise somebody who writes
// to the database could say that there was one, and that it found nothing.
const verifiedVersion = "tandem-record-verified/1\n"

// recallSigned reads the outcome of the last verification; what this log has not signed is
// none.
func (l *Log) recallSigned(ctx context.Context, v *Verified) error {
	text, err := l.Store.Recall(ctx, factVerified)
	if errors.Is(err, tandem.ErrNotFound) || l.Key == nil {
		return nil
	}
	if err != nil {
		return err
	}
	origin, err := l.origin(ctx, 1)
	if err != nil {
		return err
	}
	own, err := note.NewVerifier(l.Key.Verifier(origin))
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(text), note.VerifierList(own))
	if err != nil {
		return nil
	}
	facts, found := strings.CutPrefix(n.Text, verifiedVersion)
	if !found {
		return nil
	}
	return json.Unmarshal([]byte(facts), v)
}

// Anchored notes that a head was anchored now.
func (l *Log) Anchored(ctx context.Context) error {
	return l.Store.Remember(ctx, factAnchored, factsOf(l.Clock.Now().UTC()))
}

// Status tells how it stands.
func (l *Log) Status(ctx context.Context) (s Status, err error) {
	epochs, err := l.Store.Epochs(ctx)
	if err != nil {
		return s, err
	}
	from := ""
	if len(epochs) > 0 {
		s.Begun = epochs[0].At
		e := &epochs[len(epochs)-1]
		newest, err := l.Store.NewestHead(ctx, e.N)
		if err != nil {
			return s, err
		}
		s.Epoch, s.Size, s.At, from = e.N, newest.Size, newest.At, newest.Last
		if newest.Size == 0 {
			from = e.After
		}
	}
	rows, err := l.Store.Rows(ctx, Range{From: from, After: from != ""}, 1)
	if err != nil {
		return s, err
	}
	if len(rows) > 0 {
		s.Unsealed, _ = madeAt(rows[0].Event.ID)
	}
	if err := l.recallSigned(ctx, &s.Verified); err != nil {
		return s, err
	}
	return s, l.recall(ctx, factAnchored, &s.Anchored)
}

// recall reads what was remembered, and leaves the value as it is where nothing was.
func (l *Log) recall(ctx context.Context, name string, value any) error {
	text, err := l.Store.Recall(ctx, name)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), value)
}
