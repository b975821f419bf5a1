package main

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/session"
)

// instanceFlags are those of an instance, also within `tandem up`.
type instanceFlags struct {
	Listen        string          `help:"Address of the instance; :0 takes a free port." default:"127.0.0.1:8080" placeholder:"ADDR"`
	URL           string          `name:"url" help:"Public root of the instance: issuer URL/id (default: from --listen)." placeholder:"URL"`
	MetricsListen string          `help:"Address for /metrics alone; without it, this machine's only at --listen." placeholder:"ADDR"`
	DBConns       poolSize        `name:"db-connections" help:"Connections to the database for accounts, tokens and sessions (default: 10; SQLite: 4 readers, or as many as cores)." placeholder:"N"`
	ERPConns      poolSize        `name:"erp-connections" help:"Connections to the database for the ERP's rows (the same defaults)." placeholder:"N"`
	Licences      int             `help:"Licence slots." default:"25" placeholder:"N"`
	RecordKeep    keep            `help:"For how long the record is kept: a number of days, or forever." default:"400d" placeholder:"TIME"`
	RecordAnchor  string          `help:"File, best on another disk, to which the signed heads of the record are appended; on every replica another." placeholder:"FILE"`
	RecordKey     []string        `help:"Verifier of an ended epoch of the record that another key has signed, as tandem record key printed it then; may be repeated." placeholder:"VERIFIER"`
	Reserve       map[string]int  `help:"Slots reserved for an account; may be repeated." placeholder:"LOGIN=N"`
	QueryTimeout  time.Duration   `help:"Most time for one query of the Domain API at the database." default:"5s" placeholder:"TIME"`
	AccessFormat  string          `name:"access-token-format" help:"How access tokens are written: as ERP.net does, or with scope as a string and the client as the subject of a back end's (RFC 9068)." enum:"erpnet,rfc9068" default:"erpnet" placeholder:"FORMAT"`
	AccessAlg     string          `name:"access-token-alg" help:"What access tokens are signed with: ES256, RS256 or EdDSA. A change takes ten minutes, for which the new key is published beforehand." enum:"ES256,RS256,EdDSA" default:"ES256" placeholder:"ALG"`
	AccessType    string          `name:"access-token-typ" help:"The typ of access tokens: at+jwt, or JWT for resource servers that take no other, such as Spring Security's." enum:"at+jwt,JWT" default:"at+jwt" placeholder:"TYPE"`
	Lifetime      map[string]days `help:"How long something lives: code, access, id, refresh, refresh-public, device, pushed, sign-in, sign-in-kept, session, service-session, or key until it is replaced; may be repeated." placeholder:"NAME=TIME"`
	Throttle      map[string]int  `help:"How many failures are free until somebody waits: sign-in (of an account from an address), account, address, client; may be repeated." placeholder:"NAME=N"`
	LongQueries   int             `help:"Queries that look at many rows at a time, of all sessions; 0 means one for every two cores." default:"0" placeholder:"N"`
	TimeZone      string          `help:"The company's time zone: of the times that printouts tell; with tandem up also of the worker's schedules." default:"UTC" placeholder:"ZONE"`
}

// queries are the limits of the flags.
func (f *instanceFlags) queries() (data.QueryLimits, error) {
	if f.QueryTimeout <= 0 || f.LongQueries < 0 {
		return data.QueryLimits{}, usage("--query-timeout %s, --long-queries %d: use a time above 0, and 0 or more queries", f.QueryTimeout, f.LongQueries)
	}
	return data.QueryLimits{Timeout: f.QueryTimeout, Long: f.LongQueries}, nil
}

// licence is the licence of the flags.
func (f *instanceFlags) licence() (tandem.Licence, error) {
	l := tandem.Licence{Slots: f.Licences, Reserved: f.Reserve}
	if f.Licences < 1 {
		return l, usage("--licences %d: use 1 or more", f.Licences)
	}
	if err := session.CheckLicence(l); err != nil {
		return l, usageError{err}
	}
	return l, nil
}

// limits sets what lives how long, and how many failures are free.
func (f *instanceFlags) limits(c *platform.InstanceConfig) error {
	for _, name := range slices.Sorted(maps.Keys(f.Lifetime)) {
		if err := c.SetLifetime(name, time.Duration(f.Lifetime[name])); err != nil {
			return usage("--lifetime: %s", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Throttle)) {
		if err := c.SetThrottle(name, f.Throttle[name]); err != nil {
			return usage("--throttle: %s", err)
		}
	}
	return nil
}

type instanceCommand struct {
	store
	serving `set:"drain=5s"`
	instanceFlags
	auditFlags
	logoutFlags
	outsideFlags
	mailFlags
	Seed string `help:"Data to begin with: base (units, currencies, a company …) or demo." enum:"none,base,demo" default:"none" placeholder:"DATA"`
}

// prepare makes the data to begin with, and refuses slots that are reserved for
// nobody.
func (c *instanceCommand) prepare(ctx context.Context, config platform.StoreConfig) error {
	if c.Seed == "none" && len(c.Reserve) == 0 {
		return nil
	}
	a, err := platform.OpenAdministration(ctx, config)
	if err != nil {
		return err
	}
	switch err = c.checkReserved(ctx, a); {
	case err != nil:
	case c.Seed == "base":
		var made int
		if made, err = a.SeedBase(ctx); err == nil {
			config.Log.Info("base data", "made", made)
		}
	case c.Seed == "demo":
		err = a.SeedDemoCompany(ctx)
	}
	return errors.Join(err, a.Close())
}

// checkReserved refuses slots for accounts that are not there: a name with a typing
// mistake would only take slots away.
func (f *instanceFlags) checkReserved(ctx context.Context, a *platform.Administration) error {
	for _, login := range slices.Sorted(maps.Keys(f.Reserve)) {
		u, err := a.Accounts.Show(ctx, login)
		switch {
		case errors.Is(err, tandem.ErrNotFound):
			return usage("--reserve %s=%d: there is no user %[1]q; make it first with tandem user create", login, f.Reserve[login])
		case err != nil:
			return err
		case u.Login != login:
			return usage("--reserve %s=%d: the login is written %s", login, f.Reserve[login], u.Login)
		}
	}
	return nil
}

// Run runs an instance until it is told to end.
func (c *instanceCommand) Run(ctx context.Context, r *run) error {
	licence, err := c.licence()
	if err != nil {
		return err
	}
	queries, err := c.queries()
	if err != nil {
		return err
	}
	schedule, err := c.schedule()
	if err != nil {
		return err
	}
	logouts, err := c.logouts()
	if err != nil {
		return err
	}
	providers, err := c.providers()
	if err != nil {
		return err
	}
	mail, err := c.mail()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := c.limits(new(platform.InstanceConfig)); err != nil { // before anything is opened
		return err
	}
	keepHeapFloor()
	go giveBackAtRest(ctx)
	log := r.programLog("instance")
	config, err := c.config(r, log, true)
	if err != nil {
		return err
	}
	config.Options.MaxConns, config.ERPConns = int(c.DBConns), int(c.ERPConns)
	l, err := c.listen("--listen", c.Listen)
	if err != nil {
		return err
	}
	defer l.Close() // Serve closes it too
	root, err := publicURL("--url", c.URL, l, c.https())
	if err != nil {
		return err
	}
	o, err := c.options(r, l, log, "instance", hostOf(root))
	if err != nil {
		return err
	}
	var metrics net.Listener
	if c.MetricsListen != "" {
		if metrics, err = openListener("--metrics-listen", c.MetricsListen); err != nil {
			return err
		}
		defer metrics.Close()
	}
	if err := c.prepare(ctx, config); err != nil {
		return err
	}
	if c.TLSDev {
		logouts.Roots = trustedHere(devCAFile(r.Data))
	}
	version, _ := programVersion()
	settings := platform.InstanceConfig{
		StoreConfig: config, URL: root, Version: version, Licence: licence, RecordKeep: time.Duration(c.RecordKeep), RecordAnchor: c.RecordAnchor, RecordKeys: c.RecordKey, Queries: queries,
		AccessTokens:  platform.AccessTokens{Format: oauth.AccessFormat(c.AccessFormat), Algorithm: c.AccessAlg, Type: c.AccessType},
		DevelopmentCA: c.TLSDev, Audit: schedule, Logouts: logouts, Providers: providers, Mail: mail, TimeZone: c.TimeZone,
	}
	if err := c.limits(&settings); err != nil {
		return err
	}
	in, err := platform.NewInstance(ctx, settings)
	if err != nil {
		return err
	}
	if metrics != nil {
		o.Metrics, o.MetricsHandler = metrics, in.Metrics()
		log.Info("metrics", "address", metrics.Addr().String())
	}
	log.Info("instance", "issuer", in.Issuer, "odata", in.ODataRoot)
	return serve(ctx, in, o)
}
