package webapp

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/assets"
	"github.com/hybridapps/tandem/assets/look"
	"github.com/hybridapps/tandem/internal/patience"
	"github.com/hybridapps/tandem/site/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

// static are the style sheet, the script and the pictures of the pages.
var static = assets.New(look.Files, look.Dir, "/assets/")

// shared are the templates that every page is made with.
var shared = []string{"layout.html", "lists.html", "internal.html", "charts.html", "ordertable.html", "documents.html", "picture.html"}

// maxLooks is how many kinds of readers have their pages kept. There are a dozen
// ways to write numbers, and as many zones as the accounts have.
const maxLooks = 64

// looks are the pages as each kind of reader sees them, made when the first comes.
type looks struct {
	clock tandem.Clock
	lock  sync.Mutex
	made  map[reader]map[string]*template.Template
}

// of are the pages for a reader.
func (l *looks) of(who reader) (map[string]*template.Template, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if pages := l.made[who]; pages != nil {
		return pages, nil
	}
	pages, err := loadPages(l.clock, who)
	if err != nil {
		return nil, err
	}
	if len(l.made) >= maxLooks || l.made == nil {
		l.made = map[reader]map[string]*template.Template{}
	}
	l.made[who] = pages
	return pages, nil
}

// loadPages parses each page together with the shared templates.
func loadPages(clock tandem.Clock, who reader) (map[string]*template.Template, error) {
	base := template.New("").Funcs(functions(clock, who))
	for _, name := range shared {
		if _, err := base.ParseFS(templateFiles, "templates/"+name); err != nil {
			return nil, err
		}
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if _, err := t.ParseFS(templateFiles, file); err != nil {
			return nil, fmt.Errorf("page %s: %w", file, err)
		}
		pages[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return pages, nil
}

// page is what the layout shows; D is the page's own.
type page struct {
	Title string
	// Who is nil when nobody is signed in.
	Who  *viewer
	Menu []menuItem
	// Strip says whose token made the calls; nil when nobody is signed in.
	Strip *strip
	// Refresh is "SECONDS;url=PATH" for browsers without script.
	Refresh string
	// ReturnTo is where a sign-in should lead back to.
	ReturnTo string
	// Once is the token of the page's forms, see [App.once].
	Once string
	// Orders is what the person may do with orders.
	Orders allowed
	// Bell is the way to the person's notifications; empty for none.
	Bell string
	// Plain pages offer no sign-in, Narrow ones are for reading.
	Plain, Narrow bool
	// Paper is a view for the printer.
	Paper bool
	D     any
}

type viewer struct {
	Login, Name, FirstName, Initials, Kind string
	Internal                               bool
}

type menuItem struct {
	Path    string
	Name    words.Text
	Current bool
	// reads is the set that the pages are of; empty for none.
	reads string
}

type strip struct {
	// Half is "user", or "none" for people who signed in for identity only.
	Half, Identity, SessionID string
	Slot, Calls               int
	Millis                    int64
	// Worker says that the back end gave data for this page.
	Worker bool
}

var internalMenu = []menuItem{
	{Path: "/", Name: english("Home")},
	{Path: "/orders", Name: english("Orders"), reads: setOrders},
	{Path: "/approvals", Name: english("To approve"), reads: setOrders},
	{Path: "/visits", Name: english("Visits"), reads: setFieldVisits},
	{Path: "/stock", Name: english("Stock")},
	{Path: "/jobs", Name: english("Jobs")},
	{Path: "/two-halves", Name: english("Two halves")},
}

var externalMenu = []menuItem{
	{Path: "/", Name: words.T("Home")},
	{Path: "/portal/orders", Name: words.T("Orders")},
	{Path: "/portal/shipments", Name: words.T("Shipments")},
	{Path: "/portal/invoices", Name: words.T("Invoices")},
	{Path: "/portal/tickets", Name: words.T("Tickets")},
	{Path: "/two-halves", Name: words.T("Two halves")},
}

// sections says under which menu item the pages below a path are.
var sections = map[string]string{"/schedules": "/jobs", "/import": "/jobs", "/export": "/jobs"}

func menu(items []menuItem, at string) []menuItem {
	for prefix, section := range sections {
		if at == prefix || strings.HasPrefix(at, prefix+"/") {
			at = section
		}
	}
	out := make([]menuItem, len(items))
	for i, item := range items {
		item.Current = at == item.Path || item.Path != "/" && strings.HasPrefix(at, item.Path+"/")
		out[i] = item
	}
	return out
}

// render writes a page, or only the named fragment of one.
func (a *App) render(w http.ResponseWriter, r *http.Request, status int, name, fragment string, p any) {
	var text bytes.Buffer
	pages, err := a.looks.of(readerOf(r))
	if err == nil && pages[name] == nil {
		err = fmt.Errorf("there is no page %q", name)
	}
	if err == nil {
		err = pages[name].ExecuteTemplate(&text, fragment, p)
	}
	if err != nil {
		a.log.ErrorContext(r.Context(), "render page", "page", name, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	patience.ComeAgain(w.Header(), status)
	w.WriteHeader(status)
	w.Write(text.Bytes())
}

// pager leads through a list of pages.
type pager struct {
	Previous, Next string
	From, To       int
	Total          int64
}

// newPager makes links to the pages before and after, keeping the query.
func newPager(u *url.URL, skip, shown, top int, total int64, more bool) pager {
	p := pager{Total: total}
	if shown > 0 {
		p.From, p.To = skip+1, skip+shown
	} else {
		p.Total = 0
	}
	link := func(skip int) string {
		q := u.Query()
		q.Del("skip")
		q.Del("fragment")
		if skip > 0 {
			q.Set("skip", fmt.Sprint(skip))
		}
		return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
	}
	if skip > 0 {
		p.Previous = link(max(0, skip-top))
	}
	if more {
		p.Next = link(skip + top)
	}
	return p
}
