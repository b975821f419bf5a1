#!/usr/bin/env bash
# Runs every test with a throwaway PostgreSQL and, where there is a C compiler,
# the race detector, and in the same processes every benchmark once, so that none
# rots. With -cover also measures coverage. TANDEM_TEST_ALL=1 makes a skipped test
# a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is compiled does not depend on the folder: another clone compiles only
# what differs. Without debug information and symbols programs link faster.
GOFLAGS="$(go env GOFLAGS) -trimpath"
export GOFLAGS
build=(-ldflags=-s)
# The timeout is for what hangs: a machine may be as slow as it likes.
# One package more than there are processors, as tests also wait.
# With -bench they would run one after the other: the benchmarks come by -exec.
# -count=1: what passed before is run all the same.
flags=(-timeout 60m -p $(($(getconf _NPROCESSORS_ONLN) + 1)) -count=1 -exec "$PWD/scripts/with-benchmarks.sh")
report=()
if command -v gcc >/dev/null || command -v clang >/dev/null; then
	build+=(-race)
	# With a C compiler there is PKCS#11, too, see hsm.
	build+=(-tags=pkcs11)
	# Nothing here uses unsafe, and that others use it well costs too much to check.
	build+=("-gcflags=all=-d=checkptr=0")
	# SQLite is C that was translated: it locks by itself what threads share, in
	# memory that the detector does not watch, and takes five times as long with it.
	unwatched=(modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory)
	# Nor is the detector needed in packages that work on text and on memory of their
	# own: what they read of ours they read through reflect and maps, which stay watched.
	unwatched+=(regexp/... text/template/... html/... fmt strings internal/stringslite strconv unicode/... net/url
		encoding/base64 encoding/hex compress/... hash/crc32 math/big image/... golang.org/x/image/... crypto/internal/fips140/bigmod golang.org/x/net/html/...
		github.com/google/uuid github.com/jackc/pgx/v5/pgproto3 github.com/pressly/goose/v3/internal/sqlparser)
	for package in "${unwatched[@]}"; do
		build+=("-gcflags=$package=-race=false")
	done
	# These publish caches with sync.Map and sync.Once. Inlined into them it would not be
	# watched either, and the detector would see maps written and read without order.
	for package in encoding/json github.com/go-jose/go-jose/v4/json net/textproto; do
		build+=("-gcflags=$package=-race=false -l")
	done
	# It waits at the end of each package for races of what still runs: a second by default.
	export GORACE=atexit_sleep_ms=100
fi
if [ "${1:-}" = -cover ]; then flags+=(-coverprofile=cover.out -coverpkg=./...); fi
if [ -n "${TANDEM_TEST_ALL:-}" ]; then report+=(-no-skips); fi

# Collecting garbage costs a tenth of the tests' time, more with the detector.
export GOGC=400 GOMEMLIMIT=1GiB

# What the processes share, see internal/testkit/testdb.
TANDEM_TEST_RUN=$(mktemp -d)
export TANDEM_TEST_RUN
# The program that some of them run, see internal/testkit.
export TANDEM_TEST_PROGRAM=$TANDEM_TEST_RUN/tandem
started=
clean() {
	rm -rf "$TANDEM_TEST_RUN"
	if [ -n "$started" ]; then scripts/test-postgres.sh stop; fi
}
trap clean EXIT
if [ -z "${TANDEM_TEST_POSTGRES:-}" ]; then
	# No databases live long enough to be vacuumed, or for plans to be compiled.
	if TANDEM_TEST_POSTGRES=$(scripts/test-postgres.sh start -c autovacuum=off -c jit=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=1GB); then
		export TANDEM_TEST_POSTGRES
		started=1
	else
		unset TANDEM_TEST_POSTGRES
	fi
fi

go build -ldflags "-X main.linkedCommit=0123abcd" -o "$TANDEM_TEST_PROGRAM" ./cmd/tandem
go vet "${build[@]+"${build[@]}"}" ./...
# Those that mostly wait first, beside those that do not, and then the longest, so that none
# is left alone at the end.
go test -json -vet=off "${build[@]+"${build[@]}"}" "${flags[@]}" ./examples/field/pwa ./cmd/tandem ./e2e/isolation ./platform ./e2e ./e2e/proof ./audit/sealing ./examples/prices/agent ./api ./data ./bench ./webapp \
	./worker/importer ./worker ./worker/jobs ./examples/field/... ./... |
	go run ./scripts/testreport "${report[@]+"${report[@]}"}"
if [ -f cover.out ] && [ "${1:-}" = -cover ]; then go tool cover -func=cover.out | tail -n 1; fi
