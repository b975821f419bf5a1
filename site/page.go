package site

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem/assets"
	"github.com/hybridapps/tandem/assets/look"
	"github.com/hybridapps/tandem/site/words"
)

//go:embed templates/*.html
var frame embed.FS

// Static are the style sheet, the script and the pictures of the pages; whoever builds
// the server mounts them once.
var Static = assets.New(look.Files, look.Dir, "/tools/look/")

// Page is what the frame shows; D is the page's own.
type Page struct {
	// Language is the one it is in.
	words.Language
	Title words.Text
	// Site is the name of the site, for the head of the page, and Home its first page.
	Site words.Text
	Home string
	// Who is nil when nobody is signed in.
	Who  *Person
	Menu []MenuItem
	// Said is what was done before the page, Problem what went wrong.
	Said, Problem words.Text
	// Path is where the page is, for links to itself.
	Path string
	// Zone is the person's time zone, as far as they have said.
	Zone *time.Location
	// Narrow pages are for reading, and for forms.
	Narrow bool
	// SignOut is where the page's button for it leads.
	SignOut string
	D       any

	forms *Forms
}

// MenuItem is a line of the navigation.
type MenuItem struct {
	Path    string
	Name    words.Text
	Current bool
}

// Form is the hidden field that every form has which is sent to the path.
func (p *Page) Form(path string) template.HTML {
	if p.Who == nil {
		return ""
	}
	return template.HTML(`<input type="hidden" name="form" value="` + p.forms.Token(p.Who.SignInID, path) + `">`)
}

// Moment writes a time for people: in their zone, or in UTC. The script of the pages
// writes it as their country does.
func (p *Page) Moment(at time.Time) template.HTML {
	if at.IsZero() {
		return template.HTML(template.HTMLEscapeString(p.Say("never")))
	}
	zone, name := p.Zone, ""
	if zone == nil {
		zone, name = time.UTC, " UTC"
	}
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339) + `">` + at.In(zone).Format("2006-01-02 15:04") + name + `</time>`)
}

// Initials are one or two letters of the person's name.
func (p *Page) Initials() string {
	if p.Who == nil {
		return ""
	}
	return Initials(p.Who.Name, p.Who.Login)
}

// Initials are one or two letters of a name, or of the login where there is none.
func Initials(name, login string) string {
	parts := strings.Fields(name)
	if len(parts) == 0 {
		parts = []string{login}
	}
	if len(parts) > 2 {
		parts = []string{parts[0], parts[len(parts)-1]}
	}
	var b strings.Builder
	for _, part := range parts {
		r, _ := utf8.DecodeRuneInString(part)
		b.WriteString(strings.ToUpper(string(r)))
	}
	return b.String()
}

// Pages are the templates of a site, each with the frame around it.
type Pages struct {
	forms *Forms
	pages map[string]*template.Template
}

// NewPages reads every template of a folder: each defines "content".
func NewPages(files fs.FS, folder string, forms *Forms) (*Pages, error) {
	base, err := template.New("").Funcs(template.FuncMap{"asset": Static.Path}).ParseFS(frame, "templates/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, folder+"/*.html")
	if err != nil {
		return nil, err
	}
	p := &Pages{forms, map[string]*template.Template{}}
	for _, name := range names {
		t, err := base.Clone()
		if err == nil {
			_, err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		p.pages[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return p, nil
}

// Render writes a page.
func (s *Pages) Render(w http.ResponseWriter, status int, name string, p *Page) error {
	t := s.pages[name]
	if t == nil {
		return fmt.Errorf("there is no page %q", name)
	}
	p.forms = s.forms
	var text bytes.Buffer
	if err := t.ExecuteTemplate(&text, "layout", p); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.Tag())
	SecurePage(h)
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // who has gone away cannot be told
	return nil
}

// SecurePage keeps a page from being framed, stored, or made to load or send anything
// that is not its own.
func SecurePage(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with it browsers send "Origin: null" with a form.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Cache-Control", "no-store")
}

// Pager leads through a list by keys: what comes next is after the last that was shown.
type Pager struct {
	// First leads back to the beginning, Next on; empty where there is nothing.
	First, Next string
}
