// Command testreport reads the output of `go test -json` and prints what a
// person wants to see of it: a line for each package, the whole output of what
// failed, the tests that were skipped with their reasons, what took the longest, and the
// counts.
//
// It exits with 1 when a test or a package failed and, with -no-skips, also
// when anything was skipped: a machine that is set up to run everything must
// not be green because it ran less.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
	// ImportPath is that of the package a build-output event is about.
	ImportPath string
}

type report struct {
	out                     io.Writer
	passed, failed, skipped int
	benchmarks              int // run, which is all that is said of one that passes
	packagesFailed          int
	outputs                 map[string][]string // package and test → its output
	skips                   []string
	packages, tests         []took
}

func main() {
	noSkips := flag.Bool("no-skips", false, "fail when a test was skipped")
	flag.Parse()
	r := &report{out: os.Stdout, outputs: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	r.end()
	if r.failed > 0 || r.packagesFailed > 0 || *noSkips && r.skipped > 0 {
		os.Exit(1)
	}
}

// end says what is told of all packages together.
func (r *report) end() {
	for _, s := range r.skips {
		fmt.Fprintln(r.out, "skipped:", s)
	}
	slowest(r.out, "processor and elapsed time of packages:", r.packages)
	slowest(r.out, "elapsed time of tests:", r.tests)
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped, %d benchmarks run\n", r.passed, r.failed, r.skipped, r.benchmarks)
}

// read takes all events. Lines that are none, such as a compiler's, pass through.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(r.out, "%s", line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "run":
		if strings.HasPrefix(e.Test, "Benchmark") {
			r.benchmark(e.Package, key)
		}
	case "output":
		r.outputs[key] = append(r.outputs[key], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			r.test(e, key)
		} else {
			r.pkg(e, key)
		}
		delete(r.outputs, key)
	}
}

func (r *report) test(e event, key string) {
	if !strings.Contains(e.Test, "/") {
		r.tests = append(r.tests, took{name: key, elapsed: e.Elapsed})
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips = append(r.skips, key+": "+reason(r.outputs[key]))
	case "fail":
		r.failed++
		fmt.Fprintf(r.out, "FAIL %s\n%s", key, strings.Join(r.outputs[key], ""))
	}
}

// benchmark begins one. No event says that one has passed: those before it in
// the package have, but for those that it is part of.
func (r *report) benchmark(pkg, key string) {
	r.benchmarks++
	for before := range r.outputs {
		if strings.HasPrefix(before, pkg+" Benchmark") && !strings.HasPrefix(key, before+"/") {
			delete(r.outputs, before)
		}
	}
}

func (r *report) pkg(e event, key string) {
	r.packages = append(r.packages, took{name: e.Package, elapsed: e.Elapsed, cpu: cpuOf(r.outputs[key])})
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok  \t%s\t%.3fs\n", e.Package, e.Elapsed)
	case "fail":
		// What belongs to no test: a panic, a data race, a build that failed.
		r.packagesFailed++
		fmt.Fprintf(r.out, "FAIL\t%s\t%.3fs\n%s", e.Package, e.Elapsed, strings.Join(r.outputs[key], ""))
		r.unfinished(e.Package + " ")
	}
}

// unfinished prints what tests said that never ended, as in a timeout.
func (r *report) unfinished(prefix string) {
	for key, output := range r.outputs {
		if strings.HasPrefix(key, prefix) && key != prefix {
			fmt.Fprintf(r.out, "UNFINISHED %s\n%s", key, strings.Join(output, ""))
		}
	}
}

// reason is the message of a t.Skip, which stands between the lines that name
// the test.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}
