// Command benchreport reads the output of `go test -bench`, passes it on, and
// ends with a table of what the project promises: each figure beside its bound.
// With -at-size these are the promises of `make bench-scale`.
//
// It exits with 1 when a figure is missing or beyond its bound. A machine that is
// busy with other work makes single figures worse, the ratios less so.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// promise is a bound on a figure of a benchmark.
type promise struct {
	what, benchmark, unit string
	atLeast               bool // else at most
	bound                 float64
}

var promises = []promise{
	{"service token, SQLite: CPU to a bare handler", "ClientCredentials", "sqlite-cpu/bare", false, 1.25},
	{"service token, SQLite: rate to a bare handler", "ClientCredentials", "sqlite-rate/bare", true, 0.65},
	{"service token, PostgreSQL: CPU to a bare handler", "ClientCredentials", "postgres-cpu/bare", false, 1.6},
	{"code redeemed, SQLite: CPU to one ES256 and one RS256", "Identity/sqlite", "code/signing", false, 3},
	{"refresh, SQLite: CPU to the same", "Identity/sqlite", "refresh/signing", false, 3},
	{"introspection, SQLite: CPU to one verification", "Identity/sqlite", "introspection/verifying", false, 2.5},
	{"proof of possession, SQLite: CPU to one verification", "Identity/sqlite", "proof/verifying", false, 1.3},
	{"proof of possession at the API, SQLite: CPU to the same", "Identity/sqlite", "call-proof/verifying", false, 1.3},
	{"discovery, SQLite: rate to a static handler", "Identity/sqlite", "discovery-rate/static", true, 0.7},
	{"keys, SQLite: rate to a static handler", "Identity/sqlite", "keys-rate/static", true, 0.7},
	{"code redeemed, PostgreSQL: CPU to one ES256 and one RS256", "Identity/postgres", "code/signing", false, 3},
	{"refresh, PostgreSQL: CPU to the same", "Identity/postgres", "refresh/signing", false, 3},
	{"introspection, PostgreSQL: CPU to one verification", "Identity/postgres", "introspection/verifying", false, 2.5},
	{"proof of possession, PostgreSQL: CPU to one verification", "Identity/postgres", "proof/verifying", false, 1.3},
	{"proof of possession at the API, PostgreSQL: CPU to the same", "Identity/postgres", "call-proof/verifying", false, 1.3},
	{"discovery, PostgreSQL: rate to a static handler", "Identity/postgres", "discovery-rate/static", true, 0.7},
	{"keys, PostgreSQL: rate to a static handler", "Identity/postgres", "keys-rate/static", true, 0.7},
	{"one entity: what a token adds, µs CPU", "EntityByID", "auth-µs", false, 10},
	{"SDK, held service token, ns", "ServiceTokenCached", "ns/op", false, 30},
	{"SDK, held service token, allocations", "ServiceTokenCached", "allocs/op", false, 0},
	{"first page of orders, SQLite: rate to SQL by hand", "FirstPage/sqlite", "rate/hand", true, 0.4},
	{"first page of orders, PostgreSQL: rate to SQL by hand", "FirstPage/postgres", "rate/hand", true, 0.4},
	{"import of Northwind, SQLite, order lines/s", "ImportNorthwind/sqlite", "lines/s", true, 1500},
	{"instance, idle, MiB", "Start/sqlite", "instance-MiB", false, 60},
	{"web app, 10,000 signed in, MiB", "SignedIn", "webapp-MiB", false, 120},
	{"up, for the first time, SQLite, s", "Start/sqlite", "first-s", false, 6},
	{"up, again, SQLite, s", "Start/sqlite", "again-s", false, 2},
	{"up, for the first time, PostgreSQL, s", "Start/postgres", "first-s", false, 6},
	{"up, again, PostgreSQL, s", "Start/postgres", "again-s", false, 2},
	{"printout of an invoice of 20 lines, PDF, ms", "GetPrintout/pdf", "ms", false, 150},
	{"the same from the portal, kept, ms", "InvoicePDFKept", "ms", false, 5},
	{"field: 1,000 devices with 40 commands each, s", "Drain", "s", false, 60},
	{"field: a command, without its ERP calls, ms", "Command", "own-ms", false, 25},
	{"field: ERP calls of a command", "Command", "ERPcalls/command", false, 2},
	{"field: 200 uploads at once, MiB over idle", "UploadsAtOnce", "MiB-over-idle", false, 40},
	{"field: going on with an upload, requests", "Resume", "requests/op", false, 1},
	{"field: cold start without network, ms", "ColdStartOffline", "ms/start", false, 1000},
}

var atSize = []promise{
	{"10,000 applications, SQLite: up until all answer, s", "Applications/sqlite", "start-s", false, 1},
	{"10,000 applications, PostgreSQL: up until all answer, s", "Applications/postgres", "start-s", false, 1},
	{"all changed at once, SQLite: % of a core after 5 s", "Applications/sqlite", "idle-%", false, 2},
	{"all changed at once, PostgreSQL: % of a core after 5 s", "Applications/postgres", "idle-%", false, 2},
	{"10,000 applications, SQLite: instance at rest, MiB", "Applications/sqlite", "rest-MiB", false, 60},
	{"10,000 applications, PostgreSQL: instance at rest, MiB", "Applications/postgres", "rest-MiB", false, 60},
	{"audit of a large instance, SQLite, s", "Audit/sqlite", "audit-s", false, 20},
	{"audit of a large instance, SQLite, MiB", "Audit/sqlite", "most-MiB", false, 200},
	{"tokens beside a purge, SQLite: p99 later by ms", "TokensDuringPurge/sqlite", "purge-p99-later-ms", false, 50},
	{"tokens beside a purge, PostgreSQL: p99 later by ms", "TokensDuringPurge/postgres", "purge-p99-later-ms", false, 50},
	{"tokens beside searches, SQLite: p99 to that alone", "TokensDuringSearch/sqlite", "search-p99/alone", false, 3},
	{"tokens beside searches, PostgreSQL: p99 to that alone", "TokensDuringSearch/postgres", "search-p99/alone", false, 3},
}

// What a grown instance is asked costs at most so much more than on a new one, and it
// starts in so many seconds.
func init() {
	for _, e := range [][2]string{{"SQLite", "Grown/sqlite"}, {"PostgreSQL", "Grown/postgres"}} {
		for _, q := range [][2]string{
			{"service token", "service-token"}, {"authorize", "authorize"}, {"code redeemed", "code"}, {"refresh", "refresh"},
			{"introspection", "introspection"}, {"userinfo", "userinfo"}, {"/profile/me", "profile-me"},
			{"a reference token, unseen", "reference"}, {"a session opened and ended", "session"}, {"discovery", "discovery"},
		} {
			atSize = append(atSize, promise{"a million users, " + e[0] + ": CPU to a new instance, " + q[0], e[1], q[1] + "/new", false, 1.2})
		}
		atSize = append(atSize, promise{"a million users, " + e[0] + ": start of the instance, s", e[1], "start-s", false, 2})
	}
}

func main() {
	size := flag.Bool("at-size", false, "the promises of make bench-scale")
	flag.Parse()
	all := promises
	if *size {
		all = atSize
	}
	figures, err := read(io.TeeReader(os.Stdin, os.Stdout))
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchreport:", err)
		os.Exit(1)
	}
	if !report(os.Stdout, all, figures) {
		os.Exit(1)
	}
}

// figures are values by benchmark and unit.
type figures map[[2]string]float64

// result is a line such as
//
//	BenchmarkFirstPage/sqlite-2   1000   0.70 rate/hand   32089 rows/s
var result = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

func read(in io.Reader) (figures, error) {
	found := figures{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		m := result.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		fields := strings.Fields(m[2])
		for i := 0; i+1 < len(fields); i += 2 {
			n, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m[1], err)
			}
			found[[2]string{m[1], fields[i+1]}] = n
		}
	}
	return found, lines.Err()
}

func report(out io.Writer, promises []promise, found figures) (kept bool) {
	kept = true
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tmeasured\tbound\t")
	for _, p := range promises {
		n, ok := found[[2]string{p.benchmark, p.unit}]
		sign, verdict := "≤", ""
		if p.atLeast {
			sign = "≥"
		}
		measured := strconv.FormatFloat(n, 'g', 4, 64)
		switch {
		case !ok:
			measured, verdict, kept = "–", "not measured", false
		case p.atLeast && n < p.bound || !p.atLeast && n > p.bound:
			verdict, kept = "missed", false
		}
		fmt.Fprintf(w, "%s\t%s\t%s %g\t%s\n", p.what, measured, sign, p.bound, verdict)
	}
	if err := w.Flush(); err != nil {
		return false
	}
	return kept
}
