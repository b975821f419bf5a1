package proof

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/prove"
)

// redirect is where nobody listens: the prover reads the address and does not go there.
const redirect = "http://127.0.0.1:9/signin-callback"

// registration is what the prover is told of a provider's application.
type registration struct {
	issuer, application, userSecret, serviceSecret string
	// service is the back end's own client id, where there are two registrations.
	service         string
	login, password string
}

// prove runs the prover against a provider.
func (g *registration) prove(t *testing.T) *prove.Report {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{
		"--issuer", g.issuer, "--application-uri", g.application, "--redirect", redirect,
		"--user-credential-file", file("user", g.userSecret), "--service-credential-file", file("service", g.serviceSecret),
		"--sign-in", g.login, "--password-file", file("password", g.password),
	}
	if g.service != "" {
		args = append(args, "--service-application-uri", g.service)
	}
	report, text := proveIt(t, args...)
	if report == nil {
		t.Fatal(text)
	}
	return report
}

// wants compares the verdicts of a report, and what two registrations must say.
func wants(t *testing.T, r *prove.Report, want map[string]prove.Verdict) {
	t.Helper()
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Verdict != want[row.ID] {
			t.Errorf("%s %s, and should be %q: %s", row.ID, row.Verdict, want[row.ID], row.Why)
		}
		if two := strings.Contains(row.Why.String(), "with two registrations"); row.Verdict == prove.Holds && two != (r.Target.ServiceApplication != "") {
			t.Errorf("%s holds: %q", row.ID, row.Why)
		}
	}
	if t.Failed() {
		text, _ := json.MarshalIndent(r, "", " ")
		t.Logf("%s", text)
	}
}

// oidcProvider starts npm's oidc-provider, and skips the test where it is not
// installed.
func oidcProvider(t *testing.T) (issuer string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("oidc-provider is NOT TESTED: there is no node; run make test, which installs it")
	}
	if _, err := os.Stat("../clients/node_modules/oidc-provider"); err != nil {
		t.Skip("oidc-provider is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
	task, err := json.Marshal(map[string]any{"redirectUri": redirect, "secrets": map[string]string{"both": secretOf("both"), "web": secretOf("web"), "worker": secretOf("worker")}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "oidc-provider.mjs", string(task))
	cmd.Dir, cmd.Stderr = "../clients", t.Output()
	stdin, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var said struct{ Issuer string }
	if err != nil || json.Unmarshal([]byte(line), &said) != nil {
		t.Fatalf("oidc-provider said %q: %v", line, err)
	}
	return said.Issuer
}

func secretOf(client string) string { return "the-secret-of-" + client + "-0123456789" }

// One registration with both flows and the defaults: one secret is the registration's,
// by design, so that I1 and I2 cannot hold.
func TestOIDCProviderWithOneRegistration(t *testing.T) {
	t.Parallel()
	g := registration{
		issuer: oidcProvider(t), application: "both", userSecret: secretOf("both"), serviceSecret: secretOf("both"), login: "anna", password: "a password of hers",
	}
	wants(t, g.prove(t), map[string]prove.Verdict{
		// Its scopes are openid and offline_access alone, so that nothing is beyond a grant.
		"I1": prove.Fails, "I2": prove.Fails, "I3": prove.Fails, "I4": prove.Holds, "I5": prove.NotTested, "I6": prove.Holds, "I7": prove.Holds, "I8": prove.NotTested,
		"I9": prove.Fails, "I10": prove.NotTested, "I11": prove.NotTested, "I12": prove.NotTested, "I13": prove.Holds, "I14": prove.NotTested,
	})
}

// With a registration for each flow I1 and I2 hold, and the report says so.
func TestOIDCProviderWithTwoRegistrations(t *testing.T) {
	t.Parallel()
	g := registration{
		issuer: oidcProvider(t), application: "web", service: "worker", userSecret: secretOf("web"), serviceSecret: secretOf("worker"),
		login: "anna", password: "a password of hers",
	}
	wants(t, g.prove(t), map[string]prove.Verdict{
		"I1": prove.Holds, "I2": prove.Holds, "I3": prove.Fails, "I4": prove.Holds, "I5": prove.NotTested, "I6": prove.Holds, "I7": prove.Holds, "I8": prove.NotTested,
		"I9": prove.Fails, "I10": prove.NotTested, "I11": prove.NotTested, "I12": prove.NotTested, "I13": prove.Holds, "I14": prove.NotTested,
	})
}

// zitadelExample builds and starts the example server of zitadel/oidc, as it is.
func zitadelExample(t *testing.T) (issuer string) {
	t.Helper()
	server := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", server, "github.com/zitadel/oidc/v3/example/server")
	build.Dir = "../clients/zitadel"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example server: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close() // it takes a port, and no listener
	cmd := exec.Command(server)
	cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "REDIRECT_URI="+redirect)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	issuer = "http://localhost:" + strconv.Itoa(port) + "/"
	testkit.Eventually(t, "the example server to answer", func() bool {
		res, err := (&http.Client{Timeout: time.Second}).Get(issuer + ".well-known/openid-configuration")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return issuer
}

// The example keeps what acts by itself apart from what signs people in: there are two
// registrations, or none with both flows.
func TestZitadelExampleServer(t *testing.T) {
	t.Parallel()
	g := registration{
		issuer: zitadelExample(t), application: "web", userSecret: "secret", service: "sid1", serviceSecret: "verysecret",
		login: "test-user@localhost", password: "verysecure",
	}
	wants(t, g.prove(t), map[string]prove.Verdict{
		// It answers 500 to a refresh of a client that it does not know, and has no revocation
		// for service users. Both are the example's, as much else: it shows how to use a library.
		"I1": prove.NotTested, "I2": prove.Holds, "I3": prove.Fails, "I4": prove.Holds, "I5": prove.NotTested, "I6": prove.NotTested, "I7": prove.Holds, "I8": prove.NotTested,
		"I9": prove.Fails, "I10": prove.Fails, "I11": prove.NotTested, "I12": prove.NotTested, "I13": prove.Fails, "I14": prove.NotTested,
	})
}
