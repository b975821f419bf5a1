// Command tokenserver is one server of the token benchmark: an instance as in
// production, or, without a database, the least that a server of such tokens
// can do. It prints where it listens and the secret of its one application, and
// answers each line on its standard input with the CPU it has used, in
// microseconds.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"syscall"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
)

const application = "com.example/bench"

func main() {
	db := flag.String("db", "", "the instance's database; empty for the bare handler")
	key := flag.String("key", "", "the instance's key file")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if err := run(*db, *key, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "tokenserver:", err)
		os.Exit(1)
	}
}

func run(db, key, profile string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	secret, ended := "bare-secret", make(chan error, 1)
	if db == "" {
		handler, err := newBare(secret)
		if err != nil {
			return err
		}
		go func() { ended <- http.Serve(listener, handler) }() //nolint:gosec // loopback, for the length of a benchmark
	} else {
		var in *platform.Instance
		if in, secret, err = newInstance(ctx, db, key, "http://"+listener.Addr().String()); err != nil {
			return err
		}
		go func() { ended <- platform.Serve(ctx, in, platform.ServeOptions{Listener: listener, Log: logger()}) }()
	}
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"Address":     listener.Addr().String(),
		"Application": application,
		"Secret":      secret,
	})
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, used.Utime.Nano()/1000+used.Stime.Nano()/1000); err != nil {
			return err
		}
	}
	if db == "" {
		return nil
	}
	stop()
	return <-ended
}

// logger writes what goes wrong; lines about single requests are off, as they are
// in a command by default.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func newInstance(ctx context.Context, db, key, url string) (*platform.Instance, string, error) {
	in, err := platform.NewInstance(ctx, platform.InstanceConfig{
		StoreConfig: platform.StoreConfig{DB: db, KeyFile: key, Actor: "benchmark", Log: logger()}, URL: url, Version: "benchmark",
	})
	if err != nil {
		return nil, "", err
	}
	svc, err := in.Accounts.Create(ctx, signin.NewUser{Login: "svc.bench", Type: tandem.SystemUserNoLogin})
	if err != nil {
		return nil, "", err
	}
	_, secrets, err := in.Apps.Create(ctx, "benchmark", tandem.TrustedApp{
		ApplicationURI: application, Enabled: true, ClientType: tandem.ClientConfidential, SystemUserAllowed: true, SystemUserID: svc.ID,
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	})
	if err != nil {
		return nil, "", err
	}
	return in, secrets.Service, in.Refresh(ctx)
}
