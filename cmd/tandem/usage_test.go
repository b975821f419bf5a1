package main_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

func TestWrongUseIsOneLineAndExitCode2(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "tandem.yaml")
	if err := os.WriteFile(config, []byte("licenses: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args string
		want string
	}{
		"unknown command":        {"frobnicate", "unexpected argument frobnicate"},
		"unknown flag":           {"up --frobnicate", "unknown flag --frobnicate"},
		"missing flag":           {"app create", "missing flags: --uri"},
		"missing argument":       {"app show", "expected"},
		"no reason":              {"session close 1", "--reason"},
		"no flow":                {"app credential add x", "--flow"},
		"wrong flow":             {"app credential add x --flow both", "must be one of"},
		"wrong span":             {"app credential add x --flow user --expires 9", "90d"},
		"wrong span of days":     {"app credential add x --flow user --expires 0d", "90d"},
		"wrong type":             {"app create --uri x --type secret", "confidential, public or none"},
		"reference tokens":       {"app create --uri x --access-tokens all", "none, users or admins"},
		"device flow":            {"app create --uri x --devices", "unknown flag"},
		"two databases":          {"app list --db sqlite:x --db-file y", "leave one out"},
		"wrong shell":            {"completion tcsh", "must be one of"},
		"wrong kind of user":     {"user create x --type robot", "must be one of"},
		"no password":            {"user set-password x", "--password-file"},
		"wrong output":           {"app list -o xml", "must be one of"},
		"wrong database":         {"app list --db mysql://x", "sqlite:FILE or postgres://"},
		"wrong log format":       {"up --log-format xml", "must be one of"},
		"no licences":            {"up --licences 0", "use 1 or more"},
		"all licences reserved":  {"up --licences 2 --reserve anna=3", "reserve"},
		"wrong address":          {"instance --listen localhost", "HOST:PORT"},
		"no such port":           {"instance --listen localhost:99999", "HOST:PORT"},
		"nothing to change":      {"app update com.acme/portal", "nothing to change"},
		"wrong URL":              {"instance --listen :0 --url ftp://x", "--url"},
		"URL with a path":        {"instance --listen :0 --url https://x/erp", "--url"},
		"clear text":             {"up --listen :0 --url http://erp.example", "in the clear"},
		"no such port in a URL":  {"instance --listen :0 --url https://erp.example:99999", "65535"},
		"no host in a URL":       {"up --listen :0 --url https://erp.example;x", "--url"},
		"URL of the web app":     {"webapp --webapp-listen :0 --webapp-url https://портал.example", "ASCII"},
		"URL of up's web app":    {"up --listen :0 --webapp-listen :0 --webapp-url https://127.1", "--webapp-url"},
		"worker in clear text":   {"webapp --webapp-listen :0 --worker http://192.0.2.1:8082", "--worker"},
		"issuer in clear text":   {"worker --worker-listen :0 --issuer http://erp.example/id", "--issuer"},
		"API in clear text":      {"worker --worker-listen :0 --odata http://erp.example/odata", "--odata"},
		"everybody is a proxy":   {"instance --listen :0 --trusted-proxy 0.0.0.0/0", "--trusted-proxy"},
		"no network":             {"worker --worker-listen :0 --trusted-proxy proxy.example", "--trusted-proxy"},
		"no connections":         {"up --max-connections 0", "--max-connections"},
		"a drain of a day":       {"instance --listen :0 --drain 24h", "--drain"},
		"no span to drain":       {"webapp --webapp-listen :0 --drain 5", "--drain"},
		"one connection":         {"instance --listen :0 --db-connections 1", "2 to 1000"},
		"connections in words":   {"up --worker-db-connections many", "2 to 1000"},
		"time that has passed":   {"session list --timeout -1s", "--timeout"},
		"no kind of session":     {"session list --kind users", "user, service or reference"},
		"no kind of event":       {"record list --kind tokens_issued", "token_issued"},
		"half a certificate":     {"instance --listen :0 --tls-cert x", "go together"},
		"two certificates":       {"instance --listen :0 --tls-dev --tls-cert x --tls-key y", "leave out"},
		"wrong issuer":           {"webapp --webapp-listen :0 --issuer localhost", "--issuer"},
		"wrong worker database":  {"worker --worker-listen :0 --worker-db x", "--worker-db"},
		"config of another kind": {"up --config " + config, `no flag is called "licenses"`},
		"config that is missing": {"up --config " + dir + "/none", "config file"},
		"no key to verify with":  {"prove verify report.json", "--key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(c.args)
			a := tandem(t, nil, append(args, "--data", filepath.Join(t.TempDir(), "data"))...)
			if a.code != 2 || !strings.Contains(a.stderr, c.want) || strings.Count(a.stderr, "\n") != 1 {
				t.Errorf("exit %d, want 2 and one line with %q:\n%s", a.code, c.want, a.stderr)
			}
		})
	}
}

func TestFailuresAreOneLineAndExitCode1(t *testing.T) {
	t.Parallel()
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { occupied.Close() })
	busy := occupied.Addr().String()

	newer := "sqlite:" + filepath.Join(t.TempDir(), "newer.db")
	db, err := data.Open(t.Context(), newer, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Identity.Writer().Exec("INSERT INTO " + data.MigrationTable + " (version_id, is_applied) VALUES (99999, true)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	notADatabase := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const free = " --listen 127.0.0.1:0 --webapp-listen 127.0.0.1:0 --worker-listen 127.0.0.1:0"
	for name, c := range map[string]struct{ args, want string }{
		"port of the instance":    {"up --listen " + busy, "cannot listen on " + busy + ": address already in use"},
		"port of the web app":     {"up --listen 127.0.0.1:0 --webapp-listen " + busy, "--webapp-listen"},
		"port of the worker":      {"up --listen 127.0.0.1:0 --webapp-listen 127.0.0.1:0 --worker-listen " + busy, "--worker-listen"},
		"port of one instance":    {"instance --listen " + busy, "cannot listen"},
		"no database yet":         {"app list", "there is no database"},
		"newer database":          {"up" + free + " --db " + newer, "newer tandem"},
		"newer database, command": {"user list --db " + newer, "newer tandem"},
		"not a database":          {"up" + free + " --db sqlite:" + notADatabase, "not an SQLite database"},
		"folder of the database":  {"instance --listen :0 --db sqlite:/nowhere/x.db", "folder /nowhere does not exist"},
		"PostgreSQL away":         {"up" + free + " --db postgres://tandem@127.0.0.1:1/tandem", "cannot reach PostgreSQL"},
		"data folder is a file":   {"up" + free + " --data " + empty, "data folder"},
		"certificate missing":     {"instance --listen :0 --tls-cert /none --tls-key /none", "TLS certificate"},
		"certificate for all":     {"up" + free + " --tls-cert /none --tls-key /none", "TLS certificate"},
		"no credential":           {"worker --worker-listen :0", "--credential-file"},
		"empty password file":     {"user create x --type internal --password-file " + empty, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			args := strings.Fields(c.args)
			if !strings.Contains(c.args, "--data") {
				args = append(args, "--data", dir)
			}
			a := tandem(t, nil, args...)
			if a.code != 1 || !strings.Contains(a.stderr, c.want) || strings.Count(a.stderr, "\n") != 1 {
				t.Errorf("exit %d, want 1 and one line with %q:\n%s", a.code, c.want, a.stderr)
			}
			if _, err := os.Stat(filepath.Join(dir, "demo.json")); err == nil {
				t.Error("a start that failed left a demo.json")
			}
		})
	}
}

// A command that waits for somebody who stands still comes to an end, whichever it
// is, and says so.
func TestCommandsEnd(t *testing.T) {
	t.Parallel()
	at := datatest.URL(t, sqldb.PostgreSQL)
	db, err := sqldb.Open(t.Context(), at, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Who migrates, or has stopped in the middle of it, has this lock.
	err = db.Lock(t.Context(), data.MigrationTable, func(ctx context.Context) error {
		for _, command := range []string{"session close x --reason y", "user list", "app show x", "key rotate", "record list", "access external list anna"} {
			args := append(strings.Fields(command), "--db", at, "--data", t.TempDir(), "--timeout", "1s")
			if a := tandem(t, nil, args...); a.code != 1 || !strings.Contains(a.stderr, "not done within 1s") {
				t.Errorf("%s: %d %s", command, a.code, a.stderr)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMissingPostgresPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	a := tandem(t, []string{"TANDEM_DB=postgres://tandem:hunter2hunter2@127.0.0.1:1/tandem"}, "app", "list")
	if a.code != 1 || strings.Contains(a.stderr+a.stdout, "hunter2") {
		t.Errorf("exit %d: %s", a.code, a.stderr)
	}
}

func TestFlagsComeBeforeEnvironmentBeforeFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "tandem.json")
	if err := os.WriteFile(config, []byte(`{"data": "`+dir+`/file", "output": "json", "log_level": "warn"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		variables []string
		args      []string
		want      string
	}{
		"file":        {nil, nil, dir + "/file/tandem.db"},
		"environment": {[]string{"TANDEM_DATA=" + dir + "/variable"}, nil, dir + "/variable/tandem.db"},
		"flag":        {[]string{"TANDEM_DATA=" + dir + "/variable"}, []string{"--data", dir + "/flag"}, dir + "/flag/tandem.db"},
		"file named by the environment": {
			[]string{"TANDEM_CONFIG=" + config}, []string{"--log-level", "info"}, dir + "/file/tandem.db",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"app", "list"}, c.args...)
			if len(c.variables) == 0 || !strings.HasPrefix(c.variables[0], "TANDEM_CONFIG") {
				args = append(args, "--config", config)
			}
			a := tandem(t, c.variables, args...)
			if a.code != 1 || !strings.Contains(a.stderr, c.want) {
				t.Errorf("exit %d, want the database %s: %s", a.code, c.want, a.stderr)
			}
		})
	}
}

func TestWrongKeyFile(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			dir, db := t.TempDir(), datatest.URL(t, engine)
			done(t, "migrate", "--data", dir, "--db", db)
			done(t, "key", "list", "--data", dir, "--db", db)
			wrong := filepath.Join(dir, "wrong.key")
			if err := os.WriteFile(wrong, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			a := tandem(t, nil, "instance", "--listen", ":0", "--data", dir, "--db", db, "--key-file", wrong)
			if a.code != 1 || !strings.Contains(a.stderr, "not the one that this database was made with") || strings.Count(a.stderr, "\n") != 1 {
				t.Errorf("exit %d: %s", a.code, a.stderr)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	if help := done(t, "--help"); !strings.Contains(help, "tandem <command>") {
		t.Error(help)
	}
	for _, command := range []string{"up", "instance", "webapp", "worker", "app create", "session close"} {
		if help := done(t, append(strings.Fields(command), "--help")...); !strings.Contains(help, "Usage: tandem "+command) {
			t.Error(help)
		}
	}
	if v := done(t, "version"); !strings.HasPrefix(v, "tandem ") {
		t.Error(v)
	}
	if v := read[map[string]string](t, "version"); v["version"] == "" || !strings.HasPrefix(v["go"], "go") {
		t.Error(v)
	}
}
