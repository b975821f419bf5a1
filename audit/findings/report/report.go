// Package report shows what an audit found: as JSON, as SARIF for the tools that gather
// findings of many programs, and as one page for people.
package report

import (
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
)

// Schema names the shape of the JSON.
const Schema = "tandem-audit/1"

// Report is an audit, as it is shown. Its JSON is stable: names are added, and none changes.
type Report struct {
	Schema string `json:"schema"`
	// Instance is the id of the database, URL the public root where that is known.
	Instance string    `json:"instance"`
	URL      string    `json:"url,omitempty"`
	At       time.Time `json:"at"`
	Version  string    `json:"version"`
	// Summary counts the open findings by severity, and those that are accepted.
	Summary  map[string]int `json:"summary"`
	Findings []Finding      `json:"findings"`
	Ran      []string       `json:"ran"`
	Skipped  []Skipped      `json:"skipped"`

	rules []findings.Rule
}

// Finding is one finding.
type Finding struct {
	ID          string                `json:"id"`
	Rule        string                `json:"rule"`
	Severity    string                `json:"severity"`
	Subject     Subject               `json:"subject"`
	Application string                `json:"application,omitempty"`
	Title       string                `json:"title"`
	Why         string                `json:"why"`
	Evidence    findings.EvidenceJSON `json:"evidence"`
	Mend        []string              `json:"mend"`
	Since       *time.Time            `json:"since"`
	FirstSeen   time.Time             `json:"first_seen"`
	State       findings.State        `json:"state"`
	Accepted    *Accepted             `json:"accepted"`

	severity findings.Severity
	isNew    bool
}

// Subject is what a finding is in.
type Subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Accepted is why a finding is let be, and until when.
type Accepted struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// Skipped is a rule that could say nothing.
type Skipped struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// Instance is where the audit was made.
type Instance struct{ ID, URL, Version string }

// New makes the report of an audit by these rules.
func New(in Instance, at time.Time, rules []findings.Rule, found []findings.Judged, skipped []findings.Skipped) *Report {
	r := &Report{
		Schema: Schema, Instance: in.ID, URL: in.URL, At: moment(at), Version: in.Version,
		Summary: map[string]int{"accepted": 0}, Findings: []Finding{}, Ran: []string{}, Skipped: []Skipped{}, rules: rules,
	}
	for _, s := range findings.Severities {
		r.Summary[s.String()] = 0
	}
	not := map[string]bool{}
	for _, s := range skipped {
		not[s.Rule] = true
		r.Skipped = append(r.Skipped, Skipped(s))
	}
	why := map[string]string{}
	for i := range rules {
		why[rules[i].ID] = rules[i].Why
		if !not[rules[i].ID] {
			r.Ran = append(r.Ran, rules[i].ID)
		}
	}
	for i := range found {
		row := row(&found[i])
		row.Why = why[row.Rule]
		r.Findings = append(r.Findings, row)
	}
	r.count()
	return r
}

func row(f *findings.Judged) Finding {
	x := Finding{
		ID: f.ID, Rule: f.Rule, Severity: f.Severity.String(), Subject: Subject{f.Kind, f.Finding.ID, f.Name}, Application: f.Application,
		Title: f.Title, Evidence: f.Evidence, Mend: append([]string{}, f.Mend...), FirstSeen: moment(f.FirstSeen), State: f.State,
		severity: f.Severity, isNew: f.New,
	}
	if !f.Since.IsZero() {
		since := moment(f.Since)
		x.Since = &since
	}
	if a := f.Accepted; a != nil {
		x.Accepted = &Accepted{a.By, a.Reason, moment(a.Until)}
	}
	return x
}

func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// count makes the summary.
func (r *Report) count() {
	clear(r.Summary)
	r.Summary["accepted"] = 0
	for _, s := range findings.Severities {
		r.Summary[s.String()] = 0
	}
	for i := range r.Findings {
		if r.Findings[i].State == findings.Accepted {
			r.Summary["accepted"]++
		} else {
			r.Summary[r.Findings[i].Severity]++
		}
	}
}

// Keep leaves only the findings that keep says yes to.
func (r *Report) Keep(keep func(*Finding) bool) {
	kept := r.Findings[:0]
	for i := range r.Findings {
		if keep(&r.Findings[i]) {
			kept = append(kept, r.Findings[i])
		}
	}
	r.Findings = kept
	r.count()
}

// AtLeast reports whether the finding is that severe.
func (f *Finding) AtLeast(s findings.Severity) bool { return f.severity >= s }

// Failing is how many findings that nobody accepted are that severe.
func (r *Report) Failing(s findings.Severity) (n int) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.State == findings.Open && f.AtLeast(s) {
			n++
		}
	}
	return n
}

// IDs reads the ids of the findings of an earlier report in JSON.
func IDs(text []byte) (map[string]bool, error) {
	var earlier struct {
		Schema   string `json:"schema"`
		Findings []struct {
			ID string `json:"id"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(text, &earlier); err != nil {
		return nil, err
	}
	if earlier.Schema != Schema {
		return nil, errSchema(earlier.Schema)
	}
	ids := map[string]bool{}
	for _, f := range earlier.Findings {
		ids[f.ID] = true
	}
	return ids, nil
}

type errSchema string

func (e errSchema) Error() string {
	return "it is no report of an audit in JSON: its schema is " + quoted(string(e)) + ", not " + Schema
}

func quoted(text string) string {
	if len(text) > 40 {
		text = text[:40]
	}
	encoded, _ := json.Marshal(text) // texts always marshal
	return string(encoded)
}
