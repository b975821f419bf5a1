package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem/client"
)

func jsonResponse(body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// exampleInstance stands for an instance of the ERP; a program uses the one at
// its issuer.
type exampleInstance struct{}

func (exampleInstance) RoundTrip(req *http.Request) (*http.Response, error) {
	switch req.URL.Path {
	case "/id/.well-known/openid-configuration":
		return jsonResponse(`{"issuer":"https://erp.example/id","authorization_endpoint":"https://erp.example/id/connect/authorize",
			"token_endpoint":"https://erp.example/id/connect/token","jwks_uri":"https://erp.example/id/jwks"}`), nil
	case "/id/connect/token":
		return jsonResponse(`{"access_token":"eyJhbGciOi","token_type":"Bearer","expires_in":3600,"scope":"read"}`), nil
	case "/sys/auto-discovery":
		return jsonResponse(`{"WebSites":[{"Type":"DomainAPI",
			"AdditionalProperties":{"ODataServiceRoot":"https://erp.example/api/domain/odata/"}}]}`), nil
	}
	return jsonResponse(`{"value":[{"PartNumber":"A-100","Name":{"EN":"Chai"}},{"PartNumber":"A-200","Name":{"EN":"Tofu"}}]}`), nil
}

// The back end: a service token, cached and renewed, and the typed OData client.
func ExampleServiceTokens() {
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: "https://erp.example/id", Transport: exampleInstance{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	service, err := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider, ApplicationURI: "com.example/portal", Credential: client.ServiceSecret("the back end's own secret"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	type product struct {
		PartNumber string
		Name       client.Text
	}
	erp := client.ServiceOData(provider.ODataRoot, service)
	for p, err := range client.List[product](context.Background(), erp, "General_Products_Products", client.Query{Top: 100}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.PartNumber, p.Name.In("en"))
	}
	token, err := service.Token(context.Background())
	fmt.Println(token, err)
	// Output:
	// A-100 Chai
	// A-200 Tofu
	// client.ServiceToken(hidden) <nil>
}

// The front end: sign-in, callback and sign-out are handlers; a page asks for
// the session and calls the API as the person.
func ExampleUserTokens() {
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: "https://erp.example/id", Transport: exampleInstance{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	people, err := client.NewUserTokens(client.UserConfig{
		Provider: provider, ApplicationURI: "com.example/portal", Credential: client.UserSecret("the front end's own secret"),
		RedirectURL: "https://portal.example/signin-callback", PostLogoutRedirectURL: "https://portal.example/signout-callback",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	people.Mount(mux) // /signin, /signin-callback, /signout, /signout-callback
	mux.Handle("/orders", people.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := client.UserSessionOf(r.Context())
		n, err := client.UserOData(provider.ODataRoot, session).Count(r.Context(), "Crm_Sales_SalesOrders", client.Query{})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "%s may see %d orders", session.Identity().Name, n)
	})))
	fmt.Println(ask(mux, "https://portal.example/orders"))
	to := ask(mux, "https://portal.example/signin?return_to=/orders")
	fmt.Println(to[:strings.Index(to, "?")])
	// Output:
	// 303 /signin?return_to=%2Forders
	// 303 https://erp.example/id/connect/authorize
}

// ask makes a request as a browser would and tells where it leads.
func ask(h http.Handler, address string) string {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	w := &recorder{header: http.Header{}}
	h.ServeHTTP(w, req)
	return fmt.Sprint(w.status, " ", w.header.Get("Location"))
}
