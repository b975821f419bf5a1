#!/usr/bin/env bash
# Measures what only shows at full size: millions of rows, minutes of load. It
# takes long and some gigabytes of disk. `make test` runs the same, small.
set -euo pipefail
cd "$(dirname "$0")/.."
export TANDEM_BENCH_SCALE=full

if [ -z "${TANDEM_TEST_POSTGRES:-}" ]; then
	TANDEM_TEST_POSTGRES=$(scripts/test-postgres.sh start)
	export TANDEM_TEST_POSTGRES
	trap 'scripts/test-postgres.sh stop' EXIT
fi

# bench PACKAGE BENCHMARKS TIME
bench() { go test "$1" -run '^$' -bench "^Benchmark($2)\$" -benchtime "$3" -timeout 60m; }

{
	bench ./bench Applications 1x
	bench ./bench AtSize 1x
	bench ./bench Audit 1x
	bench ./bench Grown 1x
	bench ./bench TokensDuringPurge 1x
	bench ./bench TokensDuringSearch 1x
	bench ./bench FewDocuments 1x
	bench ./examples/prices/agent LargeFile 1x
} | go run ./scripts/benchreport -at-size || missed=1

# What holds while replicas come and go, and PostgreSQL: it fails where it does not.
go test ./e2e -run '^Test(ReplicasComeAndGo|PostgresRestarts)$' -v -timeout 90m

# A bound that was missed does not keep the rest from being measured.
exit "${missed:-0}"
