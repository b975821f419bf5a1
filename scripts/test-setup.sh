#!/usr/bin/env bash
# Brings what the tests need beside Go: PostgreSQL's server and a pooler before it,
# two load balancers, Chromium, a C compiler for the race detector, SoftHSM, a reader of
# PDFs, Python and OpenSSL to verify proofs as others do, and what the independent OAuth and
# OData clients are made of: Node and Java packages, and Go modules.
# Installs only where it may: as root, with Debian's packages. What is missing
# afterwards is said, and those tests are skipped (or fail with TANDEM_TEST_ALL).
set -uo pipefail
cd "$(dirname "$0")/.."

has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; }
has_pooler() { command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]; }
has_haproxy() { command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ]; }
has_nginx() { command -v nginx >/dev/null || [ -x /usr/sbin/nginx ]; }
has_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
has_node() { command -v node >/dev/null && command -v npm >/dev/null; }
has_java() { command -v javac >/dev/null && command -v mvn >/dev/null; }
has_verifiers() { command -v python3 >/dev/null && command -v openssl >/dev/null; }
has_pdf() { command -v pdftotext >/dev/null; }
has_hsm() { command -v softhsm2-util >/dev/null; }
has_cc() { command -v gcc >/dev/null || command -v clang >/dev/null; }

packages=()
has_postgres || packages+=(postgresql)
has_pooler || packages+=(pgbouncer)
has_haproxy || packages+=(haproxy)
has_nginx || packages+=(nginx-light)
has_chromium || packages+=(chromium)
has_node || packages+=(nodejs npm)
has_java || packages+=(default-jdk-headless maven)
has_cc || packages+=(gcc libc6-dev)
has_verifiers || packages+=(python3 openssl)
has_hsm || packages+=(softhsm2)
has_pdf || packages+=(poppler-utils)

if [ "${#packages[@]}" -gt 0 ]; then
	if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
		echo "installing ${packages[*]}"
		log=$(mktemp)
		# The distribution's own cluster is not wanted, only the programs.
		mkdir -p /etc/postgresql-common/createcluster.d
		echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/tandem-test.conf
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 ||
			{ tail -n 5 "$log"; echo "apt-get could not install ${packages[*]}"; }
		rm -f "$log"
	else
		echo "not root on a Debian-like system: please install ${packages[*]}"
	fi
fi

has_postgres || echo "missing: PostgreSQL's server (Debian: postgresql); its tests will not run"
has_pooler || echo "missing: PgBouncer (Debian: pgbouncer); the way through it is not tested"
has_haproxy && has_nginx || echo "missing: HAProxy and nginx (Debian: haproxy nginx-light); the way through them is not tested"
has_chromium || echo "missing: Chromium (Debian: chromium); the browser tests will not run"
has_verifiers || echo "missing: Python and OpenSSL (Debian: python3 openssl); the printed lines that verify a proof are not tested"
has_hsm || echo "missing: SoftHSM (Debian: softhsm2); signing keys in a hardware security module are not tested"
has_pdf || echo "missing: pdftotext (Debian: poppler-utils); what PDFs say is not tested"
has_cc || echo "missing: a C compiler (Debian: gcc libc6-dev); the race detector will not run"
if has_node; then
	clients=e2e/clients
	# npm keeps what it has installed in a file of its own: an older one is of an older list.
	if [ "$clients/package-lock.json" -nt "$clients/node_modules/.package-lock.json" ]; then
		(cd "$clients" && npm ci --no-audit --no-fund --silent) ||
			echo "missing: the Node packages of $clients (npm ci failed); its tests will not run"
	fi
else
	echo "missing: Node.js (Debian: nodejs npm); the tests with npm's clients will not run"
fi
(cd e2e/clients/zitadel && go mod download) ||
	echo "missing: the Go modules of e2e/clients/zitadel (go mod download failed); the test with its example server will fail"
proxy=e2e/clients/oauth2-proxy
if [ "$proxy/go.sum" -nt "$proxy/target/oauth2-proxy" ]; then
	# Compiled as scripts/test.sh does it, so that what both use is compiled once.
	(cd "$proxy" && go build -trimpath -ldflags="-s -w" -o target/oauth2-proxy github.com/oauth2-proxy/oauth2-proxy/v7) ||
		echo "missing: oauth2-proxy (go build in $proxy failed); its test will not run"
fi
if has_java; then
	olingo=e2e/clients/olingo
	spring=e2e/clients/spring
	if [ "$spring/pom.xml" -nt "$spring/target/lib" ] || [ "$spring/ResourceServer.java" -nt "$spring/target/api/ResourceServer.class" ]; then
		(cd "$spring" && rm -rf target && mvn -q -B dependency:copy-dependencies -DoutputDirectory=target/lib &&
			javac -nowarn -parameters -encoding UTF-8 -cp "target/lib/*" -d target ResourceServer.java) ||
			echo "missing: the Java packages of $spring (Maven or javac failed); its test will not run"
	fi
	if [ "$olingo/pom.xml" -nt "$olingo/target/lib" ] || [ "$olingo/OlingoClient.java" -nt "$olingo/target/OlingoClient.class" ]; then
		(cd "$olingo" && rm -rf target && mvn -q -B dependency:copy-dependencies -DoutputDirectory=target/lib &&
			javac -nowarn -encoding UTF-8 -cp "target/lib/*" -d target OlingoClient.java) ||
			echo "missing: the Java packages of $olingo (Maven or javac failed); its test will not run"
	fi
else
	echo "missing: a JDK and Maven (Debian: default-jdk-headless maven); the tests with Olingo and Spring will not run"
fi
