package platform_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// classic gives the portal its secret of before, which is a finding that is high.
func classic(a *tandem.TrustedApp) { a.SecretHash = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" }

// TestAuditsAreNoted: what opens and closes is on record once, is counted, and comes back
// when its acceptance ends; whatever is found is first seen once.
func TestAuditsAreNoted(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			audit := func(whole bool) {
				t.Helper()
				if _, err := in.Platform.AuditNow(t.Context(), whole); err != nil {
					t.Fatal(err)
				}
			}
			on := func(kind tandem.AuditKind) (n int) {
				for _, e := range in.Record(kind) {
					if strings.HasPrefix(e.Detail, "APP-01: com.example/portal (high, finding ") {
						n++
					}
				}
				return n
			}
			open := func(severity string) int {
				counts, err := data.NewFindings(in.Platform.DB).Open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return counts[severity]
			}
			audit(true)
			before := open("high")
			in.UpdateApp(tandemtest.Portal, classic)
			audit(false)
			audit(true)
			audit(false)
			if on(tandem.AuditFindingOpened) != 1 || on(tandem.AuditFindingClosed) != 0 || open("high") != before+1 {
				t.Errorf("opened %d times, closed %d times, %d high", on(tandem.AuditFindingOpened), on(tandem.AuditFindingClosed), open("high")-before)
			}
			until := in.Clock.Now().Add(48 * time.Hour)
			o := platform.AuditOptions{Limits: findings.DefaultLimits(), Rules: findings.Rules()}
			_, err := in.Platform.Accept(t.Context(), tandem.By{Login: "admin"}, o, "APP-01@com.example/portal", "moves on Friday", until)
			if err != nil {
				t.Fatal(err)
			}
			audit(false)
			if open("high") != before {
				t.Errorf("an accepted finding counts")
			}
			in.Advance(49 * time.Hour)
			audit(false)
			if on(tandem.AuditFindingOpened) != 2 || open("high") != before+1 {
				t.Errorf("past its date: opened %d times, %d high", on(tandem.AuditFindingOpened), open("high")-before)
			}
			in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SecretHash = "" })
			audit(false)
			audit(true)
			if on(tandem.AuditFindingClosed) != 1 || open("high") != before {
				t.Errorf("mended: closed %d times, %d high", on(tandem.AuditFindingClosed), open("high")-before)
			}
			if err := data.NewFindings(in.Platform.DB).Purge(t.Context(), in.Clock.Now().Add(401*24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if last, _, err := data.NewFindings(in.Platform.DB).LastRuns(t.Context()); err != nil || !last.IsZero() {
				t.Errorf("a run is kept for ever: %v %v", last, err)
			}
		})
	}
}

// receiver takes alerts, and refuses the first ones.
type receiver struct {
	*httptest.Server
	lock   sync.Mutex
	refuse int
	got    []*http.Request
	bodies []string
}

func newReceiver(t *testing.T, refuse int) *receiver {
	r := &receiver{refuse: refuse}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.lock.Lock()
		defer r.lock.Unlock()
		r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
		if len(r.got) <= r.refuse {
			http.Redirect(w, req, "/elsewhere", http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// TestAlerts: a new finding that is high is told once, signed, and again until it is taken;
// the bytes are the same each time, and a redirect is not followed.
func TestAlerts(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 2)
	in := tandemtest.Start(t, tandemtest.Options{Audit: platform.AuditSchedule{Alert: platform.Alert{URL: r.URL + "/hook?key=s3cret"}}})
	run := func() {
		t.Helper()
		if _, err := in.Platform.AuditNow(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if err := in.Platform.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	in.UpdateApp(tandemtest.Portal, classic)
	for range 5 { // a try each, and no more than are due
		run()
		run()
		in.Advance(5 * time.Minute)
	}
	if len(r.got) != 3 {
		t.Fatalf("%d tries, want 2 that were refused and one", len(r.got))
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Platform.AlertKey(), "whpk_"))
	if err != nil {
		t.Fatal(err)
	}
	for n, req := range r.got {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(req.Header.Get("Webhook-Signature"), "v1a,"))
		signed := req.Header.Get("Webhook-Id") + "." + req.Header.Get("Webhook-Timestamp") + "." + r.bodies[n]
		if err != nil || !ed25519.Verify(key, []byte(signed), signature) || r.bodies[n] != r.bodies[0] || req.URL.Path != "/hook" {
			t.Errorf("try %d: %v %q %q", n, err, req.URL, r.bodies[n])
		}
	}
	var message struct {
		Type string
		Data struct {
			Findings []struct{ Rule, Severity, State string }
		}
	}
	if err := json.Unmarshal([]byte(r.bodies[0]), &message); err != nil || message.Type != "findings.opened" {
		t.Fatal(err, r.bodies[0])
	}
	told := 0
	for _, f := range message.Data.Findings {
		if f.Severity != "high" || f.State != "open" {
			t.Errorf("%+v is told", f)
		}
		if f.Rule == "APP-01" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("APP-01 is told %d times: %s", told, r.bodies[0])
	}
}

// TestAlertsGiveUp: after twelve tries in days the message is given up, and nothing of its
// URL is kept or logged.
func TestAlertsGiveUp(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 1000)
	in := tandemtest.Start(t, tandemtest.Options{Audit: platform.AuditSchedule{Alert: platform.Alert{URL: r.URL + "/hook?key=s3cret"}}})
	in.UpdateApp(tandemtest.Portal, classic)
	if _, err := in.Platform.AuditNow(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for range 15 {
		if err := in.Platform.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		in.Advance(25 * time.Hour)
	}
	if len(r.got) != 12 {
		t.Errorf("%d tries", len(r.got))
	}
	var state, told string
	err := in.Platform.DB.Reader().QueryRowContext(t.Context(), `SELECT state, last_error FROM deliveries`).Scan(&state, &told)
	if err != nil || state != string(data.DeliveryFailed) || !strings.Contains(told, "307") || strings.Contains(told, "s3cret") {
		t.Errorf("%s %q %v", state, told, err)
	}
}

// TestAlertsStayOut: a name that leads into the network of the instance is refused when it
// is resolved, unless that network was allowed.
func TestAlertsStayOut(t *testing.T) {
	t.Parallel()
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		url, address string
		networks     []netip.Prefix
		allowed      bool
	}{
		{"https://hooks.example.com/x", "93.184.216.34:443", nil, true}, {"https://hooks.example.com/x", "[2606:2800:220:1::1]:443", nil, true},
		{"https://hooks.example.com/x", "127.0.0.1:443", nil, false}, {"https://hooks.example.com/x", "[::1]:443", nil, false},
		{"https://hooks.example.com/x", "10.1.2.3:443", nil, false}, {"https://hooks.example.com/x", "10.1.2.3:443", []netip.Prefix{prefix("10.1.0.0/16")}, true},
		{"https://hooks.example.com/x", "10.2.2.3:443", []netip.Prefix{prefix("10.1.0.0/16")}, false},
		{"https://hooks.example.com/x", "169.254.169.254:443", nil, false}, {"https://hooks.example.com/x", "[::ffff:10.1.2.3]:443", nil, false},
		{"https://hooks.example.com/x", "[fd00::1]:443", nil, false}, {"https://hooks.example.com/x", "[fe80::1]:443", nil, false},
		{"https://hooks.example.com/x", "100.64.1.1:443", nil, false}, {"https://hooks.example.com/x", "[64:ff9b::a01:203]:443", nil, false},
		{"https://hooks.example.com/x", "0.0.0.0:443", nil, false}, {"http://localhost:1/x", "127.0.0.1:1", nil, true},
		{"http://localhost:1/x", "10.1.2.3:1", nil, false},
	} {
		a := platform.Alert{URL: c.url, Networks: c.networks}
		if err := a.Allows(c.address); (err == nil) != c.allowed {
			t.Errorf("%s at %s with %v: %v", c.url, c.address, c.networks, err)
		}
	}
	for _, text := range []string{"http://hooks.example.com/", "ftp://x", "https://me:pw@hooks.example.com/", "hooks"} {
		c := platform.InstanceConfig{URL: "http://localhost", StoreConfig: platform.StoreConfig{DB: "sqlite:x", Key: "x"}}
		c.Audit.Alert.URL = text
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "alert URL") || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestAuditIsDue: the audit by all rules comes once a day, at its time, whatever the hour of
// the start.
func TestAuditIsDue(t *testing.T) {
	t.Parallel()
	clock := &tandemtest.Clock{}
	in := tandemtest.Start(t, tandemtest.Options{Clock: clock, Audit: platform.AuditSchedule{At: 3 * time.Hour}})
	runs := func() (whole, all int) {
		t.Helper()
		err := in.Platform.DB.Reader().QueryRowContext(t.Context(), `SELECT COALESCE(SUM(CASE WHEN whole THEN 1 ELSE 0 END), 0), COUNT(*) FROM audit_runs`).Scan(&whole, &all)
		if err != nil {
			t.Fatal(err)
		}
		return whole, all
	}
	in.CreateUser(signin.NewUser{Login: "eve", Type: tandem.InternalUser})
	for hour := range 49 {
		for range 2 { // a minute later there is nothing to do
			if err := in.Platform.AuditWhenDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, all := runs(); all != hour+1 {
			t.Fatalf("after %d hours: %d runs", hour, all)
		}
		in.Advance(time.Hour)
	}
	if whole, _ := runs(); whole != 3 { // at the start, and at two times three o'clock
		t.Errorf("%d audits by all rules within 49 hours", whole)
	}
}
