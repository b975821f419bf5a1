package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
)

// UserTokens is the front end's half of an application: it signs people in and
// keeps and renews their tokens. It is safe for concurrent use; replicas share
// a [SessionStore] and the key of the [seal.Box].
type UserTokens struct {
	config      UserConfig // with its defaults
	clock       tandem.Clock
	log         *slog.Logger
	endpoint    tokenEndpoint
	verifier    *IDTokenVerifier
	forms       FormStore
	api         *http.Client
	origins     []string
	callback    *url.URL
	signedOut   *url.URL // nil when there is none
	crossOrigin *http.CrossOriginProtection
	// prefix and cookie are of the cookies' names; secure says that they go
	// over https only.
	prefix, cookie string
	secure         bool

	used     recent[string, string]    // where the states redeemed here led to
	over     recent[string, time.Time] // sign-ins that the provider has ended, and when that was heard
	versions recent[SessionKey, int64] // of rows, as last seen here
	// resting sessions could not be renewed and are not tried ahead of expiry
	// before the time.
	resting recent[SessionKey, time.Time]

	mu      sync.Mutex
	flights map[SessionKey]*flight[renewal]
	// unsaved sessions are one version ahead of their rows; saving says that somebody is
	// about them, until alive ends.
	unsaved map[SessionKey]*userState
	saving  bool
	running sync.WaitGroup
	alive   context.Context
	giveUp  context.CancelFunc
}

// ended is the version of a session that is over: no row has a higher one.
const ended = int64(1) << 62

// NewUserTokens checks the configuration. It makes no request.
func NewUserTokens(c UserConfig) (*UserTokens, error) {
	if c.Provider == nil {
		return nil, errors.New("user tokens: no Provider")
	}
	t := &UserTokens{
		clock: c.Clock, log: logger(c.Log), flights: map[SessionKey]*flight[renewal]{}, unsaved: map[SessionKey]*userState{},
		endpoint:    tokenEndpoint{c.Provider, c.ApplicationURI, c.Credential.user, c.Clock, newProofs(c.DPoP, c.Clock)},
		verifier:    newIDTokenVerifier(c.Provider, c.ApplicationURI, clockSkew),
		crossOrigin: http.NewCrossOriginProtection(),
	}
	var faults []error
	for _, check := range []func(*UserConfig) error{checkApplication, checkPaths, checkLifetimes, checkStore, t.setAddresses, t.setAPI} {
		if err := check(&c); err != nil {
			faults = append(faults, fmt.Errorf("user tokens: %w", err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	t.config = c
	t.alive, t.giveUp = context.WithCancel(context.Background())
	var ok bool
	if t.forms, ok = c.Sessions.(FormStore); !ok {
		t.forms = &memoryForms{}
	}
	name := c.CookieName
	if name == "" {
		sum := sha256.Sum256([]byte(c.Provider.issuer + "\x00" + c.ApplicationURI))
		name = "tandem-" + hex.EncodeToString(sum[:4])
	}
	if t.secure = t.callback.Scheme == "https"; t.secure {
		t.prefix = "__Host-" // cannot be planted by a sibling host
	}
	t.cookie = t.prefix + name
	return t, nil
}

// ownParameters are those of the authorization request that are not the
// application's to set.
var ownParameters = []string{
	"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "request", "request_uri",
}

func checkApplication(c *UserConfig) error {
	if c.ApplicationURI == "" {
		return errors.New("no ApplicationURI")
	}
	if c.Credential.user != nil && c.Credential.user.empty() {
		return errors.New("the Credential is empty; leave it out for a public client")
	}
	if len(c.Scope) == 0 {
		c.Scope = tandem.Scope{tandem.ScopeOpenID, tandem.ScopeProfile, tandem.ScopeOfflineAccess, tandem.ScopeRead, tandem.ScopeUpdate}
	}
	if !c.Scope.Has(tandem.ScopeOpenID) {
		c.Scope = append(tandem.Scope{tandem.ScopeOpenID}, c.Scope...)
	}
	if c.Resource != "" {
		if u, err := url.Parse(c.Resource); err != nil || !u.IsAbs() || u.Fragment != "" {
			return fmt.Errorf("field Resource %q: use the absolute URI, without a fragment, that is registered at the provider", c.Resource)
		}
	}
	if c.DPoP != nil && c.UserinfoInBody {
		return errors.New("fields DPoP and UserinfoInBody: a token that is bound to a key goes in the header alone")
	}
	for name := range c.Parameters {
		if slices.Contains(ownParameters, name) || name == "dpop_jkt" || name == "resource" && c.Resource != "" {
			return fmt.Errorf("the parameter %s is not yours to set", name)
		}
	}
	return nil
}

func checkPaths(c *UserConfig) error {
	for _, p := range []struct {
		name, fallback string
		value          *string
	}{{"SignInURL", "/signin", &c.SignInURL}, {"SignedInURL", "/", &c.SignedInURL}, {"SignedOutURL", "/", &c.SignedOutURL}} {
		if *p.value == "" {
			*p.value = p.fallback
		}
		if !localPath(*p.value) {
			return fmt.Errorf("%s: %q is no path of this host", p.name, *p.value)
		}
	}
	return nil
}

func checkLifetimes(c *UserConfig) error {
	if c.IdleTimeout == 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	if c.AbsoluteTimeout == 0 {
		c.AbsoluteTimeout = DefaultAbsoluteTimeout
	}
	if c.IdleTimeout < 0 || c.AbsoluteTimeout < c.IdleTimeout {
		return errors.New("IdleTimeout must be positive and at most AbsoluteTimeout")
	}
	return nil
}

func checkStore(c *UserConfig) error {
	switch {
	case c.Sessions == nil && c.Box == nil:
		key := make([]byte, seal.KeySize)
		rand.Read(key)
		var err error
		c.Box, err = seal.New("sessions", key)
		c.Sessions = NewMemoryStore()
		return err
	case c.Box == nil:
		return errors.New("field Sessions without a Box: tokens are not kept in readable form")
	case c.Sessions == nil:
		return errors.New("a Box without Sessions: say where to keep them (NewMemoryStore for a single process)")
	}
	return nil
}

func (t *UserTokens) setAddresses(c *UserConfig) error {
	var err error
	if t.callback, err = secureURL(c.RedirectURL); err != nil {
		return fmt.Errorf("RedirectURL: %w", err)
	}
	if err := t.crossOrigin.AddTrustedOrigin(webOrigin(t.callback)); err != nil {
		return fmt.Errorf("RedirectURL: %w", err)
	}
	if c.PostLogoutRedirectURL == "" {
		return nil
	}
	if t.signedOut, err = secureURL(c.PostLogoutRedirectURL); err != nil {
		return fmt.Errorf("PostLogoutRedirectURL: %w", err)
	}
	return nil
}

func (t *UserTokens) setAPI(c *UserConfig) error {
	rt, err := pickTransport(c.Transport, c.Provider.transport)
	if err != nil {
		return err
	}
	t.api = httpClient(rt)
	t.origins, err = apiOrigins(c.Provider, c.APIOrigins)
	return err
}

// Mount adds the handlers: SignIn at SignInURL, Callback and SignedOut at the
// paths of their addresses, SignOut at POST /signout, and BackChannelLogout at
// POST /backchannel-logout.
func (t *UserTokens) Mount(mux *http.ServeMux) {
	path, _, _ := strings.Cut(t.config.SignInURL, "?")
	mux.Handle("GET "+path, t.SignIn())
	mux.Handle("GET "+t.callback.Path, t.Callback())
	mux.Handle("POST /signout", t.SignOut())
	mux.Handle("POST /backchannel-logout", t.BackChannelLogout())
	if t.signedOut != nil {
		mux.Handle("GET "+t.signedOut.Path, t.SignedOut())
	}
}

// Session is the session of the request's cookie. It is [tandem.ErrNotFound]
// when nobody is signed in; other errors are the store's.
func (t *UserTokens) Session(r *http.Request) (*UserSession, error) {
	ctx := r.Context()
	cookie, err := r.Cookie(t.cookie)
	if err != nil {
		return nil, errNobody
	}
	key, ok := keyOf(cookie.Value)
	if !ok {
		return nil, errNobody
	}
	st, err := t.load(ctx, key)
	if err != nil {
		return nil, err
	}
	if st.refresh == "" && !t.clock.Now().Before(st.access.expiresAt) {
		t.forget(ctx, key)
		return nil, errNobody
	}
	t.touch(ctx, st)
	return t.session(st), nil
}

var errNobody = fmt.Errorf("nobody is signed in: %w", tandem.ErrNotFound)

// load reads a session. A row that does not open, is older than one seen
// before, or has expired is none.
func (t *UserTokens) load(ctx context.Context, key SessionKey) (*userState, error) {
	seen, known := t.versions.get(key) // before the row: it may grow meanwhile
	held := t.held(key)
	row, err := t.config.Sessions.ByID(ctx, key)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, errNobody
	}
	if err != nil {
		return nil, fmt.Errorf("session store: %w", err)
	}
	if known && row.Version < seen {
		if seen != ended {
			t.log.Warn("a session row is older than it was; it is not used", "version", row.Version, "seen", seen)
		}
		return nil, errNobody
	}
	st, err := t.open(&row)
	if err != nil {
		t.log.Warn("a session row was changed, moved or sealed with another key; it is not used", "error", err)
		return nil, errNobody
	}
	now := t.clock.Now()
	if !now.Before(st.expiresAt) || !now.Before(st.absoluteEnd) {
		return nil, errNobody
	}
	t.saw(key, row.Version)
	if held != nil && held.version == row.Version+1 {
		ahead := *held
		ahead.expiresAt = row.ExpiresAt
		return &ahead, nil
	}
	return st, nil
}

// touch moves the idle end, not at each request: a twentieth of the timeout is
// near enough.
func (t *UserTokens) touch(ctx context.Context, st *userState) {
	end := t.idleEnd(st)
	if end.Sub(st.expiresAt) < t.config.IdleTimeout/20 {
		return
	}
	if err := t.config.Sessions.Touch(ctx, st.key, end); err != nil {
		t.log.Warn("session store: touch failed", "error", err) // the session lives on till its old end
	}
}

func (t *UserTokens) idleEnd(st *userState) time.Time {
	if end := t.clock.Now().Add(t.config.IdleTimeout); end.Before(st.absoluteEnd) {
		return end
	}
	return st.absoluteEnd
}

// forget ends a session here. What is in flight for it cannot bring it back.
func (t *UserTokens) forget(ctx context.Context, key SessionKey) {
	t.saw(key, ended)
	t.letGo(key)
	if err := t.config.Sessions.Delete(ctx, key); err != nil {
		t.log.Error("session store: delete failed; the session ends when it expires", "error", err)
	}
}

// saw remembers the highest version of a row, so that an old row that is put
// back is noticed (spec F32).
func (t *UserTokens) saw(key SessionKey, version int64) {
	t.versions.change(key, func(old int64) int64 { return max(old, version) })
}

// Count is how many sessions are live, and of how many people.
func (t *UserTokens) Count(ctx context.Context) (sessions, people int, err error) {
	return t.config.Sessions.Count(ctx, t.clock.Now())
}

// Purge removes expired sessions, and forms that were kept, from the store; call
// it now and then. It counts the sessions.
func (t *UserTokens) Purge(ctx context.Context) (int, error) {
	now := t.clock.Now()
	n, err := t.config.Sessions.Purge(ctx, now)
	return n, errors.Join(err, t.forms.PurgeForms(ctx, now))
}

// Close waits for renewals in flight, so that no renewed refresh token is lost, and some
// seconds for a store that has not taken one. Call it after the HTTP server has shut down.
func (t *UserTokens) Close() error {
	last := time.AfterFunc(lastSaves, t.giveUp)
	defer last.Stop()
	t.running.Wait()
	return nil
}
