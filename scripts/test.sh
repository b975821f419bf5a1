#!/usr/bin/env bash
# Runs every test with a throwaway PostgreSQL and, where there is a C compiler,
# the race detector; then every benchmark once, so that none rots. With -cover
# also measures coverage. TANDEM_TEST_ALL=1 makes a skipped test a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-timeout 15m)
report=()
if command -v gcc >/dev/null || command -v clang >/dev/null; then flags+=(-race); fi
if [ "${1:-}" = -cover ]; then flags+=(-coverprofile=cover.out -coverpkg=./...); fi
if [ -n "${TANDEM_TEST_ALL:-}" ]; then report+=(-no-skips); fi

if [ -z "${TANDEM_TEST_POSTGRES:-}" ]; then
	if TANDEM_TEST_POSTGRES=$(scripts/test-postgres.sh start); then
		export TANDEM_TEST_POSTGRES
		trap 'scripts/test-postgres.sh stop' EXIT
	else
		unset TANDEM_TEST_POSTGRES
	fi
fi

go vet ./...
go test -json "${flags[@]}" ./... | go run ./scripts/testreport "${report[@]+"${report[@]}"}"
go test -run '^$' -bench . -benchtime 1x ./... >/dev/null
if [ -f cover.out ] && [ "${1:-}" = -cover ]; then go tool cover -func=cover.out | tail -n 1; fi
