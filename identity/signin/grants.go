package signin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
)

// Granted is an application that may do something in a person's name.
type Granted struct {
	ApplicationID, ApplicationURI, Name string
	// DevicesURI is that of [tandem.TrustedApp].
	DevicesURI string
	// Given says that the person was asked and allowed it. Else the application is of the
	// first party, or was when it got the grant that it still holds.
	Given, FirstParty bool
	Scope             tandem.Scope
	// Since is when it was first allowed, or the oldest grant that lives was made;
	// LastUsed when it was last given something.
	Since, LastUsed time.Time
	// Families is how many refresh families it holds.
	Families int
}

// Withdrawal is the end of all that an application has of a person.
type Withdrawal struct {
	UserID, ApplicationURI string
	// At is when; TokensUntil when the last access token of it has expired anyway.
	At, TokensUntil time.Time
}

// GrantStore keeps consents, and knows what came of them.
type GrantStore interface {
	Consents
	// Granted are the applications that a person has allowed something, and those that
	// hold a refresh family of theirs; in no order.
	Granted(ctx context.Context, userID string, at time.Time) ([]Granted, error)
	// Withdraw deletes the consent, makes unused codes unusable, and ends refresh families
	// with every access token of what the application was given by the person. It reports
	// whether there was any of it.
	Withdraw(ctx context.Context, w Withdrawal) (found bool, err error)
}

// Grants administers what people allow applications: what the commands and people
// themselves do.
type Grants struct {
	Store    GrantStore
	Users    Users
	Sessions Sessions
	// TokensUntil is when an access token that is issued now has expired.
	TokensUntil func(now time.Time) time.Time
	Audit       tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Of are the applications that may do something in the person's name, the last used first.
func (g *Grants) Of(ctx context.Context, login string) ([]Granted, error) {
	acc, err := g.Users.ByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	all, err := g.Store.Granted(ctx, acc.ID, g.Clock.Now())
	slices.SortFunc(all, func(a, b Granted) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(a.ApplicationURI, b.ApplicationURI))
	})
	return all, err
}

// Withdraw ends all that an application has of a person: the consent, codes, refresh
// families, access tokens within five seconds, and its open sessions. It is
// [tandem.ErrNotFound] where there is nothing of it.
func (g *Grants) Withdraw(ctx context.Context, by tandem.By, login, applicationURI string) error {
	acc, err := g.Users.ByLogin(ctx, login)
	if err != nil {
		return err
	}
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	now := g.Clock.Now()
	found, err := g.Store.Withdraw(ctx, Withdrawal{UserID: acc.ID, ApplicationURI: applicationURI, At: now, TokensUntil: g.TokensUntil(now)})
	if err != nil {
		return err
	}
	if !found {
		return tandem.Errorf(tandem.CodeNotFound, "%s has allowed %s nothing, and it holds nothing of theirs", acc.Login, tandem.Clip(applicationURI, shown))
	}
	if g.Sessions != nil {
		if err := g.Sessions.CloseOf(ctx, acc.ID, applicationURI, tandem.EndWithdrawn); err != nil {
			return err
		}
	}
	return g.Audit.Record(ctx, by.Caused(tandem.AuditEvent{
		At: now, Kind: tandem.AuditConsentWithdrawn, ApplicationURI: applicationURI, Actor: acc.Login, Flow: tandem.FlowUser,
		Detail: "the application may do nothing in the person's name any more",
	}))
}
