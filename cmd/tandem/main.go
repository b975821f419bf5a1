// Command tandem is the whole system in one program: `tandem up` runs it with
// demo data; `tandem instance`, `tandem webapp` and `tandem worker` run its
// parts; the other commands administer it. `tandem --help` tells the rest.
//
// Every flag is also an environment variable (--webapp-listen is
// TANDEM_WEBAPP_LISTEN) and a key of the file that --config names, in this order
// of precedence: flag, environment, file. The exit code is 0 when all is done, 1
// when something failed, 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hybridapps/tandem/internal/picture"
)

// commands is the command line.
type commands struct {
	global

	Up       upCommand        `cmd:"" help:"Run the whole system with demo data: instance, web app and worker, each a process of its own."`
	Instance instanceCommand  `cmd:"" help:"Run the instance: identity server and domain API."`
	Webapp   webappCommand    `cmd:"" help:"Run the reference web app: user flow only."`
	Worker   workerCommand    `cmd:"" help:"Run the reference worker: service flow only, jobs and schedules."`
	App      appCommands      `cmd:"" help:"Trusted Applications and their credentials."`
	User     userCommands     `cmd:"" help:"Users: people and System Users."`
	Provider providerCommands `cmd:"" help:"OpenID providers of others that people may sign in through."`
	Token    tokenCommands    `cmd:"" help:"Reference tokens (PAT, SAT) of people and System Users, for scripts."`
	Session  sessionCommands  `cmd:"" help:"API sessions and the licence slots they hold."`
	Access   accessCommands   `cmd:"" help:"Who may see what."`
	Demo     demoCommands     `cmd:"" help:"Examples beside the demo of tandem up."`
	Usage    usageCommands    `cmd:"" help:"What applications use of what they were granted, and how the licence is used."`
	Audit    auditCommands    `cmd:"" help:"Look for what of the rights somebody should look at."`
	Explain  explainCommand   `cmd:"" help:"Tell why a call is allowed or refused, by which grants; or why a request was refused."`
	Prove    proveCommands    `cmd:"" help:"Try every isolation invariant against a running system, and report."`
	Record   recordCommands   `cmd:"" help:"The append-only record of what happened."`
	Key      keyCommands      `cmd:"" help:"Signing keys."`
	Backup   backupCommand    `cmd:"" help:"Back up all databases of the data folder into one file, while everything runs."`
	Restore  restoreCommand   `cmd:"" help:"Restore a backup into an empty data folder; everybody signs in again."`
	Migrate  migrateCommand   `cmd:"" help:"Bring the database's schema up to date."`
	Licences licencesCommand  `cmd:"" help:"Show the licences of everything that is in this program."`

	Completion completionCommand `cmd:"" help:"Write the script that completes commands and flags in a shell."`
	Complete   completeCommand   `cmd:"" hidden:""`
	Version    versionCommand    `cmd:"" help:"Show the version of this program."`
}

// global are the flags that every command understands.
type global struct {
	Config    string `help:"YAML or JSON file with flags as keys (data, webapp-listen …)." type:"path" placeholder:"FILE"`
	Data      string `help:"Folder of the embedded databases, keys and the demo file." default:"./tandem-data" placeholder:"DIR"`
	LogFormat string `help:"Log as text or json." enum:"text,json" default:"text"`
	LogLevel  string `help:"Log debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`

	ShowVersion kong.VersionFlag `name:"version" help:"Show the version of this program." env:"-"`
}

// run is what a command gets beside its own flags.
type run struct {
	*global
	stdout, stderr io.Writer
}

// usageError is a mistake in how the program was called: exit code 2.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	if len(os.Args) > 1 && os.Args[1] == picture.Command { // the child that decodes pictures
		os.Exit(picture.Child(os.Args[2:]))
	}
	privateFiles()
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

func execute(args []string, stdout, stderr io.Writer) int {
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("tandem"),
		kong.Description("Hybrid apps: one application, two halves, and the platform that keeps them apart."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Writers(stdout, stderr),
		kong.DefaultEnvars("TANDEM"),
		kong.Resolvers(&configFile{}),
		kong.Vars{"version": versionLine()},
		kong.ValueFormatter(showDefault),
	)
	if err != nil {
		panic(err) // the command line's description is wrong
	}
	addExamples(parser.Model)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		var problem *kong.ParseError
		at := "tandem"
		if errors.As(err, &problem) && problem.Context != nil && problem.Context.Command() != "" {
			at += " " + strings.Split(problem.Context.Command(), " <")[0]
		}
		return failed(stderr, usage("%w; see %s --help", err, at))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel, err := within(ctx, command)
	if err != nil {
		return failed(stderr, err)
	}
	defer cancel()
	err = runOf(command)(ctx, &run{global: &cli.global, stdout: stdout, stderr: stderr})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = context.Cause(ctx)
	}
	return failed(stderr, err)
}

// runOf is what runs the command that was called. It holds nothing of the command
// line's description, which is more than a third of what an instance keeps while it
// runs, and is looked through whenever garbage is collected.
func runOf(command *kong.Context) func(context.Context, *run) error {
	switch c := command.Selected().Target.Addr().Interface().(type) {
	case interface {
		Run(context.Context, *run) error
	}:
		return c.Run
	case interface{ Run(*run) error }:
		return func(_ context.Context, r *run) error { return c.Run(r) }
	}
	return func(ctx context.Context, r *run) error {
		command.BindTo(ctx, (*context.Context)(nil))
		return command.Run(r)
	}
}

// failed says in one line what is wrong, and gives the exit code.
func failed(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	// Errors of several parts come in several lines.
	line := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	for _, sign := range []string{"disk I/O error", "disk is full", "no space left"} {
		if strings.Contains(line, sign) {
			line += "; see whether the disk is full, free some space and start again"
			break
		}
	}
	fmt.Fprintln(stderr, "tandem: "+masked(line))
	var wrong usageError
	if errors.As(err, &wrong) {
		return 2
	}
	return 1
}
