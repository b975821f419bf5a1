package registry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

const portal = "com.example/portal"

// grants are the Grants that keep what they are told.
type grants struct {
	mu    sync.Mutex
	ended []string
}

func (r *grants) EndApplication(_ context.Context, applicationURI string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, applicationURI)
	return nil
}

// world is an instance's applications and users with one replica's live view.
type world struct {
	*testing.T
	clock   *testkit.Clock
	db      *sqldb.DB
	users   *data.Users
	revoked *data.Revoked
	record  *testkit.Record
	grants  *grants
	apps    *registry.TrustedApps
	live    *registry.Registry

	anna, paul, svc tandem.User
	secrets         registry.Secrets
}

// each runs the test on both engines, with the hybrid profile registered.
func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) { test(newWorld(t, db)) })
}

func newWorld(t *testing.T, db *sqldb.DB) *world {
	t.Helper()
	w := &world{T: t, clock: testkit.NewClock(), db: db, users: data.NewUsers(db), revoked: data.NewRevoked(db), record: &testkit.Record{}, grants: &grants{}}
	w.apps = &registry.TrustedApps{Store: data.NewApplications(db), Accounts: w.users, Grants: w.grants, Audit: w.record, Clock: w.clock.Now}
	w.live = w.replica()
	w.anna = w.user("anna", tandem.InternalUser)
	w.paul = w.user("paul", tandem.ExternalCommunityUser)
	w.svc = w.user("svc.portal", tandem.SystemUserNoLogin)
	_, secrets, err := w.apps.Create(t.Context(), by, w.profile())
	w.must(err)
	w.secrets = secrets
	w.clock.Advance(time.Second)
	w.refresh()
	return w
}

func (w *world) replica() *registry.Registry {
	return &registry.Registry{
		Changes: data.NewChanges(w.db), Users: w.users, Permissions: data.NewPermissions(w.db), References: data.NewReferences(w.db), Clock: w.clock.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func (w *world) profile() tandem.TrustedApp {
	return tandem.TrustedApp{
		ApplicationURI: portal, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, ExternalUsers: true,
		RedirectURIs: []string{"https://portal.example/signin-callback"}, SystemUserAllowed: true, SystemUserID: w.svc.ID,
		Scope: tandem.Scope{"read", "update"},
	}
}

func (w *world) user(login string, kind tandem.UserType) tandem.User {
	w.Helper()
	u := tandem.User{ID: uuid.NewString(), Login: login, Name: login, Type: kind, Enabled: true, CreatedAt: w.clock.Now(), ChangedAt: w.clock.Now()}
	w.must(w.users.Create(w.Context(), signin.Account{User: u}))
	return u
}

// change changes a user, as administration does.
func (w *world) change(u tandem.User, how func(*tandem.User)) {
	w.Helper()
	_, err := w.users.Update(w.Context(), u.ID, func(a signin.Account) (signin.Account, error) {
		how(&a.User)
		a.ChangedAt = w.clock.Now()
		return a, nil
	})
	w.must(err)
}

func (w *world) edit(how func(*tandem.TrustedApp)) {
	w.Helper()
	_, err := w.apps.Update(w.Context(), by, portal, func(a *tandem.TrustedApp) error { how(a); return nil })
	w.must(err)
}

func (w *world) refresh() {
	w.Helper()
	w.must(w.live.Refresh(w.Context()))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// token is whom a token of the user, or the System User, speaks for now.
func (w *world) token(u tandem.User, scope ...string) *tandem.Principal {
	p := &tandem.Principal{
		ApplicationURI: portal, TokenID: uuid.NewString(), Scope: scope,
		IssuedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour),
	}
	if u.Type == tandem.SystemUserNoLogin {
		p.Service = &tandem.ServiceIdentity{SystemUserID: u.ID, SystemUserLogin: u.Login}
		return p
	}
	p.User = &tandem.UserIdentity{ID: u.ID, Login: u.Login, Type: u.Type, Admin: u.Admin, SignInID: "sid"}
	return p
}

// alive fails unless the token is, or is not, accepted.
func (w *world) alive(p *tandem.Principal, want bool, when string) {
	w.Helper()
	err := w.live.Check(w.Context(), p)
	if want && err != nil {
		w.Errorf("%s: %s is refused: %v", when, p.Actor(), err)
	}
	if !want && tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		w.Errorf("%s: %s got %v, want a refusal", when, p.Actor(), err)
	}
}

// A11, I6, I10: each switch ends the live tokens that it concerns with the next
// refresh, and no others; switched back they live again.
func TestA11_I6_SwitchesReachLiveTokens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		off, on                   func(w *world)
		anna, paul, service       bool
		annaBack, paulBack, sBack bool
	}{
		"application disabled": {
			func(w *world) { w.must(w.apps.Disable(w.Context(), by, portal)) },
			func(w *world) { w.must(w.apps.Enable(w.Context(), by, portal)) },
			false, false, false, true, true, true,
		},
		"SystemUserAllowed off": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.SystemUserAllowed = false }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.SystemUserAllowed = true }) },
			true, true, false, true, true, true,
		},
		"another System User": {
			func(w *world) {
				other := w.user("svc.other", tandem.SystemUserNoLogin)
				w.edit(func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
			},
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.SystemUserID = w.svc.ID }) },
			true, true, false, true, true, true,
		},
		"System User disabled": {
			func(w *world) { w.change(w.svc, func(u *tandem.User) { u.Enabled = false }) },
			func(w *world) { w.change(w.svc, func(u *tandem.User) { u.Enabled = true }) },
			true, true, false, true, true, true,
		},
		"System User became a person": {
			func(w *world) { w.change(w.svc, func(u *tandem.User) { u.Type = tandem.InternalUser }) },
			func(w *world) { w.change(w.svc, func(u *tandem.User) { u.Type = tandem.SystemUserNoLogin }) },
			true, true, false, true, true, true,
		},
		"user disabled": {
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Enabled = false }) },
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Enabled = true }) },
			false, true, true, true, true, true,
		},
		"user became external": {
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser }) },
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Type = tandem.InternalUser }) },
			false, true, true, true, true, true,
		},
		"user became internal": {
			func(w *world) { w.change(w.paul, func(u *tandem.User) { u.Type = tandem.InternalUser }) },
			func(w *world) { w.change(w.paul, func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser }) },
			true, false, true, true, true, true,
		},
		"user became an administrator": {
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Admin = true }) },
			func(w *world) { w.change(w.anna, func(u *tandem.User) { u.Admin = false }) },
			false, true, true, true, true, true,
		},
		"internal users not admitted": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.InternalUsers = false }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.InternalUsers = true }) },
			false, true, true, true, true, true,
		},
		"external users not admitted": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.ExternalUsers = false }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.ExternalUsers = true }) },
			true, false, true, true, true, true,
		},
		"scope narrowed": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read"} }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"update", "read"} }) },
			false, true, false, true, true, true,
		},
		"user scope narrowed": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{"read"} }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.UserScope = nil }) },
			false, true, true, true, true, true,
		},
		"service scope emptied": {
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{} }) },
			func(w *world) { w.edit(func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{"read", "update"} }) },
			true, true, false, true, true, true,
		},
		"application deleted and made anew": {
			func(w *world) { w.must(w.apps.Delete(w.Context(), by, portal)) },
			func(w *world) { _, _, err := w.apps.Create(w.Context(), by, w.profile()); w.must(err) },
			false, false, false, false, false, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
				w := newWorld(t, db)
				anna := w.token(w.anna, "openid", "offline_access", "read", "update")
				paul := w.token(w.paul, "openid", "profile")
				service := w.token(w.svc, "read", "update")
				for _, p := range []*tandem.Principal{anna, paul, service} {
					w.alive(p, true, "before")
				}
				w.clock.Advance(time.Second)
				test.off(w)
				w.refresh()
				w.alive(anna, test.anna, name)
				w.alive(paul, test.paul, name)
				w.alive(service, test.service, name)
				w.clock.Advance(time.Second)
				test.on(w)
				w.refresh()
				w.alive(anna, test.annaBack, "and back")
				w.alive(paul, test.paulBack, "and back")
				w.alive(service, test.sBack, "and back")
				for _, u := range []tandem.User{w.anna, w.paul, w.svc} {
					w.alive(w.token(u), true, "a new token")
				}
			})
		})
	}
}

func TestRevokedTokensAreRefused(t *testing.T) {
	each(t, func(w *world) {
		revoked, other := w.token(w.anna, "read"), w.token(w.anna, "read")
		w.must(w.revoked.Revoke(w.Context(), registry.RevokedToken{ID: revoked.TokenID, RevokedAt: w.clock.Now(), ExpiresAt: revoked.ExpiresAt}))
		w.refresh()
		w.alive(revoked, false, "revoked")
		w.alive(other, true, "another token")
		for range 5 { // and for as long as it would have lived
			w.clock.Advance(10 * time.Minute)
			later := w.token(w.anna)
			w.must(w.revoked.Revoke(w.Context(), registry.RevokedToken{ID: later.TokenID, RevokedAt: w.clock.Now(), ExpiresAt: later.ExpiresAt}))
			w.refresh()
			w.refresh()
			w.alive(revoked, false, "later")
			w.alive(later, false, "revoked later")
		}
		// A replica that starts now knows it too.
		w.live = w.replica()
		w.refresh()
		w.alive(revoked, false, "after a restart")
	})
}

// A clock that was far ahead for a while forgets revocations that are over by it; they are
// known again when it is right.
func TestAClockThatIsSetBackForgetsNoRevocation(t *testing.T) {
	each(t, func(w *world) {
		revoked := w.token(w.anna, "read")
		w.must(w.revoked.Revoke(w.Context(), registry.RevokedToken{ID: revoked.TokenID, RevokedAt: w.clock.Now(), ExpiresAt: revoked.ExpiresAt}))
		w.refresh()
		w.alive(revoked, false, "revoked")
		w.clock.Advance(3 * time.Hour)
		w.refresh()
		meanwhile := w.token(w.anna, "read")
		w.clock.Advance(-3 * time.Hour)
		w.refresh()
		w.alive(revoked, false, "after the clock was right again")
		w.alive(meanwhile, true, "another token")
	})
}

func TestTokensThatSpeakForNobody(t *testing.T) {
	each(t, func(w *world) {
		both := w.token(w.anna)
		both.Service = w.token(w.svc).Service
		nobody := w.token(w.anna)
		nobody.User = nil
		stranger := w.token(tandem.User{ID: uuid.NewString(), Login: "nobody", Type: tandem.InternalUser})
		alias := w.token(w.anna)
		alias.User.Login = "boss"
		external := w.token(w.paul, "openid", "read")
		foreign := w.token(w.anna)
		foreign.ApplicationURI = "com.example/Portal"
		borrowed := w.token(w.svc)
		borrowed.Service.SystemUserLogin = "svc.other"
		person := w.token(w.svc)
		person.Service = &tandem.ServiceIdentity{SystemUserID: w.anna.ID, SystemUserLogin: "anna"}
		protocol := w.token(w.svc, "openid")
		for name, p := range map[string]*tandem.Principal{
			"both kinds": both, "an unknown user": stranger, "another login": alias, "I5: an external user with an API scope": external,
			"an application of another case": foreign, "another System User's login": borrowed, "a person as System User": person, "I3: a service with openid": protocol,
		} {
			w.alive(p, false, name)
		}
		if err := w.live.Check(w.Context(), nobody); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
			t.Errorf("neither kind: %v", err)
		}
	})
}

// failing is a database that can be made silent.
type failing struct {
	registry.Changes
	silent atomic.Bool
}

func (f *failing) Newest(ctx context.Context) (registry.Marks, error) {
	if f.silent.Load() {
		return registry.Marks{}, errors.New("connection refused")
	}
	return f.Changes.Newest(ctx)
}

// While the database is silent a view that may have missed a switch refuses.
func TestA11_StaleViewRefuses(t *testing.T) {
	each(t, func(w *world) {
		changes := &failing{Changes: w.live.Changes}
		w.live.Changes = changes
		anna := w.token(w.anna, "read")
		w.refresh()
		changes.silent.Store(true)
		w.clock.Advance(registry.MaxStale)
		if err := w.live.Refresh(t.Context()); err == nil {
			t.Error("Refresh said nothing")
		}
		w.alive(anna, true, "for a moment")
		w.clock.Advance(time.Microsecond)
		if err := w.live.Refresh(t.Context()); err == nil {
			t.Error("Refresh said nothing")
		}
		if err := w.live.Check(t.Context(), anna); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("a stale view said %v", err)
		}
		if err := w.live.Ready(); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("ready: %v", err)
		}
		changes.silent.Store(false)
		w.refresh()
		w.alive(anna, true, "the database is back")
		if err := w.live.Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestViewThatWasNeverFilledAdmitsNobody(t *testing.T) {
	each(t, func(w *world) {
		empty := w.replica()
		if err := empty.Ready(); err == nil {
			t.Error("it is ready")
		}
		if err := empty.Check(t.Context(), w.token(w.anna)); err == nil {
			t.Error("it admits anna")
		}
	})
}

// Replicas whose clocks differ miss no change.
func TestChangesOfAReplicaWhoseClockIsBehind(t *testing.T) {
	each(t, func(w *world) {
		anna := w.token(w.anna, "read")
		w.alive(anna, true, "before") // and so in memory
		w.clock.Advance(10 * time.Second)
		w.edit(func(a *tandem.TrustedApp) { a.Notes = "newer" })
		w.change(w.paul, func(u *tandem.User) { u.Name = "newer" })
		w.refresh()
		w.clock.Advance(-time.Hour) // the other replica's clock
		w.change(w.anna, func(u *tandem.User) { u.Enabled = false })
		w.must(w.apps.Disable(t.Context(), by, portal))
		w.clock.Advance(time.Hour)
		w.refresh()
		w.alive(anna, false, "disabled by a replica whose clock is behind")
		w.must(w.apps.Enable(t.Context(), by, portal))
		w.refresh()
		w.alive(anna, false, "the user alone")
	})
}
