package main

import (
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

// programVersion is the version that was built: a tag, or the commit.
func programVersion() (version, commit string) {
	version = "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return version, commit
}

// Run shows the version.
func (c *versionCommand) Run(r *run) error {
	version, commit := programVersion()
	if c.Output == "table" {
		_, err := fmt.Fprintln(r.stdout, "tandem "+version)
		return err
	}
	return showData(r.stdout, c.output, struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
	}{version, commit, runtime.Version()})
}

// readAll reads a short text from standard input.
func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 64<<10)) }
