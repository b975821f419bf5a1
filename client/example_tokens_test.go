package client_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// A provider is discovered when it is first asked; so is the root of the
// domain API.
func ExampleProvider_ODataRoot() {
	p, err := client.NewProvider(client.ProviderConfig{Issuer: demo().Issuer})
	if err != nil {
		fmt.Println(err)
		return
	}
	root, err := p.ODataRoot(context.Background())
	fmt.Println(strings.TrimPrefix(root, demo().URL), err)
	m, err := p.Metadata(context.Background())
	fmt.Println(m.Issuer == p.Issuer(), err)
	// Output:
	// /api/domain/odata/ <nil>
	// true <nil>
}

// Calls that are no OData go through the half's HTTP client, which adds the
// token, and renews it when the API refuses it.
func ExampleServiceTokens_Client() {
	req, err := http.NewRequest(http.MethodGet, demo().OData+"$metadata", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := service().Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status, res.Header.Get("Content-Type"))
	// Output: 200 OK application/xml;charset=utf-8
}

// With a key the service token is bound to it: who finds the token somewhere has no use of
// it. In production the key is the back end's own, made once and kept with its credential.
func ExampleServiceConfig_dPoP() {
	key, err := dpop.NewKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	bound, err := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider(), ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(demo().ServiceSecret), DPoP: key,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := client.ServiceOData(provider().ODataRoot, bound).Count(context.Background(), "General_Products_Products", client.Query{})
	fmt.Println(n > 0, err)
	t, err := bound.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	status, _ := demo().API("GET", "GetVersion()", t.Raw(), "") // as a bearer's
	fmt.Println(status)
	// Output:
	// true <nil>
	// 401
}

// Status asks nobody: it is for a page of diagnostics.
func ExampleServiceTokens_Status() {
	s := service()
	held, _, _ := s.Status()
	fmt.Println(held)
	if _, err := s.Token(context.Background()); err != nil {
		fmt.Println(err)
	}
	held, systemUser, _ := s.Status()
	fmt.Println(held, systemUser)
	// Output:
	// false
	// true svc.portal
}

// A back end takes the ID token from its front end as evidence of who asks. An
// access token, or the token of another application, does not pass.
func ExampleIDTokenVerifier() {
	tokens := demo().SignIn("anna")
	verifier := client.NewIDTokenVerifier(provider(), tandemtest.Portal)
	who, err := verifier.Verify(context.Background(), tokens.ID)
	fmt.Println(who.Login, who.Name, who.External(), err)

	_, err = verifier.Verify(context.Background(), tokens.Access)
	fmt.Println(tandem.ErrorCode(err))
	// Output:
	// anna Anna Intern false <nil>
	// unauthorized
}

// A back end that acts for people with more rights than they have asks of each
// request whether its person still may ask. While something goes on for them, the
// context ends with their right.
func ExampleEvidence() {
	evidence, err := client.NewEvidence(client.EvidenceConfig{
		Provider: provider(), ApplicationURI: tandemtest.Portal, Service: service(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	tokens := demo().SignIn("paul")
	who, err := evidence.Verify(ctx, tokens.ID)
	fmt.Println(who.Login, err)

	ctx, stop := evidence.WhileSignedIn(ctx, who)
	defer stop()
	if _, err := demo().Platform.Accounts.Disable(ctx, tandemtest.By, "paul"); err != nil {
		fmt.Println(err)
	}
	<-ctx.Done()
	fmt.Println(context.Cause(ctx) == client.ErrSignInEnded)
	_, err = evidence.Verify(context.Background(), tokens.ID)
	fmt.Println(tandem.ErrorCode(err))
	if _, err := demo().Platform.Accounts.Enable(context.Background(), tandemtest.By, "paul"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// paul <nil>
	// true
	// unauthorized
}

// A call of the back end says for whom it is made; the API puts it on record.
func ExampleOnBehalfOf() {
	ctx := context.Background()
	who, err := client.NewIDTokenVerifier(provider(), tandemtest.Portal).Verify(ctx, demo().SignIn("anna").ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := backEnd().Count(client.OnBehalfOf(ctx, who), products, client.Query{}); err != nil {
		fmt.Println(err)
		return
	}
	event := demo().Record(tandem.AuditOnBehalf)[0]
	fmt.Println(event.Actor, "for anna:", strings.Contains(event.Detail, "for user "+who.UserID))
	// Output: svc.portal for anna: true
}

// A person's session makes calls with that person's rights. Require sends who
// is not signed in to the identity server.
func ExampleUserTokens_Require() {
	people, err := client.NewUserTokens(client.UserConfig{
		Provider: provider(), ApplicationURI: tandemtest.Portal, Credential: client.UserSecret(demo().UserSecret),
		RedirectURL: tandemtest.RedirectURI, PostLogoutRedirectURL: tandemtest.PostLogoutRedirectURI,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	page := people.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := client.UserSessionOf(r.Context())
		n, err := client.UserOData(client.Root(demo().OData), session).Count(r.Context(), products, client.Query{})
		if err != nil {
			http.Error(w, err.Error(), tandem.ErrorCode(err).Status())
			return
		}
		fmt.Fprintln(w, session.Identity().Name, "may see", n, "products")
	}))
	fmt.Println(ask(page, "http://127.0.0.1/products"))
	// Output: 303 /signin?return_to=%2Fproducts
}
