package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/prove"
)

type proveCommands struct {
	Run    proveRun    `cmd:"" default:"withargs" help:"Try every isolation invariant against a running system, ours or any OpenID provider; exit code 1 when one fails."`
	Verify proveVerify `cmd:"" help:"Verify a signed report, offline."`
}

type proveRun struct {
	store
	output
	leaving
	proveTarget
	SignInSteps  string    `help:"File that says how to sign in, where the forms are not found (YAML)." placeholder:"FILE"`
	ByHand       bool      `help:"Sign in with a browser, by hand: prove listens on the redirect URI, which must be on loopback."`
	Challenge    string    `help:"A text of whoever is to be convinced; it is part of what is signed." placeholder:"TEXT"`
	Disturb      bool      `help:"Also switch the application off and on, narrow the scope of its back end, and fill the licence; needs --data."`
	Only         []string  `help:"Only these invariants, joined by commas." placeholder:"ID,…"`
	Within       withinRun `help:"Longest time of the run, from 10s to 10m; more than the default is for a provider that answers slowly." default:"90s" placeholder:"DURATION"`
	CAFile       string    `name:"ca-file" help:"PEM file of a certificate authority to trust." placeholder:"FILE"`
	WithIDTokens bool      `name:"with-id-tokens" help:"Put the run's ID tokens into the report, by which the issuer itself says that it was talked to; for test accounts."`
}

// proveTarget are the flags that name a provider; none of them with --data.
type proveTarget struct {
	Issuer                string `help:"Issuer of the provider; without it everything is taken from demo.json in the data folder." placeholder:"URL"`
	ApplicationURI        string `help:"The application's client id (default with --data: the demo's portal)." placeholder:"ID"`
	UserCredentialFile    string `help:"File with the front end's secret, or its private key in JWK or PEM." placeholder:"FILE"`
	ServiceCredentialFile string `help:"File with the back end's secret, or its private key in JWK or PEM." placeholder:"FILE"`
	ServiceApplicationURI string `help:"Client id of the back end, where the provider needs a registration for each flow." placeholder:"ID"`
	PublicApplicationURI  string `help:"Client id of a public application, to try what it must not do." placeholder:"ID"`
	Redirect              string `help:"A redirect URI of the application." placeholder:"URI"`
	PostLogout            string `help:"A post-logout redirect URI of the application." placeholder:"URI"`
	SignIn                string `help:"Login of an internal person." placeholder:"LOGIN"`
	PasswordFile          string `help:"File with that person's password." placeholder:"FILE"`
	ExternalSignIn        string `help:"Login of an external person." placeholder:"LOGIN"`
	ExternalPasswordFile  string `help:"File with that person's password." placeholder:"FILE"`
	OData                 string `name:"odata" help:"Root of the domain API." placeholder:"URL"`
}

// withinRun is how long a run may take.
type withinRun time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *withinRun) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil || span < 10*time.Second || span > prove.MaxWithin {
		return fmt.Errorf("%q: use 10s to %s", text, prove.MaxWithin)
	}
	*w = withinRun(span)
	return nil
}

// Run tries the invariants and shows what became of them.
func (c *proveRun) Run(ctx context.Context, r *run) (err error) {
	config, done, err := c.prepare(ctx, r)
	defer func() { err = errors.Join(err, done()) }()
	if err != nil {
		return err
	}
	fmt.Fprintf(r.stderr, "trying %s at %s; this takes up to %s\n", config.Application, config.Issuer, time.Duration(c.Within))
	report, err := prove.Run(ctx, config)
	if err != nil {
		return err
	}
	if err := c.keep(ctx, r, config, report); err != nil {
		return err
	}
	if err := c.show(r, report); err != nil {
		return err
	}
	if n := report.Count(prove.Fails); n > 0 {
		return fmt.Errorf("%d of %d invariants fail", n, len(report.Rows))
	}
	return nil
}

// prepare is what the flags say, or the demo file. Done closes what was opened.
func (c *proveRun) prepare(ctx context.Context, r *run) (config prove.Config, done func() error, err error) {
	done = func() error { return nil }
	if c.Issuer == "" {
		config, done, err = c.ofDemo(ctx, r)
	} else {
		config, err = c.ofFlags()
	}
	if err != nil {
		return config, done, err
	}
	for _, id := range c.Only {
		config.Only = append(config.Only, strings.ToUpper(id))
	}
	config.Within = time.Duration(c.Within)
	config.Disturb, config.ByHand, config.Challenge = c.Disturb, c.ByHand, c.Challenge
	config.WithIDTokens, config.Tool = c.WithIDTokens, provingTool()
	config.Say = func(address string) { fmt.Fprintf(r.stderr, "open %s in a browser and sign in\n", address) }
	if c.SignInSteps != "" {
		if config.Steps, err = readSteps(c.SignInSteps); err != nil {
			return config, done, err
		}
	}
	if config.Transport, err = client.Transport(c.CAFile); err != nil {
		return config, done, fmt.Errorf("--ca-file: %w", err)
	}
	return config, done, nil
}

func readSteps(file string) ([]prove.Step, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--sign-in-steps: %w", err)
	}
	defer f.Close()
	steps, err := prove.ReadSteps(f)
	if err != nil {
		return nil, fmt.Errorf("--sign-in-steps %s: %w", file, err)
	}
	return steps, nil
}

// provingTool is this program.
func provingTool() prove.Tool {
	version, commit := programVersion()
	t := prove.Tool{Version: version, Commit: commit}
	file, err := os.Executable()
	if err != nil {
		return t
	}
	if text, err := os.ReadFile(file); err == nil {
		sum := sha256.Sum256(text)
		t.BinarySHA256 = hex.EncodeToString(sum[:])
	}
	return t
}

// keep writes the signed report and the page. Of a system that is looked into it is also
// an event of the record, and what the system tells of its last proof.
func (c *proveRun) keep(ctx context.Context, r *run, config prove.Config, report *prove.Report) error {
	inside, ours := config.Inside.(*platform.Insight)
	data := ""
	if ours {
		data = r.Data
	}
	signed, err := c.leave(r.stderr, report, data)
	if err != nil || !ours {
		return err
	}
	if _, err := inside.RecordProof(ctx, operator(), report, signed.text, signed.page.Key); err != nil {
		return fmt.Errorf("put the proof on record: %w", err)
	}
	return nil
}

// show shows a row for each invariant, and what was sent and answered where one fails.
func (c *proveRun) show(r *run, report *prove.Report) error {
	if c.Output != "table" {
		return showData(r.stdout, c.output, report)
	}
	err := showList(r.stdout, c.output, report.Rows, []column[prove.Row]{
		{"id", func(row prove.Row) string { return row.ID }},
		{"invariant", func(row prove.Row) string { return row.Title }},
		{"verdict", func(row prove.Row) string { return string(row.Verdict) }},
		{"probes", func(row prove.Row) string { return fmt.Sprintf("%d/%d", row.Tried(), len(row.Probes)) }},
		{"why", func(row prove.Row) string { return row.Why.String() }},
	})
	if err != nil {
		return err
	}
	for _, row := range report.Rows {
		for _, p := range row.Probes {
			if p.Verdict == prove.Fails {
				fmt.Fprintf(r.stdout, "\n%s %s\n  sent      %s\n  answered  %s\n", row.ID, p.Name, plain(p.Sent.String()), plain(p.Answered.String()))
			}
		}
	}
	_, err = fmt.Fprintf(r.stdout, "\n%s; %d requests in %.0f s\n", report.Summary(), report.Requests, float64(report.Milliseconds)/1000)
	return err
}
