package federation_test

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/tandemtest"
)

// Another Tandem is the provider: people of one instance sign in at the other with the
// password of theirs, found by the verified e-mail address.
func TestOutsideProviderIsATandem(t *testing.T) {
	t.Parallel()
	home := tandemtest.Start(t, tandemtest.Options{})
	w := &world{T: t, Instance: tandemtest.Start(t, tandemtest.Options{Clock: home.Clock})}
	secrets := home.CreateApp(tandem.TrustedApp{
		ApplicationURI: "com.example/elsewhere", Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, FirstParty: true,
		RedirectURIs: []string{w.URL + federation.CallbackPath("acme")}, Scope: tandem.Scope{"read"},
	})
	w.registered("acme", home.Issuer, "com.example/elsewhere", secrets.User, func(p *federation.Provider) {
		p.Internal, p.ByEmail, p.Domains = true, true, []string{"example.com"}
	})
	a := w.attempt(w.Browser())
	a.page = a.browser.Submit(a.page, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	tokens := w.tokens(a)
	for name, text := range map[string]string{"ID token": tokens.ID, "access token": tokens.Access} {
		if c := claimsOf(t, text); c["sub"] != "anna" || c["iss"] != w.Issuer || c["idp"] != "acme" {
			t.Errorf("%s: %v", name, c)
		}
	}
	// prompt=login reaches the provider, which asks its person anew.
	a = w.attempt(a.browser, "prompt", "login")
	if a.code() != "" || a.page.Request.URL.Host != mustParse(t, home.URL).Host {
		t.Errorf("prompt=login: %d at %s", a.page.StatusCode, a.page.Request.URL)
	}
	// Who cancels there is told so here.
	a.page = a.browser.Submit(a.page, url.Values{"cancel": {"1"}})
	w.refused(a, tandem.RuleOutsideRefused, "did not sign you in")
}

// npm's oidc-provider, with its own pages, is the provider.
func TestOutsideProviderIsNodes(t *testing.T) {
	t.Parallel()
	w := &world{T: t, Instance: tandemtest.Start(t, tandemtest.Options{})}
	issuer := nodeProvider(t, w.URL+federation.CallbackPath("acme"), "web-secret")
	w.registered("acme", issuer, "web", "web-secret", func(p *federation.Provider) {
		p.Internal, p.Scope = true, tandem.Scope{"openid"}
	})
	w.CreateUser(signin.NewUser{Login: "nora", Type: tandem.InternalUser})
	w.link("nora", "nora-there")
	a := w.attempt(w.Browser())
	a.page = a.browser.Submit(a.page, url.Values{"login": {"nora-there"}, "password": {"any"}})
	a.page = a.browser.Submit(a.page, url.Values{"prompt": {"consent"}})
	if c := claimsOf(t, w.tokens(a).ID); c["sub"] != "nora" || c["idp"] != "acme" {
		t.Errorf("%v", c)
	}
}

func (w *world) registered(id, issuer, clientID, secret string, change func(p *federation.Provider)) {
	w.Helper()
	p := federation.Provider{ID: id, Name: "Acme login", Issuer: issuer, ClientID: clientID}
	change(&p)
	if _, err := w.Platform.Outside.Create(w.T.Context(), tandemtest.By, p, secret); err != nil {
		w.Fatal(err)
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// nodeProvider starts npm's oidc-provider with a client web, and skips the test where it
// is not installed.
func nodeProvider(t *testing.T, redirectURI, secret string) (issuer string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("oidc-provider is NOT TESTED: there is no node; run make test, which installs it")
	}
	const dir = "../../e2e/clients"
	if _, err := os.Stat(dir + "/node_modules/oidc-provider"); err != nil {
		t.Skip("oidc-provider is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
	task, err := json.Marshal(map[string]any{"redirectUri": redirectURI, "secrets": map[string]string{"both": "both-secret", "web": secret, "worker": "worker-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "oidc-provider.mjs", string(task))
	cmd.Dir, cmd.Stderr = dir, t.Output()
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	var said struct{ Issuer string }
	if err != nil || json.Unmarshal([]byte(line), &said) != nil {
		t.Fatalf("oidc-provider said %q: %v", line, err)
	}
	return said.Issuer
}
