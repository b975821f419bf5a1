package signin

import (
	"slices"

	"github.com/hybridapps/tandem/identity/token"
)

// level is a value of acr as a number; unknown ones are below all.
func level(context string) int { return slices.Index(token.Contexts, context) }

// raised is the value of acr that the request asks for beyond what the sign-in has, and
// whether it is essential; empty where the sign-in is good for it. A stronger one is good
// for a weaker (OpenID Connect Core section 5.5.1.1).
func (req *authorizationRequest) raised(s *signedIn) (context string, essential bool) {
	has := level(s.Authentication.ACR())
	if len(req.Contexts) > 0 {
		least := slices.MinFunc(req.Contexts, func(a, b string) int { return level(a) - level(b) })
		if level(least) > has {
			return least, true
		}
	}
	if level(req.Context) > has {
		return req.Context, false
	}
	return "", false
}

// told is how the person proved who they are, as the application is told: with a value of
// acr that it asked for as essential, if it did. The methods are what they are.
func (req *authorizationRequest) told(s *signedIn) token.Authentication {
	how := s.Authentication
	if req.Contexts == nil || slices.Contains(req.Contexts, how.ACR()) {
		return how
	}
	for _, c := range req.Contexts { // sorted, the weakest first
		if level(c) <= level(s.Authentication.ACR()) {
			how.Context = c
		}
	}
	return how
}
