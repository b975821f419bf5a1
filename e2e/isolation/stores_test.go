package isolation_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// row is a session as the web app's database has it.
type row struct {
	key, sealed []byte
	version     int64
	userID      string
}

func (s *system) openDB(t *testing.T, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func (s *system) rows(t *testing.T, db *sqldb.DB) map[string]row {
	t.Helper()
	found, err := db.Reader().QueryContext(t.Context(), `SELECT key, sealed, version, user_id FROM webapp_sessions`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	all := map[string]row{}
	for found.Next() {
		var r row
		if err := found.Scan(&r.key, &r.sealed, &r.version, &r.userID); err != nil {
			t.Fatal(err)
		}
		all[r.userID] = r
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestF32_RowsOfTheWebAppsDatabase tampers with the stored sessions: whoever
// can write to the database of the web app gains nobody's session, and breaks
// no page.
func TestF32_RowsOfTheWebAppsDatabase(t *testing.T) {
	t.Parallel()
	set := func(column string, value func(anna, admin, old row) any) func(*testing.T, *sqldb.DB, row, row, row) {
		return func(t *testing.T, db *sqldb.DB, anna, admin, old row) {
			t.Helper()
			if _, err := db.Writer().ExecContext(t.Context(), `UPDATE webapp_sessions SET `+column+` = $1 WHERE key = $2`, value(anna, admin, old), anna.key); err != nil {
				t.Fatal(err)
			}
		}
	}
	tampering := map[string]func(*testing.T, *sqldb.DB, row, row, row){
		"a bit changed":         set("sealed", func(a, _, _ row) any { b := bytes.Clone(a.sealed); b[len(b)/2] ^= 1; return b }),
		"the first byte":        set("sealed", func(a, _, _ row) any { b := bytes.Clone(a.sealed); b[0] ^= 0x80; return b }),
		"cut off":               set("sealed", func(a, _, _ row) any { return a.sealed[:len(a.sealed)-1] }),
		"empty":                 set("sealed", func(_, _, _ row) any { return []byte{} }),
		"in the clear":          set("sealed", func(_, _, _ row) any { return []byte(`{"login":"admin","admin":true}`) }),
		"the administrator's":   set("sealed", func(_, admin, _ row) any { return admin.sealed }),
		"an old one":            set("sealed", func(_, _, old row) any { return old.sealed }),
		"version turned back":   set("version", func(_, _, old row) any { return old.version }),
		"version of the future": set("version", func(a, _, _ row) any { return a.version + 1 }),
		"all of an old one": func(t *testing.T, db *sqldb.DB, anna, admin, old row) {
			set("sealed", func(_, _, old row) any { return old.sealed })(t, db, anna, admin, old)
			set("version", func(_, _, old row) any { return old.version })(t, db, anna, admin, old)
		},
		"moved": func(t *testing.T, db *sqldb.DB, anna, admin, _ row) {
			// The administrator's row under the key of anna's cookie.
			for _, q := range []struct {
				text string
				args []any
			}{
				{`DELETE FROM webapp_sessions WHERE key = $1`, []any{anna.key}},
				{`UPDATE webapp_sessions SET key = $1 WHERE key = $2`, []any{anna.key, admin.key}},
			} {
				if _, err := db.Writer().ExecContext(t.Context(), q.text, q.args...); err != nil {
					t.Fatal(err)
				}
			}
		},
		"deleted": func(t *testing.T, db *sqldb.DB, anna, _, _ row) {
			if _, err := db.Writer().ExecContext(t.Context(), `DELETE FROM webapp_sessions WHERE key = $1`, anna.key); err != nil {
				t.Fatal(err)
			}
		},
	}
	each(t, tandemtest.Options{Licence: tandem.Licence{Slots: 3 * len(tampering)}}, func(t *testing.T, s *system) {
		db := s.openDB(t, s.WebAppDB)
		couples := map[string]couple{}
		for name := range tampering {
			n := len(couples)
			couples[name] = couple{s.newSignedIn(newClerk(fmt.Sprintf("anna%02d", n))), s.newSignedIn(newAdmin(fmt.Sprintf("admin%02d", n)))}
		}
		old := s.rows(t, db)
		s.Advance(s.renewal())
		for _, c := range couples {
			c.anna.open("/orders") // renews her token, so that the row is another
			c.admin.open("/orders")
		}
		now := s.rows(t, db)
		for name, tamper := range tampering {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := couples[name]
				anna, admin, old := now[c.anna.id], now[c.admin.id], old[c.anna.id]
				if anna.version != admin.version {
					t.Fatal("the rows differ by more than their key")
				}
				if anna.version <= old.version || bytes.Equal(anna.sealed, old.sealed) {
					t.Fatal("the row is still the old one")
				}
				tamper(t, db, anna, admin, old)
				s.during(t).afterTampering(c, name == "moved")
			})
		}
	})
}

// couple is who loses a row, and whose row is used for it.
type couple struct{ anna, admin *person }

// afterTampering opens pages as anna, whose row no longer is what the web app wrote.
func (s *system) afterTampering(c couple, adminsIsGone bool) {
	s.t.Helper()
	anna, admin := c.anna.during(s), c.admin.during(s)
	for _, path := range []string{"/two-halves", "/orders", "/", "/jobs"} {
		req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.WebApp+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		page := s.do(anna.Client, req) // the provider would sign her in again
		if sent := page.StatusCode == http.StatusSeeOther && strings.HasPrefix(page.Header.Get("Location"), "/signin"); !sent && !(path == "/" && page.StatusCode == 200) {
			s.t.Errorf("%s: %d", path, page.StatusCode)
		}
		if strings.Contains(page.Text, `id="sign-out"`) {
			s.t.Errorf("%s: still signed in, as %s", path, uuidText.ReplaceAllString(loginOn(page.Text), ""))
		}
	}
	if !adminsIsGone && !admin.signedIn() {
		s.t.Error("the administrator was signed out, too")
	}
	anna.open("/signin") // she is known at the provider, and all is well again
	if !anna.signedIn() || loginOn(anna.open("/two-halves").Text) != anna.login {
		s.t.Error("anna cannot sign in any more")
	}
}

func loginOn(page string) string {
	_, rest, _ := strings.Cut(page, `data-login="`)
	login, _, _ := strings.Cut(rest, `"`)
	return login
}

// TestI8_NeitherHalfReadsTheOthersStore lets both halves work and then compares
// their folders, keys and tables: they have nothing in common but the channel
// key, and no key of the one opens what the other sealed.
func TestI8_NeitherHalfReadsTheOthersStore(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		s.signIn("anna").open("/orders")
		s.signIn("paul").open("/portal/orders")
		s.sync(s.rpc, s.SignIn("anna", "openid").ID)
		webApp, worker := s.openDB(t, s.WebAppDB), s.openDB(t, s.WorkerDB)
		if n := len(s.rows(t, webApp)); n != 2 {
			t.Fatalf("the web app has %d sessions", n)
		}
		for _, q := range []struct {
			db    *sqldb.DB
			table string
		}{{worker, "webapp_sessions"}, {webApp, "jobs"}, {webApp, "products"}, {worker, "signing_keys"}, {webApp, "users"}} {
			if rows, err := q.db.Reader().QueryContext(t.Context(), `SELECT * FROM `+q.table); err == nil {
				rows.Close()
				t.Errorf("a half has the table %s", q.table)
			}
		}
		// Every file that could be a key, of everybody, against the web app's rows.
		files := map[string][]byte{}
		read := func(dir string) {
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || strings.Contains(d.Name(), ".db") {
					return err
				}
				files[path], err = os.ReadFile(path)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		read(s.Dir)
		files["instance/key"] = mustRead(t, s.Store().KeyFile)
		opened := map[string]int{}
		for name, text := range files {
			key, err := seal.ParseKey(strings.TrimSpace(string(text)), name)
			if err != nil {
				continue // not a key
			}
			box, err := seal.New("web app: sessions", key)
			if err != nil {
				t.Fatal(err)
			}
			opened[filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name)] = 0
			for _, r := range s.rows(t, webApp) {
				if _, err := box.Open(r.sealed, s.placeOf(r)); err == nil {
					opened[filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name)]++
				}
			}
		}
		for name, n := range opened {
			if own := strings.HasSuffix(name, "webapp/key"); (n > 0) != own {
				t.Errorf("%s opens %d of the web app's sessions", name, n)
			}
		}
		if len(opened) < 3 {
			t.Errorf("the keys found are %v", opened)
		}
		// Nothing of the one half lies in the other's folder, in any file.
		for half, foreign := range map[string][]string{"webapp": {s.ServiceSecret, string(files[filepath.Join(s.Dir, "worker", "key")])}, "worker": {s.UserSecret, string(files[filepath.Join(s.Dir, "webapp", "key")])}} {
			err := filepath.WalkDir(filepath.Join(s.Dir, half), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				for _, f := range foreign {
					if f != "" && bytes.Contains(text, []byte(strings.TrimSpace(f))) {
						t.Errorf("%s holds something of the other half", path)
					}
				}
				if info, err := d.Info(); err == nil && info.Mode().Perm()&0o077 != 0 && !strings.Contains(d.Name(), ".db") {
					t.Errorf("%s can be read by others: %v", path, info.Mode())
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// placeOf is what a session is bound to when it is sealed; see package client.
func (s *system) placeOf(r row) string {
	return fmt.Sprintf("session|%s|%s|%x|%d", s.Issuer, tandemtest.Portal, r.key, r.version)
}
