package oauth

import (
	"net/url"
	"strings"
)

// ResourceMetadata is the document of a protected resource (RFC 9728 section 2). An empty
// field is left out.
type ResourceMetadata struct {
	// Resource is the resource's identifier: what a client names by the parameter
	// resource, and the audience of tokens for it.
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	ScopesSupported      []string `json:"scopes_supported,omitempty"`
	// BearerMethods are how a token may be sent (RFC 6750 section 2): header alone, as a
	// rule.
	BearerMethods []string `json:"bearer_methods_supported,omitempty"`
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
	// DPoPAlgorithms are those of proofs of possession, and BoundOnly says that no other
	// tokens are taken (RFC 9449).
	DPoPAlgorithms []string `json:"dpop_signing_alg_values_supported,omitempty"`
	BoundOnly      bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// pathResourceMetadata is what goes between the host and the path of a resource (RFC 9728
// section 3).
const pathResourceMetadata = "/.well-known/oauth-protected-resource"

// ResourceMetadataPath is the path at which a resource with the path has its document (RFC
// 9728 section 3.1): a slash alone counts as none.
func ResourceMetadataPath(path string) string {
	if path == "/" {
		path = ""
	}
	return pathResourceMetadata + path
}

// ResourceMetadataURL is the address of the document of a resource; empty for one whose
// identifier is no http or https address.
func ResourceMetadataURL(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	return u.Scheme + "://" + u.Host + ResourceMetadataPath(u.EscapedPath()) + query
}

// ChallengeHeader is the value of a WWW-Authenticate header (RFC 9110 section 11.6.1): a scheme
// and parameters in pairs of names and values, of which empty ones are left out.
func ChallengeHeader(scheme string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(scheme)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if b.Len() > len(scheme) {
			b.WriteByte(',')
		}
		b.WriteString(" " + pairs[i] + `="` + description(pairs[i+1]) + `"`)
	}
	return b.String()
}
