package webapp

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
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

// Config configures the web app. All fields but Log and Clock are needed; no
// field can hold anything of the service half.
type Config struct {
	// Provider is the identity server, and ApplicationURI the application's
	// client_id there.
	Provider       *client.Provider
	ApplicationURI string
	// Credential is the user half's own.
	Credential client.UserCredential
	// PublicURL is the root under which browsers reach the app
	// ("https://portal.example.com"). All absolute addresses are made from it;
	// the Host header of a request is never used.
	PublicURL string
	// ODataRoot finds the root of the domain API; nil means auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// DB is the web app's own database, opened; New migrates it. Who opened it
	// closes it.
	DB *sqldb.DB
	// Box seals the sessions. Web apps that share the database share its key.
	Box *seal.Box
	// Worker is the way to the back end's half.
	Worker *internalapi.Client
	// Log gets what people are not shown; nil discards it.
	Log *slog.Logger
	// Clock tells the time; tests set it.
	Clock tandem.Clock
}

// Limits of the web app.
const (
	// maxForm bounds the body of every form but the upload's.
	maxForm = 1 << 20
	// maxEventStreams bounds the pages that follow a job at the same time, and
	// maxEventStreamsEach those of one person; further ones refresh instead.
	maxEventStreams, maxEventStreamsEach = 2000, 20
	// maxUploads bounds the uploads that are handed on at the same time, and
	// maxUploadsEach those of one person.
	maxUploads, maxUploadsEach = 20, 2
	// purgeFirst is how long after the start expired sessions are removed, and
	// purgeEvery how often then.
	purgeFirst = 10 * time.Second
	purgeEvery = 5 * time.Minute
	// pageWithin bounds what a page waits for, all its calls together. Uploads,
	// downloads and event streams have bounds of their own.
	pageWithin = 9 * time.Second
)

// App is the web app. Make it with New.
type App struct {
	users     *client.UserTokens
	odataRoot func(context.Context) (string, error)
	worker    *internalapi.Client
	db        *sqldb.DB
	writable  *sqldb.Writable
	sessions  *SessionStore
	log       *slog.Logger
	clock     tandem.Clock

	looks     looks
	policy    string // Content-Security-Policy of the pages
	origin    string // of the public URL
	secure    bool   // it is https
	calls     *callLog
	dashboard *kpiCache
	mayDo     *mayCache
	streams   quota.Quota
	uploads   quota.Quota
	ending    chan struct{} // closed by Close: event streams end
	handler   http.Handler
}

// New checks the configuration and migrates the database. It makes no request:
// the app starts before the instance and the worker do.
func New(ctx context.Context, c Config) (*App, error) {
	if c.Provider == nil || c.ApplicationURI == "" || c.DB == nil || c.Box == nil || c.Worker == nil {
		return nil, errors.New("web app: Provider, ApplicationURI, DB, Box and Worker are needed")
	}
	public, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || !isRoot(public) {
		return nil, fmt.Errorf("web app: public URL %q: want https://HOST, or http://localhost:PORT", c.PublicURL)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ODataRoot == nil {
		c.ODataRoot = c.Provider.ODataRoot
	}
	err = c.DB.Migrate(ctx, Migrations, MigrationTable)
	if err != nil {
		return nil, err
	}
	a := &App{
		odataRoot: c.ODataRoot, worker: c.Worker, db: c.DB, writable: newWritable(c.DB), sessions: NewSessionStore(c.DB), log: c.Log, clock: c.Clock,
		policy: contentPolicy(c.Provider.Issuer()), origin: public.Scheme + "://" + public.Host, secure: public.Scheme == "https",
		calls: newCallLog(), dashboard: &kpiCache{}, mayDo: &mayCache{},
		streams: quota.Quota{Total: maxEventStreams, Each: maxEventStreamsEach},
		uploads: quota.Quota{Total: maxUploads, Each: maxUploadsEach}, ending: make(chan struct{}),
	}
	a.looks.clock = c.Clock
	if _, err := a.looks.of(plainReader); err != nil {
		return nil, err
	}
	if err := a.sessions.sameKey(ctx, c.Box); err != nil {
		return nil, err
	}
	a.users, err = client.NewUserTokens(client.UserConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Credential: c.Credential,
		RedirectURL: public.String() + "/signin-callback", PostLogoutRedirectURL: public.String() + "/signout-callback",
		Sessions: a.sessions, Box: c.Box, SignedOutURL: "/goodbye",
		Observe: a.calls.observe, ErrorPage: a.signInFailed, SignOutPage: a.signOutPage,
		SignInAgainPage: a.askToSignIn, FormPage: a.keptForm,
		Log: c.Log, Clock: c.Clock,
	})
	if err != nil {
		return nil, err
	}
	a.handler = a.routes()
	return a, nil
}

// isRoot reports whether the URL names a host and nothing below it.
func isRoot(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

// Handler serves the web app.
func (a *App) Handler() http.Handler { return a.handler }

// Run removes expired sessions and forms soon and then now and then, until ctx
// ends.
func (a *App) Run(ctx context.Context) error {
	due := time.NewTimer(purgeFirst)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-due.C:
			due.Reset(purgeEvery)
			_, err := a.users.Purge(ctx)
			if err = errors.Join(err, a.sessions.purgeRequests(ctx, a.clock.Now())); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "remove expired sessions and forms", "error", err)
			}
		}
	}
}

// Ready reports whether the app can serve: its database takes a change, as a sign-in
// is. The instance and the worker may be away; pages then say so.
func (a *App) Ready(ctx context.Context) error { return a.writable.Ask(ctx) }

// Close ends the event streams at once and waits for token renewals in flight.
// Stop the HTTP server gracefully at the same time.
func (a *App) Close() error {
	select {
	case <-a.ending:
	default:
		close(a.ending)
	}
	return a.users.Close()
}
