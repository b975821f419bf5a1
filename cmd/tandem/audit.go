package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/platform"
)

type auditCommands struct {
	Run   auditRun   `cmd:"" default:"withargs" help:"Look for what of the rights somebody should look at; exit code 1 when something is found that is severe enough."`
	Rules auditRules `cmd:"" help:"List the rules."`
}

type auditRun struct {
	administering
	output
	Rule   []string `help:"Only these rules, joined by commas." placeholder:"ID,…"`
	Min    string   `help:"The least severity that is shown: info, low, medium or high." default:"info" placeholder:"SEVERITY"`
	FailOn string   `help:"The least severity that makes the exit code 1." default:"high" placeholder:"SEVERITY"`
}

// findingRow is a finding in JSON.
type findingRow struct {
	ID       string        `json:"id"`
	Rule     string        `json:"rule"`
	Severity string        `json:"severity"`
	Subject  subjectRow    `json:"subject"`
	Title    string        `json:"title"`
	Evidence []evidenceRow `json:"evidence"`
	Mend     []string      `json:"mend"`
}

type subjectRow struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

type evidenceRow struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// skippedRow is a rule that could say nothing, in JSON.
type skippedRow struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// auditRow is an audit in JSON.
type auditRow struct {
	Schema   string         `json:"schema"`
	At       stamp          `json:"at"`
	Version  string         `json:"version"`
	Summary  map[string]int `json:"summary"`
	Findings []findingRow   `json:"findings"`
	Ran      []string       `json:"ran"`
	Skipped  []skippedRow   `json:"skipped"`
}

// Run looks for findings.
func (c *auditRun) Run(ctx context.Context, r *run) error {
	least, err := findings.ParseSeverity(c.Min)
	if err != nil {
		return usage("--min: %v", err)
	}
	severe, err := findings.ParseSeverity(c.FailOn)
	if err != nil {
		return usage("--fail-on: %v", err)
	}
	rules, err := chosenRules(c.Rule)
	if err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		facts, err := a.Facts(ctx)
		if err != nil {
			return err
		}
		found, skipped := findings.Run(facts, rules)
		row := auditRow{"tandem-audit/1", stamp{facts.Now}, versionLine(), map[string]int{}, []findingRow{}, []string{}, []skippedRow{}}
		for i := range rules {
			row.Ran = append(row.Ran, rules[i].ID)
		}
		for _, s := range skipped {
			row.Skipped = append(row.Skipped, skippedRow(s))
		}
		bad := 0
		for i := range found {
			f := &found[i]
			row.Summary[f.Severity.String()]++
			if f.Severity >= severe {
				bad++
			}
			if f.Severity >= least {
				row.Findings = append(row.Findings, findingRowOf(f))
			}
		}
		if err := c.show(r, &row); err != nil {
			return err
		}
		if bad > 0 {
			return fmt.Errorf("%d findings are %s or worse", bad, severe)
		}
		return nil
	})
}

func chosenRules(ids []string) ([]findings.Rule, error) {
	if len(ids) == 0 {
		return findings.Permissions, nil
	}
	var chosen []findings.Rule
	for _, id := range ids {
		n := len(chosen)
		for _, rule := range findings.Permissions {
			if strings.EqualFold(rule.ID, id) {
				chosen = append(chosen, rule)
			}
		}
		if len(chosen) == n {
			return nil, usage("--rule %s: there is no such rule; tandem audit rules lists them", id)
		}
	}
	return chosen, nil
}

func findingRowOf(f *findings.Finding) findingRow {
	row := findingRow{
		ID: f.Fingerprint(), Rule: f.Rule, Severity: f.Severity.String(), Subject: subjectRow{f.Kind, f.ID, f.Name}, Title: f.Title,
		Evidence: []evidenceRow{}, Mend: append([]string{}, f.Mend...),
	}
	for _, e := range f.Evidence {
		row.Evidence = append(row.Evidence, evidenceRow(e))
	}
	return row
}

func (c *auditRun) show(r *run, row *auditRow) error {
	if c.Output != "table" {
		return showData(r.stdout, c.output, row)
	}
	var lines []field
	for _, f := range row.Findings {
		lines = append(lines, field{f.Severity, fmt.Sprintf("%s  %s: %s", f.Rule, f.Subject.Name, f.Title)})
		for _, e := range f.Evidence {
			lines = append(lines, field{"", ""}, field{" ", e.Name + ": " + e.Value})
		}
		for _, command := range f.Mend {
			lines = append(lines, field{"  mend", command})
		}
	}
	for _, s := range row.Skipped {
		lines = append(lines, field{"skipped", s.Rule + ": " + s.Why})
	}
	if len(row.Findings) == 0 {
		lines = append(lines, field{"found", fmt.Sprintf("nothing, by %d rules", len(row.Ran)-len(row.Skipped))})
	}
	return showOne(r.stdout, c.output, row, lines)
}

type auditRules struct{ output }

// ruleRow is a rule in JSON.
type ruleRow struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Why      string `json:"why"`
}

// Run lists the rules.
func (c *auditRules) Run(r *run) error {
	rows := make([]ruleRow, len(findings.Permissions))
	for i, rule := range findings.Permissions {
		rows[i] = ruleRow{rule.ID, rule.Severity.String(), rule.Title, rule.Why}
	}
	return showList(r.stdout, c.output, rows, []column[ruleRow]{
		{"id", func(r ruleRow) string { return r.ID }}, {"severity", func(r ruleRow) string { return r.Severity }},
		{"title", func(r ruleRow) string { return r.Title }},
	})
}
