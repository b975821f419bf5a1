package platform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/findings/report"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/seal"
)

// Facts reads the snapshot that the rules look at, as far as they need it: a number of
// statements that does not depend on how much there is.
func (a *Administration) Facts(ctx context.Context, limits findings.Limits, rules []findings.Rule) (*findings.Facts, error) {
	f := findings.NewFacts(a.config.Clock.Now(), limits)
	need := findings.Needed(rules)
	kept := data.NewFindings(a.DB)
	if err := kept.Read(ctx, f, need); err != nil {
		return nil, err
	}
	if err := a.countedSince(ctx, f, need); err != nil {
		return nil, err
	}
	since := f.Now.Add(-findings.Window)
	for _, part := range []struct {
		needed findings.Part
		read   func() error
	}{
		{findings.Rights, func() (err error) {
			m := erpModel().Model
			f.Computable, f.ReadBy = erp.Computable(m), readBy(m)
			f.Definitions, err = a.permissions.Definitions(ctx)
			return err
		}},
		{findings.RightUses, func() error { return a.rightUses(ctx, f, since) }},
		{findings.SigningKeys, func() error { return a.signingKeys(ctx, f) }},
		{findings.Running, func() error { return a.setting(f) }},
		{findings.Sealing, func() error { return a.seal(ctx, f) }},
		{findings.Proofs, func() error { return a.lastProof(ctx, f) }},
		{findings.Outside, func() error { return a.blind(ctx, f) }},
		{findings.Deeds, func() (err error) { f.Given, err = a.given(ctx, since); return err }},
		{findings.Places, func() error { return kept.ReadPlaces(ctx, f) }},
		{findings.Used, func() error { return kept.ReadUsed(ctx, f) }},
		{findings.Idle, func() error { return kept.ReadIdle(ctx, f) }},
		{findings.Lately, func() error { return kept.ReadLately(ctx, f) }},
		{findings.Tallied, func() error { return kept.ReadTallied(ctx, f) }},
		{findings.Slots, func() error { return kept.ReadSlots(ctx, f) }},
		{findings.Tokened, func() error { return kept.ReadReferences(ctx, f) }},
		{findings.Stale, func() error { return kept.ReadStale(ctx, f) }},
		{findings.Types, func() (err error) { f.Types, err = a.approvedTypes(ctx); return err }},
	} {
		if need&part.needed == 0 {
			continue
		}
		if err := part.read(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// countedSince is from when on uses and events were counted.
func (a *Administration) countedSince(ctx context.Context, f *findings.Facts, need findings.Part) error {
	if need&(findings.Used|findings.Tallied) == 0 {
		return nil
	}
	first, err := a.usage.Since(ctx)
	if first > 0 {
		f.Since[findings.Used], f.Since[findings.Tallied] = first.Start(), first.Start()
	}
	return err
}

// rightUses are the rights that were used since a time.
func (a *Administration) rightUses(ctx context.Context, f *findings.Facts, since time.Time) (err error) {
	if f.Since[findings.RightUses], err = a.permissions.UsesSince(ctx); err != nil {
		return err
	}
	return a.permissions.EachUse(ctx, "", since, func(u *permission.Use) error { f.Uses = append(f.Uses, *u); return nil })
}

// signingKeys are the keys that the next tokens are signed with, and those that are lost.
func (a *Administration) signingKeys(ctx context.Context, f *findings.Facts) error {
	f.RotateEvery = token.RotateEvery
	stored, err := a.keys.Keys(ctx)
	if err != nil {
		return err
	}
	lost, err := a.Keys.Lost(ctx, stored)
	for _, k := range stored {
		f.SigningKeys = append(f.SigningKeys, findings.SigningKey{ID: k.ID, Use: string(k.Use), ActivateAt: k.ActivateAt, Lost: lost[k.ID]})
	}
	return err
}

// lastProof is when all was proven last, and what of an application failed when it was
// tried last: a run that did not try it again mends nothing.
func (a *Administration) lastProof(ctx context.Context, f *findings.Facts) error {
	p, err := a.LastProof(ctx)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	f.Proof.At = p.At
	verdicts, err := a.proofs.Verdicts(ctx)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if v.Holds {
			continue
		}
		if _, err := a.Apps.Get(ctx, v.ApplicationURI); errors.Is(err, tandem.ErrNotFound) {
			continue // nothing of it is left to hold
		} else if err != nil {
			return err
		}
		f.Proof.Failed = append(f.Proof.Failed, findings.FailedProof{ApplicationURI: v.ApplicationURI, Invariant: v.Invariant, At: v.At})
	}
	return nil
}

// seal is how far the record is sealed, and what the last verification said.
func (a *Administration) seal(ctx context.Context, f *findings.Facts) error {
	s, err := a.Sealing.Status(ctx)
	f.Seal = findings.Seal{
		Begun: s.Begun, Unsealed: s.Unsealed, Verified: s.Verified.At, WithAnchors: s.Verified.WithAnchors, Anchored: s.Anchored,
		Faults: s.Verified.Faults, First: s.Verified.First,
	}
	return err
}

// blind are the external people who may see nothing.
func (a *Administration) blind(ctx context.Context, f *findings.Facts) error {
	store := a.erpStore(erpModel())
	if err := store.FollowUsers(ctx, a.users); err != nil {
		return err
	}
	return store.Blind(ctx, f, "USR-09")
}

// setting is how the instance runs, and where its key lies.
func (a *Administration) setting(f *findings.Facts) error {
	if len(f.Setting.Replicas) == 0 {
		f.Missing[findings.Running] = "no instance has run on this database lately: start one (tandem instance)"
	}
	if a.config.Key != "" || a.config.KeyFile == "" {
		return nil // the key is not in a file
	}
	info, err := os.Stat(a.config.KeyFile)
	if err != nil {
		return nil // whoever opens it says what is wrong
	}
	path, err := filepath.Abs(a.config.KeyFile)
	if err != nil {
		return err
	}
	f.Setting.Key = findings.KeyFile{Path: path, Mode: uint32(info.Mode().Perm())}
	if seal.CheckPrivate(path, info) == nil {
		f.Setting.Key.Mode = 0o600 // or as good
	}
	if file, embedded := strings.CutPrefix(a.config.DB, "sqlite:"); embedded {
		if file, err := filepath.Abs(file); err == nil && filepath.Dir(file) == filepath.Dir(path) {
			f.Setting.Key.Database = file
		}
	}
	return nil
}

// AuditOptions say what an audit looks for.
type AuditOptions struct {
	Limits findings.Limits
	Rules  []findings.Rule
	// Version is the program's, for the report.
	Version string
}

// RunAudit applies rules, and tells of what they find whether it is accepted.
func (a *Administration) RunAudit(ctx context.Context, o AuditOptions) (*report.Report, error) {
	f, err := a.Facts(ctx, o.Limits, o.Rules)
	if err != nil {
		return nil, err
	}
	id, err := data.NewInstance(a.DB).ID(ctx)
	if err != nil {
		return nil, err
	}
	found, skipped := findings.Run(f, o.Rules)
	return report.New(report.Instance{ID: id, URL: f.Setting.URL(), Version: o.Version}, f.Now, o.Rules, f.Judge(found), skipped), nil
}

// given are the rights and memberships that accounts gave since a time, the oldest first.
func (a *Administration) given(ctx context.Context, since time.Time) (all []findings.Given, err error) {
	page := audit.Filter{Kind: tandem.AuditAdministration, Since: since, Forward: true, Limit: audit.MaxPage}
	for {
		events, err := a.Audit.List(ctx, page)
		if err != nil {
			return nil, err
		}
		for i := range events {
			e := &events[i]
			page.After = e.ID
			f, err := tandem.ParseFacts(e.Facts)
			if err != nil || f.Rule != tandem.RuleMember && f.Rule != tandem.RuleGranted {
				continue
			}
			all = append(all, findings.Given{At: e.At, By: e.Actor, To: f.User, Group: f.Group, Key: f.Key, Self: f.Self, Had: had(&f)})
		}
		if len(events) < audit.MaxPage {
			return all, nil
		}
	}
}

// readBy are the sets by whose rights attributes are read.
func readBy(m *model.Model) map[string][]string {
	by := map[string][]string{}
	for _, s := range m.Sets {
		for _, p := range s.Properties {
			name, set := p.Set.Name+"."+p.Name, s.Permissive().Name
			if !slices.Contains(by[name], set) {
				by[name] = append(by[name], set)
			}
		}
	}
	return by
}

// had are the rights that a group had on a key before it was granted more.
func had(f *tandem.Facts) string {
	if text, changed := f.Before["rights"].(string); changed {
		return text
	}
	if _, new := f.After["rights"]; new {
		return ""
	}
	return f.Need // it was granted what it had
}

// approvedTypes are the document types whose documents need four eyes.
func (a *Administration) approvedTypes(ctx context.Context) (all []findings.Type, err error) {
	m := erpModel()
	set := m.Set(setERPDocumentTypes)
	q := &query.Query{Set: set, Fields: []*model.Property{set.Must("Code"), set.Must("AccessKey"), set.Must("FourEyes"), set.ID(), set.Must("EntityName")}}
	err = a.erpStore(m).Query(ctx, q, func(r *query.Row) error {
		if r.Values[2].Int != 0 {
			all = append(all, findings.Type{
				Code: strings.Clone(r.Values[0].Text), Key: strings.Clone(r.Values[1].Text),
				ID: strings.Clone(r.Values[3].Text), Set: strings.Clone(r.Values[4].Text),
			})
		}
		return nil
	})
	return all, err
}
