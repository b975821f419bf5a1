package token

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// CheckResources checks the values of the parameter resource (RFC 8707 section 2),
// at the authorization and the token endpoint alike. The instance has its API,
// by its URL or as [AudienceDomainAPI], and [ResourcesAudience]; naming them
// changes nothing, as a token is for all of them that its scope is good for.
func CheckResources(asked []string, issuer, api string) *oauth.Error {
	known := []string{strings.TrimSuffix(api, "/"), AudienceDomainAPI, ResourcesAudience(issuer)}
	for _, resource := range asked {
		if resource != "" && !slices.Contains(known, strings.TrimSuffix(resource, "/")) {
			return oauth.Refuse(oauth.InvalidTarget, "resource %s is unknown here: use %s", tandem.Clip(resource, 80), api)
		}
	}
	return nil
}
