package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/hybridapps/tandem/platform"
)

type migrateCommand struct{ store }

// Run brings the schema up to date.
func (c *migrateCommand) Run(ctx context.Context, r *run) error {
	config, err := c.config(r, r.logger(r.stderr, slog.LevelWarn), true)
	if err != nil {
		return err
	}
	from, to, err := platform.Migrate(ctx, config)
	if err != nil {
		return err
	}
	if from == to {
		_, err = fmt.Fprintf(r.stdout, "the schema is up to date (version %d)\n", to)
	} else {
		_, err = fmt.Fprintf(r.stdout, "the schema went from version %d to %d\n", from, to)
	}
	return err
}

type versionCommand struct{ output }

// linkedCommit is what `make build` gives the linker: Go itself notes the commit
// only where it is allowed to look for it.
var linkedCommit string

// programVersion is the version that was built: a tag, or one made of the commit.
// The commit is unknown in a program that was built outside its repository, and
// with "go run", which does not look for it.
func programVersion() (version, commit string) {
	version, commit = "devel", ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, linkedCommit
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value + commit
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += "+changed"
		}
	}
	return version, cmp.Or(commit, linkedCommit)
}

func versionLine() string {
	version, commit := programVersion()
	return fmt.Sprintf("tandem %s (commit %s, %s)", version, cmp.Or(commit, "unknown: built without its repository"), runtime.Version())
}

// Run shows the version.
func (c *versionCommand) Run(r *run) error {
	if c.Output == "table" {
		_, err := fmt.Fprintln(r.stdout, versionLine())
		return err
	}
	version, commit := programVersion()
	return showData(r.stdout, c.output, struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
	}{version, commit, runtime.Version()})
}

// readAll reads a short text from standard input.
func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 64<<10)) }
