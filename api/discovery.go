package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem/oauth"
)

// SiteType is the kind of a web site of the instance, by ERP.net's names.
type SiteType string

// The sites that Tandem has.
const (
	SiteID              SiteType = "ID"
	SiteDomainAPI       SiteType = "DomainAPI"
	SiteUserProfile     SiteType = "UserProfile"
	SiteInstanceManager SiteType = "InstanceManager"
)

// Site is one entry of the auto-discovery document.
type Site struct {
	Type SiteType `json:"Type"`
	// Status is Unknown, Working or NotWorking.
	Status            string `json:"Status"`
	StatusDescription string `json:"StatusDescription"`
	// URL is absolute, without a slash at its end.
	URL string `json:"Url"`
	// System says that the site is a part of the instance itself.
	System bool `json:"System"`
	// AdditionalProperties of the DomainAPI site hold ODataServiceRoot.
	AdditionalProperties map[string]string `json:"AdditionalProperties"`
}

// ODataServiceRoot is the additional property with the root of the OData
// service, with a slash at its end.
const ODataServiceRoot = "ODataServiceRoot"

// IDSite and DomainAPISite are the sites every instance has. root is the public
// root of the instance without a slash at its end.
func IDSite(root string) Site {
	return Site{Type: SiteID, URL: root + oauth.PathIssuer, System: true}
}

// DomainAPISite is the site of the domain API.
func DomainAPISite(root string) Site {
	return Site{
		Type: SiteDomainAPI, URL: root + "/api", System: true,
		AdditionalProperties: map[string]string{ODataServiceRoot: root + DomainPath},
	}
}

// UserProfileSite is the site on which people see what is their own.
func UserProfileSite(root string) Site {
	return Site{Type: SiteUserProfile, URL: root + "/profile", System: true}
}

// Discovery answers what an instance tells anybody: where its sites are, its
// version, and a page for people. Nothing in it is taken from the request, so
// a forged Host header changes nothing.
type Discovery struct {
	// Root is the public root of the instance, without a slash at its end.
	Root string
	// Name is the name of the instance's database, as tokens have it in the claim db; empty
	// shows as null.
	Name string
	// Version is the program's.
	Version string
	// Sites are the instance's, in the order to list them.
	Sites []Site
	// Ready reports whether the instance can answer; nil means it always can.
	// It is given one second.
	Ready func(ctx context.Context) error
}

// Mount adds the anonymous endpoints: auto-discovery under both of its names,
// version, server information, and the landing pages of the instance and its API.
func (d *Discovery) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /tools/auto-discovery", d.autoDiscovery)
	mux.HandleFunc("GET /sys/auto-discovery", d.autoDiscovery)
	mux.HandleFunc("GET /tools/ver", d.version)
	mux.HandleFunc("GET /tools/server-info", d.serverInfo)
	mux.HandleFunc("GET /tools/landing.css", d.landingStyle)
	mux.HandleFunc("GET /{$}", d.landing)
	mux.HandleFunc("GET /api", d.landingAPI)
	mux.HandleFunc("GET /api/{$}", d.landingAPI)
}

// sites gives every site its status of now.
func (d *Discovery) sites(ctx context.Context) []Site {
	status, description := "Working", ""
	if d.Ready != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if d.Ready(ctx) != nil {
			status, description = "NotWorking", "the instance is not ready; try again shortly"
		}
	}
	out := make([]Site, len(d.Sites))
	for i, s := range d.Sites {
		s.Status, s.StatusDescription = status, description
		if s.AdditionalProperties == nil {
			s.AdditionalProperties = map[string]string{}
		}
		out[i] = s
	}
	return out
}

// host is the public host name, with its port where that is not the usual one.
func (d *Discovery) host() string {
	if u, err := url.Parse(d.Root); err == nil {
		return u.Host
	}
	return ""
}

func (d *Discovery) autoDiscovery(w http.ResponseWriter, r *http.Request) {
	response := struct {
		Host     string
		DbName   *string
		WebSites []Site
	}{Host: d.host(), WebSites: d.sites(r.Context())}
	if d.Name != "" {
		response.DbName = &d.Name
	}
	writePublic(w, response)
}

func (d *Discovery) version(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(d.Version)) // the caller may have gone
}

func (d *Discovery) serverInfo(w http.ResponseWriter, _ *http.Request) {
	type downloads struct {
		WhatsNew    *string `json:"whatsNew"`
		WinClient   *string `json:"winClient"`
		PosClient   *string `json:"posClient"`
		WinClient64 *string `json:"winClient64"`
		PosClient64 *string `json:"posClient64"`
	}
	type internal struct {
		UseHTTPCompression bool `json:"useHttpCompression"`
	}
	writePublic(w, struct {
		Version     string    `json:"version"`
		Downloads   downloads `json:"downloads"`
		InternalAPI internal  `json:"internalApi"`
	}{Version: d.Version})
}

// writePublic answers with a document that anybody may read.
func writePublic(w http.ResponseWriter, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // texts and bools always marshal
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append(body, '\n')) // the caller may have gone
}

//go:embed landing.html
var landingHTML string

//go:embed landing_api.html
var landingAPIHTML string

//go:embed landing.css
var landingCSS []byte

var (
	landingPage    = template.Must(template.New("landing").Parse(landingHTML))
	landingAPIPage = template.Must(template.New("landing of the API").Parse(landingAPIHTML))
)

func (d *Discovery) landingStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(landingCSS) // the caller may have gone
}

// landing is the page at the root of the instance, for people.
func (d *Discovery) landing(w http.ResponseWriter, r *http.Request) { d.page(w, r, landingPage) }

// landingAPI is the page at the address of the site DomainAPI.
func (d *Discovery) landingAPI(w http.ResponseWriter, r *http.Request) {
	d.page(w, r, landingAPIPage)
}

func (d *Discovery) page(w http.ResponseWriter, r *http.Request, t *template.Template) {
	publicPage(w.Header())
	_ = t.Execute(w, map[string]any{ // the caller may have gone
		"Host": d.host(), "Name": d.Name, "Version": d.Version, "Sites": d.sites(r.Context()),
		"OData": d.Root + DomainPath, "Reference": d.Root + ReferencePath, "Issuer": d.Root + oauth.PathIssuer,
	})
}

// publicPage are the headers of a page without scripts, images and forms.
func publicPage(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
}
