package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/platform"
)

type auditAccept struct {
	administering
	auditLimits
	output
	Finding string `arg:"" help:"Id of a finding, or at least 8 letters of it, or RULE@SUBJECT (CRED-08@com.acme/portal)." placeholder:"FINDING"`
	Reason  string `help:"Why it may stay." required:"" placeholder:"TEXT"`
	Until   string `help:"The last day on which it may, within a year: 2027-03-31. After it the finding comes back." required:"" placeholder:"DATE"`
}

// acceptedRow is an acceptance in JSON.
type acceptedRow struct {
	Finding  string     `json:"finding"`
	Rule     string     `json:"rule"`
	Severity string     `json:"severity"`
	Subject  subjectRow `json:"subject"`
	By       string     `json:"by"`
	Reason   string     `json:"reason"`
	At       stamp      `json:"accepted_at"`
	Until    stamp      `json:"until"`
	// Lapsed says that its day is over.
	Lapsed bool `json:"lapsed"`
}

type subjectRow struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func acceptedRowOf(a findings.Acceptance) acceptedRow {
	return acceptedRow{
		a.Finding, a.Rule, a.Severity.String(), subjectRow{a.Kind, a.Subject}, a.By, a.Reason, stamp{a.At}, stamp{a.Until},
		!a.Until.After(tandem.SystemTime()),
	}
}

func showAccepted(r *run, o output, all []findings.Acceptance) error {
	rows := make([]acceptedRow, len(all))
	for i, a := range all {
		rows[i] = acceptedRowOf(a)
	}
	return showList(r.stdout, o, rows, []column[acceptedRow]{
		{"finding", func(a acceptedRow) string { return a.Finding[:12] }},
		{"rule", func(a acceptedRow) string { return a.Rule }},
		{"severity", func(a acceptedRow) string { return a.Severity }},
		{"subject", func(a acceptedRow) string { return a.Subject.Name }},
		{"until", func(a acceptedRow) string {
			if a.Lapsed {
				return "lapsed"
			}
			return a.Until.UTC().Add(-time.Second).Format(time.DateOnly)
		}},
		{"by", func(a acceptedRow) string { return a.By }},
		{"reason", func(a acceptedRow) string { return a.Reason }},
	})
}

// lastDay reads a day and gives the moment at which it is over, everywhere by UTC.
func lastDay(text string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, usage("--until %q: use a day, such as %s", tandem.Clip(text, 40), tandem.SystemTime().AddDate(0, 3, 0).UTC().Format(time.DateOnly))
	}
	return day.AddDate(0, 0, 1), nil
}

// Run accepts a finding.
func (c *auditAccept) Run(ctx context.Context, r *run) error {
	until, err := lastDay(c.Until)
	if err != nil {
		return err
	}
	made := findings.Acceptance{Reason: c.Reason, Until: until}
	if err := made.Check(tandem.SystemTime()); err != nil {
		return usageError{err}
	}
	o := platform.AuditOptions{Rules: findings.Rules()}
	if o.Limits, err = c.limits(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.Accept(ctx, operator(), o, c.Finding, c.Reason, until)
		if err != nil {
			return err
		}
		return showAccepted(r, c.output, all)
	})
}

type auditAccepted struct {
	administering
	output
}

// Run lists what is accepted.
func (c *auditAccepted) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.Acceptances(ctx)
		if err != nil {
			return err
		}
		return showAccepted(r, c.output, all)
	})
}

type auditTakeBack struct {
	administering
	Finding string `arg:"" help:"Id of the finding, or at least 8 letters of it." placeholder:"FINDING"`
}

// Run takes an acceptance back.
func (c *auditTakeBack) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		was, err := a.TakeBack(ctx, operator(), c.Finding)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.stdout, "%s of %s is open again\n", was.Rule, plain(was.Subject))
		return err
	})
}

type auditAlertKey struct{ administering }

// Run shows the key that alerts are signed with.
func (c *auditAlertKey) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		_, err := fmt.Fprintln(r.stdout, a.AlertKey())
		return err
	})
}
