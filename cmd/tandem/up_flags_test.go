package main

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hybridapps/tandem/platform"
)

// `tandem up` takes the flags of an instance, and hands each of them to the instance that it
// starts: one that it kept for itself would be taken and mean nothing.
func TestUpHandsTheFlagsOfAnInstanceOn(t *testing.T) {
	t.Parallel()
	given := map[string]string{
		"listen": "127.0.0.1:7001", "url": "http://localhost:7001", "metrics-listen": "127.0.0.1:7002", "db-connections": "7", "erp-connections": "8",
		"licences": "9", "record-keep": "500d", "record-anchor": "anchor", "record-key": "tandem+1+key", "reserve": "anna=2", "query-timeout": "7s",
		"access-token-format": "rfc9068", "access-token-alg": "RS256", "access-token-typ": "JWT", "long-queries": "3", "time-zone": "Europe/Sofia",
		"lifetime": "access=30m", "throttle": "sign-in=5",
	}
	args := []string{"up"}
	for name, value := range given {
		args = append(args, "--"+name+"="+value)
	}
	cli := new(commands)
	p, err := kong.New(cli, kong.Name("tandem"), kong.Vars{"version": "x"}, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(args); err != nil {
		t.Fatal(err)
	}
	s := &system{upCommand: &cli.Up, run: &run{global: new(global)}}
	s.instance.url = given["url"]
	handed := s.instanceArgs()
	if n := reflect.TypeFor[instanceFlags]().NumField(); n != len(given) {
		t.Errorf("an instance has %d flags, %d are tried", n, len(given))
	}
	for name, value := range given {
		if name == "listen" { // the listener itself is handed on
			continue
		}
		if !slices.ContainsFunc(handed, func(arg string) bool { return strings.HasPrefix(arg, "--"+name+"=") && strings.Contains(arg, value) }) {
			t.Errorf("--%s=%s is not handed on: %q", name, value, handed)
		}
	}
}

// What is out of bounds, or has no such name, is refused as a mistake in the command.
func TestLimitsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]instanceFlags{
		"--lifetime: the lifetime access of 2h0m0s: use 1m0s to 1h0m0s": {Lifetime: map[string]days{"access": days(2 * time.Hour)}},
		"--lifetime: there is no lifetime \"token\"":                    {Lifetime: map[string]days{"token": days(time.Hour)}},
		"--throttle: the throttle sign-in of 1: use 3 to 100":           {Throttle: map[string]int{"sign-in": 1}},
	} {
		var wrong usageError
		if err := f.limits(new(platform.InstanceConfig)); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
