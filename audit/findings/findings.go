// Package findings tells what in an instance somebody should look at: applications and
// their credentials, accounts, rights, keys, the record. Its rules are values, and pure:
// they look at a snapshot ([Facts]) and ask nobody.
package findings

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
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

// Severities are all of them, the worst first.
var Severities = []Severity{High, Medium, Low, Info}

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
	// Who can see several of one rule in the same thing makes the ID longer.
	Kind, ID, Name string
	// Application is the ApplicationURI of whose half it is about; empty where it is about
	// no one application.
	Application string
	// Evidence are the facts, as name and value.
	Evidence []Evidence
	// Since is when it began, as far as that is known.
	Since time.Time
	// Mend are commands that can be pasted; in some a word in capitals is to be chosen.
	// None is for people to decide.
	Mend []string
}

// Fingerprint tells findings apart, from one audit to the next.
func (f *Finding) Fingerprint() string {
	sum := sha256.Sum256([]byte(f.Rule + "|" + f.Kind + "|" + f.ID))
	return hex.EncodeToString(sum[:16])
}

// Rule looks for one kind of findings.
type Rule struct {
	// ID never changes: acceptances and the reports of others name it.
	ID       string
	Severity Severity
	Title    string
	// Why says what may come of it.
	Why string
	// Needs are the parts of the snapshot that it looks at beside the applications.
	Needs Part
	// Window is for how long what is counted must have been counted for the rule to say
	// anything; nil where it says something from the first day on.
	Window func(*Limits) time.Duration
	// Absent says why the rule can say nothing in this version; empty where it can.
	Absent string
	Check  func(*Facts) []Finding
}

// families are the rules, as the files are: the order of the catalogue.
var families = [][]Rule{
	Applications, Credentials, Systems, People, Tokens, Keys, Record, Permissions, Instances, Usage, Incidents,
}

// Rules are all of them.
func Rules() []Rule { return slices.Concat(families...) }

// Find is the rule with an id, whose case does not count.
func Find(id string) (Rule, error) {
	for _, r := range Rules() {
		if strings.EqualFold(r.ID, id) {
			return r, nil
		}
	}
	return Rule{}, tandem.Errorf(tandem.CodeInvalid, "there is no such rule: %s; tandem audit rules lists them", tandem.Clip(id, 40))
}

// Skipped is a rule that could not say anything.
type Skipped struct{ Rule, Why string }

// MostOfARule is how many findings one rule gives at most; one more tells how many there
// are. Who mends these sees the next ones.
const MostOfARule = 500

// Run applies the rules, and gives the worst findings first.
func Run(f *Facts, rules []Rule) (all []Finding, skipped []Skipped) {
	for i := range rules {
		r := &rules[i]
		if why := f.unable(r); why != "" {
			skipped = append(skipped, Skipped{r.ID, why})
			continue
		}
		f.ran[r.ID] = true
		for _, x := range f.check(r) {
			f.found[x.Fingerprint()] = true
			all = append(all, x)
		}
	}
	order := map[string]int{}
	for i := range rules {
		order[rules[i].ID] = i
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(int(b.Severity)-int(a.Severity), order[a.Rule]-order[b.Rule], strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return all, skipped
}

// check applies one rule.
func (f *Facts) check(r *Rule) []Finding {
	found := r.Check(f)
	for i := range found {
		x := &found[i]
		x.Rule, x.Title = r.ID, r.Title
		if x.Severity == 0 {
			x.Severity = r.Severity
		}
	}
	more := len(found) - MostOfARule + f.Beyond[r.ID]
	if more <= 0 {
		return found
	}
	found = found[:min(len(found), MostOfARule)]
	return append(found, Finding{
		Rule: r.ID, Title: r.Title, Severity: r.Severity, Kind: "instance", ID: rest, Name: fmt.Sprintf("%d more", more),
		Evidence: []Evidence{{"shown", len(found)}, {"not shown", more}},
	})
}

// unable says why a rule can say nothing; empty when it can.
func (f *Facts) unable(r *Rule) string {
	if r.Absent != "" {
		return r.Absent
	}
	for part := Part(1); part <= lastPart; part <<= 1 {
		if why := f.Missing[part]; r.Needs&part != 0 && why != "" {
			return why
		}
	}
	if r.Window == nil {
		return ""
	}
	window := r.Window(&f.Limits)
	for _, c := range counted {
		if r.Needs&c.part == 0 {
			continue
		}
		since := f.Since[c.part]
		if left := window - max(0, f.Now.Sub(since)); since.IsZero() {
			return fmt.Sprintf("%s to go: no %s have been counted yet", days(window), c.what)
		} else if left > 0 {
			return fmt.Sprintf("%s to go: %s are counted since %s", days(left), c.what, since.UTC().Format(time.DateOnly))
		}
	}
	return ""
}

// days are whole days, of which a begun one is one: a rule says nothing too early.
func days(d time.Duration) string {
	n := int((d + 24*time.Hour - 1) / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}
