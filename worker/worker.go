package worker

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// Config configures a worker. Provider, ApplicationURI, Credential, DB, Dir and
// ChannelKey are needed; a user credential cannot be given to it.
type Config struct {
	Provider *client.Provider
	// ApplicationURI is the OAuth client_id of the hybrid app, and the audience
	// of the evidence.
	ApplicationURI string
	// Credential is the back end's own.
	Credential client.ServiceCredential
	// ServiceInstance tells workers apart that run at the same time, so that
	// each has an API session of its own; empty means the only one.
	ServiceInstance string
	// ODataRoot finds the domain API; the default is the Provider's
	// auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// DB is the worker's own database, opened and not yet migrated. Workers
	// that share it share Dir too. The caller closes it.
	DB *sqldb.DB
	// Dir keeps uploads and exports, in files/. It holds business data: New
	// makes what is missing for this user alone.
	Dir string
	// ChannelKey is what the web app proves itself with.
	ChannelKey internalapi.ChannelKey
	// Mapping is the mapping file of imports; empty means the one for the
	// Northwind files.
	Mapping string
	// TimeZone is where the first schedules' times are read, an IANA name; the
	// default is UTC.
	TimeZone string
	// ScheduleDelay is how long after its start a worker waits before a
	// schedule starts a job; the default is 10 minutes. Before that a fresh
	// worker makes no call by itself.
	ScheduleDelay time.Duration
	// Concurrency is how many jobs run at once; the default is 4.
	Concurrency int
	// KeepExports is how long an export can be downloaded; the default is a
	// day.
	KeepExports time.Duration
	// KeepJobs is how long the record of a job that ended is kept; the default
	// is 90 days.
	KeepJobs time.Duration
	Log      *slog.Logger
	Now      func() time.Time
}

// Worker is a running service component.
type Worker struct {
	config   Config
	db       *sqldb.DB
	log      *slog.Logger
	now      func() time.Time
	owner    string
	files    string
	mapping  *mapping.Mapping
	tokens   *client.ServiceTokens
	erp      *client.OData[client.ServiceToken]
	verifier *client.IDTokenVerifier
	river    *river.Client[*sql.Tx]

	watch  watchers
	facts  facts
	access accessCache
	paused atomic.Pointer[string]
	woken  chan struct{}
	// uploads bounds how many uploads are taken at once.
	uploads chan struct{}

	lock    sync.Mutex
	running map[string]context.CancelCauseFunc
}

// New checks the configuration, reads the mapping file and migrates the
// database. It makes no request.
func New(ctx context.Context, c Config) (*Worker, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	w := &Worker{
		config: c, db: c.DB, log: c.Log, now: c.Now, owner: newOwner(), files: filepath.Join(c.Dir, "files"),
		woken: make(chan struct{}, 1), uploads: make(chan struct{}, maxUploads), running: map[string]context.CancelCauseFunc{},
	}
	w.facts.now, w.access.now = c.Now, c.Now
	if err := os.MkdirAll(w.files, 0o700); err != nil {
		return nil, fmt.Errorf("the worker's folder: %w", err)
	}
	var err error
	if w.mapping, err = readMapping(c.Mapping); err != nil {
		return nil, err
	}
	w.tokens, err = client.NewServiceTokens(client.ServiceConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Credential: c.Credential,
		ServiceInstance: c.ServiceInstance, Observe: w.observe, Log: c.Log, Clock: c.Now,
	})
	if err != nil {
		return nil, err
	}
	w.erp = client.ServiceOData(c.ODataRoot, w.tokens)
	w.verifier = client.NewIDTokenVerifier(c.Provider, c.ApplicationURI)
	if err := w.migrate(ctx); err != nil {
		return nil, err
	}
	return w, w.seedSchedules(ctx)
}

func (c *Config) check() error {
	var faults []error
	need := func(missing bool, name string) {
		if missing {
			faults = append(faults, errors.New("worker: "+name+" is missing"))
		}
	}
	need(c.Provider == nil, "Provider")
	need(c.ApplicationURI == "", "ApplicationURI")
	need(c.DB == nil, "DB")
	need(c.Dir == "", "Dir")
	need(c.ChannelKey.IsZero(), "ChannelKey")
	if c.TimeZone == "" {
		c.TimeZone = "UTC"
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		faults = append(faults, fmt.Errorf("worker: time zone %q is unknown; use a name like Europe/Sofia", c.TimeZone))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if c.ODataRoot == nil {
		c.ODataRoot = c.Provider.ODataRoot
	}
	if c.ScheduleDelay == 0 {
		c.ScheduleDelay = 10 * time.Minute
	}
	if c.Concurrency == 0 {
		c.Concurrency = 4
	}
	if c.KeepExports == 0 {
		c.KeepExports = 24 * time.Hour
	}
	if c.KeepJobs == 0 {
		c.KeepJobs = 90 * 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// readMapping reads the mapping file, or the one that ships.
func readMapping(file string) (*mapping.Mapping, error) {
	text := mapping.Northwind()
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("the mapping file: %w", err)
		}
	} else {
		file = "northwind.yaml"
	}
	m, err := mapping.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the mapping file %s: %w", file, err)
	}
	return m, nil
}

// migrate brings the worker's tables and River's to their newest version.
func (w *Worker) migrate(ctx context.Context) error {
	return w.db.Lock(ctx, migrationTable, func() error {
		if err := w.db.Migrate(ctx, sqldb.Migrations(migrationFiles), migrationTable); err != nil {
			return fmt.Errorf("the worker's database: %w", err)
		}
		m, err := rivermigrate.New(w.driver(), &rivermigrate.Config{Logger: w.quiet()})
		if err != nil {
			return err
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("the worker's database: the queue's tables: %w", err)
		}
		return nil
	})
}

func (w *Worker) driver() riverdriver.Driver[*sql.Tx] {
	if w.db.Engine == sqldb.SQLite {
		return riversqlite.New(w.db.Writer())
	}
	return riverdatabasesql.New(w.db.Writer())
}

// quiet is the log for River, which tells much at level info.
func (w *Worker) quiet() *slog.Logger { return slog.New(atLeastWarn{w.log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
func (h atLeastWarn) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(a)}
}
func (h atLeastWarn) WithGroup(g string) slog.Handler { return atLeastWarn{h.Handler.WithGroup(g)} }

// Ready reports whether the worker can answer: its database is reached.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.db.Ping(ctx); err != nil {
		return fmt.Errorf("the worker's database does not answer: %w", err)
	}
	return nil
}

// Close releases what New took. Jobs end with the context of Run.
func (w *Worker) Close() error { return nil }
