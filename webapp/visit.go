package webapp

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/site/words"
)

// visit is one request of a signed-in person; session and who are empty when
// nobody is.
type visit struct {
	app     *App
	w       http.ResponseWriter
	r       *http.Request
	session *client.UserSession
	who     client.IDToken
	calls   *pageCalls
	// worker says that the back end was asked for this page.
	worker bool
	// led is where a form led, see [App.once].
	led string
	// unknown says that what the form asked for may have been done.
	unknown bool
	// refused says that the ERP does not take the person's token: it is not asked
	// what they may do.
	refused bool
}

// handler answers a visit; the error is shown by [App.problem].
type handler func(*visit) error

func (a *App) visitOf(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{app: a, w: w, r: r, session: client.UserSessionOf(r.Context())}
	if v.session != nil {
		v.who = v.session.Identity()
	}
	return v
}

// page is for signed-in people: others are sent to the sign-in. All that it waits
// for ends within pageWithin, and a form is acted on once, also when the browser
// goes away: a second click must not break off what the first began.
func (a *App) page(h handler) http.Handler {
	once := a.once(h)
	return a.long(func(v *visit) error {
		act, ctx := h, v.ctx()
		if v.r.Method == http.MethodPost {
			act, ctx = once, context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, pageWithin)
		defer cancel()
		v.r = v.r.WithContext(ctx)
		return act(v)
	})
}

// long is a page whose time is its own business.
func (a *App) long(h handler) http.Handler {
	return a.users.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := a.visitOf(w, r)
		v.calls = a.calls.watch(v.who.Login)
		defer a.calls.unwatch(v.calls)
		if err := h(v); err != nil {
			a.problem(v, err)
		}
	}))
}

// internalOnly refuses external users: they have no API scope, so that these
// pages could show them nothing, and what the worker keeps is not theirs.
func internalOnly(h handler) handler {
	return func(v *visit) error {
		if v.who.External() {
			return forbidden(words.T("This page is for employees. You signed in as a customer or partner: your orders and invoices are on your home page.").English)
		}
		return h(v)
	}
}

func externalOnly(h handler) handler {
	return func(v *visit) error {
		if !v.who.External() {
			return forbidden("These pages are for customers and partners. As an employee you find all orders under Orders.")
		}
		return h(v)
	}
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// api is the domain API with the person's own user token.
func (v *visit) api() *client.OData[client.UserToken] {
	return client.UserOData(v.app.odataRoot, v.session)
}

// evidence is the fresh ID token with which the worker is asked.
func (v *visit) evidence() (string, error) {
	v.worker = true
	return v.session.IDToken(v.ctx())
}

// show responds with a page.
func (v *visit) show(status int, name, title string, data any) error {
	return v.showPage(status, name, page{Title: title, D: data})
}

func (v *visit) showPage(status int, name string, p page) error {
	v.frame(&p)
	v.app.render(v.w, v.r, status, name, "layout", p)
	return nil
}

// frame fills what the layout shows around the page.
func (v *visit) frame(p *page) {
	if v.session == nil {
		if v.r.Method == http.MethodGet && v.r.URL.Path != "/" && !strings.HasPrefix(v.r.URL.Path, "/sign") {
			p.ReturnTo = v.r.URL.RequestURI()
		}
		return
	}
	p.Who, p.Once = viewerOf(v.who, v.language()), v.session.FormToken()
	items := internalMenu
	if v.who.External() {
		items = externalMenu
	}
	p.Menu, p.Orders = menu(v.permitted(items), v.r.URL.Path), v.may(setOrders)
	if !v.who.External() && v.may(setNotifications).Read {
		p.Bell = pathNotifications
	}
	p.Strip = &strip{Half: "user", Identity: v.who.Login, Worker: v.worker}
	if v.who.External() {
		p.Strip.Half = "none"
	} else if v.calls != nil {
		c := v.app.calls.soFar(v.calls, v.who.SignInID, v.app.clock.Now())
		p.Strip.Calls, p.Strip.Millis = c.count, c.duration.Milliseconds()
		p.Strip.Slot, p.Strip.SessionID = c.used.slot, abbreviate(c.used.session)
	}
}

// permitted are the items whose pages show the person something.
func (v *visit) permitted(items []menuItem) []menuItem {
	return slices.DeleteFunc(slices.Clone(items), func(m menuItem) bool { return m.reads != "" && !v.may(m.reads).Read })
}

func viewerOf(who client.IDToken, l words.Language) *viewer {
	w := &viewer{Login: who.Login, Name: who.Name, Internal: !who.External(), Kind: l.Say("Employee")}
	if w.Name == "" {
		w.Name = who.Login
	}
	switch {
	case who.External():
		w.Kind = l.Say("Customer or partner")
	case who.Admin:
		w.Kind = l.Say("Administrator")
	}
	names := strings.Fields(w.Name)
	if len(names) > 0 {
		w.FirstName = names[0]
	}
	for i, n := range names {
		if i == 0 || i == len(names)-1 {
			w.Initials += strings.ToUpper(string([]rune(n)[:1]))
		}
	}
	return w
}

func abbreviate(id string) string {
	if len(id) > 13 {
		return id[:8] + "…"
	}
	return id
}

// redirect sends the browser on after a form, so that a reload does not repeat it.
func (v *visit) redirect(to string) error {
	v.led = to
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // G710: callers give paths of this host, made of GUIDs and escaped ids
	return nil
}

// wantsJSON reports whether the request is a script's rather than a browser's.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// query is a search text, bounded.
func (v *visit) query(name string, limit int) string {
	text := strings.TrimSpace(v.r.URL.Query().Get(name))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// maxSkip bounds how far one can page.
const maxSkip = 1_000_000

func (v *visit) skip() int {
	n, err := strconv.Atoi(v.r.URL.Query().Get("skip"))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxSkip)
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// entity is the id in the path, which becomes a part of an API address.
func (v *visit) entity() (string, error) {
	id := v.r.PathValue("id")
	if !guid.MatchString(id) {
		return "", notFound(words.T("There is no such document. Perhaps the address is incomplete.").English)
	}
	return strings.ToLower(id), nil
}

// extend gives a long request or response the time it needs.
func (v *visit) extend(d time.Duration) {
	c := http.NewResponseController(v.w)
	// A server without deadlines has none to move.
	_ = c.SetReadDeadline(tandem.SystemTime().Add(d))
	_ = c.SetWriteDeadline(tandem.SystemTime().Add(d))
}
