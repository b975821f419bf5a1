package main

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

// eventRow is one event of a request in JSON.
type eventRow struct {
	recordRow
	Means      string   `json:"means"`
	Why        string   `json:"why"`
	Credential string   `json:"credential"`
	Finding    string   `json:"finding"`
	Now        *stepRow `json:"now"`
	Mend       []string `json:"mend"`
}

func eventRowOf(e *platform.EventExplanation) eventRow {
	row := eventRow{recordRowOf(e.AuditEvent), e.Means, e.Why, e.Credential, e.Finding, nil, append([]string{}, e.Mend...)}
	if e.Now != nil {
		now := stepRowOf(e.Now)
		row.Now = &now
	}
	return row
}

// requestRow is the explanation of a request in JSON.
type requestRow struct {
	RequestID string     `json:"request_id"`
	Repeat    string     `json:"repeat"`
	Events    []eventRow `json:"events"`
}

func (c *explainCommand) showRequest(r *run, x *platform.RequestExplanation) error {
	row := requestRow{x.ID, x.Repeat, []eventRow{}}
	var lines []field
	if x.Repeat != "" {
		lines = append(lines, field{"request", "like the one that is recorded, the repeat number " + x.Repeat + " within its minute"})
	}
	for i := range x.Events {
		shown := eventRowOf(&x.Events[i])
		row.Events = append(row.Events, shown)
		lines = append(lines, eventLines(&x.Events[i], &shown)...)
	}
	return showOne(r.stdout, c.output, row, lines)
}

// eventLines are an event for people.
func eventLines(e *platform.EventExplanation, row *eventRow) []field {
	f := &e.Facts
	lines := []field{
		{"at", row.At.String()}, {"kind", string(e.Kind)}, {"account", e.Actor}, {"application", e.ApplicationURI}, {"from", e.RemoteAddr},
		{"what", e.Detail}, {"rule", ruleWords(f.Rule, e.Means)}, {"credential", e.Credential}, {"needed", f.Need}, {"asked for", f.Asked},
		{"given", f.Scope}, {"limit then", f.Limit}, {"left out", droppedWords(f.Dropped)}, {"row", f.Row}, {"guard", f.Guard}, {"key", f.Key},
		{"narrowed to", f.Person}, {"family", f.Family}, {"why", e.Why},
	}
	if row.Now != nil {
		lines = append(lines, field{"now", row.Now.words()})
	}
	lines = append(lines, field{"finding", e.Finding})
	for _, command := range e.Mend {
		lines = append(lines, field{"mend", command})
	}
	return lines
}

func ruleWords(rule tandem.Rule, means string) string {
	if means == "" {
		return string(rule)
	}
	return string(rule) + ": " + means
}

// droppedWords say what was left out, and by which rules.
func droppedWords(dropped []tandem.Dropped) string {
	var words []string
	for _, d := range dropped {
		words = append(words, fmt.Sprintf("%s (%s)", d.Scope, d.Rule))
	}
	return strings.Join(words, ", ")
}

// droppedRow is a scope that was left out, in JSON.
type droppedRow struct {
	Scope string      `json:"scope"`
	Rule  tandem.Rule `json:"rule"`
}

func droppedRows(dropped []tandem.Dropped) []droppedRow {
	rows := []droppedRow{}
	for _, d := range dropped {
		rows = append(rows, droppedRow{d.Scope, d.Rule})
	}
	return rows
}
