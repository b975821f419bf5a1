package registry

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem"
)

// Defaults of a [Registry].
const (
	// Interval is how often the database is asked for changes.
	Interval = time.Second
	// MaxStale is for how long the database may be silent before the view
	// refuses to answer.
	MaxStale = 4 * time.Second
	// Overlap is how far behind the newest change seen each question reaches
	// back: further than the longest transaction and the difference between
	// the clocks of two replicas.
	Overlap = 30 * time.Second
	// LookEvery is how often at most somebody unknown makes the view ask for
	// changes at once: anybody can invent names.
	LookEvery = 200 * time.Millisecond
	// MaxUsers bounds the users kept; beyond it the view starts afresh.
	MaxUsers = 100_000
)

// Apps tells which applications changed.
type Apps interface {
	// ChangedSince returns the applications changed at or after the time,
	// with their credentials, and the tombstones of those deleted.
	ChangedSince(ctx context.Context, since time.Time) ([]AppChange, error)
}

// AppChange is the newest state of one application.
type AppChange struct {
	App tandem.TrustedApp
	// Deleted says that the application is gone; of App only ID,
	// ApplicationURI and ChangedAt are set.
	Deleted bool
}

// Users tells who somebody is and which users changed.
type Users interface {
	// UserByID returns [tandem.ErrNotFound] when there is none.
	UserByID(ctx context.Context, id string) (tandem.User, error)
	// ChangedSince returns the users changed at or after the time.
	ChangedSince(ctx context.Context, since time.Time) ([]tandem.User, error)
}

// Revocations tells which access tokens ended before their time.
type Revocations interface {
	// RevokedSince returns those revoked at or after the time.
	RevokedSince(ctx context.Context, since time.Time) ([]RevokedToken, error)
}

// RevokedToken is an access token that must not be accepted any more, or all of
// a grant's.
type RevokedToken struct {
	// ID is the token's jti, or the grant's id.
	ID        string
	RevokedAt time.Time
	// ExpiresAt is when the token has expired anyway and can be forgotten.
	ExpiresAt time.Time
}

// App is a Trusted Application as last read, with what every call asks worked
// out beforehand. It is shared: never change it.
type App struct {
	tandem.TrustedApp
	userFlow, serviceFlow tandem.Scope
	classicSecret         []byte
}

// NewApp works out what every call asks of an application.
func NewApp(a tandem.TrustedApp) *App {
	app := &App{TrustedApp: a, userFlow: appScopes(a.FlowScope(tandem.FlowUser)), serviceFlow: appScopes(a.FlowScope(tandem.FlowService))}
	if sum, err := base64.StdEncoding.DecodeString(a.SecretHash); err == nil && len(sum) == sha256.Size {
		app.classicSecret = sum
	}
	return app
}

// ClassicSecret is the SHA-256 of the one secret of ERP.net's records, which
// is good for both flows; nil when there is none.
func (a *App) ClassicSecret() []byte { return a.classicSecret }

// appScopes leaves out what an application never has by configuration, however
// it came to be in its record.
func appScopes(s tandem.Scope) tandem.Scope {
	return slices.DeleteFunc(slices.Clone(s), func(word string) bool {
		return meansNothing(word) || word == tandem.ScopeSec
	})
}

// FlowScope is the most that the flow may be granted, as
// [tandem.TrustedApp.FlowScope] but without allocating.
func (a *App) FlowScope(f tandem.Flow) tandem.Scope {
	if f == tandem.FlowService {
		return a.serviceFlow
	}
	return a.userFlow
}

// Registry is the live view. Fill its fields, call [Registry.Refresh] once
// before the first question, and leave [Registry.Run] running.
type Registry struct {
	Apps        Apps
	Users       Users
	Revocations Revocations
	// Log is told when the database cannot be asked; nil means slog.Default.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
	// Interval is how often to ask for changes; zero means [Interval].
	Interval time.Duration

	apps    atomic.Pointer[map[string]*App]
	origins atomic.Pointer[origins]
	revoked atomic.Pointer[map[string]time.Time]
	stale   atomic.Bool

	usersLock sync.RWMutex
	users     map[string]*tandem.User
	loading   singleflight.Group

	refresh                             sync.Mutex // one refresh at a time; guards the marks
	appsMark, usersMark, revocationMark time.Time
	lastGood                            time.Time

	catching sync.Mutex
	next     *catchUp     // the refresh that has not begun
	looked   atomic.Int64 // when somebody unknown was looked for, Unix nanoseconds
}

// catchUp is a refresh that callers wait for.
type catchUp struct {
	done chan struct{}
	err  error
}

// App returns the application with the ApplicationURI, which is compared byte
// for byte. For one that is not known the database is asked, at most every
// [LookEvery]: it may have been registered a moment ago.
func (r *Registry) App(uri string) (*App, bool) {
	apps := r.apps.Load()
	if apps == nil {
		return nil, false
	}
	a, ok := (*apps)[uri]
	if ok || uri == "" || len(uri) > tandem.MaxApplicationURI || !r.mayLook() {
		return a, ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.CatchUp(ctx); err != nil {
		return nil, false // Run tells why
	}
	a, ok = (*r.apps.Load())[uri]
	return a, ok
}

func (r *Registry) mayLook() bool {
	now, last := r.Clock.Now().UnixNano(), r.looked.Load()
	if since := time.Duration(now - last); last != 0 && since.Abs() < LookEvery {
		return false
	}
	return r.looked.CompareAndSwap(last, now)
}

// AllApps calls f for every application until f returns false, in no order.
func (r *Registry) AllApps(f func(*App) bool) {
	apps := r.apps.Load()
	if apps == nil {
		return
	}
	for _, a := range *apps {
		if !f(a) {
			return
		}
	}
}

// User returns the user with the id: from memory, or from the database on
// first sight. The user is shared: never change it.
func (r *Registry) User(ctx context.Context, id string) (*tandem.User, error) {
	if u := r.seenUser(id); u != nil {
		return u, nil
	}
	// Callers that come together ask once; each leaves when its own context
	// ends, the question does not end with the first of them.
	result := r.loading.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxStale)
		defer cancel()
		u, err := r.Users.UserByID(ctx, id)
		if err != nil {
			return nil, err
		}
		r.usersLock.Lock()
		defer r.usersLock.Unlock()
		if r.users == nil || len(r.users) >= MaxUsers {
			r.users = make(map[string]*tandem.User)
		}
		r.users[id] = &u
		return &u, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case got := <-result:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.(*tandem.User), nil
	}
}

func (r *Registry) seenUser(id string) *tandem.User {
	r.usersLock.RLock()
	defer r.usersLock.RUnlock()
	return r.users[id]
}

// Run follows the database until the context ends.
func (r *Registry) Run(ctx context.Context) error {
	interval := r.Interval
	if interval == 0 {
		interval = Interval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ask, cancel := context.WithTimeout(ctx, MaxStale/2)
		err := r.Refresh(ask)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.log().Warn("registry: the database does not answer", "error", err)
		}
	}
}

func (r *Registry) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}

// Ready says why nothing can be decided now: the view was never filled, or the
// database has not answered for longer than [MaxStale]. The error has
// [tandem.CodeUnavailable].
func (r *Registry) Ready() error {
	if r.apps.Load() == nil || r.stale.Load() {
		return errStaleRegistry
	}
	return nil
}

// Refresh asks the database for changes now. After it returns nil the view
// holds everything committed before it was called.
func (r *Registry) Refresh(ctx context.Context) error {
	r.refresh.Lock()
	defer r.refresh.Unlock()
	return r.refreshLocked(ctx)
}

// CatchUp is Refresh for whoever has just written something, so that what this
// process says next is true: those who come together share one question. The
// context ends the caller's own wait only.
func (r *Registry) CatchUp(ctx context.Context) error {
	r.catching.Lock()
	n := r.next
	if n == nil {
		n = &catchUp{done: make(chan struct{})}
		r.next = n
		go r.catch(context.WithoutCancel(ctx), n)
	}
	r.catching.Unlock()
	select {
	case <-n.done:
		return n.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Registry) catch(ctx context.Context, n *catchUp) {
	r.refresh.Lock()
	defer r.refresh.Unlock()
	r.catching.Lock()
	r.next = nil // who comes now needs the next one
	r.catching.Unlock()
	ctx, cancel := context.WithTimeout(ctx, MaxStale/2)
	defer cancel()
	n.err = r.refreshLocked(ctx)
	close(n.done)
}

func (r *Registry) refreshLocked(ctx context.Context) error {
	asked := r.Clock.Now()
	for _, mark := range []*time.Time{&r.appsMark, &r.usersMark, &r.revocationMark} {
		if mark.After(asked) { // the clock was ahead, and what changes now would be missed
			*mark = asked
		}
	}
	err := errors.Join(r.refreshApps(ctx, asked), r.refreshUsers(ctx, asked), r.refreshRevoked(ctx, asked))
	if err == nil {
		r.lastGood = asked
		r.stale.Store(false)
		return nil
	}
	if r.Clock.Now().Sub(r.lastGood) > MaxStale {
		r.stale.Store(true)
	}
	return err
}

func (r *Registry) refreshApps(ctx context.Context, asked time.Time) error {
	changes, err := r.Apps.ChangedSince(ctx, reachBack(r.appsMark))
	if err != nil {
		return err
	}
	old := r.apps.Load()
	fresh := make(map[string]*App, len(changes))
	changed := old == nil
	if old != nil {
		for uri, a := range *old {
			fresh[uri] = a
		}
	}
	for _, c := range changes {
		uri := c.App.ApplicationURI
		advance(&r.appsMark, c.App.ChangedAt, asked)
		have, ok := fresh[uri]
		switch {
		case c.Deleted:
			// The tombstone of a predecessor must not hit the application that
			// has its name now.
			if ok && have.ID == c.App.ID {
				delete(fresh, uri)
				changed = true
			}
		case !ok || have.ID != c.App.ID || have.Version != c.App.Version:
			fresh[uri] = NewApp(c.App)
			changed = true
		}
	}
	if changed {
		r.apps.Store(&fresh)
		r.origins.Store(originsOf(fresh))
	}
	return nil
}

func (r *Registry) refreshUsers(ctx context.Context, asked time.Time) error {
	if r.usersMark.IsZero() {
		r.usersMark = asked // nobody has been seen before the first question
	}
	changes, err := r.Users.ChangedSince(ctx, reachBack(r.usersMark))
	if err != nil {
		return err
	}
	r.usersLock.Lock()
	defer r.usersLock.Unlock()
	for _, u := range changes {
		advance(&r.usersMark, u.ChangedAt, asked)
		if have, ok := r.users[u.ID]; ok && *have != u {
			r.users[u.ID] = &u
		}
	}
	return nil
}

func (r *Registry) refreshRevoked(ctx context.Context, asked time.Time) error {
	revoked, err := r.Revocations.RevokedSince(ctx, reachBack(r.revocationMark))
	if err != nil {
		return err
	}
	old := r.revoked.Load()
	if len(revoked) == 0 && (old == nil || len(*old) == 0) {
		return nil
	}
	fresh := map[string]time.Time{}
	if old != nil {
		for id, expires := range *old {
			if asked.Before(expires) {
				fresh[id] = expires
			}
		}
	}
	for _, t := range revoked {
		advance(&r.revocationMark, t.RevokedAt, asked)
		if asked.Before(t.ExpiresAt) {
			fresh[t.ID] = t.ExpiresAt
		}
	}
	r.revoked.Store(&fresh)
	return nil
}

// advance moves a mark to a later change, but never past the present: a replica
// whose clock runs ahead must not hide what the others change meanwhile.
func advance(mark *time.Time, changed, asked time.Time) {
	if changed.After(asked) {
		changed = asked
	}
	if changed.After(*mark) {
		*mark = changed
	}
}

func reachBack(mark time.Time) time.Time {
	if mark.IsZero() {
		return mark
	}
	return mark.Add(-Overlap)
}
