package platform

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// switchSettles is how long after a change every replica that issues tokens knows it: each
// asks every second, and one that the database does not answer can issue none, because
// what it issues is on record first.
const switchSettles = 2 * time.Second

// RevokeCredential ends a credential at once, and with tokens every access token that is
// still good and was got with it: they are found in the record, and refused on every
// replica within five seconds. Refresh families live on, for who has another credential
// of the application. It returns how many tokens that were, and takes two seconds when
// there are any: a replica may have issued one before it knew.
func (a *Administration) RevokeCredential(ctx context.Context, by tandem.By, applicationURI, credentialID string, tokens bool) (ended int, err error) {
	if err := a.Apps.RevokeCredential(ctx, by, applicationURI, credentialID); err != nil || !tokens {
		return 0, err
	}
	if ended, err = a.revokeIssued(ctx, applicationURI, credentialID); err != nil || ended == 0 {
		return ended, err
	}
	settled := time.NewTimer(switchSettles)
	defer settled.Stop()
	select {
	case <-settled.C:
	case <-ctx.Done():
		return ended, ctx.Err()
	}
	if ended, err = a.revokeIssued(ctx, applicationURI, credentialID); err != nil {
		return ended, err
	}
	f := tandem.Facts{Subject: tandem.Subject{Kind: "credential", ID: credentialID, Name: applicationURI}}
	return ended, a.note(ctx, by, f, fmt.Sprintf("ended %d access tokens that were got with credential %s of %s", ended, credentialID, applicationURI))
}

// revokeIssued refuses every live access token that the record has of the credential.
func (a *Administration) revokeIssued(ctx context.Context, applicationURI, credentialID string) (n int, err error) {
	now := a.config.Clock.Now()
	f := audit.Filter{
		Kind: tandem.AuditTokenIssued, ApplicationURI: applicationURI, Credential: credentialID, Forward: true, Limit: audit.MaxPage,
		After: sqldb.FirstID(now.Add(-accessLife(a.config.Lifetimes) - token.Skew)),
	}
	for {
		page, err := a.Audit.List(ctx, f)
		if err != nil {
			return n, err
		}
		for i := range page {
			e := &page[i]
			facts, err := tandem.ParseFacts(e.Facts)
			if err != nil {
				return n, err
			}
			expires := time.Unix(facts.Expires, 0)
			if e.TokenID == "" || facts.Credential != credentialID || !expires.Add(token.Skew).After(now) {
				continue
			}
			if err := a.revoked.Revoke(ctx, registry.RevokedToken{ID: e.TokenID, RevokedAt: now, ExpiresAt: expires}); err != nil {
				return n, err
			}
			n++
		}
		if len(page) < f.Limit {
			return n, nil
		}
		f.After = page[len(page)-1].ID
	}
}

// DistrustKey deletes a signing key at once, as after it became known: within five seconds
// no replica signs or verifies with it, and every token that it signed is dead. If it was
// the one that signs, a new one does from then on.
func (a *Administration) DistrustKey(ctx context.Context, by tandem.By, id string) ([]token.KeyInfo, error) {
	gone, err := a.Keys.Remove(ctx, id)
	if err != nil {
		return nil, err
	}
	f := tandem.Facts{Subject: tandem.Subject{Kind: "signing key", ID: id}}
	f.Changed(tandem.Attributes{"use": string(gone.Use), "algorithm": gone.Algorithm, "state": string(gone.State)}, tandem.Attributes{})
	return a.Keys.List(), a.note(ctx, by, f, "stopped trusting the signing key "+id)
}
