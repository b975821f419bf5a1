#!/usr/bin/env bash
# Measures what docs/benchmarks.md tells, in about ten minutes, and prints
# the figures beside their bounds. Each benchmark compares with its own yardstick
# in the same run, because machines differ: read the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${TANDEM_TEST_POSTGRES:-}" ]; then
	TANDEM_TEST_POSTGRES=$(scripts/test-postgres.sh start)
	export TANDEM_TEST_POSTGRES
	trap 'scripts/test-postgres.sh stop' EXIT
fi

# bench PACKAGE BENCHMARKS TIME
bench() { go test "$1" -run '^$' -bench "^Benchmark($2)\$" -benchtime "$3" -benchmem -timeout 10m; }

{
	bench ./bench ClientCredentials 15x
	bench ./bench Identity 7x
	bench ./bench EntityByID 40x
	bench ./bench FirstPage 3s
	bench ./bench Guards 1x
	bench ./bench GuardedImport 12x
	bench ./client 'ServiceTokenCached.*' 2s
	bench ./worker ImportNorthwind 5x
	bench ./worker/jobs Jobs 1500x
	bench ./worker/jobs Idle 30x
	bench ./bench Start 5x
	bench ./bench SignedIn 10000x
	bench ./bench TokensDuringImport 1x
	bench ./api GetPrintout 20x
	bench ./worker InvoicePDFKept 200x
	bench ./examples/field/cloud Drain 1x
	bench ./examples/field/cloud Command 400x
	bench ./examples/field/cloud UploadsAtOnce 3x
	bench ./examples/field/tus Resume 200x
	bench ./examples/field/pwa ColdStartOffline 5x
	for package in ./audit ./session ./registry ./identity/signin; do bench "$package" '.*' 1s; done
	bench ./audit/sealing '.*' 3x
	bench ./data '.*' 1s
} | go run ./scripts/benchreport
