package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

const (
	domainRoot = "https://erp.example/api/domain/odata/"
	aGUID      = "0123abcd-4567-89ab-cdef-0123456789ab"
)

// erpModel is made once: it is immutable.
var erpModel = erp.NewModel()

// doors is an Access whose tokens are the scopes they have: read+update.
type doors struct{}

func (doors) VerifyAccess(_ context.Context, raw string) (*tandem.Principal, error) {
	p := &tandem.Principal{
		Service:        &tandem.ServiceIdentity{SystemUserID: aGUID, SystemUserLogin: "svc.test"},
		ApplicationURI: "com.example/test", TokenID: "t",
		Scope:     tandem.ParseScope(strings.ReplaceAll(raw, "+", " ")),
		ExpiresAt: time.Now().Add(time.Hour),
	}
	if p.Scope.Has("person") || p.Scope.Has("admin") {
		p.Service, p.User = nil, &tandem.UserIdentity{ID: aGUID, Login: "anna", Type: tandem.InternalUser, Admin: p.Scope.Has("admin")}
	}
	for _, word := range p.Scope {
		if login, named := strings.CutPrefix(word, "as-"); named {
			p.User.Login = login
		}
	}
	return p, nil
}

// someSessions are the open sessions that the monitor shows.
func someSessions(context.Context) ([]tandem.Session, error) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []tandem.Session{
		{ID: "b", User: "svc.portal", ApplicationURI: "com.example/portal", OpenedAt: at.Add(time.Minute), LastRequestAt: at.Add(time.Hour), AbsoluteExpiresAt: at.Add(time.Hour), Requests: 7},
		{ID: "a", User: "anna", ApplicationURI: "com.example/portal", OpenedAt: at, LastRequestAt: at, Requests: 1},
	}, nil
}

func TestMonitorIsForAdministrators(t *testing.T) {
	t.Parallel()
	h := serve(t, &fake{})
	const set = "Systems_Monitoring_CurrentSessions"
	for _, token := range []string{"read", "read+person"} {
		r, answer := call(t, h, "GET", set, "", "Authorization: Bearer "+token)
		refused(t, r, answer, 403, "administrators")
	}
	admin := "Authorization: Bearer read+update+admin"
	r, answer := call(t, h, "GET", set+"?$count=true&$top=1", "", admin)
	want := `{"@odata.context":"` + domainRoot + `$metadata#` + set + `","@odata.count":2,"value":[{"SessionId":"a","UserLogin":"anna","Applications":"com.example/portal","Device":null,` +
		`"StartTime":"2026-01-02T03:04:05Z","LastRequestTime":"2026-01-02T03:04:05Z","AbsoluteExpirationTime":null,"CurrentRequestsCount":null,"TotalRequestsCount":1,"UploadMB":null,"DownloadMB":null}],` +
		`"@odata.nextLink":"` + domainRoot + set + `?%24count=true&%24top=1&%24skip=1"}`
	if r.StatusCode != 200 || answer != want {
		t.Errorf("%d\n got %s\nwant %s", r.StatusCode, answer, want)
	}
	if _, answer = call(t, h, "GET", set+"/$count", "", admin); answer != "2" {
		t.Error(answer)
	}
	r, answer = call(t, h, "GET", set+"?$filter=UserLogin%20eq%20'a'", "", admin)
	refused(t, r, answer, 400, "$filter is not offered")
	r, answer = call(t, h, "DELETE", set+"("+aGUID+")", "", admin)
	refused(t, r, answer, 404, "no Id")
}

func someUsage(context.Context) (api.LicenceUsage, error) {
	return api.LicenceUsage{Slots: 25, InUse: 2, Users: 1, Services: 1}, nil
}

func someProof(context.Context) (tandem.Proof, error) {
	return tandem.Proof{
		ID: "run", At: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), By: "maria", Issuer: "https://erp.example/id", ApplicationURI: "com.example/portal",
		Holds: 1, Digest: "ab", KeyID: "cd", Report: []byte("{\"payload\": 1}\n"),
		Rows: []tandem.ProofRow{{ID: "I1", Title: "one", Meaning: "what", Verdict: "holds"}},
	}, nil
}

func (doors) Check(context.Context, *tandem.Principal) error { return nil }

func (doors) Rights(context.Context, *tandem.Principal) (*permission.Rights, error) {
	return permission.ByPlatform().Rights, nil
}

func (doors) Acquire(context.Context, *tandem.Principal, string) (*tandem.Session, error) {
	return &tandem.Session{ID: "session", Slot: 1}, nil
}

func (doors) Record(context.Context, tandem.AuditEvent) error { return nil }

// serve mounts the Domain API over a store, guarded as in production.
func serve(t testing.TB, store write.Store) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	(&api.Domain{
		Model: erpModel.Model, Store: store, Root: "https://erp.example", Version: "1.2.3", Log: quiet, Sessions: someSessions, Usage: someUsage, LastProof: someProof,
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: doors{}.Rights, Auditor: doors{}, Log: quiet},
	}).Mount(mux)
	return mux
}

// call is one request below the root of the service. Options are header lines
// "Name: value"; an empty value removes the header.
func call(t testing.TB, h http.Handler, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, api.DomainPath, strings.NewReader(body))
	path, query, _ := strings.Cut(path, "?")
	r.URL.RawPath = api.DomainPath + path
	r.URL.Path = api.DomainPath + unescaped(path)
	r.URL.RawQuery = query
	r.RequestURI = ""
	r.Host = "evil.example"
	r.Header.Set("Authorization", "Bearer read+update")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(answer), "evil.example") {
		t.Errorf("the Host header reached the answer: %s", answer)
	}
	return w.Result(), string(answer)
}

// errorOf reads the documented error object.
func errorOf(t testing.TB, answer string) api.ErrorObject {
	t.Helper()
	var e struct{ Error api.ErrorObject }
	if err := json.Unmarshal([]byte(answer), &e); err != nil || e.Error.Message == "" {
		t.Fatalf("not an error answer: %s", answer)
	}
	return e.Error
}

// refused checks the status and a part of the message.
func refused(t testing.TB, r *http.Response, answer string, status int, message string) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", r.StatusCode, status, answer)
	}
	if e := errorOf(t, answer); !strings.Contains(e.Message, message) {
		t.Errorf("message %q, want %q", e.Message, message)
	}
}

// fake is a store whose answers a test gives.
type fake struct {
	query func(q *query.Query, each func(*query.Row) error) error
	write func(set *model.Set, o *write.Object) (write.Outcome, error)
	count int64
}

func (f *fake) Query(_ context.Context, q *query.Query, each func(*query.Row) error) error {
	if err := q.Check(); err != nil || f.query == nil {
		return err
	}
	return f.query(q, each)
}

func (f *fake) Count(context.Context, *query.Query) (int64, error) { return f.count, nil }

func (f *fake) Write(_ context.Context, _ write.Actor, set *model.Set, o *write.Object) (write.Outcome, error) {
	return f.write(set, o)
}

func (f *fake) CreateChild(_ context.Context, _ write.Actor, _ model.Entity, _ write.Condition, c *model.Child, o *write.Object) (write.Outcome, error) {
	return f.write(c.Set, o)
}

func (f *fake) Update(_ context.Context, _ write.Actor, e model.Entity, _ write.Condition, o *write.Object) (write.Outcome, error) {
	return f.write(e.Set, o)
}

func (f *fake) Delete(_ context.Context, _ write.Actor, e model.Entity, _ write.Condition) error {
	_, err := f.write(e.Set, nil)
	return err
}

func (f *fake) Import(_ context.Context, _ write.Actor, req *write.ImportRequest) (*write.ImportResult, error) {
	res := &write.ImportResult{}
	for range req.Objects {
		res.Objects = append(res.Objects, write.ImportedObject{Err: errors.New("secret detail"), State: write.Unchanged})
	}
	if n := len(res.Objects); n > 1 {
		res.Objects[n-1].Err, res.Unlogged = write.ErrNotAttempted, errors.New("secret log")
	}
	return res, nil
}

func (f *fake) Call(context.Context, write.Actor, model.Entity, string) (*write.Object, error) {
	return &write.Object{}, nil
}

func (f *fake) Together(ctx context.Context, _ write.Actor, do func(context.Context) error) error {
	return do(ctx)
}

func (f *fake) Do(_ context.Context, _ write.Actor, e model.Entity, _ write.Condition, _ string, o *write.Object) (write.Outcome, error) {
	return f.write(e.Set, o)
}

// currencies yields n rows of currencies.
func currencies(n int) *fake {
	return &fake{query: func(q *query.Query, each func(*query.Row) error) error {
		fields := q.Fields
		if fields == nil {
			fields = q.Set.DefaultFields()
		}
		for range min(n, q.Limit) {
			row := query.Row{Set: q.Set, ID: aGUID, Values: make([]model.Value, len(fields)), Expanded: make([][]query.Row, len(q.Expand))}
			for i, f := range fields {
				if f.Kind == model.KindString {
					row.Values[i] = model.TextValue("x")
				}
			}
			if err := each(&row); err != nil {
				return err
			}
		}
		return nil
	}}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h := serve(t, currencies(1))
	entity := "General_Currencies_Currencies(" + aGUID + ")"
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", entity, 405, "GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"POST", entity, 405, "GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"PATCH", "General_Currencies_Currencies", 405, "GET, HEAD, POST, OPTIONS"},
		{"DELETE", "General_Currencies_Currencies", 405, "GET, HEAD, POST, OPTIONS"},
		{"POST", "General_Currencies_Currencies/$count", 405, "GET, HEAD, OPTIONS"},
		{"POST", "Logistics_Inventory_CurrentBalances", 405, "GET, HEAD, OPTIONS"},
		{"POST", "$metadata", 405, "GET, HEAD, OPTIONS"},
		{"POST", "", 405, "GET, HEAD, OPTIONS"},
		{"GET", "Import", 405, "POST, OPTIONS"},
		{"POST", "GetVersion", 405, "GET, HEAD, OPTIONS"},
		{"TRACE", entity, 405, "GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"OPTIONS", entity, 204, "GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"HEAD", entity, 200, ""},
		{"HEAD", "General_Currencies_Currencies", 200, ""},
	} {
		r, answer := call(t, h, c.method, c.path, "")
		if r.StatusCode != c.status || r.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, r.StatusCode, r.Header.Get("Allow"))
		}
		if c.status == 405 {
			refused(t, r, answer, 405, "is not offered here")
		}
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("an answer carries CORS headers")
		}
	}
}

func TestF30_MethodOverrideIsIgnored(t *testing.T) {
	t.Parallel()
	f := currencies(1)
	f.write = func(*model.Set, *write.Object) (write.Outcome, error) {
		t.Error("the store was written")
		return write.Outcome{}, nil
	}
	h := serve(t, f)
	for _, header := range []string{"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"} {
		r, _ := call(t, h, "GET", "General_Currencies_Currencies("+aGUID+")?_method=DELETE", "", header)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d", header, r.StatusCode)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	f := currencies(1)
	f.write = func(set *model.Set, _ *write.Object) (write.Outcome, error) {
		return write.Outcome{Entity: model.Entity{Set: set, ID: aGUID}, State: write.Added}, nil
	}
	h := serve(t, f)
	for _, c := range []struct {
		scope, method, path, body string
		status                    int
	}{
		{"read", "GET", "General_Currencies_Currencies", "", 200},
		{"update", "GET", "General_Currencies_Currencies", "", 403},
		{"openid+profile", "GET", "General_Currencies_Currencies", "", 403},
		{"read", "POST", "General_Currencies_Currencies", "{}", 403},
		{"read", "PATCH", "General_Currencies_Currencies(" + aGUID + ")", "{}", 403},
		{"read", "DELETE", "General_Currencies_Currencies(" + aGUID + ")", "", 403},
		{"read", "POST", "Import", `{"objects":[]}`, 403},
		{"read", "POST", "Crm_Sales_SalesOrders(" + aGUID + ")/ChangeState", "{}", 403},
		{"update", "POST", "General_Currencies_Currencies", "{}", 201},
		{"update", "GET", "", "", 403},
		{"update", "GET", "$metadata", "", 403},
		// The security namespace, however it is come to.
		{"read+update", "GET", "Systems_Security_Users", "", 403},
		{"read+update", "GET", "Systems_Security_Users/$count", "", 403},
		{"read+update", "GET", "Systems_Security_Users(" + aGUID + ")", "", 403},
		{"read+update", "GET", "Crm_Sales_CustomerExternalAccess(" + aGUID + ")/User", "", 403},
		{"read+update", "GET", "Crm_Sales_CustomerExternalAccess?$expand=User", "", 403},
		{"read+update", "GET", "Crm_Sales_Customers?$expand=ExternalAccess($expand=User($select=Login))", "", 403},
		{"read+update", "GET", "Crm_Sales_CustomerExternalAccess?$filter=contains(User,'a')", "", 403},
		{"read+update", "GET", "Crm_Sales_CustomerExternalAccess?$filter=User%20eq%20'Systems_Security_Users(" + aGUID + ")'", "", 200},
		{"read+update", "GET", "Crm_Sales_CustomerExternalAccess/$count?$filter=contains(User,'a')", "", 403},
		{"read+update", "GET", "Crm_Sales_Customers?$expand=ExternalAccess($filter=contains(User,'a'))", "", 403},
		{"read+sec", "GET", "Systems_Security_Users", "", 200},
	} {
		r, answer := call(t, h, c.method, c.path, c.body, "Authorization: Bearer "+c.scope)
		if r.StatusCode != c.status {
			t.Errorf("%s %s %s with %s: %d, want %d: %s", c.method, c.path, c.body, c.scope, r.StatusCode, c.status, answer)
			continue
		}
		if c.status == 403 {
			if e := errorOf(t, answer); e.Type != api.TypeInsufficientScope {
				t.Errorf("%s %s: %+v", c.method, c.path, e)
			}
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	f := currencies(1)
	f.write = func(set *model.Set, _ *write.Object) (write.Outcome, error) {
		return write.Outcome{Entity: model.Entity{Set: set, ID: aGUID}, State: write.Added}, nil
	}
	h := serve(t, f)
	const set = "General_Currencies_Currencies"
	deep := strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)
	for name, c := range map[string]struct {
		body, header string
		status       int
	}{
		"empty":          {"", "Content-Type: application/json", 400},
		"not JSON":       {"Name=x", "", 400},
		"an array":       {"[]", "", 400},
		"a number":       {"1", "", 400},
		"cut off":        {`{"Name":`, "", 400},
		"more after it":  {`{} {}`, "", 400},
		"a name twice":   {`{"Name":"a","Name":"b"}`, "", 400},
		"too deep":       {deep, "", 400},
		"a form":         {"Name=x", "Content-Type: application/x-www-form-urlencoded", 415},
		"text":           {"{}", "Content-Type: text/plain", 415},
		"two types":      {"{}", "Content-Type: application/json, text/plain", 415},
		"compressed":     {"{}", "Content-Encoding: gzip", 415},
		"with a charset": {"{}", "Content-Type: application/json;odata.metadata=minimal;charset=utf-8", 201},
		"large":          {`{"Name":"` + strings.Repeat("x", api.MaxBody) + `"}`, "", 413},
		"a condition":    {"{}", "If-Match: x", 400},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		r, answer := call(t, h, "POST", set, c.body, headers...)
		if r.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %s", name, r.StatusCode, c.status, answer)
		}
		if c.status >= 400 {
			errorOf(t, answer)
		}
	}
	r, answer := call(t, h, "PATCH", set+"("+aGUID+")", "{}", "If-Match: x")
	refused(t, r, answer, 400, "If-Match")
	r, answer = call(t, h, "PATCH", set+"("+aGUID+")", `{"ObjectVersion":4}`, `If-Match: "5"`)
	refused(t, r, answer, 400, "different versions")
}

func TestLargeBodyOverTheWire(t *testing.T) {
	t.Parallel()
	f := currencies(1)
	f.write = func(*model.Set, *write.Object) (write.Outcome, error) {
		t.Error("the store was written")
		return write.Outcome{}, nil
	}
	server := httptest.NewServer(serve(t, f))
	defer server.Close()
	for _, known := range []bool{true, false} { // with a Content-Length, and chunked
		var body io.Reader = strings.NewReader(`{"Name":"` + strings.Repeat("x", 2*api.MaxBody) + `"}`)
		if !known {
			body = io.MultiReader(body)
		}
		r, err := http.NewRequest("POST", server.URL+api.DomainPath+"General_Currencies_Currencies", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer update")
		r.Header.Set("Content-Type", "application/json")
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		refused(t, answer, string(text), 413, "larger than 1024 KiB")
		if !answer.Close {
			t.Error("the connection stays open with the rest of the body on its way")
		}
	}
}

func TestAnswerIsBrokenOffWhenTheStoreFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	rows := currencies(1000)
	inner := rows.query
	failAt := 0
	rows.query = func(q *query.Query, each func(*query.Row) error) error {
		n := 0
		return inner(q, func(row *query.Row) error {
			if n++; n == failAt {
				return errors.New("disk gone: /secret")
			}
			row.Values[0] = model.TextValue(strings.Repeat("x", 1000))
			return each(row)
		})
	}
	server := httptest.NewServer(serve(t, rows))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer server.Close()
	get := func() (*http.Response, string, error) {
		r, _ := http.NewRequest("GET", server.URL+api.DomainPath+"General_Currencies_Currencies?$select=CurrencySign", nil)
		r.Header.Set("Authorization", "Bearer read")
		answer, err := server.Client().Do(r)
		if err != nil {
			return nil, "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return answer, string(text), err
	}
	failAt = 2 // nothing was sent yet: a clean error
	r, text, err := get()
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r, text, 500, "internal error")
	if strings.Contains(text, "disk") {
		t.Error("the error tells internals: " + text)
	}
	failAt = 900 // a part was sent: the connection breaks
	if r, text, err = get(); err == nil {
		t.Errorf("a part of the answer looks whole: %d, %d bytes", r.StatusCode, len(text))
	}
	failAt = 0
	if _, text, err = get(); err != nil || !json.Valid([]byte(text)) {
		t.Errorf("%v, %d bytes", err, len(text))
	}
}

// endless is a store that does not look at its context.
type endless struct{ *fake }

func (e endless) Query(ctx context.Context, q *query.Query, each func(*query.Row) error) error {
	n := 0
	return e.fake.Query(ctx, q, func(row *query.Row) error {
		if n++; n == 500 {
			<-ctx.Done()
		}
		row.Values[0] = model.TextValue(strings.Repeat("x", 1000))
		return each(row)
	})
}

func TestF33_WritingEndsWithTheTimeOfTheResponse(t *testing.T) {
	t.Parallel()
	h := &api.Domain{Model: erpModel.Model, Store: endless{currencies(1000)}, Root: "https://erp.example", Timeout: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	admitted := &api.Call{Principal: &tandem.Principal{Scope: tandem.Scope{tandem.ScopeRead}}, Rights: permission.ByPlatform().Rights}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(api.WithCall(r.Context(), admitted)))
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer server.Close()
	r, err := server.Client().Get(server.URL + api.DomainPath + "General_Currencies_Currencies?$select=CurrencySign")
	if err != nil {
		return // broken off as early as that
	}
	defer r.Body.Close()
	if text, err := io.ReadAll(r.Body); err == nil || r.StatusCode != 200 {
		t.Errorf("a response whose time is over looks whole: %d, %d bytes", r.StatusCode, len(text))
	}
}

func TestImportTellsNoInternals(t *testing.T) {
	t.Parallel()
	r, answer := call(t, serve(t, &fake{}), "POST", "Import", `{"objects":[{"@odata.type":"Erp.General_Products_Product"}]}`)
	if r.StatusCode != 200 || strings.Contains(answer, "secret") || !strings.Contains(answer, `"@erpnet.result":"fail"`) {
		t.Errorf("%d: %s", r.StatusCode, answer)
	}
	product := `{"@odata.type":"Erp.General_Products_Product"}`
	r, answer = call(t, serve(t, &fake{}), "POST", "Import", `{"objects":[`+product+`,`+product+`]}`)
	if r.StatusCode != 200 || strings.Contains(answer, "secret") || strings.Count(answer, `"type":"InternalError"`) != 1 || strings.Count(answer, `"type":"NotAttempted"`) != 1 {
		t.Errorf("%d: %s", r.StatusCode, answer)
	}
}

func TestF33_HostilePathsAndQueriesAreRefusedClearly(t *testing.T) {
	t.Parallel()
	f := &fake{query: func(*query.Query, func(*query.Row) error) error {
		t.Error("the store was asked")
		return nil
	}}
	h := serve(t, f)
	const set = "Crm_Sales_Customers"
	many := strings.Repeat("x", 40_000)
	for _, c := range []struct {
		path   string
		status int
	}{
		{"Nope", 404},
		{"crm_sales_customers", 404},
		{"Crm_Customers", 404},
		{"..%2f..%2fetc%2fpasswd", 404},
		{set + "%00", 404},
		{set + "(1)", 404},
		{set + "('" + aGUID + "')", 404},
		{set + "(" + aGUID + ")/Nope", 404},
		{set + "(" + aGUID + ")/Number", 404},
		{set + "(" + aGUID + ")/Party/PartyName", 404},
		{set + "(" + aGUID + ")/ChangeState", 404},
		{set + "(x=1)", 404},
		{set + "()", 404},
		{"$batch", 405},
		{"Logistics_Inventory_CurrentBalances(" + aGUID + ")", 404},
		{set + "?$filter=Number%20eq%20'x'%20or%201%20eq%201", 400},
		{set + "?$filter=Nope%20eq%201", 400},
		{set + "?$filter=Number%20eq%201", 400},
		{set + "?$filter=Number%20ge%20'x'", 400},
		{set + "?$filter=CreditLimit%20ge%201", 400},
		{set + "?$filter=Party%20eq%20'General_Currencies_Currencies(" + aGUID + ")'", 400},
		{set + "?$filter=Party%20eq%20'x'", 400},
		{set + "?$filter=Id%20eq%20'x'", 400},
		{set + "?$filter=FromDate%20ge%202020-02-30", 400},
		{set + "?$filter=number%20eq%20'x'", 400},
		{set + "?$filter=1;DROP%20TABLE%20x", 400},
		{set + "?$filter=erp_customers.id%20eq%201", 400},
		{set + "?$select=Nope", 400},
		{set + "?$select=ExternalAccess", 400},
		{set + "?$select=password_hash", 400},
		{set + "?$orderby=Nope", 400},
		{set + "?$orderby=Id;--", 400},
		{set + "?$orderby=(select%201)", 400},
		{set + "?$orderby=CreditLimit", 400},
		{set + "?$expand=Nope", 400},
		{set + "?$expand=Number", 400},
		{set + "?$expand=Party($top=1)", 400},
		{set + "?$expand=Party($expand=ParentParty($expand=ParentParty($expand=ParentParty($expand=ParentParty))))", 400},
		{set + "?$top=1001", 400},
		{set + "?$top=-1", 400},
		{set + "?$skip=99999999999", 400},
		{set + "?$skiptoken=1'--", 400},
		{set + "?$skiptoken=abc", 400},
		{set + "?$orderby=Number&$skiptoken=" + aGUID, 400},
		{set + "?$apply=aggregate($count%20as%20N)", 400},
		{set + "?$search=" + many, 400},
		{set + "?$filter=" + many, 400},
		{set + "?%zz", 400},
		{set + "?options=x", 400},
		{set + "/$count?$top=1", 400},
		{set + "(" + aGUID + ")?$filter=Active%20eq%20true", 400},
	} {
		r, answer := call(t, h, "GET", c.path, "")
		if r.StatusCode != c.status {
			t.Errorf("%.80s: %d, want %d: %s", c.path, r.StatusCode, c.status, answer)
			continue
		}
		if e := errorOf(t, answer); len(e.Message) > 800 {
			t.Errorf("%.80s: the message repeats the request: %d bytes", c.path, len(e.Message))
		}
	}
}

func unescaped(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}
