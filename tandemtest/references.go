package tandemtest

import (
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// PAT makes a personal access token of [Portal] for a person, with scope read and update
// or the one given. The portal admits reference tokens from then on.
func (in *Instance) PAT(login string, scope ...string) (text, id string) {
	in.t.Helper()
	return in.reference(registry.NewReference{Kind: tandem.ReferencePAT, Login: login, Scope: scope})
}

// SAT makes a service access token of [Portal], as PAT does.
func (in *Instance) SAT(scope ...string) (text, id string) {
	in.t.Helper()
	return in.reference(registry.NewReference{Kind: tandem.ReferenceSAT, Scope: scope})
}

func (in *Instance) reference(n registry.NewReference) (text, id string) {
	in.t.Helper()
	app, err := in.Platform.Apps.Get(in.t.Context(), Portal)
	if err == nil && app.AccessTokens == tandem.AccessTokensNone {
		in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	}
	if n.ApplicationURI = Portal; len(n.Scope) == 0 {
		n.Scope = tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}
	}
	n.ExpiresAt = in.Clock.Now().Add(90 * 24 * time.Hour)
	t, text, err := in.Platform.References.Create(in.t.Context(), By, n)
	if err != nil {
		in.t.Fatal(err)
	}
	return text, t.ID
}

// SetAccessTokens says who may have reference tokens of [Portal].
func (in *Instance) SetAccessTokens(policy tandem.AccessTokensPolicy) {
	in.t.Helper()
	in.UpdateApp(Portal, func(a *tandem.TrustedApp) { a.AccessTokens = policy })
}
