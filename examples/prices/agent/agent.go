package agent

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/recall"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/fault"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Config configures an agent. Provider, ApplicationURI, Credential, DB, Dir, Box and
// ChannelKey are needed; a user credential cannot be given to it.
type Config struct {
	Provider *client.Provider
	// ApplicationURI is the OAuth client_id of the application, and the audience of
	// the evidence.
	ApplicationURI string
	// Credential is the agent's own.
	Credential client.ServiceCredential
	// ServiceInstance tells agents apart that run at the same time; empty means the
	// only one.
	ServiceInstance string
	// ODataRoot finds the domain API; the default is the Provider's auto-discovery.
	ODataRoot func(context.Context) (string, error)
	// DB is the agent's own database, opened and not yet migrated. The caller closes it.
	DB *sqldb.DB
	// Dir keeps the files of batches, in work/, and what the jobs need. It is made for
	// this user alone. Drop is where files are put; the default is drop/ in Dir. Both
	// must be on one file system, as files are moved from one to the other.
	Dir, Drop string
	// Box seals the credentials of other systems.
	Box *seal.Box
	// ChannelKey is what the pages prove themselves with.
	ChannelKey internalapi.ChannelKey
	// Editors is the group whose members edit mappings and connectors and hand in
	// files; the default is Pricing. Administrators may, too.
	Editors string
	// Owners says of accounts that own files of the folder, and of those of SFTP servers
	// (USER@HOST), whose login that is; empty means nobody's. The case does not matter. Who
	// has placed a file does not decide about it, and of an account that is not there that
	// is a guess, see gate.go.
	Owners map[string]string
	// Still is for how long a file must not have changed to be taken; the default is
	// 10 s. Scan is how often the folder and the servers are looked at, beside what the
	// system tells of the folder; the default is a minute.
	Still, Scan time.Duration
	// Keep is for how long batches are kept, with the results of their rows and what
	// the products were before; the default is 400 days.
	Keep  time.Duration
	Log   *slog.Logger
	Clock tandem.Clock
}

//go:embed prices.yaml
var firstMapping string

// FirstMapping is the mapping that comes with the agent.
func FirstMapping() string { return firstMapping }

// Agent is a running agent.
type Agent struct {
	config Config
	log    *slog.Logger
	clock  tandem.Clock
	store  *store
	jobs   *jobs.Jobs
	people *client.Evidence
	// reads is for checking and reconciling, with a token that cannot write; writes
	// is for writing alone.
	reads, writes *client.OData[client.ServiceToken]
	tokens        *client.ServiceTokens
	// seers are those who may read list prices.
	seers recall.Memory[struct{}]
	// receiving is held while a file that was moved becomes a batch.
	receiving sync.Mutex
	// woken makes the agent look at once what is to be done.
	woken chan struct{}
	// trying has the one who tries a mapping on a sample.
	trying chan struct{}
}

// The jobs.
const (
	jobCheck     internalapi.JobKind = "prices_check"
	jobCommit    internalapi.JobKind = "prices_commit"
	jobReconcile internalapi.JobKind = "prices_reconcile"
)

// jobOf is the job that brings a batch on from a state.
var jobOf = map[wire.State]internalapi.JobKind{
	wire.Received: jobCheck, wire.Approved: jobCommit, wire.Running: jobCommit, wire.Written: jobReconcile,
}

// New checks the configuration and migrates the database. It makes no request.
func New(ctx context.Context, c Config) (*Agent, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	a := &Agent{config: c, log: c.Log, clock: c.Clock, store: &store{c.DB}, woken: make(chan struct{}, 1),
		trying: make(chan struct{}, 1), seers: recall.Memory[struct{}]{Present: seesFor, AtMost: seesAtMost}}
	var err error
	reader, err1 := a.service(tandem.Scope{tandem.ScopeRead})
	a.tokens, err = a.service(tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate})
	if err = errors.Join(err, err1); err != nil {
		return nil, err
	}
	a.reads, a.writes = client.ServiceOData(c.ODataRoot, reader), client.ServiceOData(c.ODataRoot, a.tokens)
	a.people, err = client.NewEvidence(client.EvidenceConfig{Provider: c.Provider, ApplicationURI: c.ApplicationURI, Service: reader,
		Clock: c.Clock})
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{c.Dir, c.Drop, filepath.Join(c.Dir, "work")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("the agent's folder: %w", err)
		}
	}
	if err := a.store.migrate(ctx); err != nil {
		return nil, err
	}
	if err := a.store.seedMapping(ctx, "prices", firstMapping, a.clock.Now()); err != nil {
		return nil, err
	}
	a.jobs, err = jobs.New(ctx, jobs.Config{
		DB: c.DB, Dir: filepath.Join(c.Dir, "jobs"), TimeZone: "UTC", Concurrency: 2, KeepJobs: 90 * 24 * time.Hour, Log: c.Log, Clock: c.Clock,
		Kinds: map[internalapi.JobKind]jobs.Kind{
			jobCheck: {Run: a.forBatch(a.check)},
			// Two files at a time would each find the other's prices changed.
			jobCommit:    {Run: a.forBatch(a.commit), Alone: true},
			jobReconcile: {Run: a.forBatch(a.reconcile)},
		},
		Classify: func(err error, failures int) jobs.Fault {
			f := fault.Of(err, failures)
			return jobs.Fault{Wait: f.Wait, Reason: f.Reason, Message: fault.Explain(err)}
		},
	})
	return a, err
}

func (c *Config) check() error {
	var faults []error
	for name, missing := range map[string]bool{
		"Provider": c.Provider == nil, "ApplicationURI": c.ApplicationURI == "", "DB": c.DB == nil, "Dir": c.Dir == "", "Box": c.Box == nil,
		"ChannelKey": c.ChannelKey.IsZero(),
	} {
		if missing {
			faults = append(faults, fmt.Errorf("agent: %s is missing", name))
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	if c.ODataRoot == nil {
		c.ODataRoot = c.Provider.ODataRoot
	}
	if c.Drop == "" {
		c.Drop = filepath.Join(c.Dir, "drop")
	}
	if c.Editors == "" {
		c.Editors = "Pricing"
	}
	owners := make(map[string]string, len(c.Owners))
	for owner, login := range c.Owners {
		owners[strings.ToLower(owner)] = login
	}
	c.Owners = owners
	if c.Still == 0 {
		c.Still = 10 * time.Second
	}
	if c.Scan == 0 {
		c.Scan = time.Minute
	}
	if c.Keep == 0 {
		c.Keep = 400 * 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func (a *Agent) service(scope tandem.Scope) (*client.ServiceTokens, error) {
	c := &a.config
	return client.NewServiceTokens(client.ServiceConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Credential: c.Credential, ServiceInstance: c.ServiceInstance, Scope: scope,
		Log: c.Log, Clock: c.Clock,
	})
}

// Run takes files and works on batches until ctx ends; what is at work then goes on
// with the next start. It is called once.
func (a *Agent) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.jobs.Run(ctx) })
	g.Go(func() error { return a.watch(ctx) })
	g.Go(func() error { return a.keepAdvancing(ctx) })
	return g.Wait()
}

// Ready reports whether the agent can answer: its database is reached.
func (a *Agent) Ready(ctx context.Context) error { return a.config.DB.Ping(ctx) }

// advanceEvery is how often batches are looked for that nobody works on.
const advanceEvery = 2 * time.Second

func (a *Agent) keepAdvancing(ctx context.Context) error {
	tick := time.NewTicker(advanceEvery)
	defer tick.Stop()
	for {
		if err := a.advance(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the agent cannot look for batches", "error", err)
		}
		if err := a.purge(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the agent cannot delete old batches", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-a.woken:
		}
	}
}

func (a *Agent) wake() {
	select {
	case a.woken <- struct{}{}:
	default:
	}
}

// advance gives each batch that is to go on its job. The number of the job is in the
// batch, written with the state: so a process that dies in between begins no second one.
func (a *Agent) advance(ctx context.Context) error {
	open, err := a.store.find(ctx, a.config.DB.Reader(), `WHERE state IN ('received', 'approved', 'running', 'written') ORDER BY
		id LIMIT 1000`)
	if err != nil {
		return err
	}
	for i := range open {
		b := &open[i]
		job, err := a.jobs.Job(ctx, everything, b.jobID)
		switch {
		case tandem.ErrorCode(err) == tandem.CodeNotFound:
			err = a.begin(ctx, b)
		case err == nil && (job.State == internalapi.JobFailed || job.State == internalapi.JobCancelled):
			err = a.gaveUp(ctx, b, job)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// everything is within the agent's own reach.
func everything(string) bool { return true }

// arguments are those of the jobs.
type arguments struct {
	Batch int64 `json:"batch"`
}

func (a *Agent) begin(ctx context.Context, b *batch) error {
	ask := jobs.Ask{ID: b.jobID, Kind: jobOf[b.state], RequestedBy: "agent", Args: arguments{b.id}}
	if b.evidence != "" && ask.Kind == jobCommit {
		ask.Asker, ask.RequestedBy = &jobs.Asker{}, b.decidedBy
		if err := json.Unmarshal([]byte(b.evidence), ask.Asker); err != nil {
			return err
		}
	}
	_, err := a.jobs.Submit(ctx, everything, ask)
	if sqldb.IsUnique(err) {
		return nil // another process was faster
	}
	return err
}

// gaveUp ends a batch whose job has failed for good.
func (a *Agent) gaveUp(ctx context.Context, b *batch, job internalapi.Job) error {
	err := a.store.change(ctx, b.id, func(tx *sqlTx, now *batch) error {
		if now.jobID != b.jobID || now.state != b.state {
			return nil
		}
		now.state, now.note, now.finishedAt = wire.Failed, job.Error, a.clock.Now()
		return a.store.event(ctx, tx, b.id, a.clock.Now(), "", "failed: "+job.Error)
	})
	return err
}

// forBatch makes a job of what is done with a batch.
func (a *Agent) forBatch(do func(ctx context.Context, r *jobs.Run, b *batch) error) func(context.Context, *jobs.Run) error {
	return func(ctx context.Context, r *jobs.Run) error {
		var args arguments
		if err := r.Args(&args); err != nil {
			return err
		}
		b, err := a.store.batch(ctx, args.Batch)
		if err != nil || b.jobID != r.ID() {
			return err // the batch has gone on without this job
		}
		err = do(ctx, r, b)
		a.wake()
		if errors.Is(err, errGoneOn) {
			return nil
		}
		return err
	}
}

// errGoneOn ends a job whose batch has gone on without it: a person has cancelled it.
var errGoneOn = errors.New("the batch has gone on without this job")

// settle changes the batch of a job in one transaction, while the job is this
// attempt's and the batch is the job's. next says that another job is to follow.
func (a *Agent) settle(ctx context.Context, r *jobs.Run, id int64, next bool, f func(tx *sqlTx, b *batch) error) error {
	return r.Write(ctx, func(tx *sqlTx) error {
		b, err := a.store.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		if b.jobID != r.ID() {
			return errGoneOn
		}
		if err := f(tx, b); err != nil {
			return err
		}
		if next {
			b.jobID = jobs.NewID()
		}
		return a.store.save(ctx, tx, b)
	})
}

// purge deletes what has been kept for long enough, one batch at a time.
func (a *Agent) purge(ctx context.Context) error {
	old, err := a.store.find(ctx, a.config.DB.Reader(), `WHERE finished_at > 0 AND finished_at < $1 ORDER BY id LIMIT 1`,
		sqldb.Micros(a.clock.Now().Add(-a.config.Keep)))
	if err != nil || len(old) == 0 {
		return err
	}
	id := old[0].id
	for _, table := range []string{"price_rows", "batch_events"} {
		place := map[string]string{"price_rows": "line", "batch_events": "place"}[table]
		_, err := a.config.DB.Purge(ctx, sqldb.Purge{Table: table, Column: place, Before: int64(1) << 60, And: `batch_id = $4`, Args: []any{id}})
		if err != nil {
			return err
		}
	}
	if err := os.RemoveAll(a.folder(id)); err != nil {
		return err
	}
	_, err = a.config.DB.Writer().ExecContext(ctx, `DELETE FROM batches WHERE id = $1`, id)
	return err
}

// folder is where a batch has its file.
func (a *Agent) folder(id int64) string { return filepath.Join(a.config.Dir, "work", fmt.Sprint(id)) }
