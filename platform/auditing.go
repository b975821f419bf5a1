package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/findings/report"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/session"
)

// When audits run by themselves.
const (
	// auditAfter is how long after its start an instance first looks whether one is due.
	auditAfter = 30 * time.Second
	// auditLook is how often it looks, and how often a replica says how it runs.
	auditLook = time.Minute
	// cheapEvery is how often the rules run that cost little.
	cheapEvery = time.Hour
	// DefaultAuditAt is the time of day (UTC) of the audit by all rules.
	DefaultAuditAt = 3 * time.Hour
	// auditTimeout bounds one audit.
	auditTimeout = 10 * time.Minute
	// mostEvents is how many findings of one rule are put on record one by one, of each
	// audit; one event more tells how many there were.
	mostEvents = 20
)

// AuditSchedule says when an instance audits itself, and whom it tells.
type AuditSchedule struct {
	// At is the time of day (UTC) of the daily audit; zero means [DefaultAuditAt], and a
	// whole day midnight.
	At time.Duration
	// Limits are the thresholds; zero means the defaults.
	Limits findings.Limits
	// Alert is told of new findings that are high; see [Alert].
	Alert Alert
}

func (s *AuditSchedule) defaults() {
	if s.At == 0 {
		s.At = DefaultAuditAt
	}
	s.At %= 24 * time.Hour
	if s.Limits == (findings.Limits{}) {
		s.Limits = findings.DefaultLimits()
	}
}

// due is the last moment before now at which the daily audit was to run.
func (s *AuditSchedule) due(now time.Time) time.Time {
	at := now.UTC().Truncate(24 * time.Hour).Add(s.At)
	if at.After(now) {
		at = at.Add(-24 * time.Hour)
	}
	return at
}

// keepAuditing says how this replica runs, and audits when it is time, until ctx ends.
func (i *Instance) keepAuditing(ctx context.Context) {
	if err := i.Announce(ctx); err != nil && ctx.Err() == nil {
		i.config.Log.Warn("how this replica runs cannot be written down now", "error", err)
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(auditAfter):
	}
	tick := time.NewTicker(auditLook)
	defer tick.Stop()
	lead := i.newLead("audit", auditLook)
	for {
		if err := i.Announce(ctx); err != nil && ctx.Err() == nil {
			i.config.Log.Warn("how this replica runs cannot be written down now", "error", err)
		}
		if err := lead.Run(ctx, i.auditWhenDue); err != nil && ctx.Err() == nil {
			i.config.Log.Warn("the audit failed, and is tried again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			if err := lead.Release(ctx); err != nil {
				i.config.Log.Warn("a lease was not given back: it ends by itself", "lease", "audit", "error", err)
			}
			return
		case <-tick.C:
		}
	}
}

// Announce writes down how this replica runs: its public root, version and licence, when it
// replaces signing keys, and by how much its clock is ahead of the database's.
func (i *Instance) Announce(ctx context.Context) error {
	store := data.NewFindings(i.DB)
	skew, err := store.Skew(ctx)
	if err != nil {
		return err
	}
	c := &i.config
	licence := fmt.Sprintf("%d slots", cmp.Or(c.Licence.Slots, session.DefaultSlots))
	for _, login := range slices.Sorted(maps.Keys(c.Licence.Reserved)) {
		licence += fmt.Sprintf(", %d for %s", c.Licence.Reserved[login], login)
	}
	return store.Announce(ctx, findings.Replica{
		Name: i.replica, URL: c.URL, Version: c.Version, Licence: licence, DevelopmentCA: c.DevelopmentCA, MetricsToAll: c.MetricsToAll,
		Skew: skew, RotateKeys: cmp.Or(c.RotateKeys, token.RotateEvery), Seen: c.Clock.Now(),
	})
}

// auditWhenDue audits by all rules when the daily time has passed, and by the cheap ones
// when the last audit is an hour old. It is for one replica at a time.
func (i *Instance) auditWhenDue(ctx context.Context) error {
	last, whole, err := data.NewFindings(i.DB).LastRuns(ctx)
	if err != nil {
		return err
	}
	now := i.config.Clock.Now()
	switch {
	case whole.Before(i.config.Audit.due(now)):
		_, err = i.AuditNow(ctx, true)
	case now.Sub(last) >= cheapEvery:
		_, err = i.AuditNow(ctx, false)
	}
	return errors.Join(err, i.Deliver(ctx))
}

// AuditNow does at once what Run does every day, or every hour: it audits by all rules or
// by the cheap ones, puts on record what was found and what is there no more, and has the
// new findings that are high told.
func (i *Instance) AuditNow(ctx context.Context, whole bool) (*report.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	rules := findings.Rules()
	if !whole {
		rules = findings.Cheap(rules)
	}
	began := tandem.SystemTime()
	f, err := i.Facts(ctx, i.config.Audit.Limits, rules)
	if err != nil {
		return nil, err
	}
	found, skipped := findings.Run(f, rules)
	seen := f.Compare(f.Judge(found))
	if err := i.recordFindings(ctx, f.Now, seen); err != nil {
		return nil, err
	}
	run := data.AuditRun{At: f.Now, Whole: whole, Rules: len(rules) - len(skipped), Findings: len(found), Took: tandem.SystemTime().Sub(began)}
	told := report.New(report.Instance{ID: i.ID, URL: i.config.URL, Version: i.config.Version}, f.Now, rules, f.Judge(found), skipped)
	alerts, err := i.alerts(told, seen.Opened)
	if err != nil {
		return nil, err
	}
	return told, data.NewFindings(i.DB).Note(ctx, run, seen.Known, seen.Closed, alerts)
}

// recordFindings puts on record what was opened and closed. It comes before that is noted:
// after a crash in between it is on record twice, and never not at all.
func (i *Instance) recordFindings(ctx context.Context, at time.Time, seen findings.Seen) error {
	var events []tandem.AuditEvent
	add := func(kind tandem.AuditKind, what map[string][]string) {
		for _, rule := range slices.Sorted(maps.Keys(what)) {
			subjects := what[rule]
			for n, subject := range subjects {
				if n == mostEvents {
					subject = fmt.Sprintf("%d more", len(subjects)-n)
				}
				events = append(events, tandem.AuditEvent{At: at, Kind: kind, Actor: "audit", Detail: rule + ": " + subject})
				if n == mostEvents {
					break
				}
			}
		}
	}
	opened, closed := map[string][]string{}, map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(seen.Opened)) {
		k := seen.Known[id]
		opened[k.Rule] = append(opened[k.Rule], fmt.Sprintf("%s (%s, finding %s)", k.Subject, k.Severity, id[:12]))
	}
	for _, id := range seen.Closed {
		k := seen.Was[id]
		closed[k.Rule] = append(closed[k.Rule], fmt.Sprintf("%s (%s, finding %s)", k.Subject, k.Severity, id[:12]))
	}
	add(tandem.AuditFindingOpened, opened)
	add(tandem.AuditFindingClosed, closed)
	return i.audit.RecordAll(ctx, events)
}

// purgeFindings deletes what is kept of audits no longer.
func (i *Instance) purgeFindings(ctx context.Context) error {
	return data.NewFindings(i.DB).Purge(ctx, i.config.Clock.Now())
}
