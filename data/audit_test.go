package data_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The record is append-only: no statement of the program changes or removes an
// event. Migrations may drop the table on the way down only.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`(?i)\b(update|delete\s+from|truncate(\s+table)?|replace\s+into)\s+audit_events` +
		`|on\s+conflict[^;]*audit_events|audit_events[^;` + "`" + `]*on\s+conflict`)
	seen := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := os.ReadFile(filepath.Join("..", path))
		if strings.Contains(string(text), "audit_events") {
			seen++
		}
		if found := forbidden.Find(text); found != nil {
			t.Errorf("%s: %s", path, found)
		}
		return err
	})
	if err != nil || seen < 2 {
		t.Errorf("looked at %d files with the table, %v", seen, err)
	}
	for _, bad := range []string{
		"DELETE FROM audit_events", "update audit_events SET", "INSERT INTO audit_events (id) VALUES ($1) ON CONFLICT (id) DO UPDATE",
	} {
		if !forbidden.MatchString(bad) {
			t.Errorf("%q is not seen", bad)
		}
	}
}
