package bench

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// BenchmarkSignedIn signs people in to the web app of the built binary, each in a
// browser of his own, over the whole way: authorization code, tokens, a session
// in the web app's store, and the first page, which the worker serves. One
// iteration is a sign-in; nobody signs out, so that after -benchtime 10000x there
// are 10,000 people signed in, with whom the web app may take 120 MiB.
//
// They all came through one entry of a password: hashing ten thousand would
// measure argon2id.
func BenchmarkSignedIn(b *testing.B) {
	s := up(b, b.TempDir(), datatest.URL(b, sqldb.SQLite))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = connections
	b.Cleanup(transport.CloseIdleConnections)
	browser := func() *tandemtest.Browser {
		p := tandemtest.NewBrowser(b)
		p.Client.Transport = transport
		return p
	}
	first := browser()
	page := first.SignIn(s.Webapp+"/signin", "paul", s.password("paul"))
	var identity []*http.Cookie
	for _, c := range first.Client.Jar.Cookies(page.Request.URL) {
		if strings.HasPrefix(c.Name, "tandem_identity_") {
			identity = append(identity, c)
		}
	}
	b.SetParallelism(connections / 2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := browser()
			p.Client.Jar.SetCookies(page.Request.URL, identity)
			got := p.Get(s.Webapp + "/signin?return_to=/")
			if got.StatusCode != http.StatusOK || !strings.Contains(got.Text, "Sign out") {
				b.Errorf("not signed in: %d %s", got.StatusCode, got.Text)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
	for _, name := range []string{"webapp", "instance", "worker"} {
		now, most := s.resident(b, name)
		b.ReportMetric(now, name+"-MiB")
		b.ReportMetric(most, name+"-peak-MiB")
	}
	b.ReportMetric(0, "ns/op")
}

// password is a demo user's.
func (s *system) password(login string) string {
	for _, u := range s.Users {
		if u.Login == login {
			return u.Password
		}
	}
	return ""
}
