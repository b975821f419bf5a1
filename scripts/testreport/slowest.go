package main

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// shownSlowest is how many packages, and how many tests, are named at the end.
const shownSlowest = 15

// took is how long a package or a test took, and the processor's part of it with that of
// all programs it has run; zero where it is not known.
type took struct {
	name         string
	elapsed, cpu float64 // seconds
}

// spent is the line of the shell's `times`, by which scripts/with-benchmarks.sh ends: the
// processor's time of the children, as user's and system's.
var spent = regexp.MustCompile(`^([0-9]+)m([0-9.]+)s ([0-9]+)m([0-9.]+)s\n$`)

// cpuOf reads the last such line of what a package has said.
func cpuOf(output []string) (seconds float64) {
	for _, line := range slices.Backward(output) {
		m := spent.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, text := range []string{m[1] + "m" + m[2] + "s", m[3] + "m" + m[4] + "s"} {
			d, err := time.ParseDuration(text)
			if err != nil {
				return 0
			}
			seconds += d.Seconds()
		}
		return seconds
	}
	return 0
}

// slowest names what a run spends its time with. Tests that are part of another one are in
// its time.
func slowest(out io.Writer, title string, all []took) {
	slices.SortStableFunc(all, func(a, b took) int { return cmp.Or(cmp.Compare(b.cpu, a.cpu), cmp.Compare(b.elapsed, a.elapsed)) })
	if len(all) > 0 {
		fmt.Fprintln(out, title)
	}
	for _, t := range all[:min(shownSlowest, len(all))] {
		if t.cpu > 0 {
			fmt.Fprintf(out, "%8.1fs %8.1fs  %s\n", t.cpu, t.elapsed, short(t.name))
		} else {
			fmt.Fprintf(out, "%8.1fs  %s\n", t.elapsed, short(t.name))
		}
	}
}

// short leaves the module's name away.
func short(name string) string { return strings.TrimPrefix(name, "github.com/hybridapps/tandem/") }
