#!/bin/sh
# Runs a test binary with its benchmarks, each once and small, see testkit.Size: for
# `go test -exec`. With -bench, go test would run one package after the other.
export TANDEM_BENCH_SCALE="${TANDEM_BENCH_SCALE:-once}"
exec "$@" -test.bench=. -test.benchtime=1x
