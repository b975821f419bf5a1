#!/usr/bin/env bash
# Measures what docs/benchmarks.md tells. Each benchmark compares with its own
# yardstick in the same run, because machines differ: read the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${TANDEM_TEST_POSTGRES:-}" ]; then
	TANDEM_TEST_POSTGRES=$(scripts/test-postgres.sh start)
	export TANDEM_TEST_POSTGRES
	trap 'scripts/test-postgres.sh stop' EXIT
fi
go test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-2s}" "$@" ./...
