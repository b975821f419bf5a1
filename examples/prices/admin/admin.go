package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
)

// Config configures the pages. All fields but ODataRoot, Log and Clock are needed; none
// can hold anything of the agent's half.
type Config struct {
	Provider       *client.Provider
	ApplicationURI string
	// Credential is the user half's own.
	Credential client.UserCredential
	// PublicURL is the root under which browsers reach the pages.
	PublicURL string
	// ODataRoot finds the domain API; nil means auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// DB keeps the sessions of people. The caller closes it.
	DB *sqldb.DB
	// Box seals them.
	Box *seal.Box
	// Agent is the way to the other half.
	Agent *internalapi.Client
	Log   *slog.Logger
	Clock tandem.Clock
}

// App is the pages.
type App struct {
	users  *client.UserTokens
	root   func(context.Context) (string, error)
	agent  *wire.Client
	db     *sqldb.DB
	log    *slog.Logger
	clock  tandem.Clock
	policy string
	origin string
	pages  pages
}

const (
	// maxForm bounds the body of every form but a file's.
	maxForm = 1 << 20
	// pageWithin bounds what a page waits for, transferWithin a file on its way.
	pageWithin, transferWithin = 15 * time.Second, 15 * time.Minute
	purgeEvery                 = 5 * time.Minute
)

// New checks the configuration and migrates the database. It makes no request.
func New(ctx context.Context, c Config) (*App, error) {
	if c.Provider == nil || c.ApplicationURI == "" || c.DB == nil || c.Box == nil || c.Agent == nil {
		return nil, errors.New("admin: Provider, ApplicationURI, DB, Box and Agent are needed")
	}
	public, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || public.Host == "" || public.Path != "" {
		return nil, fmt.Errorf("admin: public URL %q: want https://HOST, or http://localhost:PORT", c.PublicURL)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ODataRoot == nil {
		c.ODataRoot = c.Provider.ODataRoot
	}
	// The store of sessions is the reference web app's.
	err = c.DB.Migrate(ctx, webapp.Migrations, webapp.MigrationTable)
	if err != nil {
		return nil, err
	}
	a := &App{
		root: c.ODataRoot, agent: &wire.Client{Client: c.Agent}, db: c.DB, log: c.Log, clock: c.Clock,
		origin: public.Scheme + "://" + public.Host, policy: contentPolicy(c.Provider.Issuer()),
	}
	if a.pages, err = loadPages(); err != nil {
		return nil, err
	}
	a.users, err = client.NewUserTokens(client.UserConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Credential: c.Credential,
		RedirectURL: public.String() + "/signin-callback", PostLogoutRedirectURL: public.String() + "/signout-callback",
		// The pages read names. They never write, so they do not ask to.
		Scope:    tandem.Scope{"openid", "profile", "offline_access", tandem.ScopeRead},
		Sessions: webapp.NewSessionStore(c.DB), Box: c.Box, SignedOutURL: "/goodbye", ErrorPage: a.signInFailed, SignOutPage: a.signOutPage,
		Log: c.Log, Clock: c.Clock,
	})
	return a, err
}

// contentPolicy lets a page load and send nothing but its own; forms lead to the identity
// server, too.
func contentPolicy(issuer string) string {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	if u, err := url.Parse(issuer); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"[") {
		policy += " " + u.Scheme + "://" + u.Host
	}
	return policy
}

// Run removes expired sessions now and then, until ctx ends.
func (a *App) Run(ctx context.Context) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return a.users.Close()
		case <-tick.C:
			if _, err := a.users.Purge(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("remove expired sessions", "error", err)
			}
		}
	}
}

// Ready reports whether the pages can serve; the agent and the ERP may be away.
func (a *App) Ready(ctx context.Context) error { return a.db.Ping(ctx) }

// Handler serves the pages.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(static.Pattern(), static)
	a.users.Mount(mux)
	page := func(pattern string, h handler) { mux.Handle(pattern, a.page(pageWithin, h)) }
	page("GET /{$}", a.list)
	page("GET /batches/{id}", a.batch)
	page("GET /batches/{id}/rows", a.rows)
	page("POST /batches/{id}/strike", a.strike)
	page("POST /batches/{id}/decide", a.decide)
	page("POST /batches/{id}/do/{what}", a.do)
	page("GET /batches/{id}/rollback", a.rollbackForm)
	page("POST /batches/{id}/rollback", a.rollBack)
	page("GET /hand-in", a.handInForm)
	page("GET /mappings", a.mappings)
	page("GET /mappings/{name}", a.mapping)
	page("POST /mappings/{name}", a.saveMapping)
	page("GET /connectors", a.connectors)
	page("POST /connectors", a.saveConnector)
	page("POST /connectors/{name}/remove", a.removeConnector)
	mux.Handle("GET /batches/{id}/report/{format}", a.page(transferWithin, a.report))
	mux.Handle("POST /hand-in", a.page(transferWithin, a.handIn))
	mux.HandleFunc("GET /goodbye", a.goodbye)
	mux.Handle("/", a.users.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.problem(a.visitOf(w, r), tandem.Errorf(tandem.CodeNotFound, "There is no page at this address."))
	})))
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.problem(a.visitOf(w, r), tandem.Errorf(tandem.CodeForbidden, "This request came from another web site, so nothing was done."))
	}))
	if err := cross.AddTrustedOrigin(a.origin); err != nil {
		panic(err) // New has checked the URL
	}
	return a.guard(cross.Handler(mux))
}

// guard sets the headers of every response and bounds bodies.
func (a *App) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", a.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		most := int64(maxForm)
		if r.URL.Path == "/hand-in" {
			most = wire.MaxFile + maxForm
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// visit is one request of a signed-in person.
type visit struct {
	app     *App
	w       http.ResponseWriter
	r       *http.Request
	session *client.UserSession
	who     client.IDToken
	// asked counts the calls with the person's own token.
	asked int
}

type handler func(*visit) error

func (a *App) visitOf(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{app: a, w: w, r: r, session: client.UserSessionOf(r.Context())}
	if v.session != nil {
		v.who = v.session.Identity()
	}
	return v
}

// page is for signed-in employees.
func (a *App) page(within time.Duration, h handler) http.Handler {
	return a.users.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), within)
		defer cancel()
		c, end := http.NewResponseController(w), tandem.SystemTime().Add(within)
		_, _ = c.SetReadDeadline(end), c.SetWriteDeadline(end) // a server without deadlines has none to move
		v := a.visitOf(w, r.WithContext(ctx))
		err := error(tandem.Errorf(tandem.CodeForbidden, "These pages are for employees."))
		if !v.who.External() {
			err = h(v)
		}
		if err != nil {
			a.problem(v, err)
		}
	}))
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// evidence is the fresh ID token with which the agent is asked.
func (v *visit) evidence() (string, error) { return v.session.IDToken(v.ctx()) }

func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// names are the names of products or groups by their ids, in English as the other
// pages are, read with the person's own token: what they may not see has no name.
func (v *visit) names(set string, ids []string) map[string]string {
	names := map[string]string{}
	erp := client.UserOData(v.app.root, v.session)
	const some = 50
	for from := 0; from < len(ids); from += some {
		q := client.Query{Select: "Id,Name", Filter: "Id in (" + strings.Join(ids[from:min(from+some, len(ids))], ",") + ")", Top: some}
		v.asked++
		for one, err := range client.List[struct {
			ID   string `json:"Id"`
			Name client.Text
		}](v.ctx(), erp, set, q) {
			if err != nil {
				v.app.log.WarnContext(v.ctx(), "names cannot be read; numbers are shown", "set", set, "login", v.who.Login, "error", err)
				return names
			}
			names[one.ID] = one.Name.In("en")
		}
	}
	return names
}
