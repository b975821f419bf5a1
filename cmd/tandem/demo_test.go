package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tandem runs a command on the data of the demo.
func (r *running) tandem(args ...string) (out string, code int) {
	r.t.Helper()
	cmd := exec.Command(binary, append(args, "--data", r.dir)...)
	cmd.Env, cmd.Dir = environment(), r.t.TempDir()
	text, _ := cmd.CombinedOutput() // the code says how it ended
	return string(text), cmd.ProcessState.ExitCode()
}

// fieldCalls are the calls of the cloud API's back end.
type fieldCalls struct {
	*running
	token string
	// said is the last answer.
	said string
}

// asFieldCloud is the back end with a new service token.
func (r *running) asFieldCloud() *fieldCalls {
	r.t.Helper()
	i := slices.IndexFunc(r.demo.Applications, func(a application) bool { return a.ApplicationURI == "com.example/field-cloud" })
	if i < 0 {
		r.t.Fatal("demo.json has no com.example/field-cloud")
	}
	res, err := http.PostForm(r.demo.Issuer+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {r.demo.Applications[i].ApplicationURI}, "client_secret": {r.demo.Applications[i].ServiceSecret},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		r.t.Fatalf("a service token: %d %v", res.StatusCode, err)
	}
	return &fieldCalls{running: r, token: answer.AccessToken}
}

func (c *fieldCalls) call(method, path, body string, into any) int {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.demo.OData+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	c.said = string(text)
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		c.t.Fatalf("%s %s: %d %v %s", method, path, res.StatusCode, err, text)
	}
	return res.StatusCode
}

// TestDemoAddField: the command registers both halves of the field app, once; its back end
// may do what a visit needs and nothing else, the phone's half reaches the cloud API alone,
// and the audit has nothing high to say of it.
func TestDemoAddField(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if out, code := (&running{t: t, dir: dir}).tandem("demo", "add", "field"); code != 1 || !strings.Contains(out, "run tandem up first") {
		t.Errorf("without a demo: %d %s", code, out)
	}
	r := up(t, dir)
	before := r.demo
	for _, wrong := range []string{"http://field.example", "ftp://127.0.0.1", "https://field.example/x"} {
		if out, code := r.tandem("demo", "add", "field", "--url", wrong); code != 2 {
			t.Errorf("--url %s: %d %s", wrong, code, out)
		}
	}
	out, code := r.tandem("demo", "add", "field")
	if code != 0 || !strings.Contains(out, "owns http://127.0.0.1:8093/field-api/, acts as svc.field") || !strings.Contains(out, "with the scope visits") {
		t.Fatalf("%d %s", code, out)
	}
	r.read()
	if n := len(r.demo.Applications); n != len(before.Applications)+1 {
		t.Errorf("%d applications, want one more than %d", n, len(before.Applications))
	}
	for i, a := range before.Applications {
		if now := r.demo.Applications[i]; now.ServiceSecret != a.ServiceSecret || now.UserSecret != a.UserSecret {
			t.Errorf("%s has other secrets", a.ApplicationURI)
		}
	}
	show := func(uri string) (a struct {
		Scope, Resource, SystemUser string
		ResourceScopes              string   `json:"resource_scopes"`
		AcceptsFrom                 []string `json:"accepts_from"`
		CompanionOf                 string   `json:"companion_of"`
		DevicesURI                  string   `json:"devices_uri"`
		RedirectURIs                []string `json:"redirect_uris"`
		BoundTokensOnly             bool     `json:"bound_tokens_only"`
		Version                     int64    `json:"row_version"`
	}) {
		t.Helper()
		text, code := r.tandem("app", "show", uri, "-o", "json")
		if err := json.Unmarshal([]byte(text), &a); err != nil || code != 0 {
			t.Fatalf("%s: %d %v %s", uri, code, err, text)
		}
		return a
	}
	const cloudURI, phoneURI = "com.example/field-cloud", "com.example/field"
	cloud, phone := show(cloudURI), show(phoneURI)
	if cloud.Resource != "http://127.0.0.1:8093/field-api/" || cloud.ResourceScopes != "visits" || !slices.Equal(cloud.AcceptsFrom, []string{phoneURI}) || len(cloud.RedirectURIs) != 0 {
		t.Errorf("the cloud API is %+v", cloud)
	}
	if phone.Scope != "visits" || !phone.BoundTokensOnly || phone.CompanionOf != cloudURI || len(phone.RedirectURIs) != 1 || phone.DevicesURI != "http://127.0.0.1:8093/#/device" {
		t.Errorf("the app is %+v", phone)
	}

	// Again it changes nothing.
	secret := r.demo.Applications[len(r.demo.Applications)-1].ServiceSecret
	if out, code := r.tandem("demo", "add", "field"); code != 0 || !strings.Contains(out, "there are visits of today already") {
		t.Errorf("again: %d %s", code, out)
	}
	r.read()
	if got := r.demo.Applications[len(r.demo.Applications)-1].ServiceSecret; got != secret || len(r.demo.Applications) != len(before.Applications)+1 {
		t.Errorf("again it made another secret, or application: %d", len(r.demo.Applications))
	}
	if a, b := show(cloudURI), show(phoneURI); !reflect.DeepEqual(a, cloud) || !reflect.DeepEqual(b, phone) {
		t.Error("again it changed an application")
	}
	fieldCloudMay(t, r.asFieldCloud())

	// Elsewhere it is another resource, and people come back to another address.
	if out, code := r.tandem("demo", "add", "field", "--url", "https://field.example"); code != 0 {
		t.Errorf("elsewhere: %d %s", code, out)
	}
	if a, b := show(cloudURI), show(phoneURI); a.Resource != "https://field.example/field-api/" || !slices.Contains(b.RedirectURIs, "https://field.example/callback") {
		t.Errorf("elsewhere: %+v %+v", a, b)
	}
	if out, code := r.tandem("audit"); code != 0 || strings.Contains(out, "\nhigh") || strings.HasPrefix(out, "high") {
		t.Errorf("the audit: %d %s", code, out)
	}

	// What was added is there after the next start, with its secret.
	r.stop(os.Interrupt)
	second := up(t, dir)
	second.asFieldCloud()
	if got := second.demo.Applications[len(second.demo.Applications)-1]; got.ServiceSecret != secret {
		t.Errorf("after the next start %s has another secret", got.ApplicationURI)
	}
	if got := second.demo.Applications[1]; got.ApplicationURI != phoneURI || got.Scope != "visits" {
		t.Errorf("after the next start the app is %+v", got)
	}
	second.stop(syscall.SIGTERM)
}

// fieldVisit is what is looked at of a visit.
type fieldVisit struct {
	Ref       string `json:"@odata.id"`
	StartTime string
	Customer  struct {
		Party struct{ PartyName map[string]string }
	}
	DefaultServiceObject, LocationPartyContactMechanism struct{ Name string }
	Store                                               struct{ Name any }
	ResponsibleParty                                    struct{ PartyName map[string]string }
}

// fieldCloudMay tries what the back end of the field app has to do, and what it may not.
func fieldCloudMay(t *testing.T, c *fieldCalls) {
	t.Helper()
	const visits = "Applications_Service_ServiceActivities"
	var found struct{ Value []fieldVisit }
	// What the cloud reads of a visit.
	status := c.call("GET", visits+"?$filter=State eq 'FirmPlanned'&$orderby=StartTime&$select=Id,ObjectVersion,AggregateLastUpdateTimeUtc,DocumentNo,DocumentDate,"+
		"State,Void,Subject,StartTime,EndTime,PlannedDurationMinutes,Notes,ReceiverPersonName&$expand=DocumentType($select=Id),UserStatus($select=UserStatusName),"+
		"Store($select=Id,Name),ResponsibleParty($select=Id,PartyName),OwnerParty($select=Id),DefaultServiceObject($select=Id,Name,SerialNumber),"+
		"LocationPartyContactMechanism($select=Name),Customer($select=Id;$expand=Party($select=PartyName;$expand=ContactMechanisms($select=Name,ContactMechanismType))),"+
		"Services($select=Id,ServiceName,Quantity,Notes;$expand=Service($select=Id)),Materials($select=Id,Quantity;$expand=Product($select=Id,Name))", "", &found)
	tom := slices.IndexFunc(found.Value, func(v fieldVisit) bool { return v.ResponsibleParty.PartyName["EN"] == "Tom Huber" })
	for _, v := range found.Value {
		if v.Customer.Party.PartyName["EN"] == "" || v.DefaultServiceObject.Name == "" || v.LocationPartyContactMechanism.Name == "" || v.Store.Name == nil {
			t.Errorf("of a visit is missing: %+v", v)
		}
	}
	if status != 200 || len(found.Value) != 6 || tom < 0 {
		t.Fatalf("the visits of today: %d %+v", status, found.Value)
	}
	visit := found.Value[tom].Ref
	var list struct {
		Value []struct {
			Ref string `json:"@odata.id"`
		}
	}
	first := func(path string) string {
		t.Helper()
		if status := c.call("GET", path, "", &list); status != 200 || len(list.Value) == 0 {
			t.Fatalf("%s: %d %s", path, status, c.said)
		}
		return list.Value[0].Ref
	}
	service := first("Applications_Service_Services?$expand=MeasurementUnit")
	product := first("General_Products_Products?$filter=Active eq true&$expand=MeasurementUnit&$top=1")
	var statuses struct {
		Value []struct {
			Ref            string `json:"@odata.id"`
			UserStatusName map[string]string
		}
	}
	kind := first("Systems_Documents_DocumentTypes?$filter=Code eq 'VIS'")
	if status := c.call("GET", kind+"/UserStatuses", "", &statuses); status != 200 {
		t.Fatalf("the statuses: %d %s", status, c.said)
	}
	named := map[string]string{}
	for _, s := range statuses.Value {
		named[s.UserStatusName["EN"]] = s.Ref
	}
	working, done := named["Working"], named["Done"]
	text, code := c.tandem("user", "show", "tom", "-o", "json")
	var user struct{ ID string }
	if err := json.Unmarshal([]byte(text), &user); err != nil || code != 0 {
		t.Fatalf("tom: %v %s", err, text)
	}
	tomsID := user.ID
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"PATCH", visit, `{"Notes":"Brake worn","ReceiverPersonName":{"EN":"F. Lechner"},"StartTime":"` + found.Value[tom].StartTime + `"}`, 204},
		{"POST", visit + "/Services", `{"Service":{"@odata.id":"` + service + `"},"Quantity":{"Value":1.5},"PerformedByPerson":{"@odata.id":"` + first("General_Contacts_Persons?$top=1") + `"}}`, 201},
		{"POST", visit + "/Materials", `{"Product":{"@odata.id":"` + product + `"},"LineStore":{"@odata.id":"` + first("Logistics_Inventory_Stores?$filter=Code eq 'PDV'") + `"}}`, 201},
		{"GET", visit + "/GetAllowedStates()", "", 200},
		{"POST", visit + "/ChangeState", `{"newState":"FirmPlanned","userStatus":{"@odata.id":"` + working + `"}}`, 204},
		// What it may not: other attributes, more visits, documents, what secures all this.
		{"PATCH", visit, `{"Subject":"Something else"}`, 403},
		{"PATCH", visit, `{"Customer":{"@odata.id":"` + first("Crm_Sales_Customers?$top=1") + `"}}`, 403},
		{"POST", visits, `{}`, 403},
		{"DELETE", visit, "", 403},
		{"POST", visit + "/MakeVoid", `{"reason":"x"}`, 403},
		{"GET", "Crm_Sales_SalesOrders?$top=1", "", 403},
		{"GET", "Crm_Invoicing_Invoices?$top=1", "", 403},
		{"GET", "Crm_Sales_CustomerExternalAccess?$top=1", "", 403},
		{"GET", "Systems_Security_Users?$top=1", "", 403},
		{"PATCH", product, `{"Active":false}`, 403},
		{"PATCH", service, `{"Name":"x"}`, 403},
		{"GET", "General_Products_Products?$top=1&$select=StandardPricePerLot", "", 403},
		{"POST", visit + "/GetOrCreateExtensibleDataObject", "", 201},
		{"POST", visit + "/CreateNotification", `{"user":{"@odata.id":"Systems_Security_Users(` + tomsID + `)"},"notificationClass":"field/reminder","subject":"At 10:00"}`, 204},
		{"PATCH", visit, `{"EndTime":"` + found.Value[tom].StartTime + `"}`, 204},
		{"POST", visit + "/ChangeState", `{"newState":"FirmPlanned","userStatus":{"@odata.id":"` + done + `"}}`, 204},
		{"POST", visit + "/ChangeState", `{"newState":"Released"}`, 204},
		{"POST", visit + "/Complete", "", 204},
		{"PATCH", "Systems_Core_Notifications(" + tomsID + ")", `{"IsRead":true}`, 404},
	} {
		if status := c.call(step.method, step.path, step.body, nil); status != step.want {
			t.Errorf("%s %s %s: %d, want %d: %s", step.method, step.path, step.body, status, step.want, c.said)
		}
	}
}
