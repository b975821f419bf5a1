package registry_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// counting counts how often the database is asked for what has changed.
type counting struct {
	registry.Changes
	apps, users, revoked atomic.Int64
}

func (c *counting) AppsAfter(ctx context.Context, change int64, tell func(registry.AppChange)) (registry.Part, error) {
	return c.Changes.AppsAfter(ctx, change, func(a registry.AppChange) { c.apps.Add(1); tell(a) })
}

func (c *counting) UsersAfter(ctx context.Context, change int64, tell func(string)) error {
	return c.Changes.UsersAfter(ctx, change, func(id string) { c.users.Add(1); tell(id) })
}

func (c *counting) RevokedAfter(ctx context.Context, change int64, at time.Time, tell func(registry.RevokedToken)) (registry.Part, error) {
	return c.Changes.RevokedAfter(ctx, change, at, func(t registry.RevokedToken) { c.revoked.Add(1); tell(t) })
}

func (w *world) exec(statement string, args ...any) {
	w.Helper()
	_, err := w.db.Writer().ExecContext(w.Context(), statement, args...)
	w.must(err)
}

// addApps adds so many applications that have no more than they must.
func (w *world) addApps(many int) {
	w.Helper()
	w.exec(`INSERT INTO applications (id, application_uri, name, is_enabled, client_type, internal_users, external_users, redirect_uris,
		post_logout_redirect_uris, backchannel_logout_uri, system_user_allowed, system_user_id, scope, access_tokens, device_flow,
		first_party, secret_hash, basic_authentication, notes, created_at, changed_at, deleted_at, version)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT 'app ' || i, 'com.example/app' || i, 'App', TRUE, 'Public', TRUE, FALSE, 'https://app' || i || '.example/cb', '', '', FALSE, '', 'read',
			'None', FALSE, FALSE, '', FALSE, '', 1, 1, 0, 1 FROM n`, many)
}

// However many change at once, each is read once; and of those that did not, none.
func TestEveryChangeIsReadOnce(t *testing.T) {
	each(t, func(w *world) {
		const many = 1100 // more than are read at a time
		w.addApps(many)
		counted := &counting{Changes: w.live.Changes}
		w.live.Changes = counted
		w.refresh()
		last := fmt.Sprint("com.example/app", many)
		if _, ok := w.live.App(last); !ok || counted.apps.Load() != many || !w.live.AllowsOrigin("https://app7.example") {
			t.Errorf("%d of %d were read", counted.apps.Load(), many)
		}
		w.must(w.apps.Disable(t.Context(), by, last))
		w.change(w.anna, func(u *tandem.User) { u.Name = "Anna" })
		w.must(w.revoked.Revoke(t.Context(), registry.RevokedToken{ID: "jti", RevokedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour)}))
		for range 3 {
			w.refresh()
		}
		if a, _ := w.live.App(last); a.Enabled || w.live.AllowsOrigin("https://app1100.example") {
			t.Error("the application is still on")
		}
		if a, u, r := counted.apps.Load(), counted.users.Load(), counted.revoked.Load(); a != many+1 || u != 1 || r != 1 {
			t.Errorf("read were %d applications, %d users, %d revocations", a-many, u, r)
		}
	})
}

// breaking tells one part of what has changed for each refresh, and then no more.
type breaking struct {
	registry.Changes
	parts int
}

func (b *breaking) Newest(ctx context.Context) (registry.Marks, error) {
	b.parts = 0
	return b.Changes.Newest(ctx)
}

// context ends at once when a part was told before.
func (b *breaking) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if b.parts++; b.parts > 1 {
		cancel()
	}
	return ctx, cancel
}

func (b *breaking) AppsAfter(ctx context.Context, change int64, tell func(registry.AppChange)) (registry.Part, error) {
	ctx, cancel := b.context(ctx)
	defer cancel()
	return b.Changes.AppsAfter(ctx, change, tell)
}

func (b *breaking) RevokedAfter(ctx context.Context, change int64, at time.Time, tell func(registry.RevokedToken)) (registry.Part, error) {
	ctx, cancel := b.context(ctx)
	defer cancel()
	return b.Changes.RevokedAfter(ctx, change, at, tell)
}

// What has been read stays read, however little of it the database can tell in time.
func TestReadingGoesOnWhereItBrokeOff(t *testing.T) {
	each(t, func(w *world) {
		const many = 4500 // parts are of a size that the store chooses
		w.live.Changes = &breaking{Changes: w.live.Changes}
		// follow refreshes until that works, and tells how often it did not.
		follow := func(most int) (broke int) {
			for ; w.live.Refresh(t.Context()) != nil; broke++ {
				if broke == most {
					t.Fatalf("after %d refreshes the view is not what the database has", broke)
				}
			}
			return broke
		}
		has := func(uri string) bool { _, ok := w.live.App(uri); return ok }
		w.addApps(many)
		last := fmt.Sprint("com.example/app", many)
		if broke := follow(20); broke == 0 || !has("com.example/app1") || !has(last) {
			t.Errorf("applications: it broke off %d times", broke)
		}

		anna := w.token(w.anna, "read")
		w.exec(`INSERT INTO revoked_tokens (token_id, revoked_at, expires_at, kept_until)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 'token ' || i, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM n`, many, anna.ExpiresAt.UnixMicro())
		w.must(w.revoked.Revoke(t.Context(), registry.RevokedToken{ID: anna.TokenID, RevokedAt: w.clock.Now(), ExpiresAt: anna.ExpiresAt}))
		if broke := follow(20); broke == 0 {
			t.Error("all revocations were told at once")
		}
		w.alive(anna, false, "revoked last")

		// An older database, which knows neither of the last application nor of another.
		w.exec(`DELETE FROM applications WHERE application_uri IN ($1, $2)`, last, "com.example/app1")
		w.exec(`UPDATE change_counters SET last = last - 1 WHERE name = 'applications'`)
		if broke := follow(20); broke == 0 || has("com.example/app1") || has(last) || !has("com.example/app2") {
			t.Errorf("an older database: it broke off %d times", broke)
		}
	})
}

// A change that began first may be committed last.
func TestChangesCommittedInAnotherOrderThanTheyWereMade(t *testing.T) {
	each(t, func(w *world) {
		if w.db.Engine == sqldb.SQLite {
			return // where one writes at a time
		}
		jti := w.token(w.svc, "read")
		service := w.token(w.svc, "read")
		early, err := w.db.Writer().BeginTx(t.Context(), nil)
		w.must(err)
		defer func() { _ = early.Rollback() }()
		late, err := w.db.Writer().BeginTx(t.Context(), nil)
		w.must(err)
		defer func() { _ = late.Rollback() }()
		// As a program of another version would write it.
		_, err = early.ExecContext(t.Context(), `UPDATE applications SET system_user_allowed = FALSE, version = version + 1`)
		w.must(err)
		_, err = late.ExecContext(t.Context(), `INSERT INTO revoked_tokens (token_id, revoked_at, expires_at, kept_until) VALUES ($1, 1, $2, $2)`,
			jti.TokenID, jti.ExpiresAt.UnixMicro())
		w.must(err)
		_, _, err = w.apps.Create(t.Context(), by, tandem.TrustedApp{ApplicationURI: "com.example/other", ClientType: tandem.ClientPublic})
		w.must(err)
		w.must(w.revoked.Revoke(t.Context(), registry.RevokedToken{ID: "jti", RevokedAt: w.clock.Now(), ExpiresAt: jti.ExpiresAt}))
		w.refresh()
		w.alive(jti, true, "before the commit")
		w.must(late.Commit())
		w.refresh()
		w.alive(jti, false, "revoked, and committed late")
		w.alive(service, true, "before the other commit")
		w.must(early.Commit())
		w.refresh()
		w.alive(service, false, "switched off, and committed last")
	})
}

// A replica that stood still asks before it answers.
func TestReplicaThatStoodStillAsksFirst(t *testing.T) {
	each(t, func(w *world) {
		changes := &failing{Changes: w.live.Changes}
		w.live.Changes = changes
		anna := w.token(w.anna, "read")
		w.alive(anna, true, "before")
		w.must(w.apps.Disable(t.Context(), by, portal))
		w.clock.Advance(registry.MaxStale + time.Millisecond) // and nothing refreshes
		w.alive(anna, false, "woken up")
		w.must(w.apps.Enable(t.Context(), by, portal))
		w.clock.Advance(-time.Hour) // its clock was set
		w.alive(anna, true, "the clock went back")
		changes.silent.Store(true)
		w.clock.Advance(time.Hour)
		for range 2 {
			if err := w.live.Check(t.Context(), anna); tandem.ErrorCode(err) != tandem.CodeUnavailable {
				t.Errorf("without the database it says %v", err)
			}
		}
		if err := w.live.Ready(); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("ready: %v", err)
		}
		changes.silent.Store(false)
		w.refresh()
		w.alive(anna, true, "the database is back")
	})
}

// A database that was brought back from a backup has lower numbers, and other
// things behind them.
func TestOlderDatabaseIsReadAfresh(t *testing.T) {
	each(t, func(w *world) {
		anna, service := w.token(w.anna, "read"), w.token(w.svc, "read")
		for _, uri := range []string{"com.example/a", "com.example/b"} {
			_, _, err := w.apps.Create(t.Context(), by, tandem.TrustedApp{
				ApplicationURI: uri, ClientType: tandem.ClientPublic, Enabled: true, RedirectURIs: []string{"https://gone.example/cb"},
			})
			w.must(err)
		}
		w.change(w.anna, func(u *tandem.User) { u.Name = "Anna" })
		w.refresh()
		w.alive(anna, true, "before")
		w.exec(`DELETE FROM applications WHERE application_uri <> $1`, portal)
		w.exec(`UPDATE applications SET system_user_allowed = FALSE, change = 1`)
		w.exec(`UPDATE users SET is_enabled = FALSE WHERE id = $1`, w.anna.ID)
		w.exec(`UPDATE change_counters SET last = 1`)
		w.refresh()
		w.alive(anna, false, "disabled in the backup")
		w.alive(service, false, "not allowed in the backup")
		if _, ok := w.live.App("com.example/a"); ok || w.live.AllowsOrigin("https://gone.example") {
			t.Error("what the backup does not have is still there")
		}
	})
}

// slowUsers are read, and told when the test says so.
type slowUsers struct {
	registry.Users
	read, tell chan struct{}
}

func (s *slowUsers) UserByID(ctx context.Context, id string) (tandem.User, error) {
	u, err := s.Users.UserByID(ctx, id)
	s.read <- struct{}{}
	<-s.tell
	return u, err
}

// A user who is read while they change is not kept as they were.
func TestUserThatChangesWhileRead(t *testing.T) {
	each(t, func(w *world) {
		live := w.replica()
		slow := &slowUsers{Users: live.Users, read: make(chan struct{}, 9), tell: make(chan struct{})}
		live.Users = slow
		w.live = live
		w.refresh()
		anna := w.token(w.anna, "read")
		first := make(chan error)
		go func() { first <- live.Check(t.Context(), anna) }()
		<-slow.read
		w.change(w.anna, func(u *tandem.User) { u.Enabled = false })
		w.refresh()
		close(slow.tell)
		w.must(<-first) // it was asked before
		w.alive(anna, false, "asked after the change")
	})
}
