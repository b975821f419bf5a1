package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/export"
	"github.com/hybridapps/tandem/worker/fault"
	"github.com/hybridapps/tandem/worker/importer"
	"github.com/hybridapps/tandem/worker/importer/mapping"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/portal"
	"github.com/hybridapps/tandem/worker/schema"
	"github.com/hybridapps/tandem/worker/stock"
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
	// EvidenceForItsLife serves a person until their ID token expires, without
	// asking whether they still may act; see [client.EvidenceConfig].
	EvidenceForItsLife bool
	// ServiceInstance tells workers apart that run at the same time, so that
	// each has an API session of its own; empty means the only one.
	ServiceInstance string
	// ODataRoot finds the domain API; the default is the Provider's
	// auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// DB is the worker's own database, opened and not yet migrated. Workers
	// that share one of SQLite share Dir too. The caller closes it.
	DB *sqldb.DB
	// Dir keeps uploads and exports, in files/; with PostgreSQL those of the
	// moment, as the database keeps them for all its workers. It holds business data: New
	// makes what is missing for this user alone.
	Dir string
	// ChannelKey is what the web app proves itself with.
	ChannelKey internalapi.ChannelKey
	// Mapping is the mapping file of imports; empty means the one for the
	// Northwind files.
	Mapping string
	// TimeZone is the company's, an IANA name: the first schedules' times are read
	// in it, and it says which day it is. The default is UTC.
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
	Clock    tandem.Clock
}

// firstSchedules are what a new worker starts with.
var firstSchedules = []internalapi.Schedule{
	{Name: "Stock sync", Kind: internalapi.JobSyncStock, Spec: "*/30 * * * *"},
	{Name: "Orders of last month", Kind: internalapi.JobExportOrders, Spec: "0 6 1 * *"},
}

// Worker is a running service component.
type Worker struct {
	config   Config
	db       *sqldb.DB
	writable *sqldb.Writable
	log      *slog.Logger
	tokens   *client.ServiceTokens
	erp      *client.OData[client.ServiceToken]
	people   *client.Evidence

	jobs     *jobs.Jobs
	importer *importer.Importer
	stock    *stock.Stock
	export   *export.Export
	portal   *portal.Portal

	facts     facts
	strangers strangers
	// uploads bounds how many uploads are taken at once.
	uploads quota.Quota
}

// New checks the configuration, reads the mapping file and migrates the
// database. It makes no request.
func New(ctx context.Context, c Config) (*Worker, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m, err := readMapping(c.Mapping)
	if err != nil {
		return nil, err
	}
	w := &Worker{config: c, db: c.DB, writable: newWritable(c.DB), log: c.Log, facts: facts{clock: c.Clock}, uploads: quota.Quota{Total: maxUploads, Each: maxUploadsEach}}
	w.tokens, err = client.NewServiceTokens(client.ServiceConfig{
		Provider:        c.Provider,
		ApplicationURI:  c.ApplicationURI,
		Credential:      c.Credential,
		ServiceInstance: c.ServiceInstance,
		Observe:         w.facts.observe,
		Log:             c.Log,
		Clock:           c.Clock,
	})
	if err != nil {
		return nil, err
	}
	w.erp = client.ServiceOData(c.ODataRoot, w.tokens)
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, err
	}
	w.people, err = client.NewEvidence(client.EvidenceConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Service: w.tokens, ForItsLife: c.EvidenceForItsLife, Clock: c.Clock,
	})
	if err != nil {
		return nil, err
	}
	w.importer = &importer.Importer{ERP: w.erp, Mapping: m, Keep: c.KeepExports, Clock: c.Clock}
	w.stock = stock.New(c.DB, w.erp, c.Clock)
	w.export = &export.Export{ERP: w.erp, Keep: c.KeepExports, Clock: c.Clock}
	w.portal = &portal.Portal{ERP: w.erp, Clock: c.Clock, Zone: zone, Dir: filepath.Join(c.Dir, "photos"), Log: c.Log}
	if err := w.portal.Clean(); err != nil {
		return nil, err
	}
	if err := schema.Migrate(ctx, c.DB); err != nil {
		return nil, err
	}
	w.jobs, err = jobs.New(ctx, jobs.Config{
		DB:            c.DB,
		Dir:           c.Dir,
		Kinds:         w.kinds(),
		Classify:      w.classifyJob,
		Schedules:     firstSchedules,
		TimeZone:      c.TimeZone,
		ScheduleDelay: c.ScheduleDelay,
		Concurrency:   c.Concurrency,
		KeepJobs:      c.KeepJobs,
		Log:           c.Log,
		Clock:         c.Clock,
	})
	return w, err
}

// kinds are the jobs that there are.
func (w *Worker) kinds() map[internalapi.JobKind]jobs.Kind {
	return map[internalapi.JobKind]jobs.Kind{
		// The copy is everybody's, so it is made with the application's own rights, whoever
		// asks for it now; who sees what of it is decided when it is shown.
		internalapi.JobSyncStock: {Run: w.onBehalf(client.OnBehalfOf, w.stock.Sync), Single: true},
		// Two imports that ask at the same time what is there would both make it.
		internalapi.JobImport:       {Run: w.onBehalf(client.NarrowedTo, w.importer.Run), Alone: true, MaxWaiting: importer.MaxWaiting},
		internalapi.JobExportOrders: {Run: w.onBehalf(client.NarrowedTo, w.export.Run), Scheduled: export.LastMonth, CatchUp: true},
	}
}

// onBehalf tells the API with each call of a job who asked for it, as says how, and ends the
// job when that person may not use the application any more. Who has signed out
// meanwhile still gets what they asked for. Jobs that a schedule starts are the
// application's own: nobody asked, and they go on whoever leaves.
func (w *Worker) onBehalf(as func(context.Context, client.Evidenced) context.Context, run func(context.Context, *jobs.Run) error,
) func(context.Context, *jobs.Run) error {
	return func(ctx context.Context, r *jobs.Run) error {
		asker, err := r.Asker()
		if err != nil {
			return err
		}
		if asker == nil {
			return run(ctx, r)
		}
		who := client.IDToken{
			UserID: asker.UserID, Login: asker.Login, Subject: asker.Login, SignInID: asker.SignInID, IssuedAt: asker.IssuedAt,
		}
		if err := w.people.Admitted(ctx, who); err != nil {
			return whileWorking(err, who.Login)
		}
		admitted, stop := w.people.WhileAdmitted(as(ctx, who), who)
		defer stop()
		err = run(admitted, r)
		if err != nil && ctx.Err() == nil && admitted.Err() != nil {
			err = whileWorking(context.Cause(admitted), who.Login)
		}
		return err
	}
}

// whileWorking is what the end of evidence means for a job.
func whileWorking(err error, login string) error {
	if errors.Is(err, client.ErrSignInEnded) {
		return tandem.Errorf(tandem.CodeForbidden, "stopped: %s, who asked for this, may not use the application any more", login)
	}
	return err
}

// classifyJob says what the failure of a job means, and lets the status tell
// when the worker has to pause.
func (w *Worker) classifyJob(err error, failures int) jobs.Fault {
	f := fault.Of(err, failures)
	if f.Pause {
		w.facts.pause(f.Reason, w.tokens)
	}
	return jobs.Fault{Wait: f.Wait, Reason: f.Reason, Message: fault.Explain(err)}
}

// Run runs jobs and schedules until ctx ends; then it gives the jobs that run
// back to the queue and returns. It is called once.
func (w *Worker) Run(ctx context.Context) error { return w.jobs.Run(ctx) }

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

// Ready reports whether the worker can answer: its database takes a change, as a job is.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.writable.Ask(ctx); err != nil {
		return fmt.Errorf("the worker's database takes no change: %w", err)
	}
	return nil
}

// newWritable asks whether the worker's database takes a change.
func newWritable(db *sqldb.DB) *sqldb.Writable {
	return sqldb.NewWritable(db, `INSERT INTO products (id, part_number, name, search_text, active, unit, changed_at, seen_run)
		VALUES ($1, '', $2, '', FALSE, '', 0, '')`, `DELETE FROM products WHERE id = $1`)
}

// Close releases what New took. Jobs end with the context of Run.
func (w *Worker) Close() error { return nil }
