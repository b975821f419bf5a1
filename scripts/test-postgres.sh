#!/usr/bin/env bash
# A throwaway PostgreSQL for the tests: `test-postgres.sh start [OPTION…]` prints
# its URL, `restart` restarts it, `stop` removes it; TANDEM_TEST_POSTGRES_DIR is the folder of
# one beside it. Options such as `-c jit=off` are the server's own and hold when it is not running yet. PostgreSQL refuses to run as root, so root starts it as the
# user postgres. Durability is off: nothing in it is worth keeping. Its files are in memory
# where there is plenty: tests make and remove thousands of them, which is dear on a disk.
set -euo pipefail

# roomy: 3 GB are free in /dev/shm, and 8 GB of memory for everything.
roomy() {
	[ -w /dev/shm ] && [ "$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -ge 3000000 ] &&
		[ "$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)" -ge 8000000 ]
}
name=tandem-test-postgres-$(id -u)
dir=${TANDEM_TEST_POSTGRES_DIR:-}
if [ -z "$dir" ]; then
	dir=/tmp/$name
	# One that runs is found where it is.
	if [ -d "/dev/shm/$name" ] || { [ ! -d "$dir" ] && roomy 2>/dev/null; }; then dir=/dev/shm/$name; fi
fi
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
[ -x "$bin/initdb" ] || { echo "test-postgres: PostgreSQL's server programs are missing: apt-get install postgresql" >&2; exit 1; }

as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		id postgres >/dev/null 2>&1 || useradd --system postgres
		su postgres -s /bin/bash -c "$1"
	else
		bash -c "$1"
	fi
}
running() { [ -f "$dir/port" ] && as_owner "'$bin/pg_ctl' -D '$dir/data' status" >/dev/null 2>&1; }
url() { echo "postgres://tandem@127.0.0.1:$(cat "$dir/port")/tandem?sslmode=disable"; }

case "${1:-}" in
start)
	shift
	if ! running; then
		rm -rf "$dir"
		mkdir -p "$dir"
		[ "$(id -u)" -ne 0 ] || { id postgres >/dev/null 2>&1 || useradd --system postgres; chown postgres "$dir"; }
		port=$(( (RANDOM % 10000) + 20000 ))
		as_owner "'$bin/initdb' -D '$dir/data' -U tandem -A trust -E UTF8 --locale=C.UTF-8 >'$dir/log' 2>&1" || { cat "$dir/log" >&2; exit 1; }
		as_owner "'$bin/pg_ctl' -D '$dir/data' -w -l '$dir/log' -o '-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 $*' start >/dev/null" || { cat "$dir/log" >&2; exit 1; }
		echo "$port" >"$dir/port"
		"$bin/createdb" -h 127.0.0.1 -p "$port" -U tandem tandem
	fi
	url
	;;
restart) # as an administrator does: who is connected is sent away
	as_owner "'$bin/pg_ctl' -D '$dir/data' -m fast -w -l '$dir/log' restart >/dev/null"
	;;
stop)
	if running; then as_owner "'$bin/pg_ctl' -D '$dir/data' -m immediate stop" >/dev/null; fi
	rm -rf "$dir"
	;;
*)
	echo "usage: test-postgres.sh start [OPTION…]|restart|stop" >&2
	exit 2
	;;
esac
