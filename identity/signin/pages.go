package signin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/assets"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// static are the style sheets and pictures of the pages.
var static = assets.New(assetFiles, "assets", pathAccount+"assets/")

var templates = template.Must(template.New("").
	Funcs(template.FuncMap{
		"asset": static.Path,
		"path":  func(page string) string { return pathAccount + page },
	}).
	ParseFS(templateFiles, "templates/*.html"))

// page is what the templates show. Which fields a page uses is for its
// template to know.
type page struct {
	Title string
	// Host is the identity server's own, so that people see where they are.
	Host string
	// Application is the name of the one that sent the person here.
	Application string
	// Problem is what went wrong, in one or two sentences; Hint what to do.
	Problem, Hint string
	// Again is where to start anew; SignOut offers the sign-out page.
	Again   string
	SignOut bool
	// Code is the protocol's word for the problem, ID finds it in the log.
	Code, ID string

	Login, Name   string
	Discovery     string
	Keep          bool
	CSRF, Request string
	// ReturnHost is where the person goes afterwards.
	ReturnHost string

	// Action and Fields are the form of the form_post response mode. Action is
	// a registered redirect URI, and goes out byte for byte.
	Action template.URL
	Fields []field
}

type field struct{ Name, Value string }

// render writes a page. formTargets are origins, besides our own, that the
// page's form may lead to, also by a redirect that answers it.
func (h *Handler) render(w http.ResponseWriter, status int, name string, p page, formTargets ...string) error {
	p.Host = h.issuerHost
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, p); err != nil {
		return err
	}
	setPageHeaders(w.Header(), name == "form_post.html", formTargets)
	w.WriteHeader(status)
	w.Write(text.Bytes())
	return nil
}

// setPageHeaders keeps a page from being framed, stored, or made to load or
// send anything that is not its own.
func setPageHeaders(header http.Header, script bool, formTargets []string) {
	csp := "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	for _, t := range formTargets {
		csp += " " + t
	}
	if script {
		csp += "; script-src 'self'"
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", csp)
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with it browsers send "Origin: null" with the form.
	header.Set("Referrer-Policy", "same-origin")
	noStore(header)
}

func noStore(header http.Header) { header.Set("Cache-Control", "no-store") }

// cspSource is the CSP source expression of a redirect URI's origin. CSP's
// grammar has no IPv6 addresses, so for those it is the whole scheme, and a
// private-use scheme has nothing else.
func cspSource(uri string) string {
	u, err := url.Parse(uri)
	if err == nil && privateUse(u) {
		return u.Scheme + ":"
	}
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || strings.ContainsAny(u.Host, " ;,'\"") {
		return ""
	}
	if strings.Contains(u.Host, "[") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// privateUse reports whether a registered URI has a scheme of an application's
// own (RFC 8252 section 7.1).
func privateUse(u *url.URL) bool { return strings.Contains(u.Scheme, ".") }
