//go:build pkcs11

package hsm_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ThalesGroup/crypto11"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/hsm"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

const pin = "2468"

// modules are where distributions put SoftHSM.
var modules = []string{
	"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
}

// empty are the tokens that nobody has taken yet. The library looks for tokens once in a
// process, so they are all made beforehand.
var empty = make(chan string, 4)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "softhsm")
	if err != nil {
		panic(err)
	}
	if err := makeTokens(dir); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeTokens(dir string) error {
	if module() == "" {
		return nil
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		return err
	}
	if err := os.Setenv("SOFTHSM2_CONF", conf); err != nil {
		return err
	}
	for i := range cap(empty) {
		label := fmt.Sprint("token ", i)
		out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "1357").CombinedOutput()
		if err != nil {
			return fmt.Errorf("softhsm2-util: %w: %s", err, out)
		}
		empty <- label
	}
	return nil
}

// module is the library; empty where there is none.
func module() string {
	for _, file := range modules {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// newToken is an empty token.
func newToken(t *testing.T) hsm.Config {
	t.Helper()
	if module() == "" {
		t.Skip("SoftHSM is not here (Debian: softhsm2)")
	}
	return hsm.Config{Module: module(), Token: <-empty, PIN: pin}
}

// TestInstanceSignsInAModule: on the wired server, with two replicas, tokens are signed by
// keys of the module, whatever the algorithm of its that an application asks for.
func TestInstanceSignsInAModule(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, HSM: newToken(t), AccessTokens: platform.AccessTokens{Algorithm: "RS256"}})
			other := in.Replica(t)
			service := in.ServiceToken("read")
			if status, text := other.API("GET", "General_Products_Products?$top=1", service, ""); status != 200 {
				t.Errorf("a service token at the other replica: %d %s", status, text)
			}
			if algorithm := algorithmOf(t, service); algorithm != jose.RS256 {
				t.Errorf("access tokens are signed with %s", algorithm)
			}
			person := other.SignIn("anna")
			if status, text := in.API("GET", "General_Products_Products?$top=1", person.Access, ""); status != 200 {
				t.Errorf("a user token at the other replica: %d %s", status, text)
			}
			verify(t, in, person.ID)
			in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.IDTokenAlgorithm = "ES256" })
			verify(t, in, in.SignIn("anna").ID)

			stored, err := in.Platform.Keys.Store.Keys(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range stored {
				saved, err := in.Platform.Keys.Box.Open(k.Sealed, "signing_keys|private|"+k.ID)
				if err != nil {
					t.Fatal(err)
				}
				inModule := strings.HasPrefix(string(saved), "pkcs11:id=")
				if want := k.Use.Algorithm() != jose.EdDSA; inModule != want {
					t.Errorf("the key for %s: in the module: %t, want %t", k.Use, inModule, want)
				}
			}
		})
	}
}

func algorithmOf(t *testing.T, jwt string) jose.SignatureAlgorithm {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return jose.SignatureAlgorithm(parsed.Signatures[0].Header.Algorithm)
}

// verify checks an ID token as any client does.
func verify(t *testing.T, in *tandemtest.Instance, idToken string) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), in.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := &oidc.Config{ClientID: tandemtest.Portal, Now: in.Clock.Now, SupportedSigningAlgs: []string{"RS256", "ES256"}}
	if _, err := provider.Verifier(config).Verify(t.Context(), idToken); err != nil {
		t.Error(err)
	}
}

// TestKeysMoveIntoAModule: an instance that made its keys in software goes on with them
// until the next rotation; what it does not need any more is destroyed in the module.
func TestKeysMoveIntoAModule(t *testing.T) {
	config := newToken(t)
	in := tandemtest.Start(t, tandemtest.Options{OwnKeys: true})
	before := in.ServiceToken("read")
	store := in.Store()
	store.HSM = config
	a, err := platform.OpenAdministration(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if _, err := a.RotateKeys(t.Context(), tandemtest.By); err != nil {
		t.Fatal(err)
	}
	if n := objects(t, config); n != 3 {
		t.Errorf("%d keys in the module, want 3: access, and ID tokens with RS256 and ES256", n)
	}
	if status, text := in.API("GET", "General_Products_Products?$top=1", before, ""); status != 200 {
		t.Errorf("a token signed before: %d %s", status, text)
	}
	if err := in.Platform.Keys.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "--pkcs11-module") {
		t.Errorf("an instance without the module: %v", err)
	}
	for _, k := range a.Keys.List() {
		if k.State == token.KeyNext {
			if _, err := a.Keys.Remove(t.Context(), k.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if n := objects(t, config); n != 0 {
		t.Errorf("%d keys in the module after they were removed", n)
	}
}

// objects counts the private keys in the token.
func objects(t *testing.T, config hsm.Config) int {
	t.Helper()
	module, err := crypto11.Configure(&crypto11.Config{Path: config.Module, TokenLabel: config.Token, Pin: config.PIN})
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	keys, err := module.FindAllKeyPairs()
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// TestModulesThatAreNotThere are told with what to do.
func TestModulesThatAreNotThere(t *testing.T) {
	good := newToken(t)
	for _, c := range []struct {
		change func(*hsm.Config)
		says   string
	}{
		{func(c *hsm.Config) { c.Module = filepath.Join(t.TempDir(), "none.so") }, "none.so"},
		{func(c *hsm.Config) { c.Token = "another" }, `token "another"`},
		{func(c *hsm.Config) { c.PIN = "1111" }, "CKR_PIN_INCORRECT"},
		{func(c *hsm.Config) { c.PIN = "" }, "three things"},
	} {
		config := good
		c.change(&config)
		s := hsm.New(config)
		if _, _, err := s.Make(jose.ES256); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), pin) {
			t.Errorf("%+v: %v, want %q", config, err, c.says)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s := hsm.New(good)
	defer s.Close()
	for _, saved := range []string{"pkcs11:id=", "pkcs11:id=zz", "pkcs11:id=" + strings.Repeat("00", 20)} {
		if _, err := s.Open([]byte(saved)); err == nil || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", saved, err)
		}
	}
	if _, err := s.Open([]byte{0x30}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a key in software: %v", err)
	}
}
