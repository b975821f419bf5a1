package clients

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestSpringResourceServer: an API that is nothing but Spring Boot and its one setting
// issuer-uri takes tokens of an instance in the format of RFC 9068 and of the type that it
// knows, and nothing that was altered or is of another issuer.
func TestSpringResourceServer(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("spring/target/api/ResourceServer.class"); err != nil {
		t.Skip("Spring Security is NOT TESTED: its packages are not installed; run make test, with a JDK and Maven")
	}
	for _, algorithm := range []string{"RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			access := platform.AccessTokens{Format: oauth.FormatRFC9068, Algorithm: algorithm, Type: oauth.TypeJWT}
			in := tandemtest.Start(t, tandemtest.Options{OwnKeys: true, AccessTokens: access})
			other := tandemtest.Start(t, tandemtest.Options{AccessTokens: access})
			api := springBoot(t, in.Issuer)
			anna, service := in.SignIn("anna").Access, in.ServiceToken("read")
			for name, test := range map[string]struct {
				token string
				want  who
			}{
				"a person":   {anna, who{"anna", "user", []string{"SCOPE_offline_access", "SCOPE_openid", "SCOPE_profile", "SCOPE_read", "SCOPE_update"}}},
				"a back end": {service, who{tandemtest.Portal, "service", []string{"SCOPE_read"}}},
			} {
				status, got := ask(t, api, test.token)
				if status != http.StatusOK || !cmp.Equal(got, test.want) {
					t.Errorf("%s: %d %+v", name, status, got)
				}
			}
			head, rest, _ := strings.Cut(service, ".")
			claims, signature, _ := strings.Cut(rest, ".")
			// It takes no typ but JWT by itself, which is why that can be chosen.
			standard := in.ReplicaWith(t, platform.AccessTokens{Format: oauth.FormatRFC9068, Algorithm: algorithm})
			for name, token := range map[string]string{
				"of the type at+jwt": standard.ServiceToken("read"),
				"nothing":            "", "no JWT": "x", "of another issuer": other.ServiceToken("read"), "claims of somebody else": head + "." + strings.Split(anna, ".")[1] + "." + signature,
				"unsigned": head + "." + claims + ".",
			} {
				if status, got := ask(t, api, token); status != http.StatusUnauthorized {
					t.Errorf("%s: %d %+v", name, status, got)
				}
			}
		})
	}
}

// who is what the API says of its caller.
type who struct {
	Name, Kind  string
	Authorities []string
}

func ask(t *testing.T, api, token string) (status int, got who) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", api+"/who", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, got
}

// springBoot runs the application of the folder spring until the test ends, and returns its
// address.
func springBoot(t *testing.T, issuer string) string {
	t.Helper()
	address, _ := listens(t, func(ctx context.Context, address string) *exec.Cmd {
		host, port, _ := strings.Cut(address, ":")
		return exec.CommandContext(ctx, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
			"-cp", "spring/target"+string(os.PathListSeparator)+"spring/target/lib/*", "api.ResourceServer",
			"--server.address="+host, "--server.port="+port, "--spring.security.oauth2.resourceserver.jwt.issuer-uri="+issuer)
	})
	return address
}
