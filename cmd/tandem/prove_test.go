package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/sqldb"
)

// TestProve proves a fresh system: every invariant holds, and nothing is left behind.
func TestProve(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			dir, out := t.TempDir(), t.TempDir()
			var db []string
			if engine == sqldb.PostgreSQL {
				db = []string{"--db", testdb.URL(t, engine)}
			}
			r := up(t, dir, db...)
			signed, page := filepath.Join(out, "proof.json"), filepath.Join(out, "proof.html")
			a := tandem(t, nil, append([]string{"prove", "--data", dir, "--within", "5m", "--disturb", "--challenge", "of a test", "--out", signed, "--html", page, "-o", "json"}, db...)...)
			if a.code != 0 {
				t.Errorf("exit code %d: %s", a.code, a.stderr)
			}
			var report prove.Report
			if err := json.Unmarshal([]byte(a.stdout), &report); err != nil {
				t.Fatalf("%v: %s", err, a.stdout)
			}
			if len(report.Rows) != 14 {
				t.Errorf("%d rows", len(report.Rows))
			}
			for _, row := range report.Rows {
				untried := 0
				if row.ID == "I1" {
					untried = 1 // the portal may not use the device flow, whoever asks
				}
				if row.Verdict != prove.Holds || row.Tried() != len(row.Probes)-untried {
					t.Errorf("%s %s: %d of %d tried", row.ID, row.Verdict, row.Tried(), len(row.Probes))
				}
				for _, p := range row.Probes {
					if p.Verdict != prove.Holds && !(p.Verdict == prove.NotTested && p.Name == "begins a device sign-in") {
						t.Errorf("%s %s: %s: %s: sent %s, answered %s", row.ID, p.Name, p.Verdict, p.Why, p.Sent, p.Answered)
					}
				}
			}
			t.Logf("%d requests in %d ms", report.Requests, report.Milliseconds)
			if report.Requests > prove.MaxRequests {
				t.Errorf("%d requests in %d ms", report.Requests, report.Milliseconds)
			}
			r.tellsNoSecret(map[string]string{"output": a.stdout, "errors": a.stderr, "report": readText(t, signed), "page": readText(t, page)})
			r.leftAsItWas(append([]string{"--data", dir}, db...))
			// What it tried is on record with its report, and no incident.
			if a := tandem(t, nil, append([]string{"audit", "--data", dir, "--rule", "APP-21,APP-22,APP-23,APP-24"}, db...)...); a.code != 0 {
				t.Errorf("the audit takes the proof for an attack: %s", a.stdout)
			}
		})
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tellsNoSecret looks for the demo's secrets, and for tokens, in what a proof wrote.
func (r *running) tellsNoSecret(written map[string]string) {
	r.t.Helper()
	var secrets []string
	for _, a := range r.demo.Applications {
		secrets = append(secrets, a.UserSecret, a.ServiceSecret)
	}
	for _, u := range r.demo.Users {
		secrets = append(secrets, u.Password)
	}
	for where, text := range written {
		if where == "report" { // an envelope is base64: its payload is what the output is made of
			continue
		}
		if testkit.HasToken(text) {
			r.t.Errorf("the %s has a token", where)
		}
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				r.t.Errorf("the %s has a secret: %.12s…", where, secret)
			}
		}
	}
}

// leftAsItWas makes sure that what was disturbed was put back.
func (r *running) leftAsItWas(flags []string) {
	r.t.Helper()
	type app struct {
		URI     string `json:"application_uri"`
		Enabled bool   `json:"is_enabled"`
	}
	apps := read[[]app](r.t, append([]string{"app", "list"}, flags...)...)
	if len(apps) != len(r.demo.Applications) {
		r.t.Errorf("there are %d applications, and were %d", len(apps), len(r.demo.Applications))
	}
	for _, a := range apps {
		if !a.Enabled {
			r.t.Errorf("%s is off", a.URI)
		}
	}
	for _, s := range read[[]struct {
		Instance string `json:"service_instance"`
	}](r.t, append([]string{"session", "list"}, flags...)...) {
		if strings.HasPrefix(s.Instance, "prove-") {
			r.t.Errorf("the session of %s is left", s.Instance)
		}
	}
}

// TestProveSaysWhatIsMissing: wrong use is one line that says how to mend it.
func TestProveSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("a secret of somebody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	two := filepath.Join(dir, "two")
	if err := os.WriteFile(two, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := []string{
		"--issuer", "http://127.0.0.1:1/id", "--application-uri", "a", "--user-credential-file", secret, "--service-credential-file", secret,
		"--redirect", "http://127.0.0.1:1/cb", "--sign-in", "anna", "--password-file", secret,
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no demo":        {[]string{"--data", dir}, 1, "tandem up"},
		"no credential":  {[]string{"--issuer", "http://127.0.0.1:1/id"}, 2, "--user-credential-file is missing"},
		"two lines":      {append(target, "--password-file", two), 1, "must hold one secret"},
		"disturb others": {append(target, "--disturb"), 2, "--data"},
		"unknown row":    {append(target, "--only", "i99"), 1, "use I1 to I14"},
		"in the clear":   {append(target, "--issuer", "http://id.example/id"), 1, "use https"},
		"nobody there":   {target, 1, "discovery"},
		"steps":          {append(target, "--sign-in-steps", two), 1, "--sign-in-steps"},
		"by hand":        {append(target, "--by-hand", "--redirect", "https://a.example/cb"), 1, "needs a redirect URI on loopback"},
		"an hour":        {append(target, "--within", "1h"), 2, "use 10s to 10m"},
		"long challenge": {append(target, "--challenge", strings.Repeat("x", 201)), 1, "at most 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tandem(t, nil, append([]string{"prove"}, c.args...)...)
			lines := strings.Split(strings.TrimSpace(a.stderr), "\n")
			if last := lines[len(lines)-1]; a.code != c.code || !strings.Contains(last, c.want) || strings.Contains(a.stderr, "a secret of somebody") {
				t.Errorf("exit code %d: %s", a.code, a.stderr)
			}
		})
	}
}
