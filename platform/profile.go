package platform

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/profile"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
	"github.com/hybridapps/tandem/sqldb"
)

// mountProfile wires the profile site, and what the sites share.
func (i *Instance) mountProfile(mux *http.ServeMux) error {
	mux.Handle(site.Static.Pattern(), site.Static)
	s := &profile.Site{
		People: i.signIn, Forms: &site.Forms{Sealer: site.Sealer{Box: i.boxes.forms, Clock: i.config.Clock}}, URL: i.config.URL,
		Accounts: ownAccounts{i.Accounts}, Devices: ownDevices{i}, Passwords: ownPasswords{i}, Links: ownLinks{i}, Tokens: ownTokens{i}, Grants: ownGrants{i.Grants, i.Registry}, Activity: ownActivity{i}, Pictures: i.pictures,
		Refusals: i.refusals, Log: i.config.Log, Clock: i.config.Clock,
	}
	return s.Mount(mux)
}

// accessLife is for how long an access token can live that was made at this moment, by a
// replica whose clock differs.
func accessLife(l token.Lifetimes) time.Duration {
	return cmp.Or(l.Access, token.AccessLifetime) + token.Skew
}

// ownAccounts implements [profile.Accounts].
type ownAccounts struct{ accounts *signin.Accounts }

// SetLocale implements [profile.Accounts].
func (a ownAccounts) SetLocale(ctx context.Context, by tandem.By, login, locale string) error {
	_, err := a.accounts.Update(ctx, by, login, func(u *tandem.User) { u.Locale = locale })
	return err
}

// ownPasswords implements [profile.Passwords].
type ownPasswords struct{ i *Instance }

// SetAt implements [profile.Passwords].
func (p ownPasswords) SetAt(ctx context.Context, userID string) (time.Time, error) {
	acc, err := p.i.users.ByID(ctx, userID)
	if acc.PasswordHash == "" {
		return time.Time{}, err
	}
	return acc.PasswordChangedAt, err
}

// Change implements [profile.Passwords].
func (p ownPasswords) Change(w http.ResponseWriter, r *http.Request, old, password string, everywhere bool) (strength, problem words.Text, err error) {
	return p.i.signIn.ChangePassword(w, r, old, password, everywhere)
}

// ownDevices implements [profile.Devices].
type ownDevices struct{ i *Instance }

// OfUser implements [profile.Devices].
func (d ownDevices) OfUser(ctx context.Context, u *tandem.User) ([]profile.Device, error) {
	known, err := d.i.Ending.Holding(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	slots := map[string]int{}
	for s, err := range d.i.Sessions.Each(ctx, session.Filter{User: u.Login, Kind: tandem.SessionUser}) {
		if err != nil {
			return nil, err
		}
		slots[s.Key] = s.Slot
	}
	var all []profile.Device
	now := d.i.config.Clock.Now()
	for _, k := range known {
		one := profile.Device{
			ID: k.ID, Since: k.CreatedAt, LastSeen: k.LastSeenAt, From: k.CreatedFrom, LastFrom: k.LastSeenFrom, Keep: k.Keep, Slot: slots[k.ID],
			Idle: !k.LiveAt(now, d.i.config.Lifetimes.ForIdle()),
		}
		one.Browser, one.System = signin.BrowserAndSystem(k.UserAgent)
		for _, reached := range k.Reached {
			if app, ok := d.i.Registry.App(reached.ApplicationURI); ok {
				one.Applications = append(one.Applications, cmp.Or(app.Name, app.ApplicationURI))
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// End implements [profile.Devices].
func (d ownDevices) End(ctx context.Context, by tandem.By, id string) error {
	return d.i.Ending.SignIn(ctx, id, by.Login, "signed out by its person, from another device")
}

// ownLinks implements [profile.Links].
type ownLinks struct{ i *Instance }

// OfUser implements [profile.Links].
func (l ownLinks) OfUser(ctx context.Context, u *tandem.User) ([]profile.Link, error) {
	providers, err := l.i.outside.Providers(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for i := range providers {
		names[providers[i].ID] = providers[i].Name
	}
	all, err := l.i.outside.LinksOfUser(ctx, u.ID)
	var shown []profile.Link
	for _, one := range all {
		shown = append(shown, profile.Link{
			Provider: cmp.Or(names[one.ProviderID], one.ProviderID), ProviderID: one.ProviderID, Subject: one.Subject, Email: one.Email,
			ByEmail: one.CreatedBy == federation.LinkedByEmail, Since: one.CreatedAt, LastUsed: one.LastUsedAt,
		})
	}
	return shown, err
}

// Offered implements [profile.Links].
func (l ownLinks) Offered(w http.ResponseWriter, r *http.Request, u *tandem.User) ([]profile.Outside, error) {
	providers, err := l.i.outside.Providers(r.Context())
	if err != nil {
		return nil, err
	}
	var offered []profile.Outside
	for i := range providers {
		p := &providers[i]
		if !p.Enabled || !p.Admits(u.Type) {
			continue
		}
		start, err := l.i.signIn.LinkOutside(w, r, p.ID)
		if err != nil {
			return nil, err
		}
		offered = append(offered, profile.Outside{Name: p.Name, Start: start})
	}
	return offered, nil
}

// End implements [profile.Links].
func (l ownLinks) End(ctx context.Context, by tandem.By, who *site.Person, providerID, subject string) error {
	return l.i.Outside.UnlinkUser(ctx, by, &who.User, providerID, subject, who.SignInID)
}

// Only implements [profile.Links].
func (l ownLinks) Only(ctx context.Context, u *tandem.User, providerID, subject string) (bool, error) {
	return l.i.signIn.OnlyLink(ctx, u.ID, providerID, subject)
}

// ownTokens implements [profile.Tokens].
type ownTokens struct{ i *Instance }

// OfUser implements [profile.Tokens].
func (t ownTokens) OfUser(ctx context.Context, userID, after string, limit int) ([]tandem.ReferenceToken, error) {
	listed, err := t.i.references.PageReferences(ctx, registry.ReferenceFilter{UserID: userID, Kind: tandem.ReferencePAT}, after, limit)
	found := make([]tandem.ReferenceToken, len(listed))
	for n := range listed {
		found[n] = listed[n].ReferenceToken
	}
	return found, err
}

// Get implements [profile.Tokens].
func (t ownTokens) Get(ctx context.Context, id string) (tandem.ReferenceToken, error) {
	return t.i.References.Get(ctx, id)
}

// Applications implements [profile.Tokens].
func (t ownTokens) Applications(u *tandem.User) []profile.TokenApp {
	var found []profile.TokenApp
	for _, a := range t.i.Registry.AdmitTokens(u) {
		found = append(found, profile.TokenApp{ApplicationURI: a.ApplicationURI, Name: cmp.Or(a.Name, a.ApplicationURI), Scope: a.ReferenceScope(tandem.ReferencePAT)})
	}
	return found
}

// Create implements [profile.Tokens].
func (t ownTokens) Create(ctx context.Context, by tandem.By, n profile.NewToken) (tandem.ReferenceToken, string, error) {
	return t.i.References.Create(ctx, by, registry.NewReference{
		ID: n.ID, Kind: tandem.ReferencePAT, ApplicationURI: n.ApplicationURI, Login: by.Login, Scope: n.Scope, Name: n.Name, ExpiresAt: n.ExpiresAt,
	})
}

// Revoke implements [profile.Tokens].
func (t ownTokens) Revoke(ctx context.Context, by tandem.By, id string) error {
	return t.i.References.Revoke(ctx, by, id)
}

// Live implements [profile.Tokens].
func (t ownTokens) Live(ctx context.Context, userID string) (n int, err error) {
	f := registry.ReferenceFilter{UserID: userID, Kind: tandem.ReferencePAT, LiveAt: t.i.config.Clock.Now()}
	for _, err := range t.i.References.List(ctx, f) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// RevokeAll implements [profile.Tokens].
func (t ownTokens) RevokeAll(ctx context.Context, by tandem.By, userID string) (int, error) {
	return t.i.References.RevokeOf(ctx, by, userID)
}

// Roll implements [profile.Tokens].
func (t ownTokens) Roll(ctx context.Context, by tandem.By, id, successor string, overlap time.Duration, expiresAt time.Time) (tandem.ReferenceToken, string, error) {
	return t.i.References.RollTo(ctx, by, id, successor, overlap, expiresAt)
}

// ownActivity implements [profile.Activity].
type ownActivity struct{ i *Instance }

// SignIns implements [profile.Activity].
func (a ownActivity) SignIns(ctx context.Context, u *tandem.User, limit int) ([]tandem.AuditEvent, error) {
	found, err := data.NewAudit(a.i.DB).SignInsOf(ctx, u.Login, limit)
	return slices.DeleteFunc(found, func(e tandem.AuditEvent) bool { return e.At.Before(u.CreatedAt) }), err
}

// How long a page of somebody's activity is looked for, and in which steps: the record is
// found by time, and a person who did little is sought through what everybody did.
const (
	activityPatience = 2 * time.Second
	activityStep     = 6 * time.Hour
	activityStepMost = 15 * 24 * time.Hour
)

// Of implements [profile.Activity].
func (a ownActivity) Of(ctx context.Context, u *tandem.User, before string, limit int) (events []tandem.AuditEvent, more string, err error) {
	now := a.i.config.Clock.Now()
	oldest := sqldb.FirstID(now.Add(-profile.ActivityKept))
	if before == "" || before > sqldb.FirstID(now.Add(time.Minute)) {
		before = sqldb.FirstID(now.Add(time.Minute)) // clocks of replicas differ
	}
	from, step := now, activityStep
	slow, cancel := context.WithTimeout(ctx, activityPatience)
	defer cancel()
	for before > oldest {
		from = from.Add(-step)
		step = min(2*step, activityStepMost)
		after := max(sqldb.FirstID(from), oldest)
		if after >= before {
			continue
		}
		found, err := a.i.Audit.List(slow, audit.Filter{Actor: u.Login, Before: before, After: after, Limit: limit - len(events)})
		if slow.Err() != nil && ctx.Err() == nil {
			return events, before, nil // go on from here, when asked
		}
		if err != nil {
			return nil, "", errors.Join(err, ctx.Err())
		}
		if n := slices.IndexFunc(found, func(e tandem.AuditEvent) bool { return e.At.Before(u.CreatedAt) }); n >= 0 {
			return append(events, found[:n]...), "", nil // what is older is another person's
		}
		events = append(events, found...)
		if len(events) >= limit {
			return events, events[len(events)-1].ID, nil
		}
		before = after
	}
	return events, "", nil
}

// ownGrants implements [profile.Grants].
type ownGrants struct {
	*signin.Grants
	resources token.Registered
}

// OfUser implements [profile.Grants].
func (g ownGrants) OfUser(ctx context.Context, u *tandem.User) ([]profile.Grant, error) {
	all, err := g.Of(ctx, u.Login)
	var shown []profile.Grant
	for _, one := range all {
		shown = append(shown, profile.Grant{
			ApplicationURI: one.ApplicationURI, Name: cmp.Or(one.Name, one.ApplicationURI), Asked: one.Given,
			May: signin.ScopeWords(one.Scope, u.Type, g.resources), DevicesURI: one.DevicesURI, Since: one.Since, LastUsed: one.LastUsed,
		})
	}
	return shown, err
}

// Withdraw implements [profile.Grants].
func (g ownGrants) Withdraw(ctx context.Context, by tandem.By, u *tandem.User, applicationURI string) error {
	return g.Grants.Withdraw(ctx, by, u.Login, applicationURI)
}
