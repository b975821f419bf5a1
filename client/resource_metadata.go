package client

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// MetadataPath is the path at which [ResourceServer.Metadata] belongs on the host of the
// Resource (RFC 9728 section 3.1); empty where the Resource is no address.
func (s *ResourceServer) MetadataPath() string {
	u, err := url.Parse(s.metadata)
	if err != nil || s.metadata == "" {
		return ""
	}
	return u.EscapedPath()
}

// Metadata serves what a client needs to know of the API (RFC 9728): where it gets tokens,
// for which resource and with which scopes. Everybody may read it, also pages of other
// origins. The WWW-Authenticate header of a refusal leads to it.
func (s *ResourceServer) Metadata() http.Handler {
	body, err := json.Marshal(oauth.ResourceMetadata{
		Resource: s.config.Resource, AuthorizationServers: []string{s.config.Provider.issuer}, ScopesSupported: s.config.Scopes,
		BearerMethods: []string{"header"}, Name: s.config.Name, DPoPAlgorithms: dpop.AlgorithmNames(), BoundOnly: s.config.BoundOnly,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil { // texts alone: cannot happen
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The metadata is read with GET.", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // who has gone away cannot be told
	})
}
