package client_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

func TestF35_IssuerMustBeSecure(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://erp.example/id":      true,
		"https://erp.example":         true,
		"http://localhost:8080/id":    true,
		"http://127.0.0.1:8080/id":    true,
		"http://127.9.9.9/id":         true,
		"http://[::1]:8080/id":        true,
		"http://erp.example/id":       false,
		"http://localhost.evil.test":  false,
		"http://127.0.0.1.evil.test":  false,
		"http://0.0.0.0:8080/id":      false,
		"http://10.0.0.1/id":          false,
		"https://u:p@erp.example/id":  false,
		"https://erp.example/id?x=1":  false,
		"https://erp.example/id#x":    false,
		"ftp://localhost/id":          false,
		"erp.example/id":              false,
		"":                            false,
		"https://":                    false,
		"https:erp.example":           false,
		"http://localhost@evil.test/": false,
	} {
		_, err := client.NewProvider(client.ProviderConfig{Issuer: issuer})
		if (err == nil) != ok {
			t.Errorf("issuer %q: error %v, want it accepted: %v", issuer, err, ok)
		}
	}
}

func TestF35_VerificationCannotBeSwitchedOff(t *testing.T) {
	t.Parallel()
	blind := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	if _, err := client.NewProvider(client.ProviderConfig{Issuer: "https://erp.example/id", Transport: blind}); err == nil {
		t.Error("provider: a transport that verifies nothing is accepted")
	}
	f := newFake(t, newNetwork(), "erp.test")
	if _, err := client.NewServiceTokens(client.ServiceConfig{Provider: f.provider(), ApplicationURI: appURI, Credential: client.ServiceSecret("x"), Transport: blind}); err == nil {
		t.Error("service tokens: a transport that verifies nothing is accepted")
	}
	if _, err := client.NewUserTokens(client.UserConfig{Provider: f.provider(), ApplicationURI: appURI, RedirectURL: "https://app.test/cb", Transport: blind}); err == nil {
		t.Error("user tokens: a transport that verifies nothing is accepted")
	}
}

func TestTransportTrustsTheFile(t *testing.T) {
	t.Parallel()
	var issuer string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, map[string]any{"issuer": issuer, "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks"})
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	server.StartTLS()
	defer server.Close()
	issuer = server.URL
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		ok   bool
	}{"with the authority": {file, true}, "without it": {"", false}} {
		transport, err := client.Transport(c.file)
		if err != nil {
			t.Fatal(err)
		}
		defer transport.CloseIdleConnections()
		p, err := client.NewProvider(client.ProviderConfig{Issuer: issuer, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Metadata(t.Context()); (err == nil) != c.ok {
			t.Errorf("%s: error %v, want success: %v", name, err, c.ok)
		}
	}
	if _, err := client.Transport(filepath.Join(t.TempDir(), "none.pem")); err == nil {
		t.Error("a file that is not there is no fault")
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Transport(file); err == nil {
		t.Error("a file without a certificate is no fault")
	}
}

func TestDiscoveryDocumentsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(m map[string]any){
		"C20 of another issuer":      func(m map[string]any) { m["issuer"] = "https://evil.test/id" },
		"of the issuer with a slash": func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" },
		"no token endpoint":          func(m map[string]any) { delete(m, "token_endpoint") },
		"no keys":                    func(m map[string]any) { delete(m, "jwks_uri") },
		"token endpoint without TLS": func(m map[string]any) { m["token_endpoint"] = "http://erp.test/token" },
		"devices without TLS":        func(m map[string]any) { m["device_authorization_endpoint"] = "http://erp.test/device" },
		"token endpoint on loopback": func(m map[string]any) { m["token_endpoint"] = "http://127.0.0.1/token" },
		"script as authorization":    func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"script as end of session":   func(m map[string]any) { m["end_session_endpoint"] = "javascript:alert(1)" },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.onMetadata = change
				if _, err := f.provider().Metadata(t.Context()); tandem.ErrorCode(err) != tandem.CodeUnavailable {
					t.Errorf("error %v, want unavailable", err)
				}
				// It does not pass by itself, so nobody is told to try again.
				a := f.app("app.test")
				if p := newBrowser(t, f.net).send("GET", a.url+"/signin", nil); p.status != 502 || !strings.Contains(p.body, "Trying again does not help") {
					t.Errorf("the sign-in answers %d %s", p.status, p.body)
				}
			})
		})
	}
}

func TestDiscoveryIsLazySharedAndKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		net.down["erp.test"] = true
		p := f.provider()
		if _, err := p.Metadata(t.Context()); err == nil {
			t.Fatal("no error while the server is down")
		}
		net.set(func() { net.down["erp.test"] = false })
		release := make(chan struct{})
		f.with(func() { f.onMetadata = func(map[string]any) { <-release } })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if m, err := p.Metadata(t.Context()); err != nil || m.Issuer != f.issuer {
					t.Errorf("%v %v: the failure was kept", m.Issuer, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if n := f.discoveries.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		time.Sleep(2 * time.Hour)
		net.set(func() { net.down["erp.test"] = true })
		if _, err := p.Metadata(t.Context()); err != nil {
			t.Errorf("the old document is not used while there is no new one: %v", err)
		}
		net.set(func() { net.down["erp.test"] = false })
		time.Sleep(2 * time.Minute)
		if _, err := p.Metadata(t.Context()); err != nil || f.discoveries.Load() != 2 {
			t.Errorf("%v after %d fetches, want the second", err, f.discoveries.Load())
		}
	})
}

func TestDiscoveryThatHangsEndsWithTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		net.hosts["erp.test"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := f.provider().Metadata(ctx); err == nil || time.Since(began) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
		if _, err := f.provider().Metadata(t.Context()); err == nil || time.Since(began) > 30*time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
	})
}

func TestODataRoot(t *testing.T) {
	site := func(root string) string {
		return `{"WebSites":[{"Type":"ID"},{"Type":"DomainAPI","AdditionalProperties":{"ODataServiceRoot":"` + root + `"}}]}`
	}
	for name, c := range map[string]struct{ body, want string }{
		"as announced":      {site("https://api.test/domain/odata/"), "https://api.test/domain/odata/"},
		"without its slash": {site("https://api.test/domain/odata"), "https://api.test/domain/odata/"},
		"without TLS":       {site("http://api.test/domain/odata/"), ""},
		"downgraded":        {site("http://127.0.0.1/domain/odata/"), ""},
		"with a query":      {site("https://api.test/?x=/"), ""},
		"no such site":      {`{"WebSites":[]}`, ""},
		"no such property":  {site(""), ""},
		"no JSON":           {`<html>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				net.hosts["erp.test"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/sys/auto-discovery" {
						t.Errorf("asked for %s", r.URL.Path)
					}
					_, _ = w.Write([]byte(c.body))
				})
				got, err := f.provider().ODataRoot(t.Context())
				if got != c.want || (err == nil) != (c.want != "") {
					t.Errorf("%q %v, want %q", got, err, c.want)
				}
			})
		})
	}
	t.Run("of a provider that is no instance", func(t *testing.T) {
		t.Parallel()
		p, err := client.NewProvider(client.ProviderConfig{Issuer: "https://login.example/realms/x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.ODataRoot(t.Context()); err == nil || !strings.Contains(err.Error(), "/id") {
			t.Errorf("error %v", err)
		}
	})
}
