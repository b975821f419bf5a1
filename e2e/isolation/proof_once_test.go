package isolation_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestOneProofGivesOneServiceToken sends one proof of possession (RFC 9449 section 11.1) by
// many at once to two replicas: one gets a token, and the record has one.
func TestOneProofGivesOneServiceToken(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{}, func(t *testing.T, in *tandemtest.Instance) {
		replicas := []*tandemtest.Instance{in, in.Replica(t)}
		public := strings.TrimSuffix(in.Issuer, oauth.PathIssuer)
		k := key(t)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}}.Encode()
		for range testkit.Size(5, 2) {
			before := len(in.Record(tandem.AuditTokenIssued))
			proof, err := k.Proof(dpop.Request{Method: "POST", URL: public + oauth.PathToken}, "", in.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			var given, refused atomic.Int64
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					req, err := http.NewRequestWithContext(t.Context(), "POST", replicas[i%2].URL+oauth.PathToken, strings.NewReader(form))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					req.Header.Set(dpop.Header, proof)
					res, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					switch res.StatusCode {
					case http.StatusOK:
						given.Add(1)
					case http.StatusBadRequest:
						refused.Add(1)
					default:
						t.Error(res.Status)
					}
				})
			}
			wg.Wait()
			recorded := len(in.Record(tandem.AuditTokenIssued)) - before
			if given.Load() != 1 || refused.Load() != 31 || recorded != 1 {
				t.Errorf("%d got a token, %d were told, %d are on record", given.Load(), refused.Load(), recorded)
			}
		}
	})
}
