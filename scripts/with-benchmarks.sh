#!/bin/sh
# Runs a test binary with its benchmarks, each once and small, see testkit.Size: for
# `go test -exec`. With -bench, go test would run one package after the other. At the end
# it tells the processor time of the binary and of what that has run, for scripts/testreport.
export TANDEM_BENCH_SCALE="${TANDEM_BENCH_SCALE:-once}"
"$@" -test.bench=. -test.benchtime=1x
code=$?
times
exit $code
