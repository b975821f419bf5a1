package sealing

import (
	"fmt"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The kinds of fault that [Log.Verify] names.
const (
	// FaultChanged is an event that is not what was sealed, FaultMissing some that were
	// sealed and are not there, FaultInserted one that is among the sealed ones and was
	// not sealed.
	FaultChanged  Kind = "changed"
	FaultMissing  Kind = "missing"
	FaultInserted Kind = "inserted"
	// FaultLate are events that are not sealed although something has sealed since.
	FaultLate Kind = "late"
	// FaultTile is a part of the tree that does not match the rest.
	FaultTile Kind = "tile"
	// FaultHead is a head that is missing, not signed, or not that of this tree.
	FaultHead Kind = "head"
	// FaultRewritten are events and tree that match each other, and not the head that
	// was signed.
	FaultRewritten Kind = "rewritten"
	// FaultAnchor is an anchor that this record does not go on from, or that lacks heads.
	FaultAnchor Kind = "anchor"
	// FaultEpoch is an epoch that does not begin with the end of the one before.
	FaultEpoch Kind = "epoch"
)

// Fault is one thing that is wrong.
type Fault struct {
	Kind Kind `json:"kind"`
	// Event is the id of the event, or of the last one before what is missing; may be
	// empty.
	Event string `json:"event"`
	// Count is of how many events it is told.
	Count int64 `json:"count"`
	// Text says it in words.
	Text string `json:"text"`
}

// MaxFaults is how many faults a report names; further ones are counted.
const MaxFaults = 1000

// Report is what a verification found.
type Report struct {
	At time.Time `json:"at"`
	// Events are how many are sealed and there, First and Last the times of the first
	// and the last of them.
	Events int64     `json:"events"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	// Pruned are how many were removed by their age, which is on record.
	Pruned int64 `json:"pruned"`
	// Unsealed are newer than what is sealed. Idle says that nothing seals now.
	Unsealed int64 `json:"unsealed"`
	Idle     bool  `json:"idle"`
	Epochs   int   `json:"epochs"`
	// Heads are the signed heads, Anchored how many of an anchor match.
	Heads    int `json:"heads"`
	Anchored int `json:"anchored"`
	// WithAnchors says that it had heads from elsewhere to compare with.
	WithAnchors bool `json:"with_anchors"`
	// Notes tell what is no fault and worth to know.
	Notes []string `json:"notes"`
	// Faults are the first MaxFaults of all.
	Faults []Fault `json:"faults"`
	// More is how many more there are.
	More int64 `json:"more"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Faults) == 0 }

func (r *Report) fault(kind Kind, event string, count int64, format string, args ...any) {
	r.add(Fault{kind, event, count, fmt.Sprintf(format, args...)})
}

func (r *Report) add(f Fault) {
	if len(r.Faults) >= MaxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, f)
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
