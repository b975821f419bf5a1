package data

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the instance's schema timeline, all of it. Where the ERP has a
// file of its own a migration belongs to that file when its name begins
// NNNNN_erp_, and else to the other.
var Migrations = sqldb.Migrations(migrationFiles)

// MigrationTable keeps the schema version of each of the instance's databases.
const MigrationTable = "tandem_schema"

var (
	isERP              = regexp.MustCompile(`^\d+_erp_`).MatchString
	erpMigrations      = sqldb.Only(Migrations, isERP)
	identityMigrations = sqldb.Only(Migrations, func(name string) bool { return !isERP(name) })
)

// DB are the instance's two databases. What signs people in, makes tokens,
// counts sessions and keeps the record never waits for the ERP's rows: on SQLite
// each has a file, and with it a writer and readers of its own, on PostgreSQL
// each has a pool of connections to the one database.
type DB struct {
	// Identity keeps accounts, applications, keys, grants, sessions and the
	// record.
	Identity *sqldb.DB
	// ERP keeps the rows of the entity model.
	ERP *sqldb.DB
}

// DefaultConns is how many connections each of the two pools on PostgreSQL has,
// when nothing else is asked for.
const DefaultConns = 10

// How long one connection to PostgreSQL may keep others waiting. The identity
// server's statements take milliseconds; those of the ERP may read a catalogue,
// and an Import waits for others that import the same rows.
var (
	identityLimits = sqldb.Limits{Statement: 10 * time.Second, Lock: 3 * time.Second, Idle: 5 * time.Second}
	erpLimits      = sqldb.Limits{Statement: time.Minute, Lock: 15 * time.Second, Idle: 30 * time.Second}

	// CommandLimits are those of the identity server for an administrator's command, which
	// nobody waits for but the administrator.
	CommandLimits = sqldb.Limits{Statement: time.Minute, Lock: identityLimits.Lock, Idle: identityLimits.Idle}
)

// ERPFile is the file of the ERP's rows beside the one that is named: for
// tandem.db it is tandem-erp.db.
func ERPFile(file string) string {
	ext := filepath.Ext(file)
	return strings.TrimSuffix(file, ext) + "-erp" + ext
}

// Open opens the instance's databases and brings their schemas up to date. url
// names a database of PostgreSQL, which opts may have other limits for, or the file of the identity server's data on
// SQLite; the ERP's is beside it, see [ERPFile]. Databases of a newer version
// are refused untouched, and so are two files that do not belong together.
func Open(ctx context.Context, url string, opts sqldb.Options) (*DB, error) {
	return OpenSized(ctx, url, opts, opts.MaxConns)
}

// OpenSized is [Open] with another bound of connections for the ERP's rows than
// opts has for the identity server; zero means the default there, too.
func OpenSized(ctx context.Context, url string, opts sqldb.Options, erpConns int) (*DB, error) {
	db, _, err := open(ctx, url, opts, erpConns)
	return db, err
}

// Migrate brings the schemas up to date, and returns the versions before and
// after.
func Migrate(ctx context.Context, url string, opts sqldb.Options) (from, to int64, err error) {
	db, done, err := open(ctx, url, opts, opts.MaxConns)
	if err != nil {
		return 0, 0, err
	}
	return done.from, done.to, db.Close()
}

func open(ctx context.Context, url string, opts sqldb.Options, erpConns int) (*DB, step, error) {
	db, prepare := &DB{}, (*DB).openPools
	file, embedded := strings.CutPrefix(url, "sqlite:")
	if embedded {
		url, prepare = file, (*DB).openFiles
	}
	done, err := prepare(db, ctx, url, opts, erpConns)
	if err != nil {
		return nil, step{}, errors.Join(err, db.Close())
	}
	return db, done, nil
}

func (db *DB) openPools(ctx context.Context, url string, opts sqldb.Options, erpConns int) (done step, err error) {
	opts.MaxConns = cmp.Or(opts.MaxConns, DefaultConns)
	opts.Limits = cmp.Or(opts.Limits, identityLimits)
	if db.Identity, err = sqldb.Open(ctx, url, opts); err != nil {
		return step{}, err
	}
	if done, err = migrate(ctx, db.Identity, Migrations); err != nil {
		return step{}, err
	}
	if db.Identity.Pooler && opts.Log != nil {
		opts.Log.Info("PostgreSQL is reached through a pooler: nothing is prepared, and the role's own timeouts hold",
			"set", "ALTER ROLE … SET idle_in_transaction_session_timeout = '5s'; ALTER ROLE … SET lock_timeout = '3s'")
	}
	opts.Limits, opts.MaxConns = erpLimits, cmp.Or(erpConns, DefaultConns)
	db.ERP, err = sqldb.Open(ctx, url, opts)
	return done, err
}

func (db *DB) openFiles(ctx context.Context, file string, opts sqldb.Options, erpConns int) (_ step, err error) {
	if db.Identity, err = sqldb.Open(ctx, "sqlite:"+file, opts); err != nil {
		return step{}, err
	}
	if db.Identity, err = moveERP(ctx, db.Identity, file, opts); err != nil {
		return step{}, err
	}
	identity, err := migrate(ctx, db.Identity, identityMigrations)
	if err != nil {
		return step{}, err
	}
	if err := db.mayHaveERP(ctx, ERPFile(file)); err != nil {
		return step{}, err
	}
	opts.MaxConns = erpConns
	if db.ERP, err = sqldb.Open(ctx, "sqlite:"+ERPFile(file), opts); err != nil {
		return step{}, err
	}
	if err := moved(ctx, db.ERP); err != nil {
		return step{}, err
	}
	rows, err := migrate(ctx, db.ERP, erpMigrations)
	if err != nil {
		return step{}, fmt.Errorf("%s: %w", ERPFile(file), err)
	}
	return identity.and(rows), db.pair(ctx, ERPFile(file))
}

// step is a schema's version before and after.
type step struct{ from, to int64 }

// and is what was done in two files: from the newer version that one had.
func (s step) and(o step) step {
	both := step{max(s.from, o.from), max(s.to, o.to)}
	switch {
	case s.from == s.to && o.from == o.to:
		both.from = both.to
	case s.from == s.to:
		both.from = o.from
	case o.from == o.to:
		both.from = s.from
	}
	return both
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, db *sqldb.DB, migrations fs.FS) (done step, err error) {
	if done.from, done.to, err = db.Versions(ctx, migrations, MigrationTable); err != nil {
		return step{}, err
	}
	return done, db.Migrate(ctx, migrations, MigrationTable)
}

// Facts about the two files, by which they know each other.
const (
	factERP      = "erp" // in the identity server's: the ERP's file has been made
	factInstance = "instance"
)

// mayHaveERP refuses to make an empty ERP where the instance had one.
func (db *DB) mayHaveERP(ctx context.Context, file string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil // whoever opens it says what else is wrong
	}
	_, err := NewInstance(db.Identity).fact(ctx, factERP)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return tandem.Errorf(tandem.CodeInvalid, "the file %s is missing: it has the ERP's rows of this instance. "+
		"Bring it back beside the other, from the same backup", file)
}

// pair notes, once, that the files belong together, and refuses those that do not.
func (db *DB) pair(ctx context.Context, file string) error {
	instance := NewInstance(db.Identity)
	id, err := instance.ID(ctx)
	if err != nil {
		return err
	}
	_, err = db.ERP.Writer().ExecContext(ctx,
		`INSERT INTO erp_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, factInstance, id)
	if err != nil {
		return err
	}
	var owner string
	err = db.ERP.Reader().QueryRowContext(ctx, `SELECT value FROM erp_facts WHERE name = $1`, factInstance).Scan(&owner)
	if err != nil {
		return err
	}
	if owner != id {
		return tandem.Errorf(tandem.CodeInvalid, "the file %s belongs to another instance: "+
			"use the two files of one backup, or move this one away to begin with an empty ERP", file)
	}
	return instance.setFact(ctx, factERP, "own file")
}

// Close closes both.
func (db *DB) Close() error {
	var errs []error
	for _, part := range []*sqldb.DB{db.Identity, db.ERP} {
		if part != nil {
			errs = append(errs, part.Close())
		}
	}
	return errors.Join(errs...)
}
