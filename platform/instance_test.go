package platform_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, engine sqldb.Engine)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

var quiet = slog.New(slog.DiscardHandler)

func get(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	good := platform.InstanceConfig{
		StoreConfig: platform.StoreConfig{DB: "sqlite:x", KeyFile: "k"}, URL: "https://erp.example",
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*platform.InstanceConfig)
		want   string
	}{
		"no database":      {func(c *platform.InstanceConfig) { c.DB = "" }, "no database"},
		"no key":           {func(c *platform.InstanceConfig) { c.KeyFile = "" }, "no key"},
		"no URL":           {func(c *platform.InstanceConfig) { c.URL = "" }, "is no URL"},
		"other scheme":     {func(c *platform.InstanceConfig) { c.URL = "ftp://erp.example" }, "not an https"},
		"path":             {func(c *platform.InstanceConfig) { c.URL = "https://erp.example/x" }, "leave out the rest"},
		"user":             {func(c *platform.InstanceConfig) { c.URL = "https://u:p@erp.example" }, "leave that out"},
		"port":             {func(c *platform.InstanceConfig) { c.URL = "https://erp.example:99999" }, "65535"},
		"host":             {func(c *platform.InstanceConfig) { c.URL = "https://erp.example;x" }, "host"},
		"clear text":       {func(c *platform.InstanceConfig) { c.URL = "http://erp.example" }, "in the clear"},
		"negative licence": {func(c *platform.InstanceConfig) { c.Licence.Slots = -1 }, "-1 slots"},
		"all reserved":     {func(c *platform.InstanceConfig) { c.Licence.Reserved = map[string]int{"anna": 26} }, "reserve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := good
			c.change(&bad)
			if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	everything := (&platform.InstanceConfig{}).Validate()
	for _, want := range []string{"no database", "no key", "is no URL"} {
		if everything == nil || !strings.Contains(everything.Error(), want) {
			t.Errorf("%v does not say %q: all faults at once", everything, want)
		}
	}
}

// Whatever case, port and slash the operator types, issuer and addresses are
// what browsers send as their origin.
func TestPublicURLHasOneForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"https://erp.example", "https://ERP.Example:443/", "HTTPS://erp.EXAMPLE:0443"} {
		if root, err := platform.RootURL(text); err != nil || root != "https://erp.example" {
			t.Errorf("%q: %q, %v", text, root, err)
		}
	}
	for _, text := range []string{"https://erp.example/x", "https://erp.example?x", "https://erp.example?", "https://erp.example/#", "erp.example"} {
		if root, err := platform.RootURL(text); err == nil || root != "" {
			t.Errorf("%q was taken as %q", text, root)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready"} {
			if status, body := get(t, in.URL+path); status != 200 || strings.TrimSpace(body) != want {
				t.Errorf("%s: %d %q", path, status, body)
			}
		}
		if err := in.Platform.DB.Close(); err != nil {
			t.Fatal(err)
		}
		if status, body := get(t, in.URL+"/readyz"); status != 503 || strings.TrimSpace(body) != "not ready" {
			t.Errorf("without a database /readyz answers %d %q", status, body)
		}
		if status, _ := get(t, in.URL+"/healthz"); status != 200 {
			t.Errorf("without a database /healthz answers %d: a restart would mend nothing", status)
		}
	})
}

func TestMetricsAreForThisMachineAndBounded(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Log: quiet})
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
		if status, _ := get(t, in.URL+"/metrics", header, "203.0.113.9"); status != 404 {
			t.Errorf("a request forwarded with %s got %d", header, status)
		}
	}
	for _, host := range []string{"evil.example", "metrics.evil.example:8080", "localhost.evil.example", "203.0.113.9", "127.0.0.1.evil.example"} {
		if status, _ := get(t, in.URL+"/metrics", "Host", host); status != 403 {
			t.Errorf("asked for at %s: %d", host, status)
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:1234", "[::1]:8080", "127.0.0.1"} {
		if status, _ := get(t, in.URL+"/metrics", "Host", host); status != 200 {
			t.Errorf("asked for at %s: %d", host, status)
		}
	}
	series := func() (int, string) {
		status, body := get(t, in.URL+"/metrics")
		if status != 200 {
			t.Fatalf("/metrics: %d", status)
		}
		return len(regexp.MustCompile(`(?m)^tandem_`).FindAllString(body, -1)), body
	}
	use := func(n string) {
		token := in.SignIn("anna").Access
		in.ServiceToken()
		in.API("GET", "GetVersion()", token, "")
		in.API("GET", "Nothing"+n, token, "")
		get(t, in.URL+"/"+n)
		get(t, in.URL+"/id/"+n)
		in.TokenRequest(map[string][]string{"grant_type": {"client_credentials"}, "client_id": {"com.example/" + n}, "client_secret": {"x"}})
	}
	use("first")
	before, body := series()
	for _, want := range []string{
		`tandem_events_total{flow="service",kind="token_issued"} 1`, `tandem_events_total{flow="user",kind="token_issued"} 1`,
		`tandem_sessions_open{kind="user"} 1`, `tandem_licence_slots{what="in_use"} 1`, `tandem_licence_slots{what="total"} 25`,
		`tandem_audit_waiting 0`, `tandem_signing_keys{state="active"} 4`, `tandem_http_requests_total{part="token",status="2xx"} 2`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, n := range []string{"second", "third", "fourth"} {
		use(n)
	}
	if after, body := series(); after != before {
		t.Errorf("callers made %d series of %d: a label has unbounded values\n%s", after, before, body)
	}
}

func TestKeyOfTheDatabase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		dir := t.TempDir()
		c := platform.InstanceConfig{
			StoreConfig: platform.StoreConfig{DB: datatest.URL(t, engine), KeyFile: filepath.Join(dir, "instance.key"), Log: quiet},
			URL:         "https://erp.example",
		}
		open := func(c platform.InstanceConfig) error {
			in, err := platform.NewInstance(t.Context(), c)
			if err != nil {
				return err
			}
			return in.Close()
		}
		if err := open(c); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(c.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(c.KeyFile); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key file has mode %v (%v)", info.Mode(), err)
		}

		missing := c
		missing.KeyFile = filepath.Join(dir, "missing.key")
		if err := open(missing); err == nil || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("a missing key file: %v", err)
		}
		if _, err := os.Stat(missing.KeyFile); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a key that opens nothing was made")
		}

		other := c
		other.KeyFile, other.Key = "", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
		err = open(other)
		if err == nil || !strings.Contains(err.Error(), "not the one that this database was made with") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a wrong key: %v", err)
		}

		environment := c
		environment.KeyFile, environment.Key = "", strings.TrimSpace(string(text))
		if err := open(environment); err != nil {
			t.Errorf("the key as text: %v", err)
		}
	})
}

func TestI6_DisabledApplicationEndsItsSessions(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Log: quiet})
	anna, service := in.SignIn("anna").Access, in.ServiceToken()
	for _, token := range []string{anna, service} {
		if status, body := in.API("GET", "GetVersion()", token, ""); status != 200 {
			t.Fatal(status, body)
		}
	}
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
	if u := in.Usage(); u.InUse != 0 {
		t.Errorf("a disabled application holds %d slots", u.InUse)
	}
	for _, s := range in.Sessions(true) {
		if s.EndReason != tandem.EndDisabled {
			t.Errorf("%s ended with %q", s.User, s.EndReason)
		}
	}
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = true })
	for _, token := range []string{anna, service} {
		if status, body := in.API("GET", "GetVersion()", token, ""); status != 200 {
			t.Errorf("enabled again: %d %s", status, body)
		}
	}
}

func TestWhoMayNotActHoldsNoSlot(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *tandemtest.Instance) error{
		"user disabled": func(in *tandemtest.Instance) error {
			_, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "anna")
			return err
		},
		"user became external": func(in *tandemtest.Instance) error {
			_, err := in.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser })
			return err
		},
		"internal users not admitted": func(in *tandemtest.Instance) error {
			in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.InternalUsers = false })
			return nil
		},
		"application deleted": func(in *tandemtest.Instance) error {
			return in.Platform.Apps.Delete(t.Context(), tandemtest.By, tandemtest.Portal)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Log: quiet})
			if status, body := in.API("GET", "GetVersion()", in.SignIn("anna").Access, ""); status != 200 {
				t.Fatal(status, body)
			}
			if err := change(in); err != nil {
				t.Fatal(err)
			}
			in.Refresh()
			if n := in.Usage().InUse; n != 0 {
				t.Errorf("%d slots are held", n)
			}
		})
	}
}

func TestI6_ServiceSessionOutlivesTheUsers(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Log: quiet})
	anna, service := in.SignIn("anna").Access, in.ServiceToken()
	for _, token := range []string{anna, service} {
		if status, body := in.API("GET", "GetVersion()", token, ""); status != 200 {
			t.Fatal(status, body)
		}
	}
	if _, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "anna"); err != nil {
		t.Fatal(err)
	}
	in.Refresh()
	if u := in.Usage(); u.User != 0 || u.Service != 1 {
		t.Errorf("after anna's end: %+v", u)
	}
	if _, err := in.Platform.Accounts.Enable(t.Context(), tandemtest.By, "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, tandemtest.SystemUser); err != nil {
		t.Fatal(err)
	}
	in.Refresh()
	again := in.SignIn("anna").Access
	if status, body := in.API("GET", "GetVersion()", again, ""); status != 200 {
		t.Fatal(status, body)
	}
	if u := in.Usage(); u.User != 1 || u.Service != 0 {
		t.Errorf("after the System User's end: %+v", u)
	}
}

func TestAdministrationAlongsideAnInstance(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Licence: tandem.Licence{Slots: 7}, Log: quiet})
	if status, body := in.API("GET", "GetVersion()", in.SignIn("anna").Access, ""); status != 200 {
		t.Fatal(status, body)
	}
	ctx := context.Background()
	a, err := platform.OpenAdministration(ctx, in.Store())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	open, err := a.Sessions.List(ctx)
	if err != nil || len(open) != 1 {
		t.Fatal(len(open), err)
	}
	if err := a.Sessions.Close(ctx, tandemtest.By, open[0].ID, "moved to another desk"); err != nil {
		t.Fatal(err)
	}
	in.Refresh()
	if u := in.Usage(); u.InUse != 0 || u.Slots != 7 {
		t.Errorf("after the command %d of %d slots are in use; it must not change the licence", u.InUse, u.Slots)
	}
	if events := in.Record(tandem.AuditSessionClosed); len(events) != 1 || !strings.Contains(events[0].Detail, "moved to another desk") {
		t.Errorf("on record: %+v", events)
	}
}
