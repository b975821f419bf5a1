package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
)

// Accounts finds users. One that does not exist is [tandem.ErrNotFound].
type Accounts interface {
	UserByLogin(ctx context.Context, login string) (tandem.User, error)
}

// Admin administers outside providers and links. All fields but Tell and Clock are required. A
// change holds at once, on every replica: nothing of it is kept in memory.
type Admin struct {
	Store    Store
	Accounts Accounts
	// Box seals the secrets.
	Box   *seal.Box
	Audit tandem.Auditor
	// EndSignIns ends what came of the links of a user to the provider, but the sign-in to
	// keep; empty for none.
	EndSignIns func(ctx context.Context, by tandem.By, u *tandem.User, providerID, keep string) error
	// Tell tells a user that they were linked, or unlinked; nil tells nobody.
	Tell func(ctx context.Context, u *tandem.User, linked bool) error
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Create registers an outside provider, enabled, with its client secret; empty for none.
// by is who does it, for the record.
func (a *Admin) Create(ctx context.Context, by tandem.By, p Provider, secret string) (Provider, error) {
	now := a.Clock.Now()
	p.CreatedAt, p.ChangedAt, p.CreatedBy, p.Version, p.Enabled = now, now, by.Login, 1, true
	if err := complete(&p); err != nil {
		return Provider{}, err
	}
	if err := a.seal(&p, secret); err != nil {
		return Provider{}, err
	}
	if err := a.Store.AddProvider(ctx, p, MaxProviders); err != nil {
		return Provider{}, err
	}
	return p, a.record(ctx, by, "registered the outside provider "+p.ID, nil, &p)
}

// List are all outside providers, by name.
func (a *Admin) List(ctx context.Context) ([]Provider, error) { return a.Store.Providers(ctx) }

// Show returns one.
func (a *Admin) Show(ctx context.Context, id string) (Provider, error) {
	return a.Store.Provider(ctx, id)
}

// Update changes what change changes; secret is the new client secret, nil for the old
// one. Another issuer or client id needs the secret anew: the old one is not sent to
// another place than it was given for.
func (a *Admin) Update(ctx context.Context, by tandem.By, id string, secret *string, change func(p *Provider)) (Provider, error) {
	return a.change(ctx, by, id, "changed the outside provider "+id, func(old Provider) (Provider, error) {
		p := old
		change(&p)
		p.Enabled, p.Secret, p.SecretSetAt, p.CreatedAt, p.CreatedBy = old.Enabled, old.Secret, old.SecretSetAt, old.CreatedAt, old.CreatedBy
		if err := complete(&p); err != nil {
			return p, err
		}
		switch moved := p.Issuer != old.Issuer || p.ClientID != old.ClientID; {
		case secret != nil:
			return p, a.seal(&p, *secret)
		case moved && len(old.Secret) > 0:
			return p, invalid("another issuer or client id needs its client secret: give --client-secret-file, too")
		}
		return p, nil
	})
}

// Enable lets people sign in through it again, Disable admits no new sign-in. Those that
// came of it go on, until they end or an administrator ends them.
func (a *Admin) Enable(ctx context.Context, by tandem.By, id string) (Provider, error) {
	return a.change(ctx, by, id, "enabled the outside provider "+id, func(p Provider) (Provider, error) { p.Enabled = true; return p, nil })
}

// Disable is the reverse of [Admin.Enable].
func (a *Admin) Disable(ctx context.Context, by tandem.By, id string) (Provider, error) {
	return a.change(ctx, by, id, "disabled the outside provider "+id, func(p Provider) (Provider, error) { p.Enabled = false; return p, nil })
}

// Delete forgets the provider with the links to its subjects.
func (a *Admin) Delete(ctx context.Context, by tandem.By, id string) error {
	p, err := a.Store.Provider(ctx, id)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteProvider(ctx, id); err != nil {
		return err
	}
	return a.record(ctx, by, "deleted the outside provider "+id+" with its links", &p, nil)
}

func (a *Admin) change(ctx context.Context, by tandem.By, id, what string, f func(Provider) (Provider, error)) (Provider, error) {
	var before Provider
	after, err := a.Store.UpdateProvider(ctx, id, func(old Provider) (Provider, error) {
		before = old
		p, err := f(old)
		p.ChangedAt = a.Clock.Now()
		return p, err
	})
	if err != nil {
		return Provider{}, err
	}
	return after, a.record(ctx, by, what, &before, &after)
}

// Link says which account a subject of the provider is. Who has it can sign in as that
// account: also as an administrator.
func (a *Admin) Link(ctx context.Context, by tandem.By, login, providerID, subject string) (Link, error) {
	u, err := a.Accounts.UserByLogin(ctx, login)
	if err != nil {
		return Link{}, err
	}
	p, err := a.Store.Provider(ctx, providerID)
	if err != nil {
		return Link{}, err
	}
	return a.LinkUser(ctx, by, &u, &p, subject, "")
}

// LinkUser is [Admin.Link] for who knows user and provider, with the e-mail address that
// the provider gave.
func (a *Admin) LinkUser(ctx context.Context, by tandem.By, u *tandem.User, p *Provider, subject, email string) (Link, error) {
	switch {
	case !u.Type.CanSignIn():
		return Link{}, invalid("%s is a %s, which never signs in: it cannot be linked", u.Login, u.Type)
	case !p.Admits(u.Type):
		return Link{}, invalid("%s signs nobody of type %s in: see --allow of tandem provider update %s", p.ID, u.Type, p.ID)
	case subject == "" || len(subject) > MaxSubject || tandem.HasControl(subject):
		return Link{}, invalid("subject: use the claim sub of the person at %s, at most %d bytes", p.ID, MaxSubject)
	}
	l := Link{ProviderID: p.ID, Issuer: p.Issuer, Subject: subject, UserID: u.ID, Email: email, CreatedAt: a.Clock.Now(), CreatedBy: by.Login}
	if err := a.Store.AddLink(ctx, l, MaxLinks); err != nil {
		return Link{}, err
	}
	return l, errors.Join(a.recordLink(ctx, by, fmt.Sprintf("linked user %s to a subject of the outside provider %s", u.Login, p.ID), u, nil, &l), a.tell(ctx, u, true))
}

// Links are those of a user.
func (a *Admin) Links(ctx context.Context, login string) ([]Link, error) {
	u, err := a.Accounts.UserByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	return a.Store.LinksOfUser(ctx, u.ID)
}

// Unlink ends a link: the subject signs nobody in any more, by a verified address neither,
// until somebody links it on purpose. Sign-ins of the user that came by the provider end:
// they do not say by which of its subjects.
func (a *Admin) Unlink(ctx context.Context, by tandem.By, login, providerID, subject string) error {
	u, err := a.Accounts.UserByLogin(ctx, login)
	if err != nil {
		return err
	}
	return a.UnlinkUser(ctx, by, &u, providerID, subject, "")
}

// UnlinkUser is [Admin.Unlink] for who knows the user, and the sign-in to keep.
func (a *Admin) UnlinkUser(ctx context.Context, by tandem.By, u *tandem.User, providerID, subject, keep string) error {
	there, err := a.Store.Unlink(ctx, u.ID, providerID, subject, a.Clock.Now())
	if err != nil {
		return err
	}
	if !there {
		return tandem.Errorf(tandem.CodeNotFound, "%s is not linked to the subject %q of %s: see tandem user links %[1]s", u.Login,
			tandem.Clip(subject, shown), tandem.Clip(providerID, shown))
	}
	// All of it, though who asked has gone: there is nothing to unlink a second time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlinkWithin)
	defer cancel()
	l := Link{ProviderID: providerID, Subject: subject}
	return errors.Join(
		a.recordLink(ctx, by, fmt.Sprintf("unlinked user %s from a subject of the outside provider %s", u.Login, providerID), u, &l, nil),
		a.EndSignIns(ctx, by, u, providerID, keep), a.tell(ctx, u, false))
}

// unlinkWithin bounds what follows from the end of a link.
const unlinkWithin = 15 * time.Second

// UnlinkOwn ends the links of a user that they made themselves, or whoever had their account
// did. Those of administrators and of verified addresses stay.
func (a *Admin) UnlinkOwn(ctx context.Context, by tandem.By, u *tandem.User) error {
	links, err := a.Store.LinksOfUser(ctx, u.ID)
	for i := range links {
		if l := &links[i]; l.Own(u) {
			err = errors.Join(err, a.UnlinkUser(ctx, by, u, l.ProviderID, l.Subject, ""))
		}
	}
	return err
}

func (a *Admin) tell(ctx context.Context, u *tandem.User, linked bool) error {
	if a.Tell == nil {
		return nil
	}
	return a.Tell(ctx, u, linked)
}

// Usable are the links by which the user could sign in now.
func (a *Admin) Usable(ctx context.Context, u *tandem.User) ([]Link, error) {
	links, err := a.Store.LinksOfUser(ctx, u.ID)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	providers, err := a.Store.Providers(ctx)
	return slices.DeleteFunc(links, func(l Link) bool {
		return !slices.ContainsFunc(providers, func(p Provider) bool { return p.Enabled && l.lets(&p, u) })
	}), err
}

// lets reports whether the provider may sign the user in by the link.
func (l *Link) lets(p *Provider, u *tandem.User) bool {
	return p.ID == l.ProviderID && p.Issuer == l.Issuer && p.Admits(u.Type) && !(u.Admin && l.CreatedBy == LinkedByEmail)
}

// record tells what was done to a provider, and what it was before; nil for none.
func (a *Admin) record(ctx context.Context, by tandem.By, what string, before, after *Provider) error {
	of := after
	if of == nil {
		of = before
	}
	f := tandem.Facts{Subject: tandem.Subject{Kind: "outside provider", ID: of.ID, Name: of.Name}}
	f.Changed(attributes(before), attributes(after))
	e := by.Recorded(what, f)
	e.At = a.Clock.Now()
	return a.Audit.Record(ctx, e)
}

func (a *Admin) recordLink(ctx context.Context, by tandem.By, what string, u *tandem.User, before, after *Link) error {
	f := tandem.Facts{Subject: tandem.Subject{Kind: "user", ID: u.ID, Name: u.Login}}
	f.Changed(linkAttributes(before), linkAttributes(after))
	e := by.Recorded(what, f)
	e.At = a.Clock.Now()
	return a.Audit.Record(ctx, e)
}

func linkAttributes(l *Link) tandem.Attributes {
	if l == nil {
		return nil
	}
	return tandem.Attributes{"provider": l.ProviderID, "subject": l.Subject}
}

// attributes are those of a provider as its JSON has them. A secret has the time it was
// set at, so that it is seen to have changed.
func attributes(p *Provider) tandem.Attributes {
	if p == nil {
		return nil
	}
	link := "explicit"
	if p.ByEmail {
		link = "verified-email"
	}
	of := tandem.Attributes{
		"name": p.Name, "issuer": p.Issuer, "client_id": p.ClientID, "client_secret": tandem.SetOrUnset(len(p.Secret) > 0), "scope": p.Scope.String(),
		"tenant_claim": p.TenantClaim, "tenants": list(p.Tenants), "allow_internal": p.Internal, "allow_external": p.External,
		"link": link, "domains": list(p.Domains), "trust_mfa": p.TrustMFA, "is_enabled": p.Enabled,
	}
	if !p.SecretSetAt.IsZero() {
		of["client_secret_set_at"] = p.SecretSetAt.UTC().Format(time.RFC3339Nano)
	}
	return of
}

// list keeps none and an empty one from looking different.
func list(of []string) []string {
	if of == nil {
		return []string{}
	}
	return of
}
