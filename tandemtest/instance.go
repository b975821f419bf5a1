package tandemtest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/hsm"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// What every test instance has registered.
const (
	// Portal is a confidential application with both halves: internal and
	// external users, the System User svc.portal, scope read and update.
	Portal     = "com.example/portal"
	SystemUser = "svc.portal"
	// Field is a public application.
	Field = "com.example/field"
	// RedirectURI and PostLogoutRedirectURI are registered for Portal, and
	// FieldRedirectURI, with any port, for Field. Nothing listens there.
	RedirectURI           = "http://127.0.0.1/signin-callback"
	PostLogoutRedirectURI = "http://127.0.0.1/signout-callback"
	FieldRedirectURI      = "http://127.0.0.1/callback"
	// Password is everybody's.
	Password = "correct horse battery"
)

// Users are the people of a test instance: admin is an administrator, anna an
// internal user, paul an external one.
var Users = []signin.NewUser{
	{Login: "admin", Name: "Ada Admin", Type: tandem.InternalUser, Admin: true, Email: "admin@example.com", Password: Password},
	{Login: "anna", Name: "Anna Intern", Type: tandem.InternalUser, Email: "anna@example.com", Password: Password},
	{Login: "paul", Name: "Paul Partner", Type: tandem.ExternalCommunityUser, Email: "paul@example.com", Password: Password},
}

// Options are how a test instance differs from the usual one.
type Options struct {
	// Engine is the database's; the default is SQLite. PostgreSQL needs the
	// environment variable of package data/datatest; the test is skipped
	// without it.
	Engine sqldb.Engine
	// Clock is the instance's; the default starts at the time of now.
	Clock *Clock
	// Licence has the default of an instance: 25 slots.
	Licence tandem.Licence
	// Lifetimes, Idle and ServiceAbsolute shorten what an instance gives out;
	// zero means the specified ones.
	Lifetimes             token.Lifetimes
	Idle, ServiceAbsolute time.Duration
	// RotateKeys is the age at which signing keys are replaced; zero means the default.
	RotateKeys time.Duration
	// Host is the instance's name in its URLs; the default is 127.0.0.1. Passkeys want
	// localhost.
	Host string
	// Throttling bounds the guessing of passwords, and ClientFailures that of secrets; zero
	// means the defaults.
	Throttling     signin.Throttling
	ClientFailures int
	// Queries limit what a session asks of the ERP; zero means the defaults.
	Queries data.QueryLimits
	// Demo fills the ERP data with the demo company. Without it the ERP is empty.
	Demo bool
	// OwnKeys gives the instance an own key and own signing keys, which takes a
	// moment. Without it instances share those that were made once.
	OwnKeys bool
	// AccessTokens say how access tokens are written and signed; zero means as usual.
	AccessTokens platform.AccessTokens
	// HSM is where signing keys are made, as with OwnKeys; by default nowhere.
	HSM hsm.Config
	// Audit says when the instance audits itself, and whom it tells; by default daily, and
	// nobody.
	Audit platform.AuditSchedule
	// Providers says where outside providers may be; by default on this machine, and in the
	// Internet.
	Providers federation.Network
	// Mail is the server by which people get mail; by default there is none.
	Mail platform.MailConfig
	// Log is where logs go; the default is the test's output.
	Log *slog.Logger
	// Wrap stands before every handler, for tests that make the network fail.
	Wrap func(http.Handler) http.Handler
}

// Instance is a running instance.
type Instance struct {
	// Platform has everything of it: administration, stores, registry.
	Platform *platform.Instance
	// URL is the public root, Issuer the identity server, OData the root of the
	// domain API with a slash at its end.
	URL, Issuer, OData string
	// UserSecret and ServiceSecret are the two credentials of Portal.
	UserSecret, ServiceSecret string
	Clock                     *Clock

	t        testing.TB
	options  Options
	config   platform.InstanceConfig
	replicas *[]*Instance
}

// Start runs an instance until the test ends.
func Start(t testing.TB, o Options) *Instance {
	t.Helper()
	if o.Engine == "" {
		o.Engine = sqldb.SQLite
	}
	if o.Clock == nil {
		o.Clock = &Clock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(testOutput(t), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	config := platform.InstanceConfig{
		StoreConfig: platform.StoreConfig{
			KeyFile: filepath.Join(t.TempDir(), "instance.key"), Passwords: cheap, Lifetimes: o.Lifetimes,
			By: By, Log: o.Log, Clock: o.Clock.Now, HSM: o.HSM,
		},
		Version: "test", Licence: o.Licence, Throttling: o.Throttling, ClientFailures: o.ClientFailures, Idle: o.Idle, RotateKeys: o.RotateKeys, ServiceAbsolute: o.ServiceAbsolute, Queries: o.Queries,
		Audit: o.Audit, Providers: o.Providers, Mail: o.Mail, AccessTokens: o.AccessTokens,
	}
	// What is copied was made now, which is another time by a clock that was moved.
	if o.Clock.ahead.Load() == 0 && !o.OwnKeys && !o.HSM.Set() {
		at, secrets := open(t, o.Engine, config.KeyFile, o.Demo)
		config.DB = at
		in := start(t, o, config, nil)
		in.UserSecret, in.ServiceSecret = secrets.User, secrets.Service
		return in
	}
	config.DB = datatest.URL(t, o.Engine)
	in := start(t, o, config, nil)
	secrets, err := register(t.Context(), in.Platform.Administration)
	if err == nil && o.Demo {
		err = in.Platform.SeedCompany(t.Context(), company)
	}
	if err != nil {
		t.Fatal(err)
	}
	in.UserSecret, in.ServiceSecret = secrets.User, secrets.Service
	in.Refresh()
	return in
}

// Replica runs another instance on the same database: a second replica, or the
// same one after a restart. Its URL is its own, its Issuer that of the first, as
// behind a load balancer.
func (in *Instance) Replica(t testing.TB) *Instance {
	t.Helper()
	r := start(t, in.options, in.config, in.replicas)
	r.UserSecret, r.ServiceSecret = in.UserSecret, in.ServiceSecret
	r.Issuer, r.OData = in.Issuer, in.OData
	return r
}

// Stored is where the instance keeps what it has, for a replica that is a process of its
// own: its database, and the file of its key.
func (in *Instance) Stored() (db, keyFile string) { return in.config.DB, in.config.KeyFile }

// ReplicaWith runs a replica that writes and signs access tokens in another way, as when
// the setting is changed.
func (in *Instance) ReplicaWith(t testing.TB, a platform.AccessTokens) *Instance {
	t.Helper()
	changed := *in
	changed.config.AccessTokens = a
	return changed.Replica(t)
}

// On runs the instance on another database, such as one that was restored from a
// backup, with a key of its own. Its Issuer is that of the first.
func (in *Instance) On(t testing.TB, db string) *Instance {
	t.Helper()
	config := in.config
	config.DB, config.KeyFile = db, filepath.Join(t.TempDir(), "instance.key")
	r := start(t, in.options, config, nil)
	r.UserSecret, r.ServiceSecret = in.UserSecret, in.ServiceSecret
	r.Issuer, r.OData = in.Issuer, in.OData
	return r
}

func start(t testing.TB, o Options, config platform.InstanceConfig, replicas *[]*Instance) *Instance {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := "http://" + l.Addr().String()
	if o.Host != "" {
		own = strings.Replace(own, "127.0.0.1", o.Host, 1)
	}
	if config.URL == "" {
		config.URL = own
	}
	p, err := platform.NewInstance(t.Context(), config)
	if err != nil {
		l.Close()
		t.Fatal(err)
	}
	if replicas == nil {
		replicas = &[]*Instance{}
	}
	in := &Instance{
		Platform: p, URL: own, Issuer: p.Issuer, OData: p.ODataRoot, Clock: o.Clock,
		t: t, options: o, config: config, replicas: replicas,
	}
	*replicas = append(*replicas, in)
	serve(t, p, l, o)
	return in
}

// serve runs a program until the test ends.
func serve(t testing.TB, p platform.Program, l net.Listener, o Options) {
	if o.Wrap != nil {
		p = wrapped{p, o.Wrap(p.Handler())}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- platform.Serve(ctx, p, platform.ServeOptions{Listener: l, Log: o.Log}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error("the program did not end well:", err)
		}
	})
}

type wrapped struct {
	platform.Program
	handler http.Handler
}

func (w wrapped) Handler() http.Handler { return w.handler }

// CreateUser adds a user. An empty password of a person means [Password].
func (in *Instance) CreateUser(n signin.NewUser) tandem.User {
	in.t.Helper()
	return in.CreateUsers(n)[0]
}

// CreateUsers adds many users as [Instance.CreateUser] does one, which is cheaper
// than one by one: the replicas hear of them once.
func (in *Instance) CreateUsers(all ...signin.NewUser) []tandem.User {
	in.t.Helper()
	made := make([]tandem.User, len(all))
	for i, n := range all {
		if n.Password == "" && n.Type.CanSignIn() {
			n.Password = Password
		}
		var err error
		if made[i], err = in.Platform.Accounts.Create(in.t.Context(), By, n); err != nil {
			in.t.Fatal(err)
		}
	}
	in.Refresh()
	return made
}

// Grant puts accounts into a group: [AllData], or one that the test has made by
// Platform.Permissions.
func (in *Instance) Grant(group string, logins ...string) {
	in.t.Helper()
	for _, login := range logins {
		if err := in.Platform.Permissions.AddMember(in.t.Context(), By, group, login); err != nil {
			in.t.Fatal(err)
		}
	}
	in.Refresh()
}

// CreateApp registers an application and returns its secrets.
func (in *Instance) CreateApp(a tandem.TrustedApp) registry.Secrets {
	in.t.Helper()
	_, secrets, err := in.Platform.Apps.Create(in.t.Context(), By, a)
	if err != nil {
		in.t.Fatal(err)
	}
	in.Refresh()
	return secrets
}

// UpdateApp changes an application; every replica knows when it returns.
func (in *Instance) UpdateApp(applicationURI string, change func(a *tandem.TrustedApp)) {
	in.t.Helper()
	_, err := in.Platform.Apps.Update(in.t.Context(), By, applicationURI, func(a *tandem.TrustedApp) error { change(a); return nil })
	if err != nil {
		in.t.Fatal(err)
	}
	in.Refresh()
}

// Refresh makes every replica know what the database knows, without waiting
// for the second that they take by themselves.
func (in *Instance) Refresh() {
	in.t.Helper()
	for _, r := range *in.replicas {
		if err := r.Platform.Refresh(in.t.Context()); err != nil {
			in.t.Fatal(err)
		}
	}
}

// Advance moves the clock of all replicas forward.
func (in *Instance) Advance(d time.Duration) {
	in.t.Helper()
	in.Clock.Advance(d)
	in.Refresh()
}

// OneDay moves the clock past a midnight of UTC that is near, so that what a test takes for
// today stays so while it runs.
func (in *Instance) OneDay() {
	in.t.Helper()
	now := in.Clock.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < 20*time.Minute {
		in.Advance(left + time.Second)
	}
}

// Sessions are the API sessions: the open ones or, with all, ended ones too.
func (in *Instance) Sessions(all bool) []tandem.Session {
	in.t.Helper()
	var found []tandem.Session
	for s, err := range in.Platform.Sessions.Each(in.t.Context(), session.Filter{All: all}) {
		if err != nil {
			in.t.Fatal(err)
		}
		found = append(found, s)
	}
	return found
}

// Usage is how the licence is used now.
func (in *Instance) Usage() session.Usage {
	in.t.Helper()
	u, err := in.Platform.Sessions.Usage(in.t.Context())
	if err != nil {
		in.t.Fatal(err)
	}
	return u
}

// Record is the audit record's events of a kind, newest first; an empty kind
// means all.
func (in *Instance) Record(kind tandem.AuditKind) []tandem.AuditEvent {
	in.t.Helper()
	events, err := in.Platform.Audit.List(in.t.Context(), audit.Filter{Kind: kind, Limit: audit.MaxPage})
	if err != nil {
		in.t.Fatal(err)
	}
	return events
}

// testOutput is the test's own output.
func testOutput(t testing.TB) io.Writer { return t.Output() }

// Store says where the database and the key of the instance are, for whoever
// opens them as a command does.
func (in *Instance) Store() platform.StoreConfig { return in.config.StoreConfig }
