package api

import (
	"encoding/json"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// MetadataPath is where the API's metadata is, below the public root of the instance (RFC
// 9728 section 3.1).
var MetadataPath = oauth.ResourceMetadataPath(DomainPath)

// Metadata serves what a client that knows only the address of the API needs to get a token
// for it (RFC 9728 section 2). The resource is the root of the OData service, which the
// parameter resource names, too (RFC 8707).
func (d *Domain) Metadata() http.Handler {
	m := oauth.ResourceMetadata{
		Resource: d.root(), AuthorizationServers: []string{d.Root + oauth.PathIssuer},
		ScopesSupported: []string{tandem.ScopeRead, tandem.ScopeUpdate}, BearerMethods: []string{"header"},
		Name: "Domain API", Documentation: d.Root + "/api/reference",
	}
	if d.Access.Proofs != nil {
		m.DPoPAlgorithms = dpop.AlgorithmNames()
	}
	body, err := json.Marshal(m)
	if err != nil { // a struct of texts: cannot happen
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // who has gone away cannot be told
	})
}
