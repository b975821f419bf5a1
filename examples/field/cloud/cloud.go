package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/fault"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Config configures a cloud. Provider, ApplicationURI, Credential, Resource, AcceptsFrom,
// DB and Dir are needed; a user credential cannot be given to it.
type Config struct {
	Provider *client.Provider
	// ApplicationURI is the OAuth client_id of the service.
	ApplicationURI string
	// Credential is the service's own.
	Credential client.ServiceCredential
	// ServiceInstance tells services apart that run at the same time; empty means the
	// only one.
	ServiceInstance string
	// ODataRoot finds the domain API; the default is the Provider's auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// Resource is the audience of tokens, byte for byte; its path has to be [wire.Prefix].
	Resource string
	// AcceptsFrom are the applications whose tokens are taken.
	AcceptsFrom []string
	// URL is where phones see the service, scheme and host; empty means that of Resource.
	URL string
	// DB is the service's own database, opened and not yet migrated. The caller closes it.
	DB *sqldb.DB
	// Dir keeps uploads and what the jobs need. It is made for this user alone.
	Dir string
	// Office is the group whose members may have reports made and see all devices; the
	// default is Service. Administrators may, too.
	Office string
	// TimeZone is the one of days and schedules, an IANA name; the default is
	// Europe/Sofia.
	TimeZone string
	// SystemUser lets the service go on as another System User than before: see
	// stranger.go. Empty lets it go on as the one that it was.
	SystemUser string
	Log        *slog.Logger
	Clock      tandem.Clock

	bookIn, fileIn time.Duration // other than the usual, for tests
}

// Cloud is a running service. It is safe for concurrent use.
type Cloud struct {
	config Config
	log    *slog.Logger
	clock  tandem.Clock
	zone   *time.Location
	store  *store
	server *client.ResourceServer
	jobs   *jobs.Jobs
	// reads is for looking, with a token that cannot write; writes for commits.
	reads, writes *client.OData[client.ServiceToken]
	writer        *client.ServiceTokens
	persons       persons
	statuses      statuses
	lanes         lanes
	knownSelf     self
	// pausedUntil is until when the ERP wants to be left alone, in microseconds.
	pausedUntil atomic.Int64
	// calls has one for each command that calls the ERP.
	calls                 chan struct{}
	commandDesk, fileDesk desk
	wishes                chan struct{} // has one for each wish that is asked for
	uploads               *tus.Server
	parts                 []part
}

// part is one concern of the service: its paths, its jobs and what it deletes in time.
type part struct {
	routes func(handle routes)
	// open are paths that ask for no token.
	open      func(handle routes)
	kinds     map[internalapi.JobKind]jobs.Kind
	schedules []internalapi.Schedule
	// run works in the background until ctx ends; nil has nothing to do there.
	run func(ctx context.Context) error
	// clean deletes what is old; it is called each hour.
	clean func(ctx context.Context) error
}

// addParts is the place where a part is added.
func (c *Cloud) addParts() error {
	c.parts = []part{
		c.peoplePart(),
		c.visitsPart(),
		c.commandsPart(),
		c.devicesPart(),
		c.remindersPart(),
		c.reportsPart(),
		c.filesPart(),
		c.proofsPart(),
	}
	return nil
}

// New checks the configuration and migrates the database. It makes no request.
func New(ctx context.Context, config Config) (*Cloud, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	c := &Cloud{
		config: config, log: config.Log, clock: config.Clock, store: &store{db: config.DB},
		calls: make(chan struct{}, callsAtOnce), wishes: make(chan struct{}, wishesAtOnce), commandDesk: newDesk(false, commandPlaces), fileDesk: newDesk(true, filePlaces),
	}
	var err error
	if c.zone, err = time.LoadLocation(config.TimeZone); err != nil {
		return nil, fmt.Errorf("cloud: TimeZone: %w", err)
	}
	c.store.zone = c.zone
	if err := c.connect(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the service's folder: %w", err)
	}
	if err := c.store.migrate(ctx); err != nil {
		return nil, err
	}
	if err := c.startUploads(ctx); err != nil {
		return nil, err
	}
	if err := c.addParts(); err != nil {
		return nil, err
	}
	return c, c.addJobs(ctx)
}

// connect makes the verifier of callers and the clients of the ERP.
func (c *Cloud) connect() error {
	reader, err1 := c.service(tandem.Scope{tandem.ScopeRead})
	writer, err2 := c.service(tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	root := c.config.ODataRoot
	c.writer = writer
	c.reads, c.writes = client.ServiceOData(root, reader), client.ServiceOData(root, writer)
	var err error
	c.server, err = client.NewResourceServer(client.ResourceServerConfig{
		Provider: c.config.Provider, Resource: c.config.Resource, AcceptsFrom: c.config.AcceptsFrom, URL: c.config.URL,
		Scopes: []string{wire.Scope}, Name: "Field", BoundOnly: true, Seen: c.store.firstProof, Service: reader, Clock: c.clock,
	})
	return err
}

// addJobs makes the jobs of the parts.
func (c *Cloud) addJobs(ctx context.Context) error {
	kinds := map[internalapi.JobKind]jobs.Kind{jobClean: {Run: c.clean, Single: true}}
	schedules := []internalapi.Schedule{{Name: "Clean up", Kind: jobClean, Spec: "17 * * * *"}}
	for _, p := range c.parts {
		for name, kind := range p.kinds {
			kinds[name] = kind
		}
		schedules = append(schedules, p.schedules...)
	}
	var err error
	c.jobs, err = jobs.New(ctx, jobs.Config{
		DB: c.config.DB, Dir: filepath.Join(c.config.Dir, "jobs"), TimeZone: c.config.TimeZone, Concurrency: 2, KeepJobs: 30 * 24 * time.Hour,
		Log: c.log, Clock: c.clock, Kinds: kinds, Schedules: schedules,
		Classify: func(err error, failures int) jobs.Fault {
			f := fault.Of(err, failures)
			return jobs.Fault{Wait: f.Wait, Reason: f.Reason, Message: fault.Explain(err)}
		},
	})
	return err
}

func (c *Config) check() error {
	var faults []error
	for name, missing := range map[string]bool{
		"Provider": c.Provider == nil, "ApplicationURI": c.ApplicationURI == "", "DB": c.DB == nil, "Dir": c.Dir == "", "Resource": c.Resource == "",
		"AcceptsFrom": len(c.AcceptsFrom) == 0,
	} {
		if missing {
			faults = append(faults, fmt.Errorf("cloud: %s is missing", name))
		}
	}
	if at, err := url.Parse(c.Resource); c.Resource != "" && (err != nil || at.Host == "" || at.Path != wire.Prefix || at.RawQuery != "" || at.Fragment != "") {
		faults = append(faults, fmt.Errorf("cloud: Resource is %q and must end with %s right behind its host, such as https://field.example.com%[2]s: that is where the API is", c.Resource, wire.Prefix))
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	if c.ODataRoot == nil {
		c.ODataRoot = c.Provider.ODataRoot
	}
	c.bookIn, c.fileIn = cmp.Or(c.bookIn, bookIn), cmp.Or(c.fileIn, fileIn)
	if c.Office == "" {
		c.Office = "Service"
	}
	if c.TimeZone == "" {
		c.TimeZone = "Europe/Sofia"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func (c *Cloud) service(scope tandem.Scope) (*client.ServiceTokens, error) {
	return client.NewServiceTokens(client.ServiceConfig{
		Provider: c.config.Provider, ApplicationURI: c.config.ApplicationURI, Credential: c.config.Credential,
		ServiceInstance: c.config.ServiceInstance, Scope: scope, Log: c.log, Clock: c.clock,
	})
}

// Run works in the background until ctx ends; what is at work then goes on with the next
// start. It is called once.
func (c *Cloud) Run(ctx context.Context) error {
	g, within := errgroup.WithContext(ctx)
	g.Go(func() error { return c.jobs.Run(within) })
	for _, p := range c.parts {
		if p.run != nil {
			g.Go(func() error { return p.run(within) })
		}
	}
	err := g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped while it was starting
	}
	return err
}

// Ready reports whether the service can answer: its database is reached.
func (c *Cloud) Ready(ctx context.Context) error { return c.config.DB.Ping(ctx) }

// Handler serves the API, and its metadata (RFC 9728).
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, p := range c.parts {
		if p.routes != nil {
			p.routes(routes{c, mux})
		}
	}
	mux.HandleFunc(wire.Prefix, func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(http.StatusNotFound, wire.NotFound, wire.NoPath, nil))
	})
	outer := http.NewServeMux()
	outer.Handle(wire.Prefix, c.server.Middleware(mux, wire.Scope))
	for _, p := range c.parts {
		if p.open != nil {
			p.open(routes{c, outer})
		}
	}
	outer.Handle(c.server.MetadataPath(), c.server.Metadata())
	return outer
}

// jobClean deletes what is old.
const jobClean internalapi.JobKind = "field_clean"

func (c *Cloud) clean(ctx context.Context, _ *jobs.Run) error { return c.CleanUp(ctx) }

// CleanUp deletes what is old; the service does it each hour by itself.
func (c *Cloud) CleanUp(ctx context.Context) error {
	var faults []error
	for _, p := range c.parts {
		if p.clean != nil {
			faults = append(faults, p.clean(ctx))
		}
	}
	return errors.Join(faults...)
}
