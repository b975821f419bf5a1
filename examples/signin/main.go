// Command signin is the smallest front end: a page that people sign in to with
// the authorization code flow. It works with any OpenID provider; register
// http://localhost:8090/signin-callback and …/signout-callback for it.
package main

import (
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/settings"
)

var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign-in</title></head><body>
{{if .}}<p>Hello {{or .Name .Login}} ({{.Login}}). You proved it at {{.AuthTime.Local.Format "15:04:05"}}.</p>
<form method="post" action="/signout"><button>Sign out</button></form>
{{else}}<p><a href="/signin">Sign in</a></p>{{end}}</body></html>`))

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
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
	people, err := client.NewUserTokens(client.UserConfig{
		Provider: provider, ApplicationURI: set.ApplicationURI, Credential: set.User,
		RedirectURL: "http://" + address + "/signin-callback", PostLogoutRedirectURL: "http://" + address + "/signout-callback",
		Scope: tandem.Scope{"openid", "profile"}, Log: slog.Default(),
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	people.Mount(mux)
	mux.Handle("/", people.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var who *client.IDToken
		if session := client.UserSessionOf(r.Context()); session != nil {
			id := session.Identity()
			who = &id
		}
		if err := page.Execute(w, who); err != nil {
			slog.Error("page", "error", err)
		}
	})))
	log.Printf("open http://%s", address)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
