package examples_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestExamplesFindTheDemo runs the programs as the README says, beside a demo.json.
func TestExamplesFindTheDemo(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	user := in.CreateUser(signin.NewUser{Login: "svc.starter", Type: tandem.SystemUserNoLogin})
	in.Grant(tandemtest.AllData, user.Login)
	front, both := freeAddress(t), freeAddress(t)
	secrets := in.CreateApp(tandem.TrustedApp{
		ApplicationURI: settings.Starter, Name: "Starter", Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, FirstParty: true,
		SystemUserAllowed: true, SystemUserID: user.ID, Scope: tandem.Scope{"read", "update"},
		RedirectURIs:           []string{"http://" + front + "/signin-callback", "http://" + both + "/signin-callback"},
		PostLogoutRedirectURIs: []string{"http://" + front + "/signout-callback"},
	})
	text, err := json.Marshal(map[string]any{"issuer": in.Issuer, "applications": []map[string]string{
		{"application_uri": settings.Starter, "user_secret": secrets.User, "service_secret": secrets.Service},
	}})
	if err != nil {
		t.Fatal(err)
	}
	demo := filepath.Join(t.TempDir(), "demo.json")
	if err := os.WriteFile(demo, text, 0o600); err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "./service", "./signin", "./hybrid").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program := func(name string, env ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, name))
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}
	if out, err := program("service", "TANDEM_DEMO="+demo).CombinedOutput(); err != nil || !strings.Contains(string(out), "products, read as svc.starter") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := program("service", "TANDEM_DEMO="+demo+".none").CombinedOutput(); err == nil || !strings.Contains(string(out), `run "tandem up" beside`) {
		t.Errorf("without a demo: %v: %s", err, out)
	}
	begin := func(name, address string) {
		cmd := program(name, "TANDEM_DEMO="+demo, "TANDEM_LISTEN="+address)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		testkit.Eventually(t, name+" listens", func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
	begin("signin", front)
	b := in.Browser()
	if page := b.SignIn("http://"+front+"/signin", "anna", tandemtest.Password); page.StatusCode != 200 || !strings.Contains(page.Text, "(anna). You proved it at") {
		t.Errorf("signin: %d %s", page.StatusCode, page.Text)
	}
	begin("hybrid", both)
	if page := b.Get("http://" + both + "/"); page.StatusCode != 200 || !strings.Contains(page.Text, "anna may see") {
		t.Errorf("hybrid, as anna: %d %s", page.StatusCode, page.Text)
	}
	if page := b.Get("http://" + both + "/stock"); page.StatusCode != 200 || !strings.Contains(page.Text, "balances in stock") {
		t.Errorf("hybrid, as the back end: %d %s", page.StatusCode, page.Text)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}
