package platform

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/registry"
)

// DemoToken is a reference token of the demo, ready for the first call.
type DemoToken struct {
	tandem.ReferenceToken
	// User is the login that it acts as, Text what is sent.
	User, Text string
}

// demoTokenName is what the demo's tokens are for, demoTokenLife for how long they are
// good. One that has ended is replaced at the next start.
const (
	demoTokenName = "first calls of the demo"
	demoTokenLife = 365 * 24 * time.Hour
)

// factDemoTokens says that the demo has opened the portal for reference tokens once.
const factDemoTokens = "demo reference tokens"

// demoTokens makes a PAT of anna's and a SAT of the portal's, unless those that are
// known are good. What somebody has closed since stays closed.
func (a *Administration) demoTokens(ctx context.Context, c DemoConfig, d *Demo) error {
	if err := a.demoOpenTokens(ctx, d); err != nil {
		return err
	}
	for _, n := range []registry.NewReference{
		{Kind: tandem.ReferencePAT, Login: "anna"},
		{Kind: tandem.ReferenceSAT},
	} {
		text := c.Tokens[n.Kind]
		t, err := a.references.ReferenceByHash(ctx, sha256.Sum256([]byte(text)))
		known := err == nil && t.Live(a.config.Clock.Now())
		if err != nil && !errors.Is(err, tandem.ErrNotFound) {
			return err
		}
		if !known {
			if err := a.demoForget(ctx, n.Kind); err != nil {
				return err
			}
			n.ApplicationURI, n.Scope, n.Name = DemoPortal, d.Portal.Scope, demoTokenName
			n.ExpiresAt = a.config.Clock.Now().Add(demoTokenLife)
			t, text, err = a.References.Create(ctx, byDemo, n)
			if tandem.ErrorCode(err) == tandem.CodeInvalid {
				continue // somebody does not want any
			}
			if err != nil {
				return err
			}
		}
		u, err := a.users.UserByID(ctx, t.UserID)
		if err != nil {
			return err
		}
		d.Tokens = append(d.Tokens, DemoToken{t, u.Login, text})
	}
	return nil
}

// demoForget ends the demo's own tokens of a kind, whose texts nobody knows any more.
func (a *Administration) demoForget(ctx context.Context, kind tandem.ReferenceKind) error {
	f := registry.ReferenceFilter{ApplicationURI: DemoPortal, Kind: kind, LiveAt: a.config.Clock.Now()}
	for t, err := range a.References.List(ctx, f) {
		if err == nil && t.CreatedBy == byDemo.Login {
			err = a.References.Revoke(ctx, byDemo, t.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// demoOpenTokens lets people have tokens of a portal that is older than those are.
func (a *Administration) demoOpenTokens(ctx context.Context, d *Demo) error {
	facts := data.NewInstance(a.DB)
	_, err := facts.Recall(ctx, factDemoTokens)
	if !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	if d.Portal.AccessTokens == tandem.AccessTokensNone {
		d.Portal, err = a.Apps.Update(ctx, byDemo, DemoPortal, func(app *tandem.TrustedApp) error {
			app.AccessTokens = tandem.AccessTokensAuthenticatedUsers
			return nil
		})
		if err != nil {
			return err
		}
	}
	return facts.Remember(ctx, factDemoTokens, "made")
}
