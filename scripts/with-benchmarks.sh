#!/bin/sh
# Runs a test binary with its benchmarks, each once: for `go test -exec`. With
# -bench, go test would run one package after the other.
exec "$@" -test.bench=. -test.benchtime=1x
