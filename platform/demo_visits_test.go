package platform_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// inField is the demo with the field app on its second day, and who calls its API.
type inField struct {
	t      *testing.T
	server *httptest.Server
	tokens map[string]string // by login
}

// startField starts it, with tokens for accounts and for svc.field.
func startField(t *testing.T, engine sqldb.Engine, logins ...string) *inField {
	t.Helper()
	ctx, clock := t.Context(), &tandemtest.Clock{}
	c := platform.InstanceConfig{
		StoreConfig: platform.StoreConfig{
			DB: datatest.URL(t, engine), KeyFile: filepath.Join(t.TempDir(), "instance.key"), Log: quiet, Clock: clock.Now,
			Passwords: signin.PasswordParams{Memory: 8, Time: 1, Threads: 1},
		},
		URL: "http://127.0.0.1",
	}
	a, err := platform.OpenAdministration(ctx, c.StoreConfig)
	must(t, err)
	d, err := a.EnsureDemo(ctx, platform.DemoConfig{WebApp: "http://localhost:8081"})
	must(t, err)
	known := platform.DemoConfig{UserSecret: d.UserSecret, ServiceSecret: d.ServiceSecret, Others: map[string]platform.DemoSecrets{}}
	secret := ""
	for range 2 { // one day, and the next
		made, err := a.AddField(ctx, "http://127.0.0.1:8093", known)
		must(t, err)
		secret = made.Cloud.Secrets.Service
		known.Others[platform.DemoFieldCloud] = made.Cloud.Secrets
		clock.Advance(24 * time.Hour)
	}
	f := &inField{t: t, tokens: map[string]string{}}
	for _, login := range logins {
		_, text, err := a.References.Create(ctx, tandemtest.By, registry.NewReference{
			Kind: tandem.ReferencePAT, Login: login, ApplicationURI: platform.DemoPortal, Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
			ExpiresAt: clock.Now().Add(24 * time.Hour),
		})
		must(t, err)
		f.tokens[login] = text
	}
	must(t, a.Close())
	p, err := platform.NewInstance(ctx, c)
	must(t, err)
	t.Cleanup(func() { p.Close() })
	f.server = httptest.NewServer(p.Handler())
	t.Cleanup(f.server.Close)
	res, err := http.PostForm(f.server.URL+"/id/connect/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {platform.DemoFieldCloud}, "client_secret": {secret}})
	must(t, err)
	defer res.Body.Close()
	var answer struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Access == "" {
		t.Fatalf("a token for svc.field: %d %v", res.StatusCode, err)
	}
	f.tokens[platform.DemoFieldUser] = answer.Access
	return f
}

// as calls the API, and reads what it answers into something.
func (f *inField) as(login, method, path, body string, into any) (status int) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+"/api/domain/odata/"+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	must(f.t, err)
	req.Header.Set("Authorization", "Bearer "+f.tokens[login])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	must(f.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(f.t, err)
	if into != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			f.t.Fatalf("%s %s: %v %s", method, path, err, text)
		}
	}
	return res.StatusCode
}

// visits are those that an account sees, by who makes them.
func (f *inField) visits(login string) map[string][]string {
	f.t.Helper()
	var list struct {
		Count int `json:"@odata.count"`
		Value []struct {
			Ref              string `json:"@odata.id"`
			ResponsibleParty struct{ PartyName map[string]string }
		}
	}
	const set = "Applications_Service_ServiceActivities"
	if status := f.as(login, "GET", set+"?$count=true&$top=100&$select=Id&$expand=ResponsibleParty($select=PartyName)", "", &list); status != 200 {
		f.t.Fatalf("%s reads visits: %d", login, status)
	}
	if list.Count != len(list.Value) {
		f.t.Errorf("%s counts %d visits, and sees %d", login, list.Count, len(list.Value))
	}
	by := map[string][]string{}
	for _, v := range list.Value {
		name := v.ResponsibleParty.PartyName["EN"]
		by[name] = append(by[name], v.Ref)
	}
	return by
}

// TestDemoTechniciansSeeTheirOwnVisits: tom sees and changes his own visits and no others,
// through any door; sales see all and change none, the warehouse has none, managers have
// all; svc.field books for nina, who is from outside.
func TestDemoTechniciansSeeTheirOwnVisits(t *testing.T) {
	t.Parallel()
	const tom, nina = "Tom Huber", "Nina Ivanova"
	each(t, func(t *testing.T, engine sqldb.Engine) {
		f := startField(t, engine, "admin", "maria", "anna", "walt", "tom")
		all := f.visits("admin")
		if len(all[tom]) != 9 || len(all[nina]) != 7 {
			t.Fatalf("tom has %d visits and nina %d", len(all[tom]), len(all[nina]))
		}
		for _, login := range []string{"maria", "anna", platform.DemoFieldUser} {
			if got := f.visits(login); len(got[tom]) != len(all[tom]) || len(got[nina]) != len(all[nina]) {
				t.Errorf("%s sees %d visits of tom's and %d of nina's", login, len(got[tom]), len(got[nina]))
			}
		}
		if got := f.visits("tom"); len(got[tom]) != len(all[tom]) || len(got) != 1 {
			t.Errorf("tom sees %v", got)
		}
		for _, ref := range all[nina] { // of today, planned, done
			var data struct {
				Ref string `json:"@odata.id"`
			}
			if status := f.as("admin", "POST", ref+"/GetOrCreateExtensibleDataObject", "{}", &data); status >= 300 {
				t.Fatalf("files of %s: %d", ref, status)
			}
			for _, c := range []struct {
				login, method, path, body string
				want                      int
			}{
				{"tom", "GET", ref, "", 404},
				{"tom", "GET", ref + "/Services", "", 404},
				{"tom", "PATCH", ref, `{"Notes":"x"}`, 404},
				{"tom", "DELETE", ref, "", 404},
				{"tom", "POST", ref + "/MakeVoid", `{"reason":"x"}`, 404},
				{"tom", "GET", data.Ref, "", 404},
				{"anna", "GET", ref, "", 200},
				{"anna", "PATCH", ref, `{"Notes":"x"}`, 403},
				{"anna", "DELETE", ref, "", 403},
				{"walt", "GET", ref, "", 403},
				{"walt", "PATCH", ref, `{"Notes":"x"}`, 403},
				{"walt", "DELETE", ref, "", 403},
				{"maria", "GET", ref, "", 200},
			} {
				if status := f.as(c.login, c.method, c.path, c.body, nil); status != c.want {
					t.Errorf("%s: %s %s: %d, want %d", c.login, c.method, c.path, status, c.want)
				}
			}
		}
		planned := func(name string) string {
			t.Helper()
			for _, ref := range all[name] {
				var v struct{ State string }
				if f.as("admin", "GET", ref+"?$select=State", "", &v); v.State == "FirmPlanned" {
					return ref
				}
			}
			t.Fatalf("%s has no visit before him", name)
			return ""
		}
		hers, his := planned(nina), planned(tom)
		for _, c := range []struct {
			login, method, path, body string
			want                      int
		}{
			{"tom", "PATCH", his, `{"Notes":"Brake worn"}`, 204},
			{"tom", "DELETE", his, "", 403},
			{"walt", "PATCH", his, `{"Notes":"x"}`, 403},
			{"anna", "PATCH", his, `{"Notes":"x"}`, 403},
			{"anna", "DELETE", his, "", 403},
			{platform.DemoFieldUser, "PATCH", hers, `{"Notes":"Brake worn"}`, 204},
			{platform.DemoFieldUser, "POST", hers + "/GetOrCreateExtensibleDataObject", "{}", 200},
			{"maria", "PATCH", hers, `{"Notes":"Bring the long ladder"}`, 204},
		} {
			if status := f.as(c.login, c.method, c.path, c.body, nil); status != c.want {
				t.Errorf("%s: %s %s: %d, want %d", c.login, c.method, c.path, status, c.want)
			}
		}
	})
}
