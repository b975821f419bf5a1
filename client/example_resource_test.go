package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hybridapps/tandem/client"
)

// An API of an application's own: who calls is verified without asking anybody, and before
// an effect the provider is asked.
func ExampleResourceServer() {
	server, err := client.NewResourceServer(client.ResourceServerConfig{
		Provider: provider(), Resource: "https://field.acme.com/api", AcceptsFrom: []string{"com.acme/field"}, Scopes: []string{"visits"}, Service: service(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	visits := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if err := server.Alive(r.Context()); err != nil {
				server.Refuse(w, err)
				return
			}
		}
		fmt.Fprintln(w, "visits of", client.CallerOf(r.Context()).Subject)
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", server.Middleware(visits, "visits"))
	mux.Handle(server.MetadataPath(), server.Metadata())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://field.acme.com/api/visits", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer resource_metadata="https://field.acme.com/.well-known/oauth-protected-resource/api"
}
