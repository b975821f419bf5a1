package findings

import (
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// MaxAcceptance is for how long a finding can be accepted: past it somebody looks again.
const MaxAcceptance = 366 * day

// MaxReason is the longest reason, in bytes.
const MaxReason = 500

// Acceptance is a finding that somebody has looked at and lets be, for a reason and until a
// date. Past the date the finding comes back, and also when it gets worse.
type Acceptance struct {
	// Finding is the fingerprint.
	Finding string
	// Rule and Subject are what the finding is of, for a list.
	Rule, Kind, Subject string
	// Severity is the worst that was accepted.
	Severity Severity
	By       string
	Reason   string
	At       time.Time
	// Until is the moment at which it ends.
	Until time.Time
}

// Check says what is wrong with an acceptance.
func (a *Acceptance) Check(now time.Time) error {
	switch {
	case strings.TrimSpace(a.Reason) == "":
		return tandem.Errorf(tandem.CodeInvalid, "say why it is accepted: --reason TEXT")
	case len(a.Reason) > MaxReason || tandem.HasControl(a.Reason):
		return tandem.Errorf(tandem.CodeInvalid, "reason: use at most %d bytes of printable text", MaxReason)
	case !a.Until.After(now):
		return tandem.Errorf(tandem.CodeInvalid, "until %s: that is over; use a day to come", a.Until.UTC().Format(time.DateOnly))
	case a.Until.Sub(now) > MaxAcceptance:
		return tandem.Errorf(tandem.CodeInvalid, "until %s: accept for a year at most, and look again then", a.Until.UTC().Format(time.DateOnly))
	}
	return nil
}

// holds reports whether a finding is accepted now.
func (a *Acceptance) holds(f *Finding, now time.Time) bool {
	return a.Until.After(now) && f.Severity <= a.Severity
}

// State is where a finding is.
type State string

// The states of a finding.
const (
	Open     State = "open"
	Accepted State = "accepted"
)

// Known is what earlier audits noted of a finding.
type Known struct {
	Rule, Kind, Subject string
	Severity            Severity
	// Accepted says that somebody let it be at the last audit.
	Accepted  bool
	FirstSeen time.Time
}

// Judged is a finding with what people and earlier audits say of it.
type Judged struct {
	Finding
	// ID is the fingerprint.
	ID    string
	State State
	// Accepted is the acceptance that holds; nil while it is open.
	Accepted *Acceptance
	// FirstSeen is when an audit first saw it: now, where none did before.
	FirstSeen time.Time
	// New says that none did before.
	New bool
}

// Judge tells of each finding whether it is accepted, and since when it is known.
func (f *Facts) Judge(found []Finding) []Judged {
	accepted := map[string]*Acceptance{}
	for i := range f.Acceptances {
		accepted[f.Acceptances[i].Finding] = &f.Acceptances[i]
	}
	all := make([]Judged, len(found))
	for i := range found {
		j := Judged{Finding: found[i], ID: found[i].Fingerprint(), State: Open, FirstSeen: f.Now, New: true}
		if known, ok := f.Known[j.ID]; ok {
			j.FirstSeen, j.New = known.FirstSeen, false
		}
		if a := accepted[j.ID]; a != nil && a.holds(&found[i], f.Now) {
			j.State, j.Accepted = Accepted, a
		}
		all[i] = j
	}
	return all
}
