package federation_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/fakeprovider"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestProvidersLeadNowhereInside: what a provider says of itself never makes this server
// call an address of its own network, by a name or as it is written.
func TestProvidersLeadNowhereInside(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			inside, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { inside.Close() })
			go func() {
				for {
					c, err := inside.Accept()
					if err != nil {
						return
					}
					t.Error("somebody came to a server of the instance's own network")
					c.Close()
				}
			}()
			_, port, _ := net.SplitHostPort(inside.Addr().String())
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Providers: federation.Network{Resolver: testkit.Names(t, [4]byte{127, 0, 0, 1})}})
			for _, to := range []string{"https://printer.acme.example:" + port, "https://10.255.255.1", "https://169.254.169.254", "https://[fd00:ec2::254]", "https://192.0.0.192"} {
				for _, of := range []string{"token_endpoint", "jwks_uri", "userinfo_endpoint"} {
					w := &world{t, in, fakeprovider.New(t, in.Clock.Now)}
					w.fake.Metadata = func(m map[string]any) { m[of] = to + "/x" }
					w.register("acme", w.fake.URL, func(p *federation.Provider) { p.Internal, p.ByEmail, p.Domains = true, true, []string{"example.com"} })
					in.Advance(2 * time.Minute) // each refusal is told by itself
					a := w.attempt(w.Browser())
					rule := tandem.RuleOutsideUnreachable
					if of == "jwks_uri" {
						rule = tandem.RuleOutsideToken
					}
					w.refused(a, rule)
					if told := w.newest(); !strings.Contains(told, "is not an address of the Internet: allow its network with --provider-network") {
						t.Errorf("%s at %s: %s", of, to, told)
					}
					if err := w.Platform.Outside.Delete(t.Context(), tandemtest.By, "acme"); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestProvidersOfANetwork: one that is inside on purpose is reached where the operator has
// said so, and not otherwise.
func TestProvidersOfANetwork(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			clock := &tandemtest.Clock{}
			fake := fakeprovider.NewTLS(t, clock.Now)
			network := federation.Network{Resolver: testkit.Names(t, [4]byte{127, 0, 0, 1}), Roots: x509.NewCertPool()}
			network.Roots.AddCert(fake.Certificate())
			for _, allowed := range []bool{false, true} {
				if allowed {
					network.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
				w := &world{t, tandemtest.Start(t, tandemtest.Options{Engine: engine, Clock: clock, Providers: network}), fake}
				w.register("acme", fake.Issuer, func(p *federation.Provider) { p.Internal = true })
				w.link("anna", "s-1")
				b := w.Browser()
				transport := fake.Client().Transport.(*http.Transport).Clone()
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if strings.HasPrefix(address, "example.com:") {
						address = fake.Listener.Addr().String()
					}
					return new(net.Dialer).DialContext(ctx, network, address)
				}
				b.Client.Transport = transport
				a := w.attempt(b)
				if !allowed {
					w.refused(a, tandem.RuleOutsideUnreachable)
					continue
				}
				if c := claimsOf(t, w.tokens(a).ID); c["sub"] != "anna" || c["idp"] != "acme" {
					t.Errorf("%v", c)
				}
			}
		})
	}
}
