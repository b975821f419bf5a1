package federation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Local is the claim idp of people who signed in here, by IdentityServer's name; no
// outside provider can have this id.
const Local = "local"

// Bounds of what is registered.
const (
	MaxProviders = 30
	// MaxLinks are the links of one account.
	MaxLinks = 20
	// MaxSubject is the longest sub, in bytes (OpenID Connect Core section 2 has 255).
	MaxSubject = 255
	maxName    = 64
	maxURL     = 1024
	maxList    = 100
)

// Provider is an OpenID provider of others, as it is registered here.
type Provider struct {
	// ID names it here, as the claim idp and in acr_values (idp:ID): small letters,
	// digits and -. It never changes.
	ID string
	// Name is what people know it by: Sign in with NAME.
	Name string
	// Issuer is its issuer identifier, byte for byte; https, or http on a loopback host.
	Issuer string
	// ClientID is what this server is called there. Secret is its client secret, sealed;
	// empty for a registration without one, which has PKCE alone.
	ClientID    string
	Secret      []byte
	SecretSetAt time.Time
	// Scope is what is asked for; openid always is.
	Scope tandem.Scope
	// TenantClaim names the claim that says of which organisation the person is (tid of
	// Microsoft Entra ID, hd of Google); empty where there is none. Tenants are those
	// whose people may come; none means all.
	TenantClaim string
	Tenants     []string
	// Internal and External say whom it may sign in; nobody by default.
	Internal, External bool
	// ByEmail links a person without a link to the account whose verified e-mail address
	// is that which the provider says it has verified. Without it only who was linked by
	// an administrator, or by themselves, gets in.
	ByEmail bool
	// Domains are those of the e-mail addresses that it is believed about, "*" for all;
	// and domain_hint with one of them leads to it.
	Domains []string
	// TrustMFA takes its word (mfa in amr) for the second factor, in place of one here.
	TrustMFA             bool
	Enabled              bool
	CreatedAt, ChangedAt time.Time
	// CreatedBy registered it, as [tandem.By] has it.
	CreatedBy string
	// Version counts changes.
	Version int64
}

// CallbackPath is where a provider sends people back to, below the root of the instance.
// Each has its own, so that no answer of one is taken for another's (RFC 9700 section
// 4.4.2.2).
func CallbackPath(id string) string { return oauth.PathIssuer + "/account/outside/callback/" + id }

// Admits reports whether the provider may sign accounts of this type in.
func (p *Provider) Admits(t tandem.UserType) bool {
	switch t {
	case tandem.InternalUser:
		return p.Internal
	case tandem.ExternalCommunityUser:
		return p.External
	}
	return false
}

// AdmitsTenant reports whether people of the tenant may come.
func (p *Provider) AdmitsTenant(tenant string) bool {
	return len(p.Tenants) == 0 || tenant != "" && slices.Contains(p.Tenants, tenant)
}

// Vouches reports whether the provider is believed about the e-mail address.
func (p *Provider) Vouches(email string) bool {
	_, domain, ok := strings.Cut(email, "@")
	return p.ByEmail && ok && (slices.Contains(p.Domains, "*") || p.Serves(domain))
}

// Serves reports whether the e-mail domain is one of the provider's own.
func (p *Provider) Serves(domain string) bool {
	return slices.Contains(p.Domains, strings.ToLower(domain))
}

// Link says that a subject of a provider is a user of this instance. The issuer is
// part of it: a provider that is registered again elsewhere has other people.
type Link struct {
	ProviderID, Issuer, Subject string
	UserID                      string
	// Email is what the provider called the person when the link was made, for people to
	// recognise it; may be empty.
	Email     string
	CreatedAt time.Time
	// CreatedBy made it: an administrator, the person's own login, or the provider by a
	// verified e-mail address ([LinkedByEmail]).
	CreatedBy  string
	LastUsedAt time.Time
}

// Own reports whether the link was made in the user's own name.
func (l *Link) Own(u *tandem.User) bool { return l.CreatedBy == u.Login }

// LinkedByEmail is who made a link that came of a verified e-mail address: no login.
const LinkedByEmail = "tandem:verified-email"

// Store keeps outside providers and links. Reads of what does not exist return
// [tandem.ErrNotFound].
type Store interface {
	// AddProvider fails with [tandem.CodeConflict] when the id is taken, or when there
	// are most.
	AddProvider(ctx context.Context, p Provider, most int) error
	Provider(ctx context.Context, id string) (Provider, error)
	// Providers are all, by name.
	Providers(ctx context.Context) ([]Provider, error)
	// UpdateProvider runs change in a transaction that no other change of the provider
	// can enter, counts the version and returns what it stored. The id never changes.
	UpdateProvider(ctx context.Context, id string, change func(old Provider) (Provider, error)) (Provider, error)
	// DeleteProvider deletes it with all its links.
	DeleteProvider(ctx context.Context, id string) error

	// AddLink fails with [tandem.CodeConflict] when the subject is linked to an account,
	// whichever, or when the account has most links.
	AddLink(ctx context.Context, l Link, most int) error
	LinkOf(ctx context.Context, providerID, issuer, subject string) (Link, error)
	// LinksOfUser are those of a user, the oldest first.
	LinksOfUser(ctx context.Context, userID string) ([]Link, error)
	// Unlink deletes a link of the user, whatever its issuer, and reports whether there
	// was one. That it was ended is kept until the subject is linked to the user again.
	Unlink(ctx context.Context, userID, providerID, subject string, at time.Time) (bool, error)
	// LinkEnded reports whether a link of the user was ended on purpose.
	LinkEnded(ctx context.Context, userID, providerID, subject string) (bool, error)
	// LinkUsed notes when somebody signed in by it; [tandem.ErrNotFound] where it was ended.
	LinkUsed(ctx context.Context, l Link, at time.Time) error
}
