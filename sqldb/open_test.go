package sqldb_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Each fault is told in one line that says what to mend, and no password.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database; ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ url, want string }{
		"nothing":                {"", "use sqlite:FILE or postgres://"},
		"a password alone":       {"s3cret", "use sqlite:FILE or postgres://"},
		"another engine":         {"mysql://user:s3cret@h/db", `"mysql"`},
		"no file":                {"sqlite:", "names no file"},
		"a missing folder":       {"sqlite:" + dir + "/missing/x.db", "does not exist: create it"},
		"a file as folder":       {"sqlite:" + file + "/x.db", "is not a folder"},
		"a folder as file":       {"sqlite:" + dir, "cannot be opened"},
		"not a database":         {"sqlite:" + file, "not an SQLite database"},
		"nobody listens":         {"postgres://user:s3cret@127.0.0.1:1/db", "check that it runs"},
		"no port":                {"postgres://user:s3cret@127.0.0.1:port/db", "invalid port"},
		"an unescaped password":  {"postgres://user:s3cret/x@127.0.0.1/db", "cannot be read"},
		"a space in it":          {"postgres://user:s3cret x@127.0.0.1/db", "cannot be read"},
		"a bad escape in it":     {"postgres://user:s3cret%zz@127.0.0.1/db", "cannot be read"},
		"a quote in it":          {"postgres://user:`: s3cret@127.0.0.1:port/db", "cannot be read"},
		"a password in the text": {"postgres:user=me password=s3cret port=y", "cannot be read"},
		"a password in a query":  {"postgres://h/db?password=s3cret&port=x", "cannot be read"},
		"no such TLS mode":       {"postgres://user:s3cret@127.0.0.1/db?sslmode=bogus", "sslmode"},
	} {
		db, err := sqldb.Open(t.Context(), test.url, sqldb.Options{OpenTimeout: 10 * time.Second})
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if m := err.Error(); !strings.Contains(m, test.want) || strings.Contains(m, "s3cret") || strings.Contains(m, "\n") {
			t.Errorf("%s: %q, want %q", name, m, test.want)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "this is no database") {
		t.Errorf("a file that is no database was changed: %v", err)
	}
}

func TestOpenOfAnUnreadableFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.db")
	err := os.WriteFile(file, nil, 0o000)
	if os.Getuid() == 0 { // who may read everything but a link to itself
		err = errors.Join(os.Remove(file), os.Symlink(file, file))
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqldb.Open(t.Context(), "sqlite:"+file, sqldb.Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot be opened") {
		t.Errorf("got %v", err)
	}
}

// Characters that mean something in a URL are part of a file's name.
func TestFileNamesAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "a?b=c.db", "a#b.db", "a%20b.db", "данни.db", "mode=memory&x.db"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := sqldb.Open(t.Context(), "sqlite:"+path, sqldb.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := db.Writer().ExecContext(t.Context(), `CREATE TABLE t (id TEXT)`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		db.Close()
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s was made under another name: %v", name, err)
		}
	}
}
