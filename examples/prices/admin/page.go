package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/assets"
	"github.com/hybridapps/tandem/assets/look"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internalapi"
)

//go:embed templates/*.html
var templateFiles embed.FS

var static = assets.New(look.Files, look.Dir, "/assets/")

type pages map[string]*template.Template

func loadPages() (pages, error) {
	base := template.New("").Funcs(template.FuncMap{
		"asset": static.Path, "percent": percent, "time": timeElement, "count": count, "colour": colour, "rowcolour": rowColour, "bytes": size,
		"short": func(sum string) string { return sum[:min(12, len(sum))] }, "doc": func() string { return "docs/import.md" },
		"states": func() []wire.RowState { return wire.RowStates }, "words": words, "banner": banner,
		"of": func(m map[wire.RowState]int64, s string) int64 { return m[wire.RowState(s)] },
	})
	if _, err := base.ParseFS(templateFiles, "templates/layout.html"); err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, file := range files {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", file, err)
		}
		all[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return all, nil
}

// layout is what is around a page; D is the page's own.
type layout struct {
	Title    string
	Login    string
	Name     string
	Initials string
	Menu     []item
	// Asked is how many calls were made with the person's own token.
	Asked int
	// Refresh is for browsers without script, in seconds.
	Refresh string
	Narrow  bool
	D       any
}

type item struct {
	Path, Name string
	Current    bool
}

var menu = []item{{Path: "/", Name: "Batches"}, {Path: "/hand-in", Name: "Hand in"}, {Path: "/mappings", Name: "Mappings"},
	{Path: "/connectors", Name: "Connectors"}}

func (v *visit) show(status int, page, title string, d any) error {
	return v.showWith(status, page, layout{Title: title, D: d})
}

func (v *visit) showWith(status int, page string, l layout) error {
	if v.session != nil {
		l.Login, l.Name, l.Asked = v.who.Login, v.who.Name, v.asked
		if l.Name == "" {
			l.Name = v.who.Login
		}
		for _, word := range strings.Fields(l.Name) {
			l.Initials += strings.ToUpper(string([]rune(word)[:1]))
		}
		for _, m := range menu {
			at := v.r.URL.Path
			m.Current = at == m.Path || m.Path != "/" && strings.HasPrefix(at, m.Path) || m.Path == "/" && strings.HasPrefix(at, "/batches")
			l.Menu = append(l.Menu, m)
		}
	}
	v.app.render(v.w, v.r, status, page, "layout", l)
	return nil
}

// render writes a page, or only the named part of one.
func (a *App) render(w http.ResponseWriter, r *http.Request, status int, page, part string, d any) {
	var text bytes.Buffer
	if err := a.pages[page].ExecuteTemplate(&text, part, d); err != nil {
		a.log.ErrorContext(r.Context(), "render page", "page", page, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}

var headings = map[tandem.Code]string{
	tandem.CodeInvalid: "That did not work", tandem.CodeUnauthorized: "Please sign in again", tandem.CodeForbidden: "Not for you",
	tandem.CodeNotFound: "Not found", tandem.CodeConflict: "Somebody was faster", tandem.CodeTooLarge: "Too large",
	tandem.CodeRule:      "It was refused",
	tandem.CodeThrottled: "Too many requests", tandem.CodeUnavailable: "Not available right now",
	tandem.CodeLicenceFull: "Every licence place is taken",
}

// trouble is an error as a person sees it.
type trouble struct {
	Code                         tandem.Code
	Heading, Message, ID, SignIn string
}

// problem responds with a page that says what is wrong and what to do.
func (a *App) problem(v *visit, err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // the browser has gone
	}
	if errors.Is(err, client.ErrSignedOut) || tandem.ErrorCode(err) == tandem.CodeUnauthorized && v.session != nil {
		a.users.AskToSignIn(v.w, v.r)
		return
	}
	code := tandem.ErrorCode(err)
	t := trouble{Code: code, Heading: headings[code], Message: err.Error()}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		t.Code, t.Heading, t.Message = tandem.CodeTooLarge, headings[tandem.CodeTooLarge], "What was sent is too large."
	case errors.Is(err, internalapi.ErrChannelKey):
		t.Message = "The pages and the agent have different channel keys. Only who runs them can mend that."
	case errors.Is(err, internalapi.ErrNoAnswer):
		t.Message = "The agent does not answer at the moment. Files wait in the folder meanwhile, and nothing is lost. Try again shortly."
	case t.Heading == "":
		t.Heading, t.Message = "Something went wrong here", "The pages made a mistake, not you."
	}
	if code == tandem.CodeUnavailable || code == tandem.CodeInternal {
		t.ID = rand.Text()[:10]
		a.log.WarnContext(v.r.Context(), "request failed", "id", t.ID, "path", v.r.URL.Path, "error", err)
	}
	_ = v.showWith(t.Code.Status(), "problem", layout{Title: t.Heading, Narrow: true, D: t})
}

func (a *App) signInFailed(w http.ResponseWriter, r *http.Request, status int, message string) {
	v := &visit{app: a, w: w, r: r}
	_ = v.showWith(status, "problem", layout{Title: "The sign-in did not work", Narrow: true,
		D: trouble{Code: tandem.CodeUnauthorized, Heading: "The sign-in did not work", Message: message, SignIn: "/signin"}})
}

func (a *App) signOutPage(w http.ResponseWriter, r *http.Request, form client.SignOutForm) {
	a.render(w, r, http.StatusOK, "signing_out", "layout", layout{Title: "Signing out", Narrow: true, D: form})
}

func (a *App) goodbye(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "signed_out", "layout", layout{Title: "Signed out", Narrow: true})
}

// percent is a change in millionths for people.
func percent(ppm int64) string {
	if ppm > 1_000_000_000 {
		return "from nothing"
	}
	text := strconv.FormatFloat(float64(ppm)/10_000, 'f', 1, 64) + " %"
	switch {
	case ppm > 0:
		text = "+" + text
	case ppm < 0:
		text = "−" + strings.TrimPrefix(text, "-")
	}
	return text
}

func count(n any) string {
	text := fmt.Sprint(n)
	if number, ok := n.(json.Number); ok {
		text = string(number)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// timeElement is a moment that the script shows in the browser's zone.
func timeElement(v any) template.HTML {
	var t time.Time
	switch v := v.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v != nil {
			t = *v
		}
	}
	if t.IsZero() {
		return "–"
	}
	text := `<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + t.UTC().Format("2 Jan 2006, 15:04 UTC") + `</time>`
	return template.HTML(text) //nolint:gosec // G203: digits and fixed words
}

// colours of states: amber waits for a person, red has gone wrong.
var colours = map[wire.State]string{
	wire.Waiting: "amber", wire.Running: "blue", wire.Received: "blue", wire.Approved: "blue", wire.Written: "blue", wire.Paused: "amber",
	wire.Completed: "green", wire.Failed: "red", wire.Unusable: "red", wire.Refused: "",
}

// colour is that of a batch: what left rows out is never green.
func colour(b wire.Batch) string {
	if b.State == wire.Completed && b.Figures.Count[wire.RowRefused]+b.Figures.Count[wire.RowKept] > 0 {
		return "amber"
	}
	return colours[b.State]
}

// banner is the colour of a batch's outcome.
func banner(b wire.Batch) string {
	switch c := colour(b); {
	case c == "red":
		return "bad"
	case c == "green", b.State == wire.RolledBack:
		return "good"
	}
	return "warn"
}

// words are what a batch's state is called.
func words(b wire.Batch) string {
	if n := b.Figures.Count[wire.RowRefused]; b.State == wire.Completed && n > 0 {
		return fmt.Sprintf("completed with %d refused", n)
	}
	switch b.State {
	case wire.Received:
		return "being checked"
	case wire.Written:
		return "being reconciled"
	}
	return string(b.State)
}

func rowColour(s wire.RowState) string {
	return map[wire.RowState]string{wire.RowRefused: "red", wire.RowDone: "green", wire.RowChange: "blue", wire.RowKept: "amber",
		wire.RowStruck: "amber"}[s]
}
