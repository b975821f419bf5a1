package registry

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Defaults of a [Registry].
const (
	// Interval is how often the database is asked for changes.
	Interval = time.Second
	// MaxStale is for how long the database may be silent before the view
	// refuses to answer.
	MaxStale = 4 * time.Second
	// LookEvery is how often at most somebody unknown makes the view ask for
	// changes at once: anybody can invent names.
	LookEvery = 200 * time.Millisecond
	// MaxUsers bounds the users kept; beyond it the view starts afresh.
	MaxUsers = 100_000

	// patience is how long one question waits for the database.
	patience = time.Second
)

// Users tells who somebody is.
type Users interface {
	// UserByID returns [tandem.ErrNotFound] when there is none.
	UserByID(ctx context.Context, id string) (tandem.User, error)
}

// Registry is the live view. Fill its fields, call [Registry.Refresh] once
// before the first question, and leave [Registry.Run] running.
type Registry struct {
	Changes Changes
	Users   Users
	// Permissions say what accounts may do; without them that is nothing.
	Permissions Permissions
	// References are the reference tokens; without them there are none.
	References References
	// Outside is what people of the outside can reach at all: see [Registry.Narrow].
	// Without it that is nothing.
	Outside *permission.Rights
	// Log is told when the database cannot be asked; nil means slog.Default.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
	// Interval is how often to ask for changes; zero means [Interval].
	Interval time.Duration

	apps    apps
	revoked live[time.Time]
	origins origins

	resources resources
	rights    rights

	references references

	stale atomic.Bool
	marks atomic.Pointer[Marks] // of what the view holds
	asked atomic.Int64          // when the database last answered, Unix nanoseconds; 0 before the first time

	usersLock sync.RWMutex // guards users and usersMark
	users     map[string]*tandem.User
	usersMark int64
	loading   singleflight.Group

	refresh                  sync.Mutex // one refresh at a time; guards what follows
	appsMark, revocationMark int64
	// afresh are the applications of an older database that were read: the view is
	// read anew, and those that are not among them go at the end. Else it is nil.
	afresh map[string]bool
	swept  time.Time // when revocations that have expired were last forgotten

	catching sync.Mutex
	next     *catchUp     // the refresh that has not begun
	looked   atomic.Int64 // when somebody unknown was looked for, Unix nanoseconds
}

// live is a map that is read without a lock, and changed by one entry at a time.
type live[V any] struct{ entries sync.Map }

func (l *live[V]) get(key string) (v V, ok bool) {
	if found, ok := l.entries.Load(key); ok {
		return found.(V), true
	}
	return v, false
}

func (l *live[V]) set(key string, v V) { l.entries.Store(key, v) }
func (l *live[V]) remove(key string)   { l.entries.Delete(key) }

// removeWhere removes the entries that f selects.
func (l *live[V]) removeWhere(f func(key string, v V) bool) {
	l.entries.Range(func(key, v any) bool {
		if f(key.(string), v.(V)) {
			l.entries.Delete(key)
		}
		return true
	})
}

// App returns the application with the ApplicationURI, which is compared byte
// for byte. For one that is not known the database is asked, at most every
// [LookEvery]: it may have been registered a moment ago.
func (r *Registry) App(uri string) (*App, bool) {
	if r.asked.Load() == 0 {
		return nil, false
	}
	r.wakeUp()
	a, ok := r.apps.get(uri)
	if ok || uri == "" || len(uri) > tandem.MaxApplicationURI || !r.mayLook() {
		return a, ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.CatchUp(ctx); err != nil {
		return nil, false // Run tells why
	}
	return r.apps.get(uri)
}

// AdmitTokens are the applications that admit personal access tokens of the account, by
// their names.
func (r *Registry) AdmitTokens(u *tandem.User) []*App {
	var found []*App
	for _, uri := range r.apps.uris() {
		kept, ok := r.apps.kept(uri)
		if !ok {
			continue // removed meanwhile
		}
		// Opened by itself: a page that looks at all must not drop what calls need.
		if a := kept.open(); a.Enabled && a.AllowsPAT(u) && len(a.ReferenceScope(tandem.ReferencePAT)) > 0 {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b *App) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ApplicationURI, b.ApplicationURI))
	})
	return found
}

func (r *Registry) mayLook() bool {
	now, last := r.Clock.Now().UnixNano(), r.looked.Load()
	if since := time.Duration(now - last); last != 0 && since.Abs() < LookEvery {
		return false
	}
	return r.looked.CompareAndSwap(last, now)
}

// wakeUp asks the database at once when it was not asked for so long that this
// process must have stood still, or its clock was set: what was switched off
// meanwhile must not be answered for until [Registry.Run] comes to its turn. A
// view that is known to be stale answers nothing anyway.
func (r *Registry) wakeUp() {
	age := time.Duration(r.Clock.Now().UnixNano() - r.asked.Load())
	if age.Abs() <= MaxStale || r.stale.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if r.CatchUp(ctx) != nil {
		r.stale.Store(true)
	}
}

// User returns the user with the id: from memory, or from the database on
// first sight. The user is shared: never change it.
func (r *Registry) User(ctx context.Context, id string) (*tandem.User, error) {
	u, mark := r.seenUser(id)
	if u != nil {
		return u, nil
	}
	// Callers that come together ask once, but not those who have seen a change
	// since; each leaves when its own context ends, the question does not end with
	// the first of them.
	result := r.loading.DoChan(strconv.FormatInt(mark, 10)+" "+id, func() (any, error) {
		return r.loadUser(context.WithoutCancel(ctx), id, mark)
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

// seenUser is the user, if known, and the mark of what is known.
func (r *Registry) seenUser(id string) (u *tandem.User, mark int64) {
	r.usersLock.RLock()
	defer r.usersLock.RUnlock()
	return r.users[id], r.usersMark
}

// loadUser reads a user, and keeps them unless changes were read since the mark:
// theirs may be among them, and later than what was read here.
func (r *Registry) loadUser(ctx context.Context, id string, mark int64) (*tandem.User, error) {
	ctx, cancel := context.WithTimeout(ctx, MaxStale)
	defer cancel()
	u, err := r.Users.UserByID(ctx, id)
	if err != nil {
		return nil, err
	}
	r.usersLock.Lock()
	defer r.usersLock.Unlock()
	if r.usersMark != mark {
		return &u, nil
	}
	if r.users == nil || len(r.users) >= MaxUsers {
		r.users = make(map[string]*tandem.User)
	}
	r.users[id] = &u
	return &u, nil
}
