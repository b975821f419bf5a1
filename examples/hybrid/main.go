// Command hybrid shows both halves of a hybrid app in one process: a page that
// calls the ERP as the signed-in person, and one that shows what only the
// service may see. The compiler keeps the halves apart; a real app also gives
// each a process and a credential of its own, as package webapp and package
// worker do.
package main

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/settings"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// halves are the two halves of the app. Neither can be given what is the
// other's.
type halves struct {
	provider *client.Provider
	people   *client.UserTokens
	service  *client.OData[client.ServiceToken]
}

func run() error {
	address := settings.Address()
	set, err := settings.Read()
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: set.Issuer})
	if err != nil {
		return err
	}
	people, err1 := client.NewUserTokens(client.UserConfig{
		Provider: provider, ApplicationURI: set.ApplicationURI, Credential: set.User,
		RedirectURL: "http://" + address + "/signin-callback", PostLogoutRedirectURL: "http://" + address + "/signout-callback",
		Log: slog.Default(), Observe: observe,
	})
	service, err2 := client.NewServiceTokens(client.ServiceConfig{
		Provider: provider, ApplicationURI: set.ApplicationURI, Credential: set.Service, Log: slog.Default(), Observe: observe,
	})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	h := &halves{provider, people, client.ServiceOData(provider.ODataRoot, service)}
	mux := http.NewServeMux()
	people.Mount(mux)
	mux.Handle("GET /", people.Require(http.HandlerFunc(h.orders)))
	mux.Handle("GET /stock", people.Require(http.HandlerFunc(h.stock)))
	log.Printf("open http://%s and http://%s/stock", address, address)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// orders reads with the token of the person who looks at the page.
func (h *halves) orders(w http.ResponseWriter, r *http.Request) {
	session := client.UserSessionOf(r.Context())
	n, err := client.UserOData(h.provider.ODataRoot, session).Count(r.Context(), "Crm_Sales_SalesOrders", client.Query{})
	if err != nil {
		show(w, err)
		return
	}
	fmt.Fprintf(w, "%s may see %d orders.\n", session.Identity().Login, n)
}

// stock reads with the service token, whoever looks, and says for whom. What a
// person may see of it is for this program to decide.
func (h *halves) stock(w http.ResponseWriter, r *http.Request) {
	who := client.UserSessionOf(r.Context()).Identity()
	if who.External() {
		http.Error(w, "The stock is for employees.", http.StatusForbidden)
		return
	}
	n, err := h.service.Count(client.OnBehalfOf(r.Context(), who), "Logistics_Inventory_CurrentBalances", client.Query{})
	if err != nil {
		show(w, err)
		return
	}
	fmt.Fprintf(w, "There are %d balances in stock.\n", n)
}

func show(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	var api *client.APIError
	switch {
	case errors.Is(err, client.ErrSignedOut):
		status = http.StatusUnauthorized
	case errors.As(err, &api) && api.LicenceFull(), tandem.ErrorCode(err) == tandem.CodeUnavailable:
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}

func observe(c client.Call) {
	log.Printf("%s %s → %d as %s in slot %d", c.Method, c.Path, c.Status, c.Identity, c.Slot)
}
