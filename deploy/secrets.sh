#!/bin/sh
# Makes what compose.yaml needs to be secret, in the folder secrets/ (or the one
# named), and never again what is there: keys, passwords of the databases, and
# their URLs. Each of the three databases has a role that sees no other.
set -eu
umask 077
dir=${1:-$(dirname "$0")/secrets}
mkdir -p "$dir"
cd "$dir"

key() { [ -e "$1" ] || { head -c 32 /dev/urandom | base64 >"$1.new" && mv "$1.new" "$1"; }; }
key instance_key
key webapp_key
key channel_key

[ -e postgres_password ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' >postgres_password
if [ ! -e databases.sql ]; then
	for name in instance webapp worker; do
		password=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
		database=$name
		[ $name != instance ] || database=tandem
		echo "postgres://$name:$password@postgres/$database?sslmode=disable" >${name}_db
		echo "CREATE ROLE $name LOGIN PASSWORD '$password' CONNECTION LIMIT 80;"
		echo "CREATE DATABASE $database OWNER $name TEMPLATE template0 ENCODING 'UTF8';"
		echo "REVOKE ALL ON DATABASE $database FROM PUBLIC;"
	done >databases.sql.new
	mv databases.sql.new databases.sql
fi
# The server's own user in its container reads this one.
chmod 644 databases.sql
