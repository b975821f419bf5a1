package sealing

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/hybridapps/tandem"
)

// isDeed reports whether an event says what may be missing from the record, or that an
// epoch begins.
func isDeed(e *tandem.AuditEvent) bool {
	return e.Kind == tandem.AuditPruned || e.Kind == tandem.AuditRestarted
}

// Pruned is what a pruning leaves: the events of epochs before Epoch are gone, and the
// first N of it.
type Pruned struct {
	Epoch, N int64
	// Before is the day (UTC) of which the first events are that stay.
	Before string
}

// covers reports whether the leaves of an epoch that end before a number are gone.
func (p Pruned) covers(epoch, end int64) bool {
	return p.Epoch > epoch || p.Epoch == epoch && p.N >= end
}

// more is the one of two prunings that covers the other.
func (p Pruned) more(other Pruned) Pruned {
	if other.covers(p.Epoch, p.N) {
		return other
	}
	return p
}

// prunedFacts are the facts of an event [tandem.AuditPruned]: what was pruned, signed,
// so that nobody who only writes to the database can make one.
type prunedFacts struct {
	Note string `json:"note"`
}

const prunedVersion = "tandem-record-pruned/1"

func (p *Pruned) text(origin string) string {
	return strings.Join([]string{prunedVersion, origin, strconv.FormatInt(p.Epoch, 10), strconv.FormatInt(p.N, 10), p.Before, ""}, "\n")
}

// openPruned reads the facts of a pruning that was signed by one of the verifiers.
func openPruned(facts string, verifiers []note.Verifier) (p Pruned, ok bool) {
	var f prunedFacts
	if json.Unmarshal([]byte(facts), &f) != nil {
		return p, false
	}
	n, err := note.Open([]byte(f.Note), note.VerifierList(verifiers...))
	if err != nil {
		return p, false
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 6 || lines[0] != prunedVersion {
		return p, false
	}
	p.Epoch, err = strconv.ParseInt(lines[2], 10, 64)
	if err == nil {
		p.N, err = strconv.ParseInt(lines[3], 10, 64)
	}
	p.Before = lines[4]
	return p, err == nil
}

// Restarted are the facts of an event [tandem.AuditRestarted]: how the epoch before
// ended.
type Restarted struct {
	Epoch int64 `json:"epoch"`
	// Head is its last head, a signed note, and Verifier the key that signed it. Both
	// are empty when nothing of it was sealed.
	Head     string `json:"head"`
	Verifier string `json:"verifier"`
	Reason   string `json:"reason"`
}

// RestartEvent is the event with which a new epoch begins after the last one, and the
// epoch.
func RestartEvent(last Epoch, head Head, by tandem.By, reason string, now time.Time) (Epoch, tandem.AuditEvent, error) {
	id, err := uuid.NewV7()
	after := head.Last
	if head.Size == 0 {
		after = last.After
	}
	next := Epoch{N: last.N + 1, After: after, At: now}
	return next, tandem.AuditEvent{
		ID: id.String(), At: now, Kind: tandem.AuditRestarted, Actor: by.Login, RemoteAddr: by.From,
		Detail: tandem.Clip(fmt.Sprintf("epoch %d of the sealed record begins after %d events of epoch %d: %s", next.N, head.Size, last.N, reason), maxDetail),
		Facts:  factsOf(Restarted{last.N, head.Note, last.Key, tandem.Clip(reason, maxReason)}),
	}, err
}

// How long the words of a restart may be, in bytes.
const maxDetail, maxReason = 1000, 500

// Restart ends the epoch and begins a new one, in which what is not sealed yet comes
// first, with the event of the restart after it.
func (l *Log) Restart(ctx context.Context, by tandem.By, reason string) (Epoch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, err := l.current(ctx)
	if err != nil {
		return Epoch{}, err
	}
	head, err := l.Store.NewestHead(ctx, last.N)
	if err != nil {
		return Epoch{}, err
	}
	next, event, err := RestartEvent(last, head, by, reason, l.Clock.Now())
	if err != nil {
		return Epoch{}, err
	}
	l.grown = nil
	return next, l.Store.Restart(ctx, head, next, event)
}
