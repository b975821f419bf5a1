// Package findings tells what of the rights in an instance somebody should look at. Its
// rules are values, and pure: they look at a snapshot ([Facts]) and ask nobody.
package findings

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Severity is how bad a finding is.
type Severity int

// The severities, the least first.
const (
	Info Severity = iota
	Low
	Medium
	High
)

var severities = []string{"info", "low", "medium", "high"}

// String is the name: high.
func (s Severity) String() string { return severities[s] }

// ParseSeverity reads a name.
func ParseSeverity(text string) (Severity, error) {
	if at := slices.Index(severities, strings.ToLower(text)); at >= 0 {
		return Severity(at), nil
	}
	return 0, tandem.Errorf(tandem.CodeInvalid, "there is no severity %q; use one of %s", tandem.Clip(text, 40), strings.Join(severities, ", "))
}

// Finding is something to look at.
type Finding struct {
	// Rule is the id of the rule, Title what it is about.
	Rule, Title string
	Severity    Severity
	// Kind, ID and Name are what it is found in: a user, an application, a group, a key.
	Kind, ID, Name string
	// Evidence are the facts, as name and value.
	Evidence []Evidence
	// Mend are commands that can be pasted; in some a word in capitals is to be chosen.
	// None is for people to decide.
	Mend []string
}

// Evidence is one fact.
type Evidence struct{ Name, Value string }

// Fingerprint tells findings apart, from one audit to the next.
func (f *Finding) Fingerprint() string {
	sum := sha256.Sum256([]byte(f.Rule + "|" + f.Kind + "|" + f.ID))
	return hex.EncodeToString(sum[:16])
}

// Rule looks for one kind of findings.
type Rule struct {
	ID       string
	Severity Severity
	Title    string
	// Why says what may come of it.
	Why string
	// Counted is for how long uses of rights must have been counted for the rule to say
	// anything.
	Counted time.Duration
	Check   func(*Facts) []Finding
}

// Facts are a snapshot of what rules look at.
type Facts struct {
	Now  time.Time
	Apps []tandem.TrustedApp
	// Accounts are the System Users, and everybody who was put into a group.
	Accounts []Account
	permission.Definitions
	// Uses are those of the last [Window], Since is from when on uses are counted at all.
	Uses  []permission.Use
	Since time.Time
	// Given are the rights and memberships that accounts gave within the last [Window].
	Given []Given
	// Types are the document types that need approval.
	Types []Type
	// Computable are attributes by what they can be computed of: Set.Attribute.
	Computable map[string][]string
}

// Window is how far back uses and deeds are looked at.
const Window = 30 * 24 * time.Hour

// Account is an account with the groups that it was put into, by id.
type Account struct {
	tandem.User
	Put []string
}

// Given is a deed of an account: it was put into a group, or a group was granted a key.
type Given struct {
	At time.Time
	// By is the login of who did it, To the id of the account that was put into the
	// group; empty for a grant.
	By, To     string
	Group, Key string
	Self       bool
}

// Type is a document type whose documents need approval.
type Type struct{ Code, Key string }

// Skipped is a rule that could not say anything.
type Skipped struct{ Rule, Why string }

// counted is for how long uses of rights are counted.
func (f *Facts) counted() time.Duration {
	if f.Since.IsZero() {
		return 0
	}
	return max(0, f.Now.Sub(f.Since))
}

// Run applies the rules, and gives the worst findings first.
func Run(f *Facts, rules []Rule) (all []Finding, skipped []Skipped) {
	for i := range rules {
		r := &rules[i]
		if counted := f.counted(); counted < r.Counted {
			why := "uses of rights must have been counted for " + days(r.Counted) + "; they are for " + days(counted)
			skipped = append(skipped, Skipped{r.ID, why})
			continue
		}
		for _, found := range r.Check(f) {
			found.Rule, found.Title = r.ID, r.Title
			if found.Severity == 0 {
				found.Severity = r.Severity
			}
			all = append(all, found)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	return all, skipped
}
