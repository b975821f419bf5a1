package worker_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/workertest"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

type endpoint struct {
	method, path string
	external     bool
}

var endpoints = []endpoint{
	{"GET", internalapi.PathJobs, false}, {"POST", internalapi.PathJobs, false}, {"GET", internalapi.PathJob + "x", false},
	{"POST", internalapi.PathJob + "x/cancel", false}, {"GET", internalapi.PathJob + "x/report", false}, {"GET", internalapi.PathJob + "x/events", false},
	{"GET", internalapi.PathJob + "x/file", false}, {"POST", internalapi.PathImports, false}, {"GET", internalapi.PathImports, false}, {"GET", internalapi.PathSchedules, false},
	{"POST", internalapi.PathSchedule + "x/edit", false}, {"POST", internalapi.PathSchedule + "x/pause", false}, {"POST", internalapi.PathSchedule + "x/resume", false}, {"POST", internalapi.PathSchedule + "x/run", false},
	{"GET", internalapi.PathStock, false},
	{"GET", internalapi.PathPortalCustomer, true}, {"GET", internalapi.PathPortalOrders, true}, {"GET", internalapi.PathPortalOrder + workertest.ID(1), true},
	{"GET", internalapi.PathPortalInvoices, true}, {"GET", internalapi.PathPortalInvoice + workertest.ID(1), true},
}

// The channel key comes first, whatever else comes with a request, and also on
// paths that do not exist.
func TestChannelKeyComesFirst(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	log := &testkit.Buffer{}
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	for _, e := range append(endpoints, endpoint{"GET", internalapi.PathStatus, false}, endpoint{"GET", "/", false}, endpoint{"DELETE", internalapi.PathJobs, false}) {
		for _, key := range []string{"", "wrong", strings.Repeat("k", 32)} {
			if status, _ := w.Ask(e.method, e.path, key, f.Anna(), ""); status != 401 {
				t.Errorf("%s %s with the key %q: %d", e.method, e.path, key, status)
			}
		}
	}
	if n := strings.Count(log.String(), "--channel-key-file"); n != 1 {
		t.Errorf("the log tells of another channel key %d times within a minute:\n%s", n, log)
	}
	if status, _ := w.Ask("GET", "/internal/nothing", "right", "", ""); status != 404 {
		t.Errorf("a path that does not exist: %d", status)
	}
}

// A7, I5, I8: evidence is a fresh ID token of this application from this
// issuer; nothing else passes, on no path.
func TestA7_EvidenceThatIsNone(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]any{
		"iss": f.Issuer, "aud": workertest.ApplicationURI, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "token_kind": "id",
		"sub": "anna", "id": workertest.AnnaID, "sid": "s", "user_type": "InternalUser",
	}
	with := func(claims object) string { return f.IDToken(claims) }
	parts := strings.Split(f.Anna(), ".")
	evidence := map[string]string{
		"none":                      "",
		"not a token":               "anna",
		"of another application":    with(object{"aud": "com.example/other"}),
		"for the API":               with(object{"aud": "DomainAPI"}),
		"of another issuer":         with(object{"iss": "https://evil.example/id"}),
		"expired":                   with(object{"iat": time.Now().Add(-time.Hour).Unix(), "exp": time.Now().Add(-time.Minute).Unix()}),
		"a user's access token":     workertest.Sign(merge(good, object{"token_kind": "user"}), "at+jwt", workertest.SigningKey()),
		"an access token by kind":   with(object{"token_kind": "user"}),
		"a service token":           workertest.Sign(object{"iss": f.Issuer, "aud": workertest.ApplicationURI, "exp": good["exp"], "iat": good["iat"], "token_kind": "service", "client_id": workertest.ApplicationURI, "client_system_user": "svc.portal"}, "at+jwt", workertest.SigningKey()),
		"a service token as JWT":    with(object{"token_kind": "service", "client_system_user": "svc.portal"}),
		"signed by a stranger":      workertest.Sign(good, "JWT", other),
		"signed with a shared word": workertest.Sign(good, "JWT", []byte(strings.Repeat("k", 32))),
		"unsigned":                  b64(`{"alg":"none"}`) + "." + parts[1] + ".",
		"signature cut off":         parts[0] + "." + parts[1] + ".",
		"claims changed":            parts[0] + "." + b64(`{"sub":"admin"}`) + "." + parts[2],
		"too long":                  strings.Repeat("x", 20<<10),
	}
	for name, token := range evidence {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, e := range endpoints {
				if status, text := w.Ask(e.method, e.path, "right", token, ""); status != 401 {
					t.Errorf("%s %s: %d %s", e.method, e.path, status, text)
				}
			}
		})
	}
	t.Cleanup(func() {
		if len(f.Requests) > 0 {
			t.Errorf("%d calls of the API for evidence that is none", len(f.Requests))
		}
	})
}

// I5, A8: each kind of account has its own paths, and unknown kinds have none.
func TestI5_KindsOfAccountHaveTheirOwnPaths(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	system := f.IDToken(object{"user_type": "SystemUserNoLogin"})
	unknown := f.IDToken(object{"user_type": ""})
	for _, e := range endpoints {
		for name, who := range map[string]struct {
			token   string
			allowed bool
		}{"internal": {f.Anna(), !e.external}, "external": {f.Paul(), e.external}, "system": {system, false}, "unknown": {unknown, false}} {
			status, text := w.Ask(e.method, e.path, "right", who.token, "")
			if (status != 403) != who.allowed && !strings.Contains(text, "not linked to an active customer") {
				t.Errorf("%s %s as %s: %d %s", e.method, e.path, name, status, text)
			}
		}
	}
}

// I13, A10: what strangers, external users and employees see of the worker's
// own state holds no token, and the first two see counts only.
func TestI13_StatusTellsNoToken(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Start(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	w.Until(w.Sync().ID, internalapi.JobCompleted)
	for _, c := range []struct {
		name, evidence string
		details        bool
	}{{"nobody", "", false}, {"external", f.Paul(), false}, {"internal", f.Anna(), true}} {
		status, text := w.Ask("GET", internalapi.PathStatus, "right", c.evidence, "")
		var s internalapi.Status
		if err := json.Unmarshal([]byte(text), &s); err != nil || status != 200 {
			t.Fatal(status, err)
		}
		if s.Tokens != 1 || (s.Session != nil) != c.details || (len(s.Calls) > 0) != c.details || s.Licence == nil {
			t.Errorf("%s: %s", c.name, text)
		}
		if strings.Contains(text, "service-token") {
			t.Errorf("%s sees a token: %s", c.name, text)
		}
		if c.details && (s.Session.Slot != 3 || !s.Session.Open || s.Licence.Used != 3 || s.Licence.Slots != 25 || s.Calls[len(s.Calls)-1].OnBehalfOf != "anna") {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"not JSON", "POST", internalapi.PathJobs, "{", 400},
		{"unknown field", "POST", internalapi.PathJobs, `{"kind":"sync_stock","as":"admin"}`, 400},
		{"two values", "POST", internalapi.PathJobs, `{"kind":"sync_stock"} {}`, 400},
		{"unknown kind", "POST", internalapi.PathJobs, `{"kind":"drop_all"}`, 400},
		{"an import without files", "POST", internalapi.PathJobs, `{"kind":"import"}`, 400},
		{"an export without period", "POST", internalapi.PathJobs, `{"kind":"export_orders"}`, 400},
		{"an export backwards", "POST", internalapi.PathJobs, `{"kind":"export_orders","from":"2026-02-01","to":"2026-01-01"}`, 400},
		{"an export of a century", "POST", internalapi.PathJobs, `{"kind":"export_orders","from":"1900-01-01","to":"2026-01-01"}`, 400},
		{"an unknown format", "POST", internalapi.PathJobs, `{"kind":"export_orders","from":"2026-01-01","to":"2026-01-01","format":"../x"}`, 400},
		{"too large", "POST", internalapi.PathJobs, `{"kind":"` + strings.Repeat("x", 100<<10) + `"}`, 413},
		{"negative skip", "GET", internalapi.PathJobs + "?skip=-1", "", 400},
		{"far skip", "GET", internalapi.PathStock + "?skip=99999999", "", 400},
		{"long search", "GET", internalapi.PathStock + "?search=" + strings.Repeat("x", 201), "", 400},
		{"not multipart", "POST", internalapi.PathImports, `{}`, 400},
		{"NUL in an id", "GET", internalapi.PathJob + "x%00y", "", 400},
		{"NUL in a search", "GET", internalapi.PathStock + "?search=x%00y", "", 400},
		{"Windows-1251 in a search", "GET", internalapi.PathStock + "?search=%ea%e0", "", 400},
		{"a broken escape", "GET", internalapi.PathStock + "?search=%zz", "", 400},
		{"no such job", "GET", internalapi.PathJob + "x", "", 404},
		{"no such job's file", "GET", internalapi.PathJob + "x/file", "", 404},
		{"a path in an id", "GET", internalapi.PathJob + "..%2f..%2fworker.db/file", "", 404},
	} {
		status, text := w.Ask(c.method, c.path, "right", f.Anna(), c.body)
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || status != c.status || e.Error.Message == "" {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
}

func merge(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
