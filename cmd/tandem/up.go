package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/paging"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/seal"
)

type upCommand struct {
	store
	serving `set:"drain=0s"`
	instanceFlags
	WebappListen string   `help:"Address of the web app; :0 takes a free port." default:"127.0.0.1:8081" placeholder:"ADDR"`
	WebappURL    string   `name:"webapp-url" help:"Public root of the web app (default: from --webapp-listen)." placeholder:"URL"`
	WebappDB     string   `name:"webapp-db" help:"Database of the web app (default: webapp/webapp.db in the data folder)." placeholder:"URL"`
	WebappDBFile string   `name:"webapp-db-file" help:"File with that URL, where it holds a password." placeholder:"FILE"`
	WorkerListen string   `help:"Address of the worker; :0 takes a free port." default:"127.0.0.1:8082" placeholder:"ADDR"`
	WorkerDB     string   `name:"worker-db" help:"Database of the worker (default: worker/worker.db in the data folder)." placeholder:"URL"`
	WorkerDBFile string   `name:"worker-db-file" help:"File with that URL, where it holds a password." placeholder:"FILE"`
	WebappConns  poolSize `name:"webapp-db-connections" help:"Connections of the web app to its database." placeholder:"N"`
	WorkerConns  poolSize `name:"worker-db-connections" help:"Connections of the worker to its database." placeholder:"N"`
	Mapping      string   `help:"Mapping file of imports (default: the one for the Northwind files)." placeholder:"FILE"`
}

// startTimeout is how long the programs may take until all of them answer.
const startTimeout = 30 * time.Second

// system is what `tandem up` runs.
type system struct {
	*upCommand
	*run
	log *slog.Logger
	// The listeners are the parent's, so that a program that is started again
	// listens where the one before did, and no port is lost in between.
	instance, webapp, worker member
	https                    bool
	ca                       string
}

// member is one of the three programs.
type member struct {
	name      string
	listener  net.Listener
	url       string
	cert, key string
}

// Run runs the whole system until it is told to end.
func (c *upCommand) Run(ctx context.Context, r *run) error {
	begun := tandem.SystemTime()
	if err := c.check(); err != nil {
		return err
	}
	if err := c.limits(new(platform.InstanceConfig)); err != nil { // before anything is opened
		return err
	}
	if _, err := c.licence(); err != nil {
		return err
	}
	var err error
	if r.Data, err = filepath.Abs(r.Data); err != nil {
		return err
	}
	lines := &lines{w: r.stderr, raw: r.LogFormat == "json", colour: isTerminal(os.Stderr)}
	s := &system{upCommand: c, run: r, https: c.https(), log: r.logger(lines.named("up"), slog.LevelDebug)}
	config, err := c.config(r, s.log, true)
	if err != nil {
		return err
	}
	unlock, err := lockFolder(r.Data)
	if err != nil {
		return err
	}
	defer unlock()
	known, err := retireDemoFile(r.Data)
	if err != nil {
		return err
	}
	defer s.closeListeners()
	if err := s.prepare(); err != nil {
		return err
	}
	demo, first, err := s.register(ctx, config, known)
	if err != nil {
		return interrupted(ctx, err)
	}
	debug.FreeOSMemory() // hashing and the demo took much; from here on this process only waits
	group := newSupervisor(s.log, lines, s.Drain)
	for _, p := range []struct {
		member
		args, env []string
	}{
		{s.instance, s.instanceArgs(), s.instanceEnv(config)},
		{s.webapp, s.webappArgs(), databaseEnv("TANDEM_WEBAPP_DB", s.WebappDB)},
		{s.worker, s.workerArgs(), databaseEnv("TANDEM_WORKER_DB", s.WorkerDB)},
	} {
		file, err := p.listener.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		defer file.Close()
		group.add(p.name, append(p.args, r.logArgs()...), p.env, file)
	}
	if err := group.start(ctx, s.answers); err != nil {
		group.stop()
		return interrupted(ctx, err)
	}
	file := s.demoFile(config, demo)
	if err := writeDemoFile(r.Data, file); err != nil {
		group.stop()
		return err
	}
	s.welcome(file, first, time.Since(begun))
	group.run(ctx)
	signal.Reset(os.Interrupt) // a second Ctrl-C does not wait
	s.log.Info("ending")
	group.stop()
	return nil
}

// interrupted replaces the errors that Ctrl-C causes.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted before everything was started; the next start goes on from here")
	}
	return err
}

// prepare opens the listeners and makes the certificates.
func (s *system) prepare() error {
	s.instance, s.webapp, s.worker = member{name: "instance"}, member{name: "webapp"}, member{name: "worker"}
	host := ""
	for _, m := range []struct {
		*member
		flag, address, urlFlag, url string
	}{
		{&s.instance, "--listen", s.Listen, "--url", s.URL},
		{&s.webapp, "--webapp-listen", s.WebappListen, "--webapp-url", s.WebappURL},
		{&s.worker, "--worker-listen", s.WorkerListen, "", ""},
	} {
		var err error
		if m.listener, err = openListener(m.flag, m.address); err != nil {
			return err
		}
		if m.member.url, err = publicURL(m.urlFlag, m.url, m.listener, s.https); err != nil {
			return err
		}
		if m.member == &s.instance && s.https && s.URL != "" {
			host = hostOf(s.URL) // the certificate is for this name
		}
		if m.url == "" && host != "" {
			m.member.url = strings.Replace(m.member.url, "//localhost:", "//"+host+":", 1)
		}
		m.cert, m.key = s.TLSCert, s.TLSKey
		if s.TLSDev {
			if m.cert, m.key, err = devCertificate(s.Data, m.name, hostOf(m.member.url)); err != nil {
				return err
			}
		}
	}
	s.ca = s.trusted(s.run)
	return nil
}

func (s *system) closeListeners() {
	for _, m := range []member{s.instance, s.webapp, s.worker} {
		if m.listener != nil {
			m.listener.Close() // nothing accepts on it here
		}
	}
}

// register makes the demo's data and gives each half its own credential, in a
// folder of its own. It is the only part of the start that sees both.
func (s *system) register(ctx context.Context, config platform.StoreConfig, known demoFile) (demo *platform.Demo, first bool, err error) {
	webappDir, workerDir := filepath.Join(s.Data, "webapp"), filepath.Join(s.Data, "worker")
	if _, err := seal.LoadOrCreateKey(filepath.Join(s.Data, "channel.key")); err != nil {
		return nil, false, fmt.Errorf("channel key: %w", err)
	}
	userFile, serviceFile := filepath.Join(webappDir, "credential"), filepath.Join(workerDir, "credential")
	d := platform.DemoConfig{
		WebApp: s.webapp.url, Passwords: known.passwords(),
		UserSecret: readSecret(userFile), ServiceSecret: readSecret(serviceFile), Others: known.secrets(), Tokens: known.tokens(),
	}
	a, err := platform.OpenAdministration(ctx, config)
	if err != nil {
		return nil, false, err
	}
	_, some, err := paging.First(a.Accounts.List(ctx, signin.Filter{}))
	if first = !some; first && err == nil {
		s.log.Info("making the demo company; this takes a few seconds")
	}
	if err == nil {
		demo, err = a.EnsureDemo(ctx, d)
	}
	if err == nil {
		err = s.checkReserved(ctx, a)
	}
	if err = errors.Join(err, a.Close()); err != nil {
		return nil, false, err
	}
	half := halfFile{Issuer: s.instance.url + oauth.PathIssuer, ApplicationURI: platform.DemoPortal}
	front := half
	front.Worker = s.worker.url
	for dir, file := range map[string]halfFile{webappDir: front, workerDir: half} {
		if err := errors.Join(makeFolder(dir), file.write(dir)); err != nil {
			return nil, false, err
		}
	}
	if demo.UserSecret != d.UserSecret {
		err = writeFile(userFile, []byte(demo.UserSecret+"\n"), 0o600)
	}
	if demo.ServiceSecret != d.ServiceSecret {
		err = errors.Join(err, writeFile(serviceFile, []byte(demo.ServiceSecret+"\n"), 0o600))
	}
	return demo, first, err
}

// readSecret is the secret in a file; empty when there is none.
func readSecret(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "" // a new one is made
	}
	return strings.TrimSpace(string(text))
}

// servingArgs are the flags of [serving] for a program.
func (s *system) servingArgs(m member) []string {
	args := []string{"--listen-fd=3", "--data=" + s.Data, "--max-connections=" + strconv.Itoa(s.MaxConnections), "--drain=" + s.Drain.String()}
	for _, proxy := range s.TrustedProxy {
		args = append(args, "--trusted-proxy="+proxy)
	}
	if m.cert != "" {
		args = append(args, "--tls-cert="+m.cert, "--tls-key="+m.key)
	}
	return args
}

func (r *run) logArgs() []string {
	return []string{"--log-format=" + r.LogFormat, "--log-level=" + r.LogLevel}
}

func (s *system) instanceArgs() []string {
	args := append([]string{"instance", "--url=" + s.instance.url, "--licences=" + strconv.Itoa(s.Licences)}, s.servingArgs(s.instance)...)
	args = append(args, s.DBConns.flag("db")...)
	args = append(args, s.ERPConns.flag("erp")...)
	args = append(args, "--time-zone="+s.TimeZone)
	args = append(args, "--record-keep="+s.RecordKeep.String())
	if s.RecordAnchor != "" {
		args = append(args, "--record-anchor="+s.RecordAnchor)
	}
	for _, key := range s.RecordKey {
		args = append(args, "--record-key="+key)
	}
	args = append(args, "--query-timeout="+s.QueryTimeout.String(), "--long-queries="+strconv.Itoa(s.LongQueries))
	args = append(args, "--access-token-format="+s.AccessFormat, "--access-token-alg="+s.AccessAlg, "--access-token-typ="+s.AccessType)
	for name, span := range s.Lifetime {
		args = append(args, "--lifetime="+name+"="+time.Duration(span).String())
	}
	for name, n := range s.Throttle {
		args = append(args, "--throttle="+name+"="+strconv.Itoa(n))
	}
	for login, n := range s.Reserve {
		args = append(args, "--reserve="+login+"="+strconv.Itoa(n))
	}
	if s.KeyFile != "" {
		args = append(args, "--key-file="+s.KeyFile)
	}
	if s.PKCS11Module != "" {
		args = append(args, "--pkcs11-module="+s.PKCS11Module, "--pkcs11-token="+s.PKCS11Token)
	}
	if s.MetricsListen != "" {
		args = append(args, "--metrics-listen="+s.MetricsListen)
	}
	return args
}

// databaseEnv gives a half its database where no list of processes shows it.
func databaseEnv(variable, url string) []string {
	if url == "" {
		return nil
	}
	return []string{variable + "=" + url}
}

// instanceEnv holds what must not show in a list of processes.
func (s *system) instanceEnv(config platform.StoreConfig) []string {
	env := []string{"TANDEM_DB=" + config.DB}
	if config.Key != "" {
		env = append(env, keyVariable+"="+config.Key)
	}
	if config.HSM.PIN != "" {
		env = append(env, pinVariable+"="+config.HSM.PIN)
	}
	return env
}

func (s *system) halfArgs(m member, credential string) []string {
	args := append([]string{
		m.name, "--issuer=" + s.instance.url + oauth.PathIssuer, "--application-uri=" + platform.DemoPortal,
		"--credential-file=" + filepath.Join(s.Data, m.name, credential),
	}, s.servingArgs(m)...)
	if s.ca != "" {
		args = append(args, "--ca-file="+s.ca)
	}
	return args
}

func (s *system) webappArgs() []string {
	args := append(s.halfArgs(s.webapp, "credential"), "--webapp-url="+s.webapp.url, "--worker="+s.worker.url)
	args = append(args, s.WebappConns.flag("webapp-db")...)
	if s.WebappDBFile != "" {
		args = append(args, "--webapp-db-file="+s.WebappDBFile)
	}
	return args
}

func (s *system) workerArgs() []string {
	args := append(s.halfArgs(s.worker, "credential"), "--time-zone="+s.TimeZone)
	args = append(args, s.WorkerConns.flag("worker-db")...)
	if s.WorkerDBFile != "" {
		args = append(args, "--worker-db-file="+s.WorkerDBFile)
	}
	if s.Mapping != "" {
		args = append(args, "--mapping="+s.Mapping)
	}
	return args
}

// answers waits until all three programs are ready.
func (s *system) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, m := range []member{s.instance, s.webapp, s.worker} {
		if err := waitReady(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
