package isolation_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// noSecretIsLeft looks for each secret that passed between the programs in the logs,
// in every column of all their databases, in the files, in the audit record, in the
// metrics, and in all addresses.
func noSecretIsLeft(t *testing.T, s *system, log *testkit.Buffer) {
	s.sync(s.rpc, s.SignIn("anna", "openid").ID)
	s.Advance(s.renewal())
	again := s.signIn("anna")
	s.Advance(s.renewal())
	again.open("/orders") // renewed
	s.Browser().SignIn(s.WebApp+"/signin", "anna", "not her password, but secret too")
	s.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {s.UserSecret}})
	for token := range s.tap.all(kindUser, kindService, kindID) {
		s.API("GET", "General_Products_Products?$top=1", token[:len(token)-4]+"AAAA", "")
	}
	s.tap.note(kindSecret, tandemtest.Password)
	s.tap.note(kindSecret, "not her password, but secret too")
	secrets := s.tap.all()
	for _, kind := range []string{kindCode, kindRefresh, kindSecret, kindChannel, kindUser, kindService, kindID, kindCookie} {
		if len(s.tap.all(kind)) == 0 {
			t.Fatalf("no %s passed by: nothing to look for", kind)
		}
	}
	look := func(where, text string) {
		for _, kind := range found(text, secrets) {
			t.Errorf("a %s is in %s", kind, where)
		}
	}
	if len(log.String()) < 10_000 {
		t.Errorf("the log says too little: %s", log.String())
	}
	look("the logs", log.String())
	for name, at := range map[string]string{"instance": s.Store().DB, "ERP": s.Platform.ERP.URL(), "web app": s.WebAppDB, "worker": s.WorkerDB} {
		n := dump(t, s.openDB(t, at), func(table, text string) { look("the "+name+"'s table "+table, text) })
		if n < 5 {
			t.Errorf("the %s's database has %d values", name, n)
		}
	}
	dirs := []string{s.Dir, filepath.Dir(s.Store().KeyFile)}
	if file, found := strings.CutPrefix(s.Store().DB, "sqlite:"); found {
		dirs = append(dirs, filepath.Dir(file))
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "credential" || d.Name() == "channel.key" {
				return err
			}
			look(d.Name(), string(mustRead(t, path)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range s.Record("") {
		look("the audit record: "+string(e.Kind), fmt.Sprintf("%+v", e))
	}
	look("the metrics", s.send("GET", s.URL+"/metrics", "", nil).Text)
	// Of all addresses only the one callback holds a code, once, and it is
	// used up there.
	places := s.tap.visited()
	for _, place := range places {
		for _, kind := range found(place, secrets) {
			if at, err := url.Parse(place); err != nil || kind != kindCode || !strings.HasSuffix(at.Path, "/signin-callback") {
				t.Errorf("a %s is in the address %s", kind, at.Redacted())
			}
		}
	}
	if len(places) < 100 {
		t.Errorf("%d addresses were seen", len(places))
	}
}

// dump gives every value of every table of a database, and counts them.
func dump(t *testing.T, db *sqldb.DB, value func(table, text string)) (n int) {
	t.Helper()
	tables := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if db.Engine == sqldb.PostgreSQL {
		tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var names []string
	rows, err := db.Reader().QueryContext(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	rows.Close()
	for _, name := range names {
		rows, err := db.Reader().QueryContext(t.Context(), `SELECT * FROM "`+name+`"`)
		if err != nil {
			t.Fatal(name, err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for rows.Next() {
			into := make([]any, len(columns))
			for i := range into {
				into[i] = new(any)
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			for _, v := range into {
				n++
				switch v := (*v.(*any)).(type) {
				case []byte:
					all.Write(v)
				default:
					fmt.Fprint(&all, v)
				}
				all.WriteByte('\n')
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		value(name, all.String())
	}
	return n
}
