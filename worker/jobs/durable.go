package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // the engine's words for SQLite
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hybridapps/tandem/sqldb"
)

const (
	// workflowName is the one kind of workflow that there is. What a job does is
	// in its row: a process of an older program must not take a name that it
	// does not know.
	workflowName = "job"
	// workflowVersion is kept with each workflow, and only processes of the same
	// version take it over. It changes when a workflow of before cannot go on.
	workflowVersion = "1"
	// engineIn is how long the engine may take to answer a question.
	engineIn = 10 * time.Second
	// engineConns is how many connections the engine has.
	engineConns = 4
)

// engineLimits are how long an engine that stands still may keep others waiting.
// Its commands have no bound: it makes indexes.
var engineLimits = sqldb.Limits{Idle: 30 * time.Second}

// durable is the durable engine: DBOS Transact. It keeps one row for each job
// that is not finished, with the process that has it.
type durable struct {
	dbos dbos.Context
	work dbos.Workflow[string, string]
	rest *rest
	// cleaned is how often it had been woken when nothing was left to clean.
	cleaned atomic.Int64
	// beginning are the jobs that the engine is asked to begin, by id.
	beginning sync.Map
	close     func(within time.Duration) error
}

// openDurable starts the engine. work does a job; it is called again after any
// break, here or elsewhere.
func openDurable(ctx context.Context, e *engine, alive alive, work func(id string) error) (*durable, error) {
	if err := refuseEnvironment(); err != nil {
		return nil, err
	}
	config := configuration(e)
	d, silent := &durable{rest: newRest()}, &silent{}
	closePool, err := connect(ctx, e, d.rest, silent, &config)
	if err != nil {
		return nil, err
	}
	// It is stopped in order, by close. Only a start that does not come to an end
	// is broken off: within that, indexes may be half made.
	root, end := context.WithCancel(context.WithoutCancel(ctx))
	starting := context.AfterFunc(ctx, func() { time.AfterFunc(stopIn, end) })
	defer starting()
	d.close = func(within time.Duration) error {
		defer closePool()
		defer end()
		d.rest.wake()
		return dbos.Shutdown(d.dbos, within)
	}
	err = alive.alone(ctx, func(alone context.Context) (err error) { // it migrates its tables without a lock
		defer context.AfterFunc(alone, end)()
		d.dbos, err = dbos.NewContext(root, config)
		return err
	})
	if err != nil {
		end()
		closePool()
		return nil, err
	}
	silent.watched.Store(true) // its tables are made, which took as long as it takes
	d.work = func(ctx dbos.Context, id string) (string, error) {
		err := work(id)
		if errors.Is(err, errStopping) {
			<-ctx.Done() // what ends before that would count as the job's end
			return "", ctx.Err()
		}
		return "", err
	}
	dbos.RegisterWorkflow(d.dbos, d.work, dbos.WithWorkflowName(workflowName), dbos.WithMaxRecoveryAttempts(-1))
	if err := dbos.Launch(d.dbos); err != nil {
		return nil, errors.Join(err, d.close(stopIn))
	}
	d.rest.wake()
	return d, nil
}

// Migrate makes the engine's tables, or brings them to their newest version, as
// [Jobs.Run] does at its start. It runs nothing.
func Migrate(ctx context.Context, db *sqldb.DB, dir string) error {
	log := slog.New(slog.DiscardHandler)
	e := newEngine(&Jobs{config: Config{Dir: dir}, db: db, log: log})
	alive, err := holdAlive(ctx, db, dir, e.executor)
	if err != nil {
		return err
	}
	defer alive.release()
	d, err := openDurable(ctx, e, alive, func(string) error { return errStopping })
	if err != nil {
		return err
	}
	return d.close(stopIn)
}

func configuration(e *engine) dbos.Config {
	return dbos.Config{
		AppName:            "tandem-worker",
		ApplicationVersion: workflowVersion,
		ExecutorID:         e.executor,
		Logger:             slog.New(atLeastWarn{e.log.Handler()}),
		// Ours has neither schedules nor events of the engine's. With the
		// default, a ticker for events alone takes 1.7 % of a core.
		SchedulerPollingInterval:     time.Hour,
		NotificationCoalesceInterval: time.Hour,
	}
}

// refuseEnvironment refuses variables that would change the engine behind our
// back: its version and its name for this process, and where it sends what it
// knows.
func refuseEnvironment() error {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "DBOS__") {
			return fmt.Errorf("unset the environment variable %s: the worker sets up its engine itself", name)
		}
	}
	return nil
}

// connect gives the engine connections of its own: beside ours in PostgreSQL,
// and a file of its own on SQLite, where two pools of one file would wait for
// each other.
func connect(ctx context.Context, e *engine, rest *rest, silent *silent, config *dbos.Config) (closePool func(), err error) {
	if e.db.Engine == sqldb.SQLite {
		file := url.URL{Path: filepath.Join(e.jobs.config.Dir, "engine.db")}
		db := sql.OpenDB(&keeping{rest: rest, name: "file:" + file.EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)" +
			"&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)&_txlock=immediate"})
		db.SetMaxOpenConns(engineConns)
		db.SetMaxIdleConns(engineConns)
		config.SQLiteSystemDB = db
		return func() { db.Close() }, nil
	}
	pool, err := pgxpool.ParseConfig(e.db.URL())
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	pool.MaxConns = engineConns
	if !e.db.Pooler {
		engineLimits.Set(pool.ConnConfig.RuntimeParams)
	}
	pool.ConnConfig.Tracer = silent
	pool.BeforeConnect = func(_ context.Context, one *pgx.ConnConfig) error { e.db.Prepare(one); return nil }
	pool.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		rested := rest.wait(ctx) // it may have been cut meanwhile
		return e.db.Current(conn) && (!rested || conn.Ping(ctx) == nil), nil
	}
	// The engine's tables are where ours are.
	if err := e.db.Reader().QueryRowContext(ctx, `SELECT current_schema()`).Scan(&config.DatabaseSchema); err != nil {
		return nil, err
	}
	if config.SystemDBPool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), pool); err != nil {
		return nil, err
	}
	return func() {
		_ = inTime(stopIn, func() error { config.SystemDBPool.Close(); return nil }) // a server that hangs has some
	}, nil
}

// begin starts the job's workflow here; nothing when it has been begun. The engine tries for
// as long as its database is away: whoever asked does not wait for that, and who asks
// meanwhile starts no other try.
func (d *durable) begin(id string) error {
	if _, tries := d.beginning.LoadOrStore(id, true); tries {
		return nil
	}
	return inTime(engineIn, func() error {
		defer d.beginning.Delete(id)
		d.rest.wake()
		defer d.rest.wake() // what was cleaned meanwhile did not have it
		_, err := dbos.RunWorkflow(d.dbos, d.work, id, dbos.WithWorkflowID(id))
		return err
	})
}

// remove deletes workflows.
func (d *durable) remove(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	within, cancel := d.bounded()
	defer cancel()
	return dbos.DeleteWorkflows(within, ids)
}

func ids(workflows []dbos.WorkflowStatus) []string {
	all := make([]string, len(workflows))
	for i, w := range workflows {
		all[i] = w.ID
	}
	return all
}

func (d *durable) list(filters ...dbos.ListWorkflowsOption) ([]dbos.WorkflowStatus, error) {
	within, cancel := d.bounded()
	defer cancel()
	return dbos.ListWorkflows(within, append(filters, dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))...)
}

// bounded is for what the engine is asked: it would try for ever while its
// database is away. A workflow must not be begun with it, as it would end with
// it, too.
func (d *durable) bounded() (dbos.Context, context.CancelFunc) {
	return dbos.WithTimeout(d.dbos, engineIn)
}

// atLeastWarn is the log for the engine, which tells much at level info.
type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h atLeastWarn) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(a)}
}

func (h atLeastWarn) WithGroup(g string) slog.Handler { return atLeastWarn{h.Handler.WithGroup(g)} }
