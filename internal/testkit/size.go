package testkit

import "os"

// ScaleVariable names the environment variable with how much benchmarks work with:
// "once" where each is run only so that none rots, as `make test` does; nothing where they
// are measured; "full" for what shows only with millions of rows, as `make bench-scale` does,
// and "tenth" for a tenth of that, to see what will come out.
const ScaleVariable = "TANDEM_BENCH_SCALE"

// Size is how much a benchmark works with: usual where it is measured, and once, which is
// enough to go all ways that it has, where it is only run.
func Size(usual, once int) int {
	if os.Getenv(ScaleVariable) == "once" {
		return once
	}
	return usual
}
