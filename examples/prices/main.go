// Command prices is the price agent: an application of two halves, each a process with
// a credential and a store of its own.
//
//	go run ./examples/prices           both halves, beside a "tandem up" in the same folder
//	go run ./examples/prices agent     the agent alone: folder, checks, writing
//	go run ./examples/prices admin     the pages for people alone
//
// Without a subcommand it reads the two credentials from the demo.json of "tandem up",
// gives each half its own, and starts both again when one dies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/admin"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

// application is what the demo registers.
const application = "com.example/prices"

// options are the flags of a half; both are given the same ones, and each uses its own.
type options struct {
	data, issuer, application, credential, channelKey, ca, listen, url, agent, db string
	drop, editors, instance                                                       string
	still, scan                                                                   time.Duration
	owners                                                                        map[string]string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "prices:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	syscall.Umask(0o077) // nobody else on the machine reads what a half keeps
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	half := ""
	if len(args) > 0 && (args[0] == "agent" || args[0] == "admin") {
		half, args = args[0], args[1:]
	}
	o, err := parse(half, args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("half", half)
	switch half {
	case "agent":
		return o.runAgent(ctx, log)
	case "admin":
		return o.runAdmin(ctx, log)
	}
	return o.both(ctx)
}

func parse(half string, args []string) (*options, error) {
	o := &options{owners: map[string]string{}}
	f := flag.NewFlagSet("prices "+half, flag.ContinueOnError)
	text := func(into *string, name, otherwise, help string) { f.StringVar(into, name, otherwise, help) }
	text(&o.data, "data", "tandem-data/prices", "folder of the halves; each uses the one below it with its name")
	text(&o.url, "url", "http://localhost:8091", "public root of the pages")
	text(&o.agent, "agent", "http://127.0.0.1:8092", "address of the agent's channel")
	text(&o.listen, "listen", map[string]string{"": "127.0.0.1:8091", "admin": "127.0.0.1:8091", "agent": "127.0.0.1:8092"}[half],
		"address that the pages listen at, and the agent when it is run alone")
	text(&o.drop, "drop", "", "folder that files are put into (default: drop in the folder of the halves)")
	text(&o.editors, "editors", "Pricing", "group whose members edit mappings and connectors")
	f.Func("owner", "`ACCOUNT=LOGIN` says whose login an account is that owns files of the folder (or USER@HOST of a server); without a "+
		"login it is nobody's. May be repeated", o.addOwner)
	f.DurationVar(&o.still, "still", 10*time.Second, "for how long a file must not have changed to be taken")
	f.DurationVar(&o.scan, "scan", time.Minute, "how often folder and servers are looked at")
	if half != "" {
		text(&o.issuer, "issuer", "http://localhost:8080/id", "identity server")
		text(&o.application, "application-uri", application, "the application, its client_id")
		text(&o.credential, "credential-file", "", "this half's secret or key (default: credential in its folder)")
		text(&o.channelKey, "channel-key-file", "", "key that the two halves share (default: channel.key in the folder of the halves)")
		text(&o.ca, "ca-file", "", "further certificate authorities to trust (PEM)")
		text(&o.db, "db", "", "database, sqlite:FILE or postgres:// (default: a file in its folder)")
		text(&o.instance, "service-instance", "", "name of this agent among several that run at the same time")
	}
	return o, f.Parse(args)
}

// addOwner takes an account and its login; the account may have a = in it.
func (o *options) addOwner(text string) error {
	at := strings.LastIndexByte(text, '=')
	if at < 1 {
		return errors.New("write it as ACCOUNT=LOGIN")
	}
	o.owners[text[:at]] = text[at+1:]
	return nil
}

// ownerFlags are the flags that give the owners to the agent.
func (o *options) ownerFlags() (args []string) {
	for owner, login := range o.owners {
		args = append(args, "-owner", owner+"="+login)
	}
	return args
}

// dir is the folder of a half, made for this user alone.
func (o *options) dir(half string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(o.data, half))
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// connections are what both halves need.
type connections struct {
	dir      string
	provider *client.Provider
	channel  internalapi.ChannelKey
	http     *http.Transport
	db       *sqldb.DB
	box      *seal.Box
}

func (o *options) connect(ctx context.Context, half string, log *slog.Logger) (*connections, error) {
	c := &connections{}
	var err error
	if c.dir, err = o.dir(half); err != nil {
		return nil, err
	}
	if o.credential == "" {
		o.credential = filepath.Join(c.dir, "credential")
	}
	if o.channelKey == "" {
		o.channelKey = filepath.Join(o.data, "channel.key")
	}
	if o.db == "" {
		o.db = "sqlite:" + filepath.Join(c.dir, half+".db")
	}
	if c.http, err = client.Transport(o.ca); err != nil {
		return nil, err
	}
	if c.provider, err = client.NewProvider(client.ProviderConfig{Issuer: o.issuer, Transport: c.http}); err != nil {
		return nil, err
	}
	shared, err1 := seal.LoadOrCreateKey(o.channelKey)
	own, err2 := seal.LoadOrCreateKey(filepath.Join(c.dir, "key"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if c.channel, err = internalapi.NewChannelKey(shared); err != nil {
		return nil, err
	}
	if c.box, err = seal.New("prices "+half, own); err != nil {
		return nil, err
	}
	c.db, err = sqldb.Open(ctx, o.db, sqldb.Options{Log: log})
	return c, err
}

func (o *options) runAgent(ctx context.Context, log *slog.Logger) error {
	c, err := o.connect(ctx, "agent", log)
	if err != nil {
		return err
	}
	defer c.db.Close()
	credential, err := client.ReadServiceCredential(o.credential)
	if err != nil {
		return err
	}
	if o.drop == "" {
		o.drop = filepath.Join(filepath.Dir(c.dir), "drop")
	}
	agent.KeepSmall()
	a, err := agent.New(ctx, agent.Config{
		Provider: c.provider, ApplicationURI: o.application, Credential: credential, ServiceInstance: o.instance,
		DB: c.db, Dir: c.dir, Drop: o.drop,
		Box: c.box, ChannelKey: c.channel, Editors: o.editors, Owners: o.owners, Still: o.still, Scan: o.scan, Log: log,
	})
	if err != nil {
		return err
	}
	log.Info("the agent takes files", "folder", o.drop)
	return serve(ctx, log, o.listen, a)
}

func (o *options) runAdmin(ctx context.Context, log *slog.Logger) error {
	c, err := o.connect(ctx, "admin", log)
	if err != nil {
		return err
	}
	defer c.db.Close()
	credential, err := client.ReadUserCredential(o.credential)
	if err != nil {
		return err
	}
	channel, err := internalapi.NewClient(o.agent, c.channel, c.http)
	if err != nil {
		return err
	}
	a, err := admin.New(ctx, admin.Config{
		Provider: c.provider, ApplicationURI: o.application, Credential: credential, PublicURL: o.url,
		DB: c.db, Box: c.box, Agent: channel, Log: log,
	})
	if err != nil {
		return err
	}
	log.Info("open " + o.url)
	return serve(ctx, log, o.listen, a)
}

// half is a program with its handler and what it does in the background.
type half interface {
	Handler() http.Handler
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
}

// serve runs a half until ctx ends.
func serve(ctx context.Context, log *slog.Logger, address string, h half) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.Ready(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("/", h.Handler())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	ran := make(chan error, 1)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() { ran <- h.Run(background) }()
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-ran:
		ran <- err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(last))
	end()
	return errors.Join(err, <-ran)
}

// both starts the two halves, each with a credential of its own and none of the
// other's, and starts one again that dies.
func (o *options) both(ctx context.Context) error {
	demo, err := settings.ReadApplication(application)
	if err != nil {
		return err
	}
	for half, secret := range map[string]string{"agent": demo.ServiceSecret, "admin": demo.UserSecret} {
		dir, err := o.dir(half)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "credential"), []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	if _, err := seal.LoadOrCreateKey(filepath.Join(o.data, "channel.key")); err != nil {
		return err
	}
	channel, err := url.Parse(o.agent)
	if err != nil {
		return fmt.Errorf("-agent: %w", err)
	}
	ended := make(chan error, 2)
	shared := []string{"-data", o.data, "-issuer", demo.Issuer}
	go func() {
		ended <- keep(ctx, append([]string{"agent", "-listen", channel.Host, "-editors", o.editors, "-drop", o.drop, "-still",
			o.still.String(), "-scan", o.scan.String()}, append(o.ownerFlags(), shared...)...))
	}()
	go func() {
		ended <- keep(ctx, append([]string{"admin", "-listen", o.listen, "-url", o.url, "-agent", o.agent}, shared...))
	}()
	return errors.Join(<-ended, <-ended)
}

// startAgain is how long a half that died is waited for.
const startAgain = time.Second

// keep runs this program with the arguments, again and again until ctx ends.
func keep(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for {
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		err := cmd.Run()
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(os.Stderr, "prices: the %s has ended (%v); it is started again\n", args[0], err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startAgain):
		}
	}
}
