package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/data"
)

// leastPrefix is how much of a finding's id has to be said.
const leastPrefix = 8

// Accept lets findings be, for a reason and until a date. which is the id of a finding, or
// its beginning, or RULE@SUBJECT for all findings of a rule in one thing. What is not
// found now cannot be accepted.
func (a *Administration) Accept(ctx context.Context, by tandem.By, o AuditOptions, which, reason string, until time.Time) ([]findings.Acceptance, error) {
	now := a.config.Clock.Now()
	made := findings.Acceptance{By: by.Login, Reason: strings.TrimSpace(reason), At: now, Until: until}
	if err := made.Check(now); err != nil {
		return nil, err
	}
	rule, subject, of := strings.Cut(which, "@")
	if of {
		r, err := findings.Find(rule)
		if err != nil {
			return nil, err
		}
		o.Rules = []findings.Rule{r}
	} else if len(which) < leastPrefix {
		return nil, tandem.Errorf(tandem.CodeInvalid, "%q: say at least %d letters of the finding's id, or RULE@SUBJECT", tandem.Clip(which, 40), leastPrefix)
	}
	f, err := a.Facts(ctx, o.Limits, o.Rules)
	if err != nil {
		return nil, err
	}
	found, _ := findings.Run(f, o.Rules)
	var all []findings.Acceptance
	for i := range found {
		x := &found[i]
		if of && (x.Name == subject || x.ID == subject) || !of && strings.HasPrefix(x.Fingerprint(), strings.ToLower(which)) {
			made.Finding, made.Rule, made.Kind, made.Subject, made.Severity = x.Fingerprint(), x.Rule, x.Kind, x.Name, x.Severity
			all = append(all, made)
		}
	}
	switch {
	case len(all) == 0:
		return nil, tandem.Errorf(tandem.CodeNotFound, "nothing is found now that is %s; tandem audit lists what is, with its id", tandem.Clip(which, 120))
	case len(all) > 1 && !of:
		return nil, tandem.Errorf(tandem.CodeInvalid, "%s: %d findings begin so; say more of the id", tandem.Clip(which, 40), len(all))
	}
	if err := data.NewFindings(a.DB).Accept(ctx, all); err != nil {
		return nil, err
	}
	for i := range all {
		what := fmt.Sprintf("accepted finding %s of %s in %s until %s, because: %s",
			all[i].Finding[:12], all[i].Rule, all[i].Subject, until.UTC().Format(time.DateOnly), all[i].Reason)
		if err := a.recordAcceptance(ctx, by, what); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Acceptances are the findings that somebody lets be, those that end first before the others.
func (a *Administration) Acceptances(ctx context.Context) ([]findings.Acceptance, error) {
	return data.NewFindings(a.DB).Acceptances(ctx)
}

// TakeBack ends an acceptance: the finding is open again. which is the id of the finding,
// or its beginning.
func (a *Administration) TakeBack(ctx context.Context, by tandem.By, which string) (findings.Acceptance, error) {
	store := data.NewFindings(a.DB)
	all, err := store.Acceptances(ctx)
	if err != nil {
		return findings.Acceptance{}, err
	}
	all = slices.DeleteFunc(all, func(x findings.Acceptance) bool {
		return len(which) < leastPrefix || !strings.HasPrefix(x.Finding, strings.ToLower(which))
	})
	if len(all) != 1 {
		return findings.Acceptance{}, tandem.Errorf(tandem.CodeNotFound, "%s is the id of %d accepted findings; tandem audit accepted lists them",
			tandem.Clip(which, 40), len(all))
	}
	err = store.TakeBack(ctx, all[0].Finding)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) { // somebody else was faster
		return findings.Acceptance{}, err
	}
	return all[0], a.recordAcceptance(ctx, by, fmt.Sprintf("took back that finding %s of %s in %s is accepted", all[0].Finding[:12], all[0].Rule, all[0].Subject))
}

func (a *Administration) recordAcceptance(ctx context.Context, by tandem.By, what string) error {
	event := by.Recorded(what, tandem.Facts{})
	event.At = a.config.Clock.Now()
	return a.audit.Record(ctx, event)
}
