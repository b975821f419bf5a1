package main_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
)

// Lists of thousands are whole in every form, and every line of a table is in its
// columns.
func TestLongLists(t *testing.T) {
	t.Parallel()
	const many = 2300 // more than two pages, and more rows than a table is measured by
	dir := t.TempDir()
	at := func(args ...string) []string { return append(args, "--data", dir) }
	done(t, at("user", "create", "admin", "--type", "internal", "--admin")...)
	db, err := data.Open(t.Context(), "sqlite:"+filepath.Join(dir, "tandem.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Identity.Writer().ExecContext(t.Context(), `INSERT INTO users (id, login, login_key, name, email, email_verified, locale, user_type,
			is_admin, is_enabled, password_hash, password_changed_at, created_at, changed_at, version)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT 'id' || i, 'u' || i, 'u' || i, 'Person ' || i, '', FALSE, '', 'InternalUser', FALSE, i % 2 = 0, '', 0, 1, 1, 1 FROM n`, many)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	users := read[[]map[string]any](t, at("user", "list")...)
	seen := map[string]bool{}
	for _, u := range users {
		seen[u["login"].(string)] = true
	}
	if len(users) != many+1 || len(seen) != many+1 || users[0]["login"] != "admin" {
		t.Errorf("%d users, %d different, the first %v", len(users), len(seen), users[0])
	}
	text := done(t, at("user", "list", "--limit", "3", "-o", "json")...)
	again, err := json.MarshalIndent(read[json.RawMessage](t, at("user", "list", "--limit", "3")...), "", "  ")
	if err != nil || text != string(again)+"\n" || strings.Count(text, `"login"`) != 3 {
		t.Errorf("it is indented as %s", text)
	}
	var listed []map[string]any
	if err := yaml.Unmarshal([]byte(done(t, at("user", "list", "--disabled", "-o", "yaml")...)), &listed); err != nil || len(listed) != many/2 {
		t.Errorf("%d users switched off, %v", len(listed), err)
	}
	for _, form := range []string{"json", "yaml"} {
		if none := done(t, at("user", "list", "nobody", "-o", form)...); none != "[]\n" {
			t.Errorf("none as %s: %q", form, none)
		}
	}
	lines := strings.Split(strings.TrimSuffix(done(t, at("user", "list", "Person 22")...), "\n"), "\n")
	if len(lines) != 1+1+10+100 { // the head, 22, 220 to 229, 2200 to 2299
		t.Errorf("%d lines", len(lines))
	}
	table := strings.Split(strings.TrimSuffix(done(t, at("user", "list")...), "\n"), "\n")
	column := strings.Index(table[0], "TYPE")
	for i, line := range table[1:] {
		if !strings.HasPrefix(line[column:], "InternalUser") {
			t.Fatalf("line %d is out of its column:\n%s\n%s", i, table[0], line)
		}
	}
	for _, args := range [][]string{{"user", "list", "--limit", "-1"}, {"user", "list", "--type", "robot"}, {"app", "list", "--type", "robot"}} {
		if a := tandem(t, nil, at(args...)...); a.code != 2 {
			t.Errorf("%s: exit %d: %s", fmt.Sprint(args), a.code, a.stderr)
		}
	}
}
