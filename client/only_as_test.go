package client_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// A call that is for one System User alone is not made as another one: neither with a token
// that was renewed since, nor by repeating what the API refused to the one of before.
func TestOnlyAs(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for name, advance := range map[string]time.Duration{"refused": 0, "renewed": 61 * time.Minute} {
			t.Run(string(engine)+" "+name, func(t *testing.T) {
				t.Parallel()
				in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Demo: true})
				provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer, Clock: in.Clock.Now})
				if err != nil {
					t.Fatal(err)
				}
				var as []string
				s, err := client.NewServiceTokens(client.ServiceConfig{
					Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(in.ServiceSecret), Clock: in.Clock.Now,
					Observe: func(c client.Call) { as = append(as, c.Identity) },
				})
				if err != nil {
					t.Fatal(err)
				}
				api := client.ServiceOData(provider.ODataRoot, s)
				count := func(login string) error {
					_, err := api.Count(client.OnlyAs(t.Context(), login), "General_Products_Products", client.Query{})
					return err
				}
				if err := count(""); err != nil {
					t.Fatal(err)
				}
				_, before, _ := s.Status()
				if err := count(before); err != nil {
					t.Errorf("as the one that it is: %v", err)
				}
				other := in.CreateUser(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
				in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
				in.Advance(advance)
				for range 2 {
					err := count(before)
					var no *client.OtherSystemUserError
					if !errors.As(err, &no) || no.Wanted != before || no.Now != "svc.other" || tandem.ErrorCode(err) != tandem.CodeForbidden {
						t.Errorf("as another one: %v", err)
					}
				}
				if slices.Contains(as, "svc.other") {
					t.Errorf("calls were made as %v", as)
				}
			})
		}
	}
}
