package main_test

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestApplicationLifecycle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(args ...string) []string { return append(args, "--data", dir) }
	done(t, at("user", "create", "svc.acme", "--type", "system")...)
	table := done(t, at("app", "create", "--uri", "com.acme/portal", "--internal", "--system-user", "svc.acme", "--scope", "read update")...)
	if !strings.Contains(table, "user_secret") || !strings.Contains(table, "tdss_") {
		t.Errorf("create shows: %s", table)
	}
	show := func() map[string]any { return read[map[string]any](t, at("app", "show", "com.acme/portal")...) }
	shown := show()
	for name, want := range map[string]any{
		"application_uri": "com.acme/portal", "client_type": "Confidential", "is_enabled": true, "system_user": "svc.acme",
		"scope": "read update", "impersonate_as_internal_user_allowed": true, "impersonate_as_community_user_allowed": false,
		"access_tokens": "None", "system_user_allowed": true,
	} {
		if shown[name] != want {
			t.Errorf("%s is %v, want %v", name, shown[name], want)
		}
	}
	if shown["user_secret"] != nil || shown["service_secret"] != nil {
		t.Error("a secret is shown twice")
	}

	done(t, at("app", "update", "com.acme/portal", "--external", "--no-internal", "--scope", "read",
		"--redirect", "https://acme.example/a", "--redirect", "https://acme.example/b")...)
	shown = show()
	if shown["impersonate_as_internal_user_allowed"] != false || shown["scope"] != "read" || shown["system_user"] != "svc.acme" {
		t.Errorf("after the update: %v", shown)
	}
	if uris, _ := shown["redirect_uris"].([]any); len(uris) != 2 || uris[1] != "https://acme.example/b" {
		t.Errorf("redirect_uris %v", shown["redirect_uris"])
	}

	added := read[map[string]any](t, at("app", "credential", "add", "com.acme/portal", "--flow", "service", "--expires", "90d")...)
	id, _ := added["id"].(string)
	if secret, _ := added["secret"].(string); !strings.HasPrefix(secret, "tdss_") || added["expires_at"] == nil || id == "" {
		t.Errorf("added %v", added)
	}
	list := func() []map[string]any {
		return read[[]map[string]any](t, at("app", "credential", "list", "com.acme/portal")...)
	}
	if n := len(list()); n != 3 {
		t.Errorf("%d credentials, want 3", n)
	}
	done(t, at("app", "credential", "revoke", "com.acme/portal", id)...)
	for _, c := range list() {
		if c["secret"] != nil || (c["revoked_at"] != nil) != (c["id"] == id) || (c["state"] == "revoked") != (c["id"] == id) ||
			!strings.HasPrefix(c["created_by"].(string), "os:") || c["id"] == id && c["revoked_by"] != c["created_by"] {
			t.Errorf("listed after one was revoked: %v", c)
		}
	}
	if table := done(t, at("app", "show", "com.acme/portal")...); strings.Contains(table, id) || !strings.Contains(table, "1 in the last 400 days") {
		t.Errorf("shown after one was revoked: %s", table)
	}
	rolled := read[map[string]any](t, at("app", "roll", "com.acme/portal", "--flow", "service", "--overlap", "7d", "--name", "worker A")...)
	ends, _ := rolled["ends"].([]any)
	if secret, _ := rolled["secret"].(string); !strings.HasPrefix(secret, "tdss_") || rolled["name"] != "worker A" || rolled["successor_of"] == "" || len(ends) != 1 {
		t.Errorf("rolled: %v", rolled)
	}
	again := read[map[string]any](t, at("app", "credential", "roll", "com.acme/portal", rolled["id"].(string), "--overlap", "0")...)
	if again["name"] != "worker A" || again["successor_of"] != rolled["id"] || again["ends"].([]any)[0].(map[string]any)["state"] != "revoked" {
		t.Errorf("rolled at once: %v", again)
	}

	const hash = "LemK3uMxOEdAPSc+BDl1N8cOaQ/mALDaq2Gc291OST8=" // a registration of ERP.net, brought along
	classic := read[map[string]any](t, at("app", "create", "--uri", "com.acme/classic", "--internal", "--system-user", "svc.acme",
		"--scope", "read offline_access", "--secret-hash", hash)...)
	if classic["application_secret_hash"] != hash || classic["user_secret"] != nil || classic["service_secret"] != nil {
		t.Errorf("a classic registration: %v", classic)
	}
	if table := done(t, at("app", "show", "com.acme/classic")...); !strings.Contains(table, "both halves") {
		t.Errorf("not shown as classic: %s", table)
	}
	if of := read[[]map[string]any](t, at("app", "credential", "list", "com.acme/classic")...); len(of) != 1 || of[0]["id"] != "classic" || of[0]["flow"] != "both" {
		t.Errorf("the classic secret is not listed: %v", of)
	}
	if a := tandem(t, nil, at("app", "update", "com.acme/classic", "--secret-hash", "secret")...); a.code != 1 || !strings.Contains(a.stderr, "SHA-256") {
		t.Errorf("a secret for its hash: exit %d: %s", a.code, a.stderr)
	}
	if a := read[map[string]any](t, at("app", "update", "com.acme/classic", "--no-classic-secret")...); a["application_secret_hash"] != nil {
		t.Errorf("not taken away: %v", a)
	}
	done(t, at("app", "delete", "com.acme/classic")...)

	done(t, at("app", "disable", "com.acme/portal")...)
	if show()["is_enabled"] != false {
		t.Error("not disabled")
	}
	done(t, at("app", "enable", "com.acme/portal")...)
	if apps := read[[]map[string]any](t, at("app", "list")...); len(apps) != 1 || apps[0]["is_enabled"] != true {
		t.Errorf("list: %v", apps)
	}
	owned := read[map[string]any](t, at("app", "update", "com.acme/portal", "--owner", "depot@acme.example")...)
	if owned["owner"] != "depot@acme.example" || owned["source"] != "command" || !strings.HasPrefix(owned["created_by"].(string), "os:") {
		t.Errorf("whose it is: %v", owned)
	}
	done(t, at("app", "delete", "com.acme/portal")...)
	if gone := read[[]map[string]any](t, at("app", "list", "--trash", "portal")...); len(gone) != 1 || gone[0]["deleted_at"] == nil || gone[0]["owner"] != "depot@acme.example" {
		t.Errorf("in the trash: %v", gone)
	}
	if back := read[map[string]any](t, at("app", "restore", "com.acme/portal")...); back["is_enabled"] != false || back["owner"] != "depot@acme.example" || back["scope"] != "read" {
		t.Errorf("restored: %v", back)
	}
	done(t, at("app", "delete", "com.acme/portal")...)
	if apps := read[[]map[string]any](t, at("app", "list")...); apps == nil || len(apps) != 0 {
		t.Errorf("after the end: %v", apps)
	}
	for _, args := range [][]string{
		{"app", "show", "com.acme/portal"}, {"app", "disable", "com.acme/portal"}, {"app", "delete", "com.acme/portal"},
		{"app", "credential", "list", "com.acme/portal"}, {"user", "show", "nobody"}, {"session", "close", "nothing", "--reason", "x"},
		{"app", "create", "--uri", "svc.acme"}, // I7: the login of a user
		{"app", "create", "--uri", "com.acme/x", "--redirect", "http://acme.example/"},
		{"user", "create", "svc.acme", "--type", "internal"},
	} {
		if a := tandem(t, nil, at(args...)...); a.code != 1 || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("tandem %s: exit %d: %s", strings.Join(args, " "), a.code, a.stderr)
		}
	}
}

func TestUsersByCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(args ...string) []string { return append(args, "--data", dir) }
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := read[map[string]any](t, at("user", "create", "anna", "--type", "internal", "--admin", "--name", "Anna B", "--email", "a@example.com", "--password-file", file)...)
	for name, want := range map[string]any{
		"login": "anna", "user_type": "InternalUser", "is_admin": true, "is_enabled": true, "name": "Anna B", "email": "a@example.com",
	} {
		if made[name] != want {
			t.Errorf("%s is %v, want %v", name, made[name], want)
		}
	}
	done(t, at("user", "create", "paul", "--type", "external")...)
	if users := read[[]map[string]any](t, at("user", "list")...); len(users) != 2 || users[1]["user_type"] != "ExternalCommunityUser" {
		t.Errorf("list: %v", users)
	}
	if u := read[map[string]any](t, at("user", "set-password", "paul", "--password-file", file, "--reset-factors")...); u["login"] != "paul" || len(u["second_factors"].([]any)) != 0 || len(u["links"].([]any)) != 0 {
		t.Errorf("what remains after another password: %v", u)
	}
	done(t, at("provider", "create", "acme", "--name", "Acme", "--issuer", "https://login.acme.example", "--client-id", "x", "--allow", "external")...)
	done(t, at("user", "link", "paul", "--provider", "acme", "--subject", "s-1")...)
	if text := done(t, at("user", "set-password", "paul", "--password-file", file)...); !strings.Contains(text, `link to acme, subject "s-1", made less than an hour ago`) || !strings.Contains(text, "tandem user unlink paul") {
		t.Errorf("what remains after another password: %s", text)
	}
	done(t, at("user", "disable", "paul")...)
	if u := read[map[string]any](t, at("user", "show", "paul")...); u["is_enabled"] != false {
		t.Error("not disabled")
	}
	done(t, at("user", "enable", "paul")...)
	changed := read[map[string]any](t, at("user", "update", "paul", "--name", "Paul N", "--email", "p@example.com", "--password-file", file)...)
	if changed["name"] != "Paul N" || changed["email"] != "p@example.com" || changed["user_type"] != "ExternalCommunityUser" {
		t.Errorf("after the update: %v", changed)
	}
	done(t, at("user", "end-sign-ins", "paul")...)
	done(t, at("user", "create", "eve", "--type", "external")...)
	done(t, at("user", "delete", "eve")...)
	if again := read[map[string]any](t, at("user", "create", "eve", "--type", "internal")...); again["user_type"] != "InternalUser" {
		t.Errorf("a login that is free again: %v", again)
	}
	done(t, at("user", "delete", "eve")...)
	for _, args := range [][]string{
		{"user", "show", "eve"}, {"user", "delete", "eve"}, {"user", "end-sign-ins", "eve"}, {"user", "update", "eve", "--name", "x"},
		{"access", "external", "add", "paul", "--customer", "none"}, {"access", "external", "add", "anna", "--customer", "none"},
		{"access", "external", "add", "paul", "--customer", "none", "--role", "king"}, {"access", "external", "list", "eve"},
	} {
		if a := tandem(t, nil, at(args...)...); a.code != 1 || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("tandem %s: exit %d: %s", strings.Join(args, " "), a.code, a.stderr)
		}
	}
	if a := tandem(t, nil, at("instance", "--listen", ":0", "--reserve", "nobody=3")...); a.code != 2 || !strings.Contains(a.stderr, `there is no user "nobody"`) {
		t.Errorf("slots for nobody: exit %d: %s", a.code, a.stderr)
	}
	record := read[[]map[string]any](t, at("record", "list", "--kind", "administration", "--limit", "3")...)
	if len(record) != 3 || !strings.HasPrefix(fmt.Sprint(record[2]["detail"]), "deleted user eve") {
		t.Errorf("the record ends in %v", record)
	}
	if lines := done(t, at("record", "tail", "--once", "-n", "2", "-o", "json")...); strings.Count(lines, "\n") != 2 {
		t.Errorf("the end of the record: %s", lines)
	}
	exported := strings.Split(strings.TrimSpace(done(t, at("record", "export")...)), "\n")
	var event struct{ Kind, Detail string }
	if err := json.Unmarshal([]byte(exported[len(exported)-1]), &event); err != nil || event.Detail != fmt.Sprint(record[2]["detail"]) {
		t.Errorf("the record is exported with the end %+v, %v", event, err)
	}
	if n := len(strings.Split(strings.TrimSpace(done(t, at("record", "export", "--until", "2001-01-01T00:00:00Z")...)), "\n")[0]); n != 0 {
		t.Error("events of before the record are exported")
	}
	for _, span := range []string{"0d", "12h", "-1d", "36h", "never", "400"} {
		if a := tandem(t, nil, at("instance", "--listen", ":0", "--record-keep="+span)...); a.code != 2 || !strings.Contains(a.stderr, "or forever") {
			t.Errorf("a record kept for %s: exit %d: %s", span, a.code, a.stderr)
		}
	}
	if table := done(t, at("user", "list")...); !strings.HasPrefix(table, "LOGIN") || !strings.Contains(table, "paul") {
		t.Error(table)
	}
	if yaml := done(t, at("user", "list", "-o", "yaml")...); !strings.HasPrefix(yaml, "- id:") {
		t.Error(yaml)
	}
}

// What a packager and a shell ask.
func TestTheProgramTellsAboutItself(t *testing.T) {
	t.Parallel()
	version := done(t, "--version")
	if !strings.HasPrefix(version, "tandem ") || strings.Contains(version, "unknown") || version != done(t, "version") {
		t.Errorf("--version says %s", version)
	}
	if help := done(t, "instance", "--help"); !strings.Contains(help, "Default: 127.0.0.1:8080.") || !strings.Contains(help, "Example:") {
		t.Error(help)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	list := done(t, "licences", "--list")
	for _, m := range info.Deps {
		if !strings.Contains(list, m.Path+" "+m.Version+"  ") {
			t.Errorf("%s %s is linked, and its licence is not told: run make licences", m.Path, m.Version)
		}
	}
	if text := done(t, "licences"); !strings.Contains(text, "Mozilla Public License") || !strings.Contains(text, "Apache License") {
		t.Error("texts are missing")
	}
	if script := done(t, "completion", "bash"); !strings.Contains(script, "tandem complete --") {
		t.Error(script)
	}
	if words := done(t, "complete", "--", "key", "r"); words != "rotate\n" {
		t.Errorf("key r becomes %q", words)
	}
}

func TestKeysAndSchemaByCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if first := done(t, "migrate", "--data", dir); !strings.Contains(first, "from version 0 to") {
		t.Error(first)
	}
	if again := done(t, "migrate", "--data", dir); !strings.Contains(again, "up to date") {
		t.Error(again)
	}
	states := func(rows []map[string]any) map[any]int {
		n := map[any]int{}
		for _, r := range rows {
			n[r["state"]]++
		}
		return n
	}
	if n := states(read[[]map[string]any](t, "key", "list", "--data", dir)); n["active"] != 4 || n["next"] != 0 {
		t.Errorf("states %v", n)
	}
	if n := states(read[[]map[string]any](t, "key", "rotate", "--data", dir)); n["active"] != 4 || n["next"] != 4 {
		t.Errorf("after the rotation: %v", n)
	}
	if rows := read[[]map[string]any](t, "session", "list", "--data", dir, "--all"); rows == nil || len(rows) != 0 {
		t.Errorf("sessions: %v", rows)
	}
}
