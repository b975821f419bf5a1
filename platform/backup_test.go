package platform_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// backedUp copies the databases of a running instance by the means of its engine,
// and returns what restores them and the URL of what was restored.
func backedUp(t *testing.T, in *tandemtest.Instance) (restore func() (data.Restored, error), db string) {
	t.Helper()
	config := in.Store()
	config.By = tandemtest.By
	if file, ok := strings.CutPrefix(config.DB, "sqlite:"); ok {
		to, folder := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
		must(t, second((&platform.Backup{DB: file, Data: t.TempDir(), Version: "test"}).Write(t.Context(), to)))
		return func() (data.Restored, error) { return platform.Restore(t.Context(), to, folder, config) }, "sqlite:" + filepath.Join(folder, "tandem.db")
	}
	for _, program := range []string{"pg_dump", "psql"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	to := datatest.Open(t, sqldb.PostgreSQL).URL()
	dump, err := exec.CommandContext(t.Context(), "pg_dump", "--no-owner", "--clean", "--if-exists", config.DB).Output()
	must(t, err)
	return func() (data.Restored, error) {
		load := exec.CommandContext(t.Context(), "psql", "-q", "-v", "ON_ERROR_STOP=1", to)
		load.Stdin = strings.NewReader(string(dump))
		if out, err := load.CombinedOutput(); err != nil {
			return data.Restored{}, fmt.Errorf("%w: %s", err, out)
		}
		config.DB = to
		return platform.MarkRestored(t.Context(), config)
	}, to
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

// I9, F32: an instance that was restored does not take a refresh token for fresh
// that was used after the backup, nor one that was not, nor an access token, which
// may have been revoked since; and no session of before holds a slot.
func TestI9_F32_ARestoredInstanceRevivesNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			anna, idle := in.SignIn("anna", "openid", "offline_access", "read"), in.SignIn("admin", "openid", "offline_access", "read")
			service := in.ServiceToken()
			pat, patID := in.PAT("anna")
			link, _, err := in.Platform.ResetLink(t.Context(), tandemtest.By, "anna", in.URL, time.Hour)
			must(t, err)
			calls := func(in *tandemtest.Instance, token string) int {
				status, _ := in.API("GET", "General_Products_Products?$top=1", token, "")
				return status
			}
			if calls(in, anna.Access) != http.StatusOK || calls(in, service) != http.StatusOK {
				t.Fatal("the tokens are not good for anything")
			}
			in.Refresh() // writes the sessions back
			restore, db := backedUp(t, in)
			used := in.RefreshTokens(anna.Refresh)
			r, err := restore()
			must(t, err)
			if r.Sessions != 2 || r.SignIns != 2 || r.Families != 2 || r.Backup.IsZero() || r.Restored.Before(r.Backup) {
				t.Errorf("ended: %+v", r)
			}
			config := in.Store()
			config.DB = db
			twice, err := platform.MarkRestored(t.Context(), config)
			must(t, err)
			if twice.Backup.IsZero() || !twice.Backup.Before(r.Restored.Truncate(time.Microsecond)) {
				t.Errorf("marked twice, the data seems to be of %s, and was restored at %s", twice.Backup, r.Restored)
			}
			again := in.On(t, db)
			for name, refresh := range map[string]string{"used after the backup": anna.Refresh, "made after it": used.Refresh, "unused": idle.Refresh} {
				status, body := again.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh},
					"client_id": {tandemtest.Portal}, "client_secret": {again.UserSecret}})
				if status != http.StatusBadRequest || !strings.Contains(body, string(oauth.InvalidGrant)) {
					t.Errorf("a refresh token %s: %d %s", name, status, body)
				}
			}
			for name, token := range map[string]string{"person's": anna.Access, "newer": used.Access, "service": service, "personal": pat} {
				if status := calls(again, token); status != http.StatusUnauthorized {
					t.Errorf("the %s access token of before: %d", name, status)
				}
			}
			if page := again.Browser().Get(again.URL + strings.TrimPrefix(link, in.URL)); page.StatusCode != http.StatusBadRequest {
				t.Errorf("a link for a new password of before: %d", page.StatusCode)
			}
			if ended, err := again.Platform.References.Get(t.Context(), patID); err != nil || ended.RevokedAt.IsZero() {
				t.Errorf("a reference token of before: %+v %v", ended, err)
			}
			if status := calls(again, again.ServiceToken()); status != http.StatusOK {
				t.Errorf("a new token: %d", status)
			}
			if open := again.Sessions(false); len(open) != 1 || open[0].Slot != 1 {
				t.Errorf("open are %+v", open)
			}
			if fresh := again.SignIn("anna", "openid", "offline_access", "read"); calls(again, again.RefreshTokens(fresh.Refresh).Access) != http.StatusOK {
				t.Error("nobody can sign in again")
			}
			told, err := data.NewInstance(again.Platform.DB).Restored(t.Context())
			if err != nil || !told.Backup.Equal(twice.Backup) || len(again.Record(tandem.AuditRestored)) != 2 {
				t.Errorf("how old it is: %+v, %v; on record: %v", told, err, again.Record(tandem.AuditRestored))
			}
		})
	}
}

// writing is an instance on which somebody writes until stop: service tokens, and
// Imports of 40 products each, all or none, whose numbers begin with "B", that of
// the Import, and "-".
type writing struct {
	tokens, imports atomic.Int64
	stop            func()
}

const importedAtOnce = 40

func write(t *testing.T, in *tandemtest.Instance) *writing {
	t.Helper()
	w, ended := &writing{}, make(chan struct{})
	var running sync.WaitGroup
	w.stop = sync.OnceFunc(func() { close(ended); running.Wait() })
	again := func(f func(n int64), done *atomic.Int64) {
		running.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					f(done.Load())
					done.Add(1)
				}
			}
		})
	}
	token := in.ServiceToken()
	var groups struct{ Value []struct{ Code string } }
	_, answer := in.API("GET", "General_Products_ProductGroups?$top=1&$select=Code", token, "")
	must(t, json.Unmarshal([]byte(answer), &groups))
	again(func(int64) { in.ServiceToken() }, &w.tokens)
	again(func(n int64) {
		var objects []string
		for i := range importedAtOnce {
			objects = append(objects, fmt.Sprintf(
				`{"@odata.type":"Erp.General_Products_Product","PartNumber":"B%d-%d","Name":{"EN":"Part"},"ProductGroup":{"Code":"%s"}}`,
				n, i, groups.Value[0].Code))
		}
		_, answer := in.API("POST", "Import", token, `{"transaction":"all-objects","objects":[`+strings.Join(objects, ",")+`]}`)
		if !strings.Contains(answer, `"@erpnet.result":"success","objects"`) {
			t.Errorf("an Import: %.500s", answer)
		}
	}, &w.imports)
	return w
}

// A backup that is taken while people get tokens and Imports are written is of one
// moment: what was answered before is in it, and of an Import there is all or
// nothing.
func TestABackupDuringWritesIsOfOneMoment(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	w := write(t, in)
	defer w.stop()
	for i := range 3 {
		testkit.Eventually(t, "writes go on", func() bool { return w.imports.Load() > int64(2*i) && w.tokens.Load() > int64(20*i) })
		tokens, imports := w.tokens.Load(), w.imports.Load()
		restore, url := backedUp(t, in)
		must(t, second(restore()))
		db, err := data.Open(t.Context(), url, sqldb.Options{})
		must(t, err)
		var issued, whole, partly, broken int64
		must(t, db.Identity.Reader().QueryRow(`SELECT COUNT(*) FROM audit_events WHERE kind = 'token_issued'`).Scan(&issued))
		must(t, db.ERP.Reader().QueryRow(`SELECT COUNT(CASE WHEN n = $1 THEN 1 END), COUNT(CASE WHEN n <> $1 THEN 1 END) FROM (SELECT COUNT(*) AS n
			FROM erp_products WHERE part_number LIKE 'B%-%' GROUP BY substr(part_number, 1, instr(part_number, '-')))`, importedAtOnce).Scan(&whole, &partly))
		for _, part := range []*sqldb.DB{db.Identity, db.ERP} {
			must(t, part.Reader().QueryRow(`SELECT COUNT(*) + $1 FROM pragma_foreign_key_check`, broken).Scan(&broken))
		}
		must(t, db.Close())
		if issued < tokens || whole < imports || partly != 0 || broken != 0 {
			t.Errorf("%d tokens of %d, %d whole imports of %d, %d partly, %d rows that refer to nothing", issued, tokens, whole, imports, partly, broken)
		}
	}
}

// What is no whole backup is refused, and so is a folder in which something is; nothing
// is left of it.
func TestWhatIsNoBackupIsRefused(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	good := filepath.Join(t.TempDir(), "backup")
	b := platform.Backup{DB: in.Store().DB[len("sqlite:"):], Data: t.TempDir(), Version: "test"}
	must(t, second(b.Write(t.Context(), good)))
	if info, err := os.Stat(good); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	if err := second(b.Write(t.Context(), good)); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second one of the name: %v", err)
	}
	whole, err := os.ReadFile(good)
	must(t, err)
	changed := slices.Clone(whole)
	changed[len(changed)/3] ^= 1
	for name, text := range map[string][]byte{
		"nothing": nil, "half": whole[:len(whole)/2], "all but a byte": whole[:len(whole)-1], "changed": changed,
		"another zip":          archived(t, map[string]string{"a": "b"}),
		"newer":                archived(t, map[string]string{"manifest.json": `{"format":"tandem-backup/9"}`}),
		"without the instance": archived(t, map[string]string{"manifest.json": `{"format":"tandem-backup/1","files":[]}`}),
		"a way out": archived(t, map[string]string{"../x": "", "tandem.db": "",
			"manifest.json": `{"format":"tandem-backup/1","files":[{"name":"tandem.db"},{"name":"../x"}]}`}),
	} {
		file, folder := filepath.Join(t.TempDir(), "bad"), filepath.Join(t.TempDir(), "data")
		must(t, os.WriteFile(file, text, 0o600))
		_, err := platform.Restore(t.Context(), file, folder, in.Store())
		left, _ := os.ReadDir(folder)
		if err == nil || !strings.Contains(err.Error(), "is not a whole backup") || len(left) != 0 {
			t.Errorf("%s: %v; left is %v", name, err, left)
		}
	}
	if _, err := platform.Restore(t.Context(), good, filepath.Dir(good), in.Store()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder that is used: %v", err)
	}
}

func archived(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		must(t, err)
		must(t, second(w.Write([]byte(text))))
	}
	must(t, z.Close())
	return b.Bytes()
}
