package registry

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/hybridapps/tandem"
)

// App is a Trusted Application as last read, with what every call asks worked
// out beforehand. It has what sign-ins and tokens need: of Scope, UserScope and
// ServiceScope what [App.FlowScope] says, of SecretHash what [App.ClassicSecret]
// does, and no Notes. It is shared: never change it.
type App struct {
	tandem.TrustedApp
	userFlow, serviceFlow tandem.Scope
	classicSecret         []byte
}

// NewApp works out what every call asks of an application, and leaves out what
// none does.
func NewApp(a tandem.TrustedApp) *App {
	app := &App{TrustedApp: a, userFlow: appScopes(a.FlowScope(tandem.FlowUser)), serviceFlow: appScopes(a.FlowScope(tandem.FlowService))}
	if sum, err := base64.StdEncoding.DecodeString(a.SecretHash); err == nil && len(sum) == sha256.Size {
		app.classicSecret = sum
	}
	app.Scope, app.UserScope, app.ServiceScope, app.SecretHash, app.Notes = nil, nil, nil, "", ""
	return app
}

// ClassicSecret is the SHA-256 of the one secret of ERP.net's records, which
// is good for both flows; nil when there is none.
func (a *App) ClassicSecret() []byte { return a.classicSecret }

// appScopes leaves out what an application never has by configuration, however
// it came to be in its record.
func appScopes(s tandem.Scope) tandem.Scope {
	return slices.DeleteFunc(slices.Clone(s), func(word string) bool {
		return meansNothing(word) || word == tandem.ScopeSec
	})
}

// FlowScope is the most that the flow may be granted, as
// [tandem.TrustedApp.FlowScope] but without allocating.
func (a *App) FlowScope(f tandem.Flow) tandem.Scope {
	if f == tandem.FlowService {
		return a.serviceFlow
	}
	return a.userFlow
}

// shared are texts and scopes that are the same for thousands of applications,
// which then need not keep them thousands of times.
type shared struct {
	words  map[string]string
	scopes map[string]tandem.Scope
}

// maxShared bounds each, whatever is in the database.
const maxShared = 1000

func newShared() *shared { return &shared{map[string]string{}, map[string]tandem.Scope{}} }

// share replaces what the application has by what others have.
func (s *shared) share(a *App) {
	a.userFlow, a.serviceFlow = known(s.scopes, a.userFlow.String(), a.userFlow), known(s.scopes, a.serviceFlow.String(), a.serviceFlow)
	shareWord(s, &a.ClientType)
	shareWord(s, &a.AccessTokens)
	for i := range a.Credentials {
		shareWord(s, &a.Credentials[i].Kind)
		shareWord(s, &a.Credentials[i].Flow)
	}
}

func shareWord[T ~string](s *shared, word *T) {
	*word = T(known(s.words, string(*word), string(*word)))
}

func known[T any](all map[string]T, text string, one T) T {
	have, ok := all[text]
	switch {
	case ok:
		return have
	case len(all) < maxShared:
		all[text] = one
	}
	return one
}
