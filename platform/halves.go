package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
	"github.com/hybridapps/tandem/worker"
)

// half is a program with the database that it does not close itself.
type half struct {
	program
	handler http.Handler
	db      *sqldb.DB
}

type program interface {
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
	Close() error
}

// Handler implements [Program].
func (h *half) Handler() http.Handler { return h.handler }

// Close implements [Program].
func (h *half) Close() error { return errors.Join(h.program.Close(), h.db.Close()) }

// newHalf puts what every program has around a half: health and request log.
func newHalf(p Program, db *sqldb.DB, root string, log *slog.Logger) Program {
	mux := http.NewServeMux()
	Health(mux, log, p.Ready, nil)
	mux.Handle("/", p.Handler())
	return &half{program: p, handler: securityHeaders(root, observed(log, nil, mux)), db: db}
}

// connections are what both halves need to be built.
type connections struct {
	provider *client.Provider
	root     func(context.Context) (string, error)
	channel  internalapi.ChannelKey
	// transport trusts CAFile; for the worker's internal API.
	transport *http.Transport
	db        *sqldb.DB
}

// halfLimits are how long a half that stands still may keep others waiting, which
// share its database.
var halfLimits = sqldb.Limits{Statement: time.Minute, Lock: 15 * time.Second, Idle: 30 * time.Second}

func (c *HalfConfig) open(ctx context.Context) (*connections, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Log = calm(c.Log)
	p := &connections{}
	var err error
	if p.transport, err = client.Transport(c.CAFile); err != nil {
		return nil, err
	}
	if p.provider, err = client.NewProvider(client.ProviderConfig{
		Issuer: c.Issuer, Transport: p.transport, Clock: c.Clock, SigningAlgorithms: c.SigningAlgorithms,
	}); err != nil {
		return nil, err
	}
	p.root = p.provider.ODataRoot
	if c.ODataRoot != "" {
		root, err := netaddr.SecureURL(c.ODataRoot)
		if err != nil {
			return nil, fmt.Errorf("domain API: %w", err)
		}
		p.root = client.Root(root.String())
	}
	key, err := seal.LoadOrCreateKey(c.ChannelKeyFile)
	if err != nil {
		return nil, fmt.Errorf("channel key: %w", err)
	}
	if p.channel, err = internalapi.NewChannelKey(key); err != nil {
		return nil, fmt.Errorf("channel key: %w", err)
	}
	p.db, err = sqldb.Open(ctx, c.DB, sqldb.Options{MaxConns: c.DBConns, Limits: halfLimits, Log: c.Log})
	return p, err
}

// NewWebApp builds the reference front end. It runs without anything of the
// back end's: no service credential, no store of its tokens.
func NewWebApp(ctx context.Context, c WebAppConfig) (Program, error) {
	root, err := RootURL(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	credential := client.UserSecret(c.Credential)
	if c.CredentialFile != "" {
		if credential, err = client.ReadUserCredential(c.CredentialFile); err != nil {
			return nil, err
		}
	}
	master, err := seal.LoadOrCreateKey(cmp.Or(c.KeyFile, filepath.Join(c.Dir, "key")))
	if err != nil {
		return nil, fmt.Errorf("the web app's key: %w", err)
	}
	box, err := seal.New("web app: sessions", master)
	if err != nil {
		return nil, err
	}
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	channel, err := internalapi.NewClient(c.WorkerURL, p.channel, p.transport)
	if err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	app, err := webapp.New(ctx, webapp.Config{
		Provider: p.provider, ApplicationURI: c.ApplicationURI, Credential: credential, PublicURL: root,
		ODataRoot: p.root, DB: p.db, Box: box, Worker: channel, Log: c.Log, Clock: c.Clock,
	})
	if err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	return newHalf(app, p.db, root, c.Log), nil
}

// NewWorker builds the reference back end. It runs without anything of the
// front end's: no user credential, no person's token.
func NewWorker(ctx context.Context, c WorkerConfig) (Program, error) {
	credential := client.ServiceSecret(c.Credential)
	if c.CredentialFile != "" {
		var err error
		if credential, err = client.ReadServiceCredential(c.CredentialFile); err != nil {
			return nil, err
		}
	}
	p, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	w, err := worker.New(ctx, worker.Config{
		Provider: p.provider, ApplicationURI: c.ApplicationURI, Credential: credential, ServiceInstance: c.ServiceInstance,
		ODataRoot: p.root, DB: p.db, Dir: c.Dir, ChannelKey: p.channel, Mapping: c.Mapping, TimeZone: c.TimeZone,
		ScheduleDelay: c.ScheduleDelay, EvidenceForItsLife: c.EvidenceForItsLife, Log: c.Log, Clock: c.Clock,
	})
	if err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	return newHalf(w, p.db, "", c.Log), nil
}
