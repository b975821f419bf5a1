// Command field is the cloud of the field app, with the app for phones beside it:
//
//	go run ./examples/field            beside a "tandem up" in the same folder
//
// It is one process: it serves the app, its API below /field-api/, and runs its jobs. The
// app on the phone is an application of its own, which keeps no secret.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/pwa"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/internal/picture"
	"github.com/hybridapps/tandem/sqldb"
)

// What the demo registers.
const (
	phone        = "com.example/field"
	cloudService = "com.example/field-cloud"
)

type options struct {
	data, issuer, application, phone, credential, ca, listen, url, db, office, instance, zone, systemUser string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == picture.Command { // the child that decodes pictures
		os.Exit(picture.Child(os.Args[2:]))
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "field:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	syscall.Umask(0o077) // nobody else on the machine reads what is kept
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	cloud.LetGrow()
	return o.run(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("field", flag.ContinueOnError)
	text := func(into *string, name, otherwise, help string) { f.StringVar(into, name, otherwise, help) }
	text(&o.data, "data", "tandem-data/field", "folder of the service")
	text(&o.url, "url", "http://127.0.0.1:8093", "public root of app and API, as it was registered")
	text(&o.listen, "listen", "127.0.0.1:8093", "address to listen at")
	text(&o.issuer, "issuer", "", "identity server (default: that of the demo beside)")
	text(&o.application, "application-uri", cloudService, "the service's application, its client_id")
	text(&o.phone, "phone-uri", phone, "the phone's application, whose tokens are taken")
	text(&o.credential, "credential-file", "", "the service's secret or key (default: that of the demo beside)")
	text(&o.ca, "ca-file", "", "further certificate authorities to trust (PEM)")
	text(&o.db, "db", "", "database, sqlite:FILE or postgres:// (default: a file in the folder)")
	text(&o.office, "office", "Service", "group whose members see all devices and have reports made")
	text(&o.zone, "time-zone", "Europe/Sofia", "zone of days and schedules, an IANA name")
	text(&o.systemUser, "system-user", "", "go on as this System User where it was another before")
	text(&o.instance, "service-instance", "", "name of this service among several that run at the same time")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if (o.issuer == "") != (o.credential == "") {
		return nil, errors.New("-issuer and -credential-file go together; without both the demo's are used")
	}
	return o, nil
}

// credentialOf is the service's own: from its file, or from the demo beside it.
func (o *options) credentialOf() (client.ServiceCredential, error) {
	if o.credential != "" {
		return client.ReadServiceCredential(o.credential)
	}
	demo, err := settings.ReadApplication(o.application)
	if err != nil {
		return client.ServiceCredential{}, err
	}
	o.issuer = demo.Issuer
	return client.ServiceSecret(demo.ServiceSecret), nil
}

func (o *options) run(ctx context.Context, log *slog.Logger) error {
	credential, err := o.credentialOf()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if o.db == "" {
		o.db = "sqlite:" + filepath.Join(dir, "field.db")
	}
	transport, err := client.Transport(o.ca)
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: o.issuer, Transport: transport})
	if err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, o.db, sqldb.Options{Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	resource := strings.TrimSuffix(o.url, "/") + wire.Prefix
	c, err := cloud.New(ctx, cloud.Config{
		Provider: provider, ApplicationURI: o.application, Credential: credential, ServiceInstance: o.instance,
		Resource: resource, AcceptsFrom: []string{o.phone}, DB: db, Dir: dir, Office: o.office, TimeZone: o.zone, SystemUser: o.systemUser, Log: log,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(wire.Prefix, c.Handler())
	mux.Handle("/.well-known/", c.Handler())
	mux.Handle("/", pwa.Handler(pwa.Config{Issuer: o.issuer, ClientID: o.phone, Resource: resource}))
	log.Info("open " + o.url)
	return serve(ctx, log, o.listen, mux, c)
}

// serve answers and works until ctx ends.
func serve(ctx context.Context, log *slog.Logger, address string, pages *http.ServeMux, c *cloud.Cloud) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	pages.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := c.Ready(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	server := &http.Server{
		Handler: pages, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	ran := make(chan error, 1)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() { ran <- c.Run(background) }()
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
