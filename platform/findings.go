package platform

import (
	"context"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
)

// Facts reads the snapshot that the rules of [findings] look at.
func (a *Administration) Facts(ctx context.Context) (*findings.Facts, error) {
	f := &findings.Facts{Now: a.config.Clock.Now(), Computable: erp.Computable()}
	since := f.Now.Add(-findings.Window)
	for app, err := range a.Apps.List(ctx, registry.Filter{}) {
		if err != nil {
			return nil, err
		}
		f.Apps = append(f.Apps, app.TrustedApp)
	}
	err := a.permissions.EachAccount(ctx, func(u *tandem.User, put []string) error {
		if len(put) > 0 || u.Type == tandem.SystemUserNoLogin {
			f.Accounts = append(f.Accounts, findings.Account{User: *u, Put: put})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.Definitions, err = a.permissions.Definitions(ctx); err != nil {
		return nil, err
	}
	if f.Since, err = a.permissions.UsesSince(ctx); err != nil {
		return nil, err
	}
	err = a.permissions.EachUse(ctx, "", since, func(u *permission.Use) error { f.Uses = append(f.Uses, *u); return nil })
	if err != nil {
		return nil, err
	}
	if f.Given, err = a.given(ctx, since); err != nil {
		return nil, err
	}
	f.Types, err = a.approvedTypes(ctx)
	return f, err
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
			all = append(all, findings.Given{At: e.At, By: e.Actor, To: f.User, Group: f.Group, Key: f.Key, Self: f.Self})
		}
		if len(events) < audit.MaxPage {
			return all, nil
		}
	}
}

// approvedTypes are the document types whose documents need four eyes.
func (a *Administration) approvedTypes(ctx context.Context) (all []findings.Type, err error) {
	m := erpModel()
	set := m.Set(setERPDocumentTypes)
	q := &query.Query{Set: set, Fields: []*model.Property{set.Must("Code"), set.Must("AccessKey"), set.Must("FourEyes")}}
	err = a.erpStore(m).Query(ctx, q, func(r *query.Row) error {
		if r.Values[2].Int != 0 {
			all = append(all, findings.Type{Code: strings.Clone(r.Values[0].Text), Key: strings.Clone(r.Values[1].Text)})
		}
		return nil
	})
	return all, err
}
