#!/usr/bin/env bash
# deadcode.sh TOOL: fails when a function can be reached from no command and no
# test, and says which.
set -euo pipefail
cd "$(dirname "$0")/.."
dead=$("$1" -test ./...)
[ -z "$dead" ] || { echo "$dead"; echo "dead code: take it out" >&2; exit 1; }
