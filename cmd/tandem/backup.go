package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/platform"
)

type backupCommand struct {
	store
	File string `arg:"" help:"File to write, which must not be there yet."`
}

// Run backs up what is in SQLite, while everything runs.
func (c *backupCommand) Run(ctx context.Context, r *run) error {
	config, err := c.config(r, r.logger(r.stderr, slog.LevelWarn), false)
	if err != nil {
		return err
	}
	file, embedded := strings.CutPrefix(config.DB, "sqlite:")
	if !embedded {
		return usage("the database is PostgreSQL's: back it up with pg_dump --format=custom --file=%s DATABASE, which is consistent by itself, "+
			"and those of web app and worker before it; after pg_restore run tandem restore --mark", c.File)
	}
	version, _ := programVersion()
	m, err := (&platform.Backup{DB: file, Data: r.Data, Version: version}).Write(ctx, c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.stdout, "%s has the data of %s, in %d files. No key is in it, and none is needed to restore it;\n"+
		"keep instance.key apart all the same: second factors and the secrets of outside providers open with that one alone.\n",
		c.File, stamp{m.At}, len(m.Files))
	return err
}

type restoreCommand struct {
	store
	File string `arg:"" optional:"" help:"Backup to restore into the data folder, which must be empty."`
	Mark bool   `help:"Only mark the database as restored: after pg_restore, or when its files were copied back, and before anything runs on it."`
}

// Run restores a backup.
func (c *restoreCommand) Run(ctx context.Context, r *run) error {
	if (c.File == "") != c.Mark {
		return usage("name either a backup, or --mark")
	}
	log := r.logger(r.stderr, slog.LevelWarn)
	config, err := c.config(r, log, !c.Mark)
	if err != nil {
		return err
	}
	var restored data.Restored
	switch {
	case c.Mark:
		restored, err = platform.MarkRestored(ctx, config)
	case c.DB != "" || c.DBFile != "":
		return usage("a backup is restored into a data folder (--data): leave --db out")
	default:
		restored, err = platform.Restore(ctx, c.File, r.Data, config)
	}
	if err != nil {
		return err
	}
	return told(r.stdout, restored)
}

// told says how old the data is, and what that means.
func told(w io.Writer, r data.Restored) error {
	_, err := fmt.Fprintf(w, "The data is of %s, %s ago. What happened since is gone.\n"+
		"Ended: %d sessions, %d sign-ins, %d refresh families. All tokens of before are refused: people sign in again,\n"+
		"applications get new tokens by themselves. Disable again what was disabled since the backup.\n",
		stamp{r.Backup}, r.Restored.Sub(r.Backup).Round(time.Second), r.Sessions, r.SignIns, r.Families)
	if err == nil && r.WithFactors+r.Outside > 0 {
		_, err = fmt.Fprintf(w, "Sealed with the instance.key of then: second factors of %d people, secrets of %d outside providers. Put that key in its place\n"+
			"before the start. With another one these people cannot sign in until tandem user reset-factors LOGIN, nor anybody through\n"+
			"these providers until their secrets are given again (tandem provider update).\n", r.WithFactors, r.Outside)
	}
	return err
}
