package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/seal"
)

// halfFlags are what web app and worker have in common; each has values of its
// own.
type halfFlags struct {
	Issuer         string   `help:"Identity server, any OpenID provider (default: the demo's, else http://localhost:8080/id)." placeholder:"URL"`
	ApplicationURI string   `help:"Application that this is a half of, its client_id (default: com.example/portal)." placeholder:"ID"`
	CredentialFile string   `help:"This half's secret or key (default: its folder's credential), or TANDEM_CREDENTIAL." placeholder:"FILE"`
	IDTokenAlg     []string `name:"id-token-alg" help:"Algorithms that the identity server may sign ID tokens with (default: RS256)." placeholder:"ALG"`
	OData          string   `name:"odata" help:"Domain API (default: what the instance's auto-discovery says)." placeholder:"URL"`
	ChannelKeyFile string   `help:"Key that the web app and its worker share (default: channel.key in the data folder)." placeholder:"FILE"`

	demo halfFile // what up started this half with
}

const credentialVariable = "TANDEM_CREDENTIAL"

// config is the configuration of the half called name.
func (f *halfFlags) config(r *run, s *serving, name, db, dbFile string, log *slog.Logger) (platform.HalfConfig, error) {
	if err := f.fromDemo(filepath.Join(r.Data, name)); err != nil {
		return platform.HalfConfig{}, err
	}
	c := platform.HalfConfig{
		Issuer: f.Issuer, ApplicationURI: f.ApplicationURI, SigningAlgorithms: f.IDTokenAlg, ODataRoot: f.OData, CredentialFile: f.CredentialFile,
		Dir: filepath.Join(r.Data, name), ChannelKeyFile: f.ChannelKeyFile, CAFile: s.trusted(r), Log: log,
	}
	for flag, value := range map[string]*string{"--issuer": &c.Issuer, "--odata": &c.ODataRoot} {
		if *value == "" {
			continue
		}
		u, err := netaddr.SecureURL(*value)
		if err != nil {
			return c, usage("%s: %w", flag, err)
		}
		*value = u.String()
	}
	if c.ODataRoot != "" && !strings.HasSuffix(c.ODataRoot, "/") {
		c.ODataRoot += "/"
	}
	dbFlag, err := "--"+name+"-db", error(nil)
	if c.DB, err = databaseURL(dbFlag, db, dbFlag+"-file", dbFile); err != nil {
		return c, err
	}
	if c.DB == "" {
		c.DB = "sqlite:" + filepath.Join(c.Dir, name+".db")
	}
	if err := checkDatabase(dbFlag, c.DB); err != nil {
		return c, err
	}
	if c.ChannelKeyFile == "" {
		c.ChannelKeyFile = filepath.Join(r.Data, "channel.key")
	}
	c.Credential = strings.TrimSpace(os.Getenv(credentialVariable))
	if c.CredentialFile == "" && c.Credential == "" {
		c.CredentialFile = filepath.Join(c.Dir, "credential")
		if _, err := os.Stat(c.CredentialFile); err != nil {
			return c, fmt.Errorf("there is no credential %s: name this half's with --credential-file "+
				"(tandem app create and tandem app credential add print one)", c.CredentialFile)
		}
	}
	if info, err := os.Stat(c.CredentialFile); c.CredentialFile != "" && err == nil {
		if err := seal.CheckPrivate(c.CredentialFile, info); err != nil {
			log.Warn("others can read the credential", "error", err)
		}
	}
	if err := makeFolder(r.Data); err != nil {
		return c, err
	}
	return c, makeFolder(c.Dir)
}

type webappCommand struct {
	serving `set:"drain=5s"`
	halfFlags
	WebappListen  string   `help:"Address of the web app; :0 takes a free port." default:"127.0.0.1:8081" placeholder:"ADDR" aliases:"listen"`
	WebappDBFile  string   `name:"webapp-db-file" help:"File with that URL, where it holds a password." placeholder:"FILE"`
	DBConns       poolSize `name:"webapp-db-connections" help:"Connections to it (default: 16; SQLite: 4 readers, or as many as cores)." placeholder:"N"`
	WebappURL     string   `name:"webapp-url" help:"Public root of the web app (default: from --webapp-listen)." placeholder:"URL"`
	WebappDB      string   `name:"webapp-db" help:"Database of the web app (default: webapp/webapp.db in the data folder)." placeholder:"URL"`
	WebappKeyFile string   `help:"Key of people's sessions, one for all web apps of a database (default: webapp/key in the data folder)." placeholder:"FILE"`
	Worker        string   `help:"The worker's internal API (default: the demo's, else http://127.0.0.1:8082)." placeholder:"URL"`
}

// Run runs the web app until it is told to end.
func (c *webappCommand) Run(ctx context.Context, r *run) error {
	if _, err := netaddr.SecureURL(c.Worker); c.Worker != "" && err != nil {
		return usage("--worker: %w", err)
	}
	at := place{listenFlag: "--webapp-listen", address: c.WebappListen, urlFlag: "--webapp-url", url: c.WebappURL}
	return c.run(ctx, r, "webapp", at, func(log *slog.Logger, root string) (platform.Program, error) {
		config, err := c.config(r, &c.serving, "webapp", c.WebappDB, c.WebappDBFile, log)
		if err != nil {
			return nil, err
		}
		config.DBConns = int(c.DBConns)
		log.Info("web app", "url", root, "issuer", c.Issuer, "application_uri", c.ApplicationURI)
		worker := cmp.Or(c.Worker, c.demo.Worker, "http://127.0.0.1:8082")
		return platform.NewWebApp(ctx, platform.WebAppConfig{
			HalfConfig: config, KeyFile: c.WebappKeyFile, PublicURL: root, WorkerURL: worker,
		})
	})
}

type workerCommand struct {
	serving `set:"drain=5s"`
	halfFlags
	WorkerListen    string   `help:"Address of the internal API (:0: a free port)." default:"127.0.0.1:8082" placeholder:"ADDR" aliases:"listen"`
	WorkerDB        string   `name:"worker-db" help:"Database of the worker (default: worker/worker.db in the data folder)." placeholder:"URL"`
	WorkerDBFile    string   `name:"worker-db-file" help:"File with that URL, where it holds a password." placeholder:"FILE"`
	DBConns         poolSize `name:"worker-db-connections" help:"Connections to it, beside 4 for the jobs' engine (default: 16; SQLite: 4 readers, or as many as cores)." placeholder:"N"`
	ServiceInstance string   `help:"Name of this worker among several that run at the same time." placeholder:"NAME"`
	Mapping         string   `help:"Mapping file of imports (default: the one for the Northwind files)." placeholder:"FILE"`
	TimeZone        string   `help:"The company's time zone: of the schedules, and of which day it is." default:"UTC" placeholder:"ZONE"`

	EvidenceForItsLife bool `help:"Believe an ID token until it expires: only for identity servers that cannot say if a sign-in still lives."`
}

// Run runs the worker until it is told to end.
func (c *workerCommand) Run(ctx context.Context, r *run) error {
	at := place{listenFlag: "--worker-listen", address: c.WorkerListen}
	return c.run(ctx, r, "worker", at, func(log *slog.Logger, _ string) (platform.Program, error) {
		config, err := c.config(r, &c.serving, "worker", c.WorkerDB, c.WorkerDBFile, log)
		if err != nil {
			return nil, err
		}
		config.DBConns = int(c.DBConns)
		log.Info("worker", "issuer", c.Issuer, "application_uri", c.ApplicationURI)
		return platform.NewWorker(ctx, platform.WorkerConfig{
			HalfConfig: config, ServiceInstance: c.ServiceInstance, Mapping: c.Mapping, TimeZone: c.TimeZone,
			EvidenceForItsLife: c.EvidenceForItsLife,
		})
	})
}

// place is where a half listens and under which URL it is reached, and the
// flags that say so, for messages.
type place struct{ listenFlag, address, urlFlag, url string }

// build makes a half's program for the root URL at which it listens.
type build func(log *slog.Logger, root string) (platform.Program, error)

// run listens, builds the program and serves it.
func (s *serving) run(ctx context.Context, r *run, name string, at place, program build) error {
	if err := s.check(); err != nil {
		return err
	}
	log := r.programLog(name)
	l, err := s.listen(at.listenFlag, at.address)
	if err != nil {
		return err
	}
	defer l.Close() // Serve closes it too
	root, err := publicURL(at.urlFlag, at.url, l, s.https())
	if err != nil {
		return err
	}
	o, err := s.options(r, l, log, name, hostOf(root))
	if err != nil {
		return err
	}
	p, err := program(log, root)
	if err != nil {
		return err
	}
	return serve(ctx, p, o)
}
