package signin

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/assets"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// static are the style sheets and pictures of the pages.
var static = assets.New(assetFiles, "assets", pathAccount+"assets/")

var templates = template.Must(template.New("").
	Funcs(template.FuncMap{
		"asset":     static.Path,
		"profile":   func() string { return pathProfile },
		"path":      func(page string) string { return pathAccount + page },
		"device":    func() string { return oauth.PathDevice },
		"factors":   func() string { return pathFactors },
		"codesFile": codesFile,
	}).
	ParseFS(templateFiles, "templates/*.html"))

// page is what the templates show. Which fields a page uses is for its
// template to know.
type page struct {
	// Language is the one it is in; render chooses it.
	words.Language
	Title words.Text
	// Page is the name of the template, which render fills in: audits tell pages apart by it.
	Page string
	// Host is the identity server's own, so that people see where they are.
	Host string
	// Application is the name of the one that sent the person here.
	Application string
	// Problem is what went wrong, in one or two sentences; Hint what to do.
	Problem, Hint words.Text
	// Again is where to start anew; SignOut offers the sign-out page.
	Again   string
	SignOut bool
	// Back leads to Application after a sign-out. It is a registered address, and goes out
	// byte for byte.
	Back template.URL
	// Code is the protocol's word for the problem, ID finds it in the log.
	Code, ID string
	// ApplicationURI is the name by which the application is registered.
	ApplicationURI string
	// May is what an application may do, in words.
	May []words.Text

	// Locales is ui_locales of who sent the person here, which render fills in; own is the
	// language of the person, where it is known who that is.
	Locales, own string

	Login, Name string
	Discovery   string
	Keep        bool
	// Forgot offers a link for a new password by mail; Link is such a link, and Must says
	// that the password has to be changed.
	Forgot, Must  bool
	Link          string
	CSRF, Request string
	// Outside are the outside providers to offer.
	Outside []federation.Provider
	// ReturnHost is where the person goes afterwards.
	ReturnHost string

	// Pending is a sealed sign-in in the middle. Passkey asks for one, Codes says that the
	// person has an app that shows codes, and Enrol makes a factor.
	Pending string
	Passkey *askedPasskey
	Codes   bool
	Enrol   *enrolling
	// Factors are the person's, Links their accounts at outside providers of which some are Unlinked now, CodesLeft how many recovery codes are left and RecoveryUsed
	// when one was used; Demanded says that a second factor is. Recovery are new codes, and
	// Held is what a form asked for that has waited for its person to prove who they are.
	Factors      []factorRow
	Links        []linkRow
	Unlinked     bool
	CodesLeft    int
	RecoveryUsed string
	Demanded     bool
	// Held is what a form asked for that has waited for its person to prove who they are.
	Held     string
	Recovery []string

	// Action and Fields are the form of the form_post response mode. Action is
	// a registered redirect URI, and goes out byte for byte.
	Action template.URL
	Fields []field
}

type field struct{ Name, Value string }

// scripted are the pages with a script of ours. All but the first do without it, too.
var scripted = map[string]bool{"form_post.html": true, "signin.html": true, "second_factor.html": true, "enrolment.html": true, "recovery_codes.html": true}

// codesFile are recovery codes as a file to save, which needs no further request.
func codesFile(codes []string) template.URL {
	return template.URL("data:text/plain;charset=utf-8," + url.PathEscape(strings.Join(codes, "\r\n")+"\r\n"))
}

// render writes a page. formTargets are origins, besides our own, that the
// page's form may lead to, also by a redirect that answers it.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, name string, p page, formTargets ...string) error {
	p.Page, p.Host, p.Locales = strings.TrimSuffix(name, ".html"), h.issuerHost, locales(r)
	p.Language = words.Choose(p.Locales, p.own, r.Header.Get("Accept-Language"))
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, p); err != nil {
		return err
	}
	w.Header().Set("Content-Language", p.Tag())
	setPageHeaders(w.Header(), scripted[name] && (name != "signin.html" || p.Passkey != nil), formTargets)
	if status == http.StatusUnauthorized { // which names a way to authenticate (RFC 9110 section 15.5.2)
		w.Header().Set("WWW-Authenticate", `Form realm="sign-in"`)
	}
	w.WriteHeader(status)
	w.Write(text.Bytes())
	return nil
}

// paramLocales is in every address and form that leads from a page of ours to another one:
// so they all speak the language that was asked for, also when what they carry is too old.
const paramLocales = "ui_locales"

// locales is ui_locales of the request itself, of its address or its form, or else what it
// was told to [speak].
func locales(r *http.Request) string {
	return tandem.Clip(cmp.Or(r.URL.Query().Get(paramLocales), r.PostForm.Get(paramLocales), r.PathValue(paramLocales)), 4*shown)
}

// speak has all that answers the request be in the languages of what it carries, sealed or
// kept, unless it asks for others itself.
func speak(r *http.Request, locales string) {
	if locales != "" {
		r.SetPathValue(paramLocales, locales)
	}
}

// onward is the address of a page of ours that speaks as this one does.
func onward(r *http.Request, to string) string { return page{Locales: locales(r)}.To(to) }

// To is the address of another page of ours, in the same languages.
func (p page) To(path string) string {
	if p.Locales == "" || strings.Contains(path, paramLocales+"=") {
		return path
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + paramLocales + "=" + url.QueryEscape(p.Locales)
}

// goOn leads the browser to another page of ours.
func goOn(w http.ResponseWriter, r *http.Request, path string) error {
	noStore(w.Header())
	http.Redirect(w, r, onward(r, path), http.StatusSeeOther)
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
