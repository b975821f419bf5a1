package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/findings/report"
	"github.com/hybridapps/tandem/platform"
)

type auditCommands struct {
	Run   auditRun   `cmd:"" default:"withargs" help:"Look for what somebody should look at; exit code 1 when something is found that is severe enough and that nobody has accepted."`
	Rules auditRules `cmd:"" help:"List the rules, or their thresholds."`

	Accept   auditAccept   `cmd:"" help:"Let a finding be, for a reason and until a date. After it the finding comes back, as it does when it gets worse."`
	Accepted auditAccepted `cmd:"" help:"List what is accepted, by whom, why and until when."`
	TakeBack auditTakeBack `cmd:"" help:"Take an acceptance back."`
	AlertKey auditAlertKey `cmd:"" help:"Show the public key that alerts are signed with (Standard Webhooks, whpk_…)."`
}

// auditLimits is the flag for the thresholds of the rules.
type auditLimits struct {
	AuditConfig string `help:"YAML file with thresholds of the audit's rules: a name and a number in each line (tandem audit rules --thresholds)." placeholder:"FILE"`
}

func (l *auditLimits) limits() (findings.Limits, error) {
	if l.AuditConfig == "" {
		return findings.DefaultLimits(), nil
	}
	text, err := os.ReadFile(l.AuditConfig)
	if err != nil {
		return findings.Limits{}, fmt.Errorf("--audit-config: %w", err)
	}
	limits, err := findings.ParseLimits(text)
	if err != nil {
		return limits, usage("--audit-config %s: %v", l.AuditConfig, err)
	}
	return limits, nil
}

type auditRun struct {
	administering
	auditLimits
	Output   string   `short:"o" help:"Show as table, json, yaml, sarif (2.1.0) or html (one page)." enum:"table,json,yaml,sarif,html" default:"table"`
	Rule     []string `help:"Only these rules, joined by commas." placeholder:"ID,…"`
	App      string   `help:"Only what is found in this application." placeholder:"ID"`
	Min      string   `help:"The least severity that is shown: info, low, medium or high." default:"info" placeholder:"SEVERITY"`
	FailOn   string   `help:"The least severity that makes the exit code 1." default:"high" placeholder:"SEVERITY"`
	NewSince string   `help:"Only what an earlier report (-o json) has not." placeholder:"FILE"`
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
	o := platform.AuditOptions{Version: versionLine()}
	if o.Rules, err = chosenRules(c.Rule); err != nil {
		return err
	}
	if o.Limits, err = c.limits(); err != nil {
		return err
	}
	earlier, err := c.earlier()
	if err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.App != "" {
			if _, err := a.Apps.Get(ctx, c.App); err != nil {
				return err
			}
		}
		found, err := a.RunAudit(ctx, o)
		if err != nil {
			return err
		}
		found.Keep(func(f *report.Finding) bool { return (c.App == "" || f.Application == c.App) && !earlier[f.ID] })
		bad := found.Failing(severe)
		found.Keep(func(f *report.Finding) bool { return f.AtLeast(least) })
		if err := showAudit(r.stdout, c.Output, found); err != nil {
			return err
		}
		if bad > 0 {
			return fmt.Errorf("%s %s or worse; mend what is found, or accept it with a reason and a date: tandem audit accept",
				counted(bad, "finding is", "findings are"), severe)
		}
		return nil
	})
}

// earlier are the ids of the findings of --new-since.
func (c *auditRun) earlier() (map[string]bool, error) {
	if c.NewSince == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.NewSince)
	if err != nil {
		return nil, fmt.Errorf("--new-since: %w", err)
	}
	ids, err := report.IDs(text)
	if err != nil {
		return nil, usage("--new-since %s: %v; make one with tandem audit -o json", c.NewSince, err)
	}
	return ids, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func chosenRules(ids []string) (chosen []findings.Rule, err error) {
	if len(ids) == 0 {
		return findings.Rules(), nil
	}
	for _, id := range ids {
		rule, err := findings.Find(id)
		if err != nil {
			return nil, usage("--rule %s: %v", id, err)
		}
		chosen = append(chosen, rule)
	}
	return chosen, nil
}

// showAudit writes a report in one of its forms.
func showAudit(w io.Writer, form string, found *report.Report) error {
	var text []byte
	var err error
	switch form {
	case "table":
		return showFindings(w, found)
	case "sarif":
		text, err = found.SARIF()
	case "html":
		text, err = found.HTML()
	default:
		return showData(w, output{form}, found)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// showFindings writes a report for a terminal: what is open, the worst first and each rule
// once, then what is accepted, and which rules could say nothing.
func showFindings(w io.Writer, found *report.Report) error {
	var s strings.Builder
	for _, state := range []findings.State{findings.Open, findings.Accepted} {
		said := ""
		for i := range found.Findings {
			f := &found.Findings[i]
			if f.State != state {
				continue
			}
			severity := f.Severity
			if state == findings.Accepted {
				severity = "let be"
			}
			if head := fmt.Sprintf("%-7s %s  %s\n", severity, f.Rule, f.Title); head != said {
				s.WriteString(head)
				said = head
			}
			findingLines(&s, f)
		}
	}
	var whys []string
	by := map[string][]string{}
	for _, skipped := range found.Skipped {
		if by[skipped.Why] == nil {
			whys = append(whys, skipped.Why)
		}
		by[skipped.Why] = append(by[skipped.Why], skipped.Rule)
	}
	for _, why := range whys {
		fmt.Fprintf(&s, "skipped %s: %s\n", strings.Join(by[why], " "), why)
	}
	fmt.Fprintln(&s, summaryLine(found))
	_, err := io.WriteString(w, s.String())
	return err
}

// findingLines are a finding below the line of its rule: what it is in, with its id, the
// facts, and the commands that mend it.
func findingLines(s *strings.Builder, f *report.Finding) {
	var facts []string
	for i := range f.Evidence {
		e := &f.Evidence[i]
		facts = append(facts, e.Name+": "+e.Text())
	}
	fmt.Fprintf(s, "        %s (%s)  %s\n", plain(f.Subject.Name), f.ID[:12], plain(strings.Join(facts, " · ")))
	if a := f.Accepted; a != nil {
		fmt.Fprintf(s, "          by %s until %s: %s\n", plain(a.By), a.Until.Add(-time.Second).Format(time.DateOnly), plain(a.Reason))
		return
	}
	for _, command := range f.Mend {
		fmt.Fprintf(s, "          $ %s\n", plain(command))
	}
}

// summaryLine is how much was found, by how many rules.
func summaryLine(found *report.Report) string {
	var parts []string
	for _, severity := range findings.Severities {
		if n := found.Summary[severity.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	if n := found.Summary["accepted"]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d accepted", n))
	}
	return fmt.Sprintf("found   %s, by %s", strings.Join(parts, ", "), counted(len(found.Ran), "rule", "rules"))
}

type auditRules struct {
	output
	Thresholds bool `help:"List the thresholds that --audit-config may set instead."`
}

// ruleRow is a rule in JSON.
type ruleRow struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Why      string `json:"why"`
	// Absent says why the rule says nothing in this version.
	Absent string `json:"absent,omitempty"`
}

// limitRow is a threshold in JSON.
type limitRow struct {
	Name    string `json:"name"`
	Default int    `json:"default"`
	Meaning string `json:"meaning"`
}

// Run lists the rules.
func (c *auditRules) Run(r *run) error {
	if c.Thresholds {
		var rows []limitRow
		for _, l := range findings.AllLimits() {
			rows = append(rows, limitRow{l.Name, l.Default, l.Help})
		}
		return showList(r.stdout, c.output, rows, []column[limitRow]{
			{"name", func(l limitRow) string { return l.Name }}, {"default", func(l limitRow) string { return fmt.Sprint(l.Default) }},
			{"meaning", func(l limitRow) string { return l.Meaning }},
		})
	}
	var rows []ruleRow
	for _, rule := range findings.Rules() {
		rows = append(rows, ruleRow{rule.ID, rule.Severity.String(), rule.Title, rule.Why, rule.Absent})
	}
	return showList(r.stdout, c.output, rows, []column[ruleRow]{
		{"id", func(r ruleRow) string { return r.ID }}, {"severity", func(r ruleRow) string { return r.Severity }},
		{"title", func(r ruleRow) string { return r.Title }},
	})
}
