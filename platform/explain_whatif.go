package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// WhatIf asks what an application would be given.
type WhatIf struct {
	ApplicationURI string
	Flow           tandem.Flow
	// Scope is what it would ask for; empty for nothing, which means all.
	Scope string
	// Login is who would sign in; empty for any person of the inside, or of the outside
	// where the application admits nobody else. It is for the user flow.
	Login string
}

// WhatIfExplanation is what would be given.
type WhatIfExplanation struct {
	WhatIf
	// As is whom the token would act for, UserType what they are.
	As       string
	UserType tandem.UserType
	// Rule is what refuses it, Answer the protocol's words; both are empty where the token
	// would be given, with Scope.
	Rule   tandem.Rule
	Answer string
	Means  string
	Mend   []string
	// Given is the scope that the token would have, Limit what the flow may have, Dropped
	// what would be left out.
	Given, Limit tandem.Scope
	Dropped      []tandem.Dropped
	// API says whether the token would be good for the API.
	API bool
	// Credentials are those that could ask for it today; there are none of a public
	// application.
	Credentials []string
}

// WhatIf lets those decide who would decide about a token, and issues none. Nothing is
// kept but the record of who asked.
func (a *Administration) WhatIf(ctx context.Context, w WhatIf) (*WhatIfExplanation, error) {
	if w.Flow != tandem.FlowUser && w.Flow != tandem.FlowService {
		return nil, tandem.Errorf(tandem.CodeInvalid, "flow %q: use user or service", w.Flow)
	}
	if w.Flow == tandem.FlowService && w.Login != "" {
		return nil, tandem.Errorf(tandem.CodeInvalid, "nobody signs in in the service flow: leave the login out")
	}
	stored, err := a.Apps.Get(ctx, w.ApplicationURI)
	if err != nil {
		return nil, err
	}
	x := &WhatIfExplanation{WhatIf: w}
	app := registry.NewApp(stored)
	x.Limit = app.FlowScope(w.Flow)
	a.couldProve(x, &stored)
	if w.Flow == tandem.FlowService {
		err = a.whatIfService(ctx, x, app)
	} else {
		err = a.whatIfUser(ctx, x, app)
	}
	if err != nil {
		return nil, err
	}
	if meaning, known := x.Rule.Meaning(); known {
		x.Means = meaning.Means
		x.Mend = a.mended(x.Rule, tandem.AuditEvent{ApplicationURI: w.ApplicationURI, Flow: w.Flow, Actor: x.As},
			tandem.Facts{Asked: w.Scope, Limit: x.Limit.String()})
	}
	return x, a.note(ctx, a.config.By, tandem.Facts{}, fmt.Sprintf("asked what %s would be given in the %s flow", w.ApplicationURI, w.Flow))
}

// couldProve finds the credentials that are good for the flow today, and refuses where
// the application could not ask at all.
func (a *Administration) couldProve(x *WhatIfExplanation, app *tandem.TrustedApp) {
	now := a.config.Clock.Now()
	for i := range app.Credentials {
		if c := &app.Credentials[i]; c.Flow == x.Flow && c.UsableAt(now) {
			x.Credentials = append(x.Credentials, fmt.Sprintf("%s (%s)", c.ID, c.Kind))
		}
	}
	if app.SecretHash != "" {
		x.Credentials = append(x.Credentials, tandem.ClassicCredential)
	}
	switch {
	case !app.Enabled:
		x.Rule = tandem.RuleAppDisabled
	case app.ClientType == tandem.ClientNone || app.ClientType == tandem.ClientPublic && x.Flow == tandem.FlowService:
		x.Rule = tandem.RuleAppType
	case app.ClientType == tandem.ClientConfidential && len(x.Credentials) == 0:
		x.Rule = tandem.RuleCredMissing
	}
	if x.Rule != "" {
		x.Answer = string(oauth.InvalidClient)
	}
}

func (x *WhatIfExplanation) decided(scope tandem.Scope, dropped []tandem.Dropped, refusal *oauth.Error) {
	if refusal != nil && x.Rule == "" {
		x.Rule, x.Answer = tandem.Rule(refusal.Rule), refusal.Error()
	}
	if refusal == nil && x.Rule == "" {
		x.Given, x.Dropped = scope, append(x.Dropped, dropped...)
		x.API = x.UserType != tandem.ExternalCommunityUser && (scope.Has(tandem.ScopeRead) || scope.Has(tandem.ScopeUpdate))
	}
}

func (x *WhatIfExplanation) obsolete(asked token.Asked) {
	if asked.Obsolete {
		x.Dropped = append(x.Dropped, tandem.Dropped{Scope: tandem.ScopeDomainAPI, Rule: tandem.RuleScopeObsolete})
	}
}

func (a *Administration) whatIfService(ctx context.Context, x *WhatIfExplanation, app *registry.App) error {
	var u *tandem.User
	if app.SystemUserAllowed {
		found, err := a.users.UserByID(ctx, app.SystemUserID)
		if err != nil && !errors.Is(err, tandem.ErrNotFound) {
			return err
		}
		if err == nil {
			u, x.As, x.UserType = &found, found.Login, found.Type
		}
	}
	asked, scope, refusal := token.ServiceGrant(app, u, x.WhatIf.Scope)
	x.obsolete(asked)
	x.decided(scope, nil, refusal)
	return nil
}

func (a *Administration) whatIfUser(ctx context.Context, x *WhatIfExplanation, app *registry.App) error {
	x.UserType = tandem.InternalUser
	if !app.InternalUsers && app.ExternalUsers {
		x.UserType = tandem.ExternalCommunityUser
	}
	if x.Login != "" {
		u, err := a.Accounts.Show(ctx, x.Login)
		if err != nil {
			return err
		}
		x.As, x.UserType = u.Login, u.Type
		if !u.Enabled && x.Rule == "" {
			x.Rule, x.Answer = tandem.RuleUserDisabled, "the sign-in page refuses"
		}
		if !u.Type.CanSignIn() && x.Rule == "" {
			x.Rule, x.Answer = tandem.RuleUserType, "the sign-in page refuses"
		}
	}
	asked, refusal := token.ReadScope(x.WhatIf.Scope)
	x.obsolete(asked)
	if refusal = cmp.Or(refusal, token.MaySignIn(app, asked.Scope)); refusal != nil {
		x.decided(nil, nil, refusal)
		return nil
	}
	scope, dropped, refusal := token.UserGrant(app, x.UserType, asked.Scope)
	x.decided(scope, dropped, refusal)
	return nil
}
