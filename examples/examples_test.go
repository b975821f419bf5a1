package examples_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestServiceFindsTheDemo runs the back end as the README says, beside a demo.json.
func TestServiceFindsTheDemo(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	user := in.CreateUser(signin.NewUser{Login: "svc.starter", Type: tandem.SystemUserNoLogin})
	in.Grant(tandemtest.AllData, user.Login)
	secrets := in.CreateApp(tandem.TrustedApp{
		ApplicationURI: settings.Starter, Name: "Starter", Enabled: true, ClientType: tandem.ClientConfidential,
		SystemUserAllowed: true, SystemUserID: user.ID, Scope: tandem.Scope{"read", "update"},
	})
	text, err := json.Marshal(map[string]any{"issuer": in.Issuer, "applications": []map[string]string{
		{"application_uri": settings.Starter, "service_secret": secrets.Service},
	}})
	if err != nil {
		t.Fatal(err)
	}
	demo := filepath.Join(t.TempDir(), "demo.json")
	if err := os.WriteFile(demo, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", "run", "./service")
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("TANDEM_DEMO=" + demo); err != nil || !strings.Contains(out, "products, read as svc.starter") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := run("TANDEM_DEMO=" + demo + ".none"); err == nil || !strings.Contains(out, `run "tandem up" beside`) {
		t.Errorf("without a demo: %v: %s", err, out)
	}
}
