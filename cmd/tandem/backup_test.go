package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
)

// A backup that was killed anywhere leaves no file that has the name of one; one
// that has the name is restored into an empty folder, without any key, and knows the
// accounts of then.
func TestBackupIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	dir, to := filepath.Join(t.TempDir(), "data"), t.TempDir()
	done(t, "user", "create", "svc.one", "--type", "system", "--data", dir)
	for _, part := range []string{"", "/tandem-erp.db", "/tandem.db", "/whole"} {
		file := filepath.Join(to, "killed")
		backup := exec.Command(binary, "backup", file, "--data", dir)
		backup.Env = environment()
		if err := backup.Start(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the backup works on "+part, func() bool {
			found, _ := filepath.Glob(filepath.Join(to, ".tandem-backup-*"+part))
			_, err := os.Stat(file)
			return len(found) > 0 || err == nil
		})
		_ = backup.Process.Kill()
		_ = backup.Wait()
		if _, err := os.Stat(file); err == nil { // it was faster
			done(t, "restore", file, "--data", filepath.Join(t.TempDir(), "restored"))
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		left, _ := filepath.Glob(filepath.Join(to, "*"))
		hidden, _ := filepath.Glob(filepath.Join(to, ".tandem-backup-*"))
		for _, name := range append(left, hidden...) {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	file, restored := filepath.Join(to, "backup"), filepath.Join(t.TempDir(), "restored")
	secret := filepath.Join(to, "acme.secret")
	if err := os.WriteFile(secret, []byte("a secret of acme"), 0o600); err != nil {
		t.Fatal(err)
	}
	done(t, "provider", "create", "acme", "--name", "Acme", "--issuer", "https://login.acme.example", "--client-id", "tandem", "--client-secret-file", secret,
		"--allow", "internal", "--data", dir)
	if told := done(t, "backup", file, "--data", dir); !strings.Contains(told, "No key is in it") {
		t.Error(told)
	}
	done(t, "user", "create", "svc.two", "--type", "system", "--data", dir)
	if told := done(t, "restore", file, "--data", restored); !strings.Contains(told, " ago. What happened since is gone") ||
		!strings.Contains(told, "second factors of 0 people, secrets of 1 outside providers") {
		t.Error(told)
	}
	if list := done(t, "user", "list", "--data", restored); !strings.Contains(list, "svc.one") || strings.Contains(list, "svc.two") {
		t.Errorf("after the restore: %s", list)
	}
	if told := done(t, "restore", "--mark", "--data", restored); !strings.Contains(told, " ago. What happened since is gone") {
		t.Error(told)
	}
	for want, args := range map[string][]string{
		"is not empty":         {"restore", file, "--data", restored},
		"is there already":     {"backup", file, "--data", dir},
		"name either a backup": {"restore", "--data", filepath.Join(t.TempDir(), "none")},
		"pg_dump":              {"backup", filepath.Join(to, "pg"), "--db", "postgres://nobody@127.0.0.1:1/none"},
	} {
		if a := tandem(t, nil, args...); a.code == 0 || !strings.Contains(a.stderr, want) || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("tandem %s: exit %d: %s", strings.Join(args, " "), a.code, a.stderr)
		}
	}
}
