#!/usr/bin/env bash
# Proves the isolation of providers of others as they come, with one registration that
# has both flows: Keycloak, whose distribution Maven fetches. Package e2e/proof does the
# same for npm's oidc-provider and the example server of zitadel/oidc. Reports and pages
# are left in artifacts/rivals. Exit code 1 when Keycloak could not be tried.
set -euo pipefail
cd "$(dirname "$0")/.."

keycloak=26.7.3
port=${TANDEM_RIVALS_PORT:-9780}
redirect=http://127.0.0.1:9/signin-callback
out=$PWD/artifacts/rivals
mkdir -p "$out"
work=$(mktemp -d)
server=
clean() {
	if [ -n "$server" ]; then kill -- "-$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
	rm -rf "$work"
}
trap clean EXIT

go build -o "$work/tandem" ./cmd/tandem
printf %s "the-secret-of-both-0123456789" >"$work/secret"
printf %s "a password of hers" >"$work/password"

mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
	-Dartifact=org.keycloak:keycloak-quarkus-dist:$keycloak:zip -DoutputDirectory="$work"
(cd "$work" && jar xf "keycloak-quarkus-dist-$keycloak.zip")
home=$work/keycloak-$keycloak
mkdir -p "$home/data/import"
# The roles of a realm are what everybody has whom an administrator makes.
cat >"$home/data/import/prove-realm.json" <<REALM
{
  "realm": "prove", "enabled": true, "sslRequired": "none",
  "clients": [{"clientId": "both", "secret": "$(cat "$work/secret")", "redirectUris": ["$redirect"],
    "standardFlowEnabled": true, "serviceAccountsEnabled": true, "publicClient": false}],
  "users": [{"username": "anna", "enabled": true, "email": "anna@example.com", "emailVerified": true, "firstName": "Anna", "lastName": "Intern",
    "realmRoles": ["default-roles-prove"], "credentials": [{"type": "password", "value": "$(cat "$work/password")", "temporary": false}]}]
}
REALM
echo "starting Keycloak $keycloak, which takes a minute or more"
# In a group of its own: its script starts Java, and both end with this one.
KC_HTTP_PORT=$port setsid bash "$home/bin/kc.sh" start-dev --import-realm --http-host=127.0.0.1 >"$out/keycloak.log" 2>&1 &
server=$!
issuer=http://127.0.0.1:$port/realms/prove
for _ in $(seq 600); do
	curl -sf -o "$work/discovery" "$issuer/.well-known/openid-configuration" && break
	kill -0 "$server" 2>/dev/null || { tail -n 5 "$out/keycloak.log"; echo "Keycloak ended"; exit 1; }
	sleep 1
done
[ -s "$work/discovery" ] || { echo "Keycloak did not answer within ten minutes"; exit 1; }
"$work/tandem" prove --issuer "$issuer" --application-uri both --user-credential-file "$work/secret" --service-credential-file "$work/secret" \
	--redirect "$redirect" --sign-in anna --password-file "$work/password" --sign "$work/prove.key" \
	--out "$out/keycloak.json" --html "$out/keycloak.html" | tee "$out/keycloak.txt" || true
[ -s "$out/keycloak.txt" ]
