package signin

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/site/words"
)

// ScopeWords say what an application may do with the scope in the name of a person of the
// kind: each continues "It may then". of knows the resources of others.
func ScopeWords(scope tandem.Scope, kind tandem.UserType, of token.Registered) (may []words.Text) {
	for _, s := range scope {
		if r, registered := of.ResourceOf(s); registered {
			may = append(may, words.T("use %s: %s", r.Name, s))
		}
	}
	for _, of := range []struct {
		scope string
		text  words.Text
	}{
		{tandem.ScopeOpenID, words.T("know who you are")},
		{tandem.ScopeProfile, words.T("see your name and your e-mail address")},
		{tandem.ScopeEmail, words.T("see your e-mail address")},
		{tandem.ScopeRead, words.T("read what you may read")},
		{tandem.ScopeUpdate, words.T("change what you may change")},
		{tandem.ScopeOfflineAccess, words.T("go on when you are away")},
	} {
		switch {
		case !scope.Has(of.scope):
		case of.scope == tandem.ScopeEmail && scope.Has(tandem.ScopeProfile):
		case !tandem.IsProtocolScope(of.scope) && kind != tandem.InternalUser:
		default:
			may = append(may, of.text)
		}
	}
	return may
}
