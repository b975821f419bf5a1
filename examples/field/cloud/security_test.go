package cloud_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// Tokens that are for something else, of another kind or application, expired, without
// the key or with a proof that was seen: none of them gets in, and none learns anything.
func TestSecurity_TokensOfOthers(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	p.Cloud()
	ph := p.Phone("tom")
	people := p.SignIn("anna")
	send := func(authorization, proof string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.Resource()+"me", nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		if proof != "" {
			req.Header.Set("DPoP", proof)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	proof := func(key *dpop.Key, token string) string {
		text, err := key.Proof(dpop.Request{Method: "GET", URL: p.Resource() + "me", AccessToken: token}, "", p.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	stranger, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	once := proof(ph.Key, ph.Tokens.Access)
	if res := send("DPoP "+ph.Tokens.Access, once); res.StatusCode != 200 {
		t.Fatalf("the right one: %d", res.StatusCode)
	}
	for name, c := range map[string][2]string{
		"nothing": {"", ""}, "a DomainAPI token": {"Bearer " + people.Access, ""}, "an ID token": {"Bearer " + people.ID, ""}, "the phone's ID token": {"DPoP " + ph.Tokens.ID, proof(ph.Key, ph.Tokens.ID)},
		"a service token": {"Bearer " + p.ServiceToken(), ""}, "a refresh token": {"Bearer " + ph.Tokens.Refresh, ""},
		"without the key": {"Bearer " + ph.Tokens.Access, ""}, "another key": {"DPoP " + ph.Tokens.Access, proof(stranger, ph.Tokens.Access)},
		"a replayed proof": {"DPoP " + ph.Tokens.Access, once}, "altered": {"DPoP " + ph.Tokens.Access + "x", proof(ph.Key, ph.Tokens.Access+"x")},
	} {
		if res := send(c[0], c[1]); res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %v", name, res.StatusCode, res.Header)
		}
	}
	p.Advance(61 * time.Minute)
	if res := send("DPoP "+ph.Tokens.Access, proof(ph.Key, ph.Tokens.Access)); res.StatusCode != 401 {
		t.Errorf("expired: %d", res.StatusCode)
	}
	ph.Renew()
	if res := send("DPoP "+ph.Tokens.Access, proof(ph.Key, ph.Tokens.Access)); res.StatusCode != 200 {
		t.Errorf("renewed: %d", res.StatusCode)
	}
	// The refresh token without the key is worth nothing.
	status, text := p.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {ph.Tokens.Refresh}, "client_id": {fieldtest.PhoneApp}})
	if status == 200 {
		t.Errorf("a stolen refresh token is good: %s", text)
	}
}

// Pages of other origins are not let in, the metadata tells where tokens are had, and what
// is there is told to nobody without a token.
func TestSecurity_OtherOrigins(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	p.Cloud()
	for _, method := range []string{"GET", "OPTIONS", "POST"} {
		req, err := http.NewRequestWithContext(t.Context(), method, p.Resource()+"commands", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://elsewhere.example")
		req.Header.Set("Access-Control-Request-Method", "POST")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.Header.Get("Access-Control-Allow-Origin") != "" || res.StatusCode != 401 {
			t.Errorf("%s: %d %v", method, res.StatusCode, res.Header)
		}
	}
	ph := p.Phone("tom")
	for _, path := range []string{"nothing", "commands", "visits/", "devices/x/y", "uploads/../me"} {
		if a := ph.Do("GET", path, nil); a.Status != 404 && a.Status != 400 && a.Status != 405 && a.Status != 307 && a.Status != 401 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// Nothing of the service half is in any answer, nor in the store: neither its token, nor
// its secret, nor a person's token.
func TestSecurity_NothingOfTheServiceHalf(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	c := pulled(t, p.Cloud())
	ph := p.Phone("tom")
	var all strings.Builder
	for _, path := range []string{"me", "visits", "visits/" + id, "catalogue", "devices"} {
		a := ph.Do("GET", path, nil)
		all.Write(a.Body)
		for name, values := range a.Header {
			all.WriteString(name + strings.Join(values, " "))
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %v", path, a.Header)
		}
	}
	all.Write(ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})).Body)
	all.Write(ph.Send(ph.Command(id, wire.ServiceAdd, 0, wire.ServiceBody{Service: id, Quantity: "1"})).Body)
	rows, err := c.Config.DB.Reader().QueryContext(t.Context(), `SELECT body || evidence || answer || note FROM commands UNION ALL SELECT content FROM visits UNION ALL SELECT content FROM watermarks`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all.WriteString(text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{p.Secret, ph.Tokens.Access, ph.Tokens.Refresh, "eyJ", "Tandem-Session", "client_secret"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%.12q is told or kept", secret)
		}
	}
}

// A phone whose person may not sign in any more is still told to delete what it has, by its
// secret; who does not have that learns nothing, not even which devices there are.
func TestWishReachesWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, _ *fieldtest.Cloud) {
		tom, olga := p.Phone("tom"), p.Phone("olga")
		var me wire.Me
		tom.Get("me", &me)
		secret := strings.Repeat("5e", 32)
		sum := sha256.Sum256([]byte(secret))
		if a := tom.Do("PUT", "devices/"+tom.Device, wire.DeviceReport{Name: "Tom's phone", WishKey: hex.EncodeToString(sum[:])}); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		right := wire.WishAsk{User: me.ID, Device: tom.Device, Secret: secret}
		ask := func(ask wire.WishAsk, status int) string {
			t.Helper()
			text, err := json.Marshal(ask)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.Post(p.Resource()+"wish", "application/json", bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != status || answer.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %s: %v", answer.StatusCode, body, err)
			}
			return string(body)
		}
		no := ask(right, 200)
		if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "tom"); err != nil {
			t.Fatal(err)
		}
		p.Refresh()
		if a := olga.Do("POST", "devices/"+tom.Device+"/wipe", nil); a.Status != 204 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		for name, change := range map[string]func(a *wire.WishAsk){
			"secret": func(a *wire.WishAsk) { a.Secret = strings.Repeat("5f", 32) }, "key": func(a *wire.WishAsk) { a.Secret = hex.EncodeToString(sum[:]) },
			"device": func(a *wire.WishAsk) { a.Device = olga.Device }, "person": func(a *wire.WishAsk) { a.User = "" },
			"gone": func(a *wire.WishAsk) { a.Secret, a.Gone = strings.Repeat("5f", 32), true },
		} {
			wrong := right
			if change(&wrong); ask(wrong, 200) != no {
				t.Errorf("another %s is told more", name)
			}
		}
		ask(wire.WishAsk{User: me.ID, Device: tom.Device}, 400)
		if got := ask(right, 200); got == no || !strings.Contains(got, "true") {
			t.Errorf("the phone is told %s", got)
		}
		right.Gone = true
		if got := ask(right, 200); got != no {
			t.Errorf("the phone that did is told %s", got)
		}
		var list []wire.Device
		if olga.Get("devices", &list); slices.ContainsFunc(list, func(d wire.Device) bool { return d.ID == tom.Device }) {
			t.Error("the phone that has deleted all is still listed")
		}
	})
}

// Whoever asks for a wish and then sends nothing keeps no phone from hearing of its own.
func TestNobodyKeepsAPhoneFromItsWish(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	p.Cloud()
	at, err := url.Parse(p.Resource() + "wish")
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		idle, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		if _, err := fmt.Fprintf(idle, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 200\r\nExpect: 100-continue\r\n\r\n", at.Path, at.Host); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(idle).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("the body is not waited for: %q, %v", line, err)
		}
	}
	text, err := json.Marshal(wire.WishAsk{User: "u", Device: uuid.NewString(), Secret: strings.Repeat("5e", 32)})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(at.String(), "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("a phone is answered %d while others send nothing", answer.StatusCode)
	}
}

// Devices: people see their own, the office all, and either may ask one to delete what it
// has; numbers of commands go on where they were. Many creations end at a bound.
func TestDevicesAndWipe(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		tom, nina, olga := p.Phone("tom"), p.Phone("nina"), p.Phone("olga")
		report := wire.DeviceReport{Name: "Tom's phone", StorageUsed: 10, StorageQuota: 100, Waiting: 3}
		tell := func(ph *fieldtest.Phone) (d wire.DeviceAnswer) {
			t.Helper()
			a := ph.Do("PUT", "devices/"+ph.Device, report)
			if a.Status != 200 || !strings.Contains(string(a.Body), "next_seq") {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			d.Wipe, d.NextSeq = strings.Contains(string(a.Body), `"wipe":true`), int64(a.Body[strings.Index(string(a.Body), "next_seq")+10]-'0')
			return d
		}
		if d := tell(tom); d.Wipe || d.NextSeq != 1 {
			t.Errorf("%+v", d)
		}
		booked(t, tom.Send(tom.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})))
		tell(nina)
		list := func(ph *fieldtest.Phone) (all []wire.Device) { ph.Get("devices", &all); return all }
		if all := list(nina); len(all) != 1 || all[0].ID != nina.Device {
			t.Errorf("nina sees %+v", all)
		}
		all := list(olga)
		if len(all) != 2 {
			t.Errorf("the office sees %+v", all)
		}
		for _, d := range all {
			if d.ID == tom.Device && (d.Name != report.Name || d.Waiting != 3 || d.User.Name != "Tom Huber" || d.WipeAskedAt != nil) {
				t.Errorf("%+v", d)
			}
		}
		if a := nina.Do("POST", "devices/"+tom.Device+"/wipe", nil); a.Status != 404 {
			t.Errorf("somebody else's device: %d %s", a.Status, a.Body)
		}
		if a := olga.Do("POST", "devices/"+tom.Device+"/wipe", nil); a.Status != 204 {
			t.Errorf("the office: %d %s", a.Status, a.Body)
		}
		if d := tell(tom); !d.Wipe || d.NextSeq != 2 {
			t.Errorf("%+v", d)
		}
		if a := tom.Do("DELETE", "devices/"+tom.Device, nil); a.Status != 204 || len(list(tom)) != 0 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if d := tell(tom); d.Wipe || d.NextSeq != 2 {
			t.Errorf("after it was emptied: %+v", d)
		}
		for n := range 60 {
			a := nina.Do("PUT", "devices/"+uuid.NewString(), wire.DeviceReport{})
			if a.Status == 429 {
				break
			}
			if n == 59 {
				t.Error("a person has any number of devices")
			}
		}
	})
}

// A phone is another device after each sign-out. However often somebody signs out, the
// device that they have is taken, and its commands are booked; a gone one whose commands
// are still known goes on with its numbers.
func TestEachSignOutIsAnotherDevice(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		tom := p.Phone("tom")
		first := tom.Device
		note := func(device string, seq int64) *fieldtest.Answer {
			one := tom.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})
			one.Device, one.Seq = device, seq
			return tom.Send(one)
		}
		leave := func(device string) {
			t.Helper()
			if a := tom.Do("PUT", "devices/"+device, wire.DeviceReport{}); a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			if a := tom.Do("DELETE", "devices/"+device, nil); a.Status != 204 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		booked(t, note(first, 1))
		leave(first)
		for range 60 {
			leave(uuid.NewString())
		}
		last := uuid.NewString()
		booked(t, note(last, 1))

		p.Clock.Advance(8 * 24 * time.Hour)
		if err := c.CleanUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := c.Config.DB.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM devices`).Scan(&left); err != nil || left != 2 {
			t.Errorf("%d devices are known, want the last one, and the first, whose commands are: %v", left, err)
		}
		tom.SignIn()
		id = p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		refusedAs(t, note(first, 1), 409, wire.OutOfOrder)
		booked(t, note(first, 2))
	})
}

// Answers are kept for 30 days, and what waits for as long as it takes.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	id := p.Visits("tom", p.Today(9), 1)[0]
	c := pulled(t, p.Cloud())
	ph := p.Phone("tom")
	first := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "one"})
	booked(t, ph.Send(first))
	l.state.Store(lineDown)
	second := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "two"})
	accepted(t, ph.Send(second))
	p.Clock.Advance(31 * 24 * time.Hour)
	if err := c.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	ph.SignIn()
	if a := ph.Do("GET", "commands/"+first.ID, nil); a.Status != 404 {
		t.Errorf("kept: %d %s", a.Status, a.Body)
	}
	if a := ph.Do("GET", "commands/"+second.ID, nil); a.Status != 202 {
		t.Errorf("what waits is gone: %d %s", a.Status, a.Body)
	}
}

// A request that was taken from a line or a log is good once: not at another replica either,
// nor after a restart.
func TestSecurity_AProofIsGoodOnceAtAllReplicas(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			p := morning(t, tandemtest.Options{Engine: engine})
			db := p.Store(engine)
			first := p.CloudOn(db, t.TempDir(), func(c *cloud.Config) { c.ServiceInstance = "one" })
			ph := p.Phone("tom")
			stolen := ph.Request("GET", "me", nil)
			send := func(at string, want int) {
				t.Helper()
				res, err := http.DefaultClient.Do(stolen.Clone(t.Context()))
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != want {
					t.Errorf("%s: %d, want %d", at, res.StatusCode, want)
				}
			}
			send("the phone's own", 200)
			send("at the same replica", 401)
			second := p.CloudOn(db, t.TempDir(), func(c *cloud.Config) { c.ServiceInstance = "two" })
			send("at another replica", 401)
			first.Stop()
			second.Stop()
			again := p.CloudOn(db, t.TempDir(), func(c *cloud.Config) { c.ServiceInstance = "one" })
			send("after a restart", 401)
			ph.Get("me", &wire.Me{})
			p.Advance(time.Hour)
			if err := again.CleanUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM proofs`).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d proofs are kept for ever: %v", n, err)
			}
		})
	}
}

// A service whose Resource is not where the API is does not start: phones would find nothing
// there, and nobody would know why.
func TestAResourceElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	good := p.Cloud().Config
	for _, resource := range []string{"https://x.example/field-api", "https://x.example/api/v1/", "https://x.example/base/field-api/", "https://x.example/field-api/?a=1", "/field-api/", "urn:field"} {
		bad := good
		bad.Resource = resource
		if _, err := cloud.New(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "https://field.example.com/field-api/") {
			t.Errorf("%s: %v", resource, err)
		}
	}
}
