// Package fieldtest gives tests a running field app: an instance with the demo company,
// both applications, technicians with visits, the cloud, and phones that call it.
package fieldtest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/pwa"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// The applications and the System User.
const (
	PhoneApp   = tandemtest.Field
	CloudApp   = "com.example/field-cloud"
	SystemUser = "svc.field"
	Redirect   = "http://127.0.0.1/callback"
)

// readable are the sets that the System User reads, and no more; writable those that it
// changes, with their parts.
var (
	readable = []string{
		"Applications_Service_Services", "Applications_Service_ServiceObjects", "General_Products_Products",
		"General_Products_MeasurementCategories", "Logistics_Inventory_Stores", "General_Contacts_Parties", "General_Contacts_Persons", "General_Contacts_Companies",
		"General_Contacts_CompanyLocations", "Crm_Sales_Customers", "Systems_Documents_DocumentTypes",
	}
	writable = map[string]string{
		"Applications_Service_ServiceActivities": "read,update", "Systems_Core_ExtensibleDataObjects": "read,create,update",
		"Systems_Core_Notifications": "read,create",
	}
)

// names are the Persons of the demo's technicians, by login.
var names = map[string]string{"tom": "Tom Huber", "nina": "Nina Ivanova"}

// Place is an instance with the demo company, the field app's registrations, and tom (an
// employee) and nina (from outside), who are technicians.
type Place struct {
	*tandemtest.Instance
	T testing.TB
	// Secret is the cloud's.
	Secret string
	// URL is where the cloud is; Resource is below it.
	URL string

	mu      sync.Mutex
	admin   string
	adminAt time.Time
	handler atomic.Pointer[http.Handler]
	app     atomic.Pointer[http.Handler] // of phones; nil where there is none
	// persons are those of the technicians that a test has made, by login.
	persons map[string]string
}

// Start runs an instance until the test ends. The demo company comes with it. It is the hour of
// the test there: see [Place.Morning].
func Start(t testing.TB, o tandemtest.Options) *Place {
	t.Helper()
	o.Demo = true
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Place{Instance: tandemtest.Start(t, o), T: t}
	p.listen()
	user := p.CreateUser(signin.NewUser{Login: SystemUser, Type: tandem.SystemUserNoLogin})
	p.CreateUsers(signin.NewUser{Login: "tom", Name: "Tom Huber", Type: tandem.InternalUser},
		signin.NewUser{Login: "nina", Name: "Nina Ivanova", Type: tandem.ExternalCommunityUser},
		signin.NewUser{Login: "olga", Name: "Olga Office", Type: tandem.InternalUser})
	p.group("Field cloud", SystemUser)
	p.group("Service", "olga")
	for set, rights := range writable {
		p.grant("Field cloud", set, rights)
	}
	for _, set := range readable {
		p.grant("Field cloud", set, "read")
	}
	p.Secret = p.CreateApp(tandem.TrustedApp{
		ApplicationURI: CloudApp, Enabled: true, ClientType: tandem.ClientConfidential, SystemUserAllowed: true, SystemUserID: user.ID,
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}, Resource: p.Resource(), ResourceScopes: tandem.Scope{wire.Scope},
		AcceptsFrom: []string{PhoneApp},
	}).Service
	p.UpdateApp(PhoneApp, func(a *tandem.TrustedApp) {
		a.ClientType, a.InternalUsers, a.ExternalUsers, a.FirstParty = tandem.ClientPublic, true, true, true
		a.RedirectURIs, a.Scope, a.CompanionOf = []string{Redirect}, tandem.Scope{wire.Scope}, CloudApp
	})
	for login, name := range names {
		p.Link(login, name)
	}
	return p
}

// URLOf is the address of a path of the instance.
func (p *Place) URLOf(path string) string { return p.Instance.URL + path }

// Resource is the audience of the cloud's tokens.
func (p *Place) Resource() string { return p.URL + wire.Prefix }

// listen answers at one address for as long as the test lives, so that a cloud can be
// started again. While there is none calls are broken off, as by a server that is down.
func (p *Place) listen() {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if app := p.app.Load(); app != nil && !strings.HasPrefix(r.URL.Path, wire.Prefix) && !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			(*app).ServeHTTP(w, r)
			return
		}
		h := p.handler.Load()
		if h == nil {
			panic(http.ErrAbortHandler)
		}
		(*h).ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	p.T.Cleanup(s.Close)
	p.URL = s.URL
}

func (p *Place) group(name string, members ...string) {
	p.T.Helper()
	if _, err := p.Platform.Permissions.CreateGroup(p.T.Context(), tandemtest.By, name, ""); err != nil {
		p.T.Fatal(err)
	}
	p.Grant(name, members...)
}

func (p *Place) grant(group, set, rights string) {
	p.T.Helper()
	if _, err := p.Platform.Permissions.Grant(p.T.Context(), tandemtest.By, group, permission.Target{Set: set}, rights, false); err != nil {
		p.T.Fatal(err)
	}
}

// Link says which Person of the ERP somebody is; an empty name that they are none.
func (p *Place) Link(login, person string) {
	p.T.Helper()
	id := ""
	if person != "" {
		id = p.One("General_Contacts_Persons", "contains(PartyName,'"+person+"')")
	}
	if _, err := p.Platform.SetPerson(p.T.Context(), tandemtest.By, login, id); err != nil {
		p.T.Fatal(err)
	}
	p.Refresh()
}

// Admin is an access token of an administrator.
func (p *Place) Admin() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.Clock.Now(); p.admin == "" || now.Sub(p.adminAt) > 30*time.Minute {
		p.admin, p.adminAt = p.SignIn("admin").Access, now
	}
	return p.admin
}

// ERP calls the domain API as an administrator, who must be allowed to.
func (p *Place) ERP(method, path string, body any, into any) {
	p.T.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.T.Fatal(err)
		}
		text = string(b)
	}
	status, answer := p.API(method, path, p.Admin(), text)
	if status/100 != 2 {
		p.T.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			p.T.Fatal(err)
		}
	}
}

// Find are the rows of a set that pass a filter.
func (p *Place) Find(set, filter, query string) (rows []map[string]any) {
	p.T.Helper()
	var page struct{ Value []map[string]any }
	p.ERP("GET", set+"?$filter="+strings.NewReplacer(" ", "%20", "'", "%27").Replace(filter)+query, nil, &page)
	return page.Value
}

// One is the Id of the first such row.
func (p *Place) One(set, filter string) string {
	p.T.Helper()
	rows := p.Find(set, filter, "&$select=Id&$top=1")
	if len(rows) == 0 {
		p.T.Fatalf("no row of %s where %s", set, filter)
	}
	return rows[0]["Id"].(string)
}

// personOf is the Person of a technician.
func (p *Place) personOf(login string) string {
	p.T.Helper()
	if id := p.persons[login]; id != "" {
		return id
	}
	return p.One("General_Contacts_Persons", "contains(PartyName,'"+names[login]+"')")
}

// Technicians makes so many more of them, each with a Person of their own.
func (p *Place) Technicians(n int) (logins []string) {
	p.T.Helper()
	p.persons = map[string]string{}
	users := make([]signin.NewUser, n)
	for i := range users {
		users[i] = signin.NewUser{Login: fmt.Sprintf("tech%d", i), Name: fmt.Sprintf("Technician %d", i), Type: tandem.InternalUser}
		logins = append(logins, users[i].Login)
	}
	p.CreateUsers(users...)
	for _, login := range logins {
		var made struct {
			ID string `json:"Id"`
		}
		p.ERP("POST", "General_Contacts_Persons?$select=Id", map[string]any{"FirstName": map[string]string{"EN": "Technician"}, "LastName": map[string]string{"EN": login}}, &made)
		if _, err := p.Platform.SetPerson(p.T.Context(), tandemtest.By, login, made.ID); err != nil {
			p.T.Fatal(err)
		}
		p.persons[login] = made.ID
	}
	p.Refresh()
	return logins
}

// Morning moves the clock on to a time of a day to come, of which the seven days that follow are
// of 24 hours each. A cloud that runs already has its schedules begin meanwhile: before it is
// started is the time to call this.
func (p *Place) Morning(hour, minute int) {
	now := p.Clock.Now()
	for day := p.Today(hour).AddDate(0, 0, 1); ; day = day.AddDate(0, 0, 1) {
		_, before := day.Zone()
		if _, after := day.AddDate(0, 0, 7).Zone(); before == after {
			p.Advance(day.Add(time.Duration(minute) * time.Minute).Sub(now))
			return
		}
	}
}

// Today is the day in the cloud's zone, and at o'clock of it.
func (p *Place) Today(hour int) time.Time {
	zone, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		p.T.Fatal(err)
	}
	now := p.Clock.Now().In(zone)
	return time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, zone)
}

// Visits makes visits of somebody on a day, and returns their ids.
func (p *Place) Visits(login string, day time.Time, n int) (ids []string) {
	p.T.Helper()
	person := "General_Contacts_Persons(" + p.personOf(login) + ")"
	ref := func(id string) map[string]string { return map[string]string{"@odata.id": id} }
	customer := p.One("Crm_Sales_Customers", "Active eq true")
	object := p.One("Applications_Service_ServiceObjects", "IsActive eq true")
	for i := range n {
		var made struct {
			ID string `json:"Id"`
		}
		p.ERP("POST", "Applications_Service_ServiceActivities?$select=Id", map[string]any{
			"Subject": fmt.Sprintf("Visit %d", i), "DocumentDate": day.Format(time.DateOnly) + "T00:00:00Z", "StartTime": day.Add(time.Duration(i) * time.Minute).UTC().Format(time.RFC3339),
			"PlannedDurationMinutes": 90, "Customer": ref("Crm_Sales_Customers(" + customer + ")"), "OwnerParty": ref(person), "ResponsibleParty": ref(person),
			"DefaultServiceObject": ref("Applications_Service_ServiceObjects(" + object + ")"),
			"Store":                ref("Logistics_Inventory_Stores(" + p.One("Logistics_Inventory_Stores", "Code eq 'PDV'") + ")"),
		}, &made)
		p.ERP("POST", "Applications_Service_ServiceActivities("+made.ID+")/ChangeState", map[string]any{"newState": "FirmPlanned"}, nil)
		ids = append(ids, made.ID)
	}
	return ids
}

// Visit is a visit as the ERP has it.
func (p *Place) Visit(id string) map[string]any {
	p.T.Helper()
	var v map[string]any
	p.ERP("GET", "Applications_Service_ServiceActivities("+id+")?$select=default,ObjectVersion&$expand=UserStatus,Services,Materials", nil, &v)
	return v
}

// SetStatus has the office give a planned visit a user status, by its name in English.
func (p *Place) SetStatus(id, name string) {
	p.T.Helper()
	visit := "Applications_Service_ServiceActivities(" + id + ")"
	var v struct {
		DocumentType struct{ UserStatuses []map[string]any }
	}
	p.ERP("GET", visit+"?$expand=DocumentType($expand=UserStatuses)", nil, &v)
	for _, s := range v.DocumentType.UserStatuses {
		if s["UserStatusName"].(map[string]any)["EN"] == name {
			p.ERP("POST", visit+"/ChangeState", map[string]any{"newState": "FirmPlanned", "userStatus": map[string]any{"@odata.id": s["@odata.id"]}}, nil)
			return
		}
	}
	p.T.Fatalf("visits have no status %s", name)
}

// Cloud is a running cloud.
type Cloud struct {
	*cloud.Cloud
	Config cloud.Config
	// Stop ends it; a test's end does, too.
	Stop func()
}

// Cloud starts a cloud with a store and a folder of its own.
func (p *Place) Cloud(change ...func(*cloud.Config)) *Cloud {
	p.T.Helper()
	return p.CloudOn(p.Store(sqldb.SQLite), p.T.TempDir(), change...)
}

// ServeApp serves the app of phones beside the cloud, at [Place.URL], for a [Hand] to open.
func (p *Place) ServeApp() {
	app := pwa.Handler(pwa.Config{Issuer: p.Issuer, ClientID: PhoneApp, Resource: p.Resource()})
	p.app.Store(&app)
}

// Store is an empty store on an engine.
func (p *Place) Store(engine sqldb.Engine) *sqldb.DB {
	p.T.Helper()
	db, err := sqldb.Open(p.T.Context(), testdb.URL(p.T, engine), sqldb.Options{})
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { db.Close() })
	return db
}

// CloudOn starts a cloud on a store and a folder that are there.
func (p *Place) CloudOn(db *sqldb.DB, dir string, change ...func(*cloud.Config)) *Cloud {
	p.T.Helper()
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: p.Issuer, Clock: p.Clock.Now})
	if err != nil {
		p.T.Fatal(err)
	}
	c := &Cloud{Config: cloud.Config{
		Provider: provider, ApplicationURI: CloudApp, Credential: client.ServiceSecret(p.Secret), Resource: p.Resource(), AcceptsFrom: []string{PhoneApp},
		DB: db, Dir: dir, Clock: p.Clock.Now, Log: slog.New(slog.NewTextHandler(p.T.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}}
	for _, f := range change {
		f(&c.Config)
	}
	engine := filepath.Join(dir, "jobs")
	if err := os.MkdirAll(engine, 0o700); err != nil {
		p.T.Fatal(err)
	}
	workerdb.Fill(p.T, db.URL(), engine)
	if c.Cloud, err = cloud.New(p.T.Context(), c.Config); err != nil {
		p.T.Fatal(err)
	}
	h := c.Handler()
	p.handler.Store(&h)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	c.Stop = sync.OnceFunc(func() {
		p.handler.CompareAndSwap(&h, nil)
		cancel()
		if err := <-ended; err != nil {
			p.T.Error(err)
		}
	})
	p.T.Cleanup(c.Stop)
	return c
}
