package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/hsm"
	"github.com/hybridapps/tandem/platform"
)

// store are the flags of commands that work on an instance's database.
type store struct {
	DB      string `help:"Database: sqlite:FILE or postgres://… (default: tandem.db in the data folder)." placeholder:"URL"`
	DBFile  string `name:"db-file" help:"File with the database's URL, where that holds a password." placeholder:"FILE"`
	KeyFile string `help:"File with the instance's key (default: instance.key in the data folder); or TANDEM_KEY." placeholder:"FILE"`

	PKCS11Module  string `name:"pkcs11-module" env:"TANDEM_PKCS11_MODULE" help:"PKCS#11 library of a hardware security module that is to keep the signing keys." placeholder:"FILE"`
	PKCS11Token   string `name:"pkcs11-token" env:"TANDEM_PKCS11_TOKEN" help:"Label of the token in it." placeholder:"LABEL"`
	PKCS11PINFile string `name:"pkcs11-pin-file" env:"TANDEM_PKCS11_PIN_FILE" help:"File with the PIN of the token's user; or TANDEM_PKCS11_PIN." placeholder:"FILE"`
}

// module is where the flags say that signing keys are kept.
func (s *store) module() (hsm.Config, error) {
	c := hsm.Config{Module: s.PKCS11Module, Token: s.PKCS11Token}
	if c.Module == "" && c.Token == "" {
		return c, nil
	}
	c.PIN = os.Getenv(pinVariable)
	if s.PKCS11PINFile != "" {
		text, err := os.ReadFile(s.PKCS11PINFile)
		if err != nil {
			return c, fmt.Errorf("--pkcs11-pin-file: %w", err)
		}
		c.PIN = strings.TrimSpace(string(text))
	}
	if err := c.Validate(); err != nil {
		return c, usage("%w: use --pkcs11-module, --pkcs11-token, and --pkcs11-pin-file or %s", err, pinVariable)
	}
	return c, nil
}

// administering are the flags of commands that come to an end.
type administering struct {
	store
	Timeout time.Duration `help:"How long the command may take; 0s for as long as it needs." default:"2m" placeholder:"TIME"`
}

// within bounds a command that has the flag for it. Without a bound one that waits
// for somebody's lock, or for a machine that vanished, would keep a script for hours.
func within(ctx context.Context, command *kong.Context) (context.Context, context.CancelFunc, error) {
	for _, flag := range command.Flags() {
		limit, ok := command.FlagValue(flag).(time.Duration)
		switch {
		case flag.Name != "timeout" || !ok || limit == 0:
		case limit < 0:
			return nil, nil, usage("--timeout %s: use 10s, 2m or 0s", limit)
		default:
			ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s (--timeout); look whether it has "+
				"been done in part, see that the database answers, and try again", limit))
			return ctx, cancel, nil
		}
	}
	return ctx, func() {}, nil
}

const (
	keyVariable = "TANDEM_KEY"
	pinVariable = "TANDEM_PKCS11_PIN"
)

// config is where the flags say that database and key are. With create, the
// data folder is made and a database may be new.
func (s *store) config(r *run, log *slog.Logger, create bool) (platform.StoreConfig, error) {
	c := platform.StoreConfig{
		DB: s.DB, KeyFile: s.KeyFile, Key: strings.TrimSpace(os.Getenv(keyVariable)), By: operator(), Log: log,
	}
	var err error
	if c.DB, err = databaseURL("--db", s.DB, "--db-file", s.DBFile); err != nil {
		return c, err
	}
	if c.DB == "" {
		c.DB = "sqlite:" + filepath.Join(r.Data, "tandem.db")
	}
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(r.Data, "instance.key")
	}
	if err := checkDatabase("--db", c.DB); err != nil {
		return c, err
	}
	if c.HSM, err = s.module(); err != nil {
		return c, err
	}
	if create {
		return c, makeFolder(r.Data)
	}
	if file, ok := strings.CutPrefix(c.DB, "sqlite:"); ok {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return c, fmt.Errorf("there is no database %s: name the data folder with --data, "+
				"or start an instance first (tandem up, tandem instance)", file)
		}
	}
	return c, nil
}

// checkDatabase refuses what cannot be a database URL.
func checkDatabase(flag, url string) error {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "sqlite", "postgres", "postgresql":
		return nil
	}
	return usage("%s: use sqlite:FILE or postgres://USER@HOST/DATABASE", flag)
}

// makeFolder makes a folder that only this user can look into.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	return nil
}

// operator is who the record says has run a command: the operating system's user, who
// is no account of the instance.
func operator() tandem.By {
	name := strconv.Itoa(os.Getuid()) // in a container there may be no more of a user than the number
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return tandem.By{Login: "os:" + name, Via: tandem.ViaCommand}
}

// administer opens the database for one command and closes it after it. Only
// what creates something may make a database.
func (s *store) administer(ctx context.Context, r *run, create bool, f func(a *platform.Administration) error) error {
	config, err := s.config(r, r.logger(r.stderr, slog.LevelWarn), create)
	if err != nil {
		return err
	}
	a, err := platform.OpenAdministration(ctx, config)
	if err != nil {
		return err
	}
	return errors.Join(f(a), a.Close())
}

// days is a span of time: 90d, 12h, 30m.
type days time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *days) UnmarshalText(text []byte) error {
	if number, ok := strings.CutSuffix(string(text), "d"); ok {
		var n int
		if _, err := fmt.Sscanf(number, "%d", &n); err != nil || fmt.Sprint(n) != number || n <= 0 || n > 36500 {
			return fmt.Errorf("%q is not a number of days: use 90d", text)
		}
		*d = days(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	span, err := time.ParseDuration(string(text))
	if err != nil || span <= 0 {
		return fmt.Errorf("%q is not a span of time: use 90d or 12h", text)
	}
	*d = days(span)
	return nil
}

// keep is for how long something is kept: whole days, or forever.
type keep days

const forever keep = -1

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *keep) UnmarshalText(text []byte) error {
	if string(text) == "forever" {
		*k = forever
		return nil
	}
	const day = keep(24 * time.Hour)
	if err := (*days)(k).UnmarshalText(text); err != nil || *k < day || *k%day != 0 {
		return fmt.Errorf("%q is no number of days: use 400d, 1d or more, or forever", text)
	}
	return nil
}

// String is the text that means it.
func (k keep) String() string {
	if k == forever {
		return "forever"
	}
	return fmt.Sprintf("%dd", time.Duration(k)/(24*time.Hour))
}
