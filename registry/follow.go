package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// sweepEvery is how often revocations that have expired are forgotten.
const sweepEvery = time.Minute

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
		if err := r.Refresh(ctx); err != nil && ctx.Err() == nil {
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
	if r.asked.Load() == 0 {
		return errStaleRegistry
	}
	if r.wakeUp(); r.stale.Load() {
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

// catchUp is a refresh that callers wait for.
type catchUp struct {
	done chan struct{}
	err  error
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
	n.err = r.refreshLocked(ctx)
	close(n.done)
}

// Marks are those of the changes that the view holds: as long as they stay, it says of
// applications, users, tokens and grants what it did, but for what time ends.
func (r *Registry) Marks() Marks {
	if m := r.marks.Load(); m != nil {
		return *m
	}
	return Marks{}
}

func (r *Registry) refreshLocked(ctx context.Context) error {
	defer func() {
		now := Marks{Apps: r.appsMark, Users: r.usersMark, Revocations: r.revocationMark, References: r.references.mark}
		if now != r.Marks() {
			r.marks.Store(&now)
		}
	}()
	asked := r.Clock.Now()
	var newest Marks
	err := ask(ctx, func(ctx context.Context) (err error) {
		newest, err = r.Changes.Newest(ctx)
		return err
	})
	if err == nil {
		err = errors.Join(r.refreshApps(ctx, newest.Apps), r.refreshRevoked(ctx, newest.Revocations, asked),
			ask(ctx, func(ctx context.Context) error { return r.refreshUsers(ctx, newest.Users) }),
			ask(ctx, func(ctx context.Context) error { return r.refreshRights(ctx, newest.Permissions) }),
			ask(ctx, func(ctx context.Context) error { return r.refreshReferences(ctx, newest.References) }))
	}
	if err == nil {
		r.asked.Store(asked.UnixNano())
		r.stale.Store(false)
		return nil
	}
	if last := r.asked.Load(); last != 0 && r.Clock.Now().UnixNano()-last > MaxStale.Nanoseconds() {
		r.stale.Store(true)
	}
	return err
}

// ask puts one question to the database, which has its own time: what was answered to
// those before it is kept, so that whoever has much to read gets to the end of it.
func ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, MaxStale/2)
	defer cancel()
	return question(ctx)
}

// readParts asks for all that came after the mark, and moves it on with each part. The
// number of the newest change was read before, so that none up to it can be missing.
func readParts(ctx context.Context, mark *int64, newest int64, read func(ctx context.Context, after int64) (Part, error)) error {
	for more := true; more; {
		err := ask(ctx, func(ctx context.Context) error {
			part, err := read(ctx, *mark)
			if err == nil {
				*mark, more = part.Last, part.More
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	*mark = max(*mark, newest)
	return nil
}

// refreshApps reads the applications that changed. When the number of the newest
// change is smaller than before, the database is an older one: a backup.
func (r *Registry) refreshApps(ctx context.Context, newest int64) error {
	if newest < r.appsMark {
		r.appsMark, r.afresh = 0, map[string]bool{}
	}
	if newest == r.appsMark && r.afresh == nil {
		return nil
	}
	err := readParts(ctx, &r.appsMark, newest, func(ctx context.Context, after int64) (Part, error) {
		return r.Changes.AppsAfter(ctx, after, func(c AppChange) {
			if r.afresh != nil && !c.Deleted {
				r.afresh[c.App.ApplicationURI] = true
			}
			r.take(c, r.afresh != nil)
		})
	})
	if err != nil || r.afresh == nil {
		return err
	}
	for _, uri := range r.apps.uris() {
		if !r.afresh[uri] {
			r.remove(uri)
		}
	}
	r.afresh = nil
	return nil
}

// take puts the newest state of an application into the view. Afresh, also one
// that seems to be there: a version counts within one history only.
func (r *Registry) take(c AppChange, afresh bool) {
	uri := c.App.ApplicationURI
	have, ok := r.apps.kept(uri)
	version, id := int64(0), ""
	if ok {
		version, id, _ = have.head()
	}
	switch {
	case c.Deleted:
		// The tombstone of a predecessor must not hit the application that
		// has its name now.
		if id == c.App.ID {
			r.remove(uri)
		}
	case !ok || afresh || id != c.App.ID || version != c.App.Version:
		app := NewApp(c.App)
		r.apps.set(app)
		was := have.orNil()
		r.origins.replace(was, app)
		r.resources.replace(was, app)
	}
}

func (r *Registry) remove(uri string) {
	have, _ := r.apps.kept(uri)
	r.apps.remove(uri)
	was := have.orNil()
	r.origins.replace(was, nil)
	r.resources.replace(was, nil)
}

// refreshUsers forgets the users that changed: they are read again when they are
// seen again.
func (r *Registry) refreshUsers(ctx context.Context, newest int64) error {
	mark := r.usersMark // only written here
	if newest == mark {
		return nil
	}
	var changed []string
	all := mark == 0 || newest < mark || newest-mark > MaxUsers
	if !all {
		if err := r.Changes.UsersAfter(ctx, mark, func(id string) { changed = append(changed, id) }); err != nil {
			return err
		}
	}
	r.usersLock.Lock()
	defer r.usersLock.Unlock()
	r.usersMark = newest
	if all {
		r.users = nil
		return nil
	}
	for _, id := range changed {
		delete(r.users, id)
	}
	return nil
}

func (r *Registry) refreshRevoked(ctx context.Context, newest int64, asked time.Time) error {
	if asked.Before(r.swept) { // the clock was set back: what was forgotten by it may be alive
		r.swept, r.revocationMark = asked, 0
	}
	if asked.Sub(r.swept) >= sweepEvery {
		r.swept = asked
		r.revoked.removeWhere(func(_ string, expires time.Time) bool { return !asked.Before(expires) })
	}
	if newest == r.revocationMark {
		return nil
	}
	if newest < r.revocationMark { // an older database: what was revoked in the newer one stays so
		r.revocationMark = 0
	}
	return readParts(ctx, &r.revocationMark, newest, func(ctx context.Context, after int64) (Part, error) {
		return r.Changes.RevokedAfter(ctx, after, asked, func(t RevokedToken) { r.revoked.set(t.ID, t.ExpiresAt) })
	})
}
