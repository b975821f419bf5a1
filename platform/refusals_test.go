package platform_test

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// wired runs a test on an instance with the demo company, on both engines.
func wired(t *testing.T, test func(t *testing.T, in *tandemtest.Instance)) {
	t.Helper()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		test(t, tandemtest.Start(t, tandemtest.Options{Engine: engine, Demo: true, Log: quiet}))
	})
}

// send makes a request, and reads the answer.
func send(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	return r, string(text)
}

// TestRefusalsAreOnRecord: every answer has an id, that of each 403 is in the record with
// what decided, repeats are counted and lead to the first.
func TestRefusalsAreOnRecord(t *testing.T) {
	t.Parallel()
	const types, key = "Systems_Documents_DocumentTypes", "Board only"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		anna := in.SignIn("anna", "openid", "read", "update").Access
		ask := func(method, path, token, body string) (int, string, string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, in.OData+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Request-Id", "chosen by a caller")
			req.Header.Set("Tandem-Request-Id", "chosen by a caller")
			r, text := send(t, req)
			id := r.Header.Get("Tandem-Request-Id")
			if len(id) < 36 || !strings.HasPrefix(id, r.Header.Get("X-Request-Id")) && r.StatusCode != 403 {
				t.Errorf("%s %s: %d has the ids %v", method, path, r.StatusCode, r.Header)
			}
			return r.StatusCode, text, id
		}
		_, text, _ := ask("GET", types+"?$top=1&$select=Id", anna, "")
		id := text[strings.Index(text, `"Id":"`)+6:][:36]
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Managers", "")
		must(t, err)
		k, err := admin.CreateKey(t.Context(), tandemtest.By, types, key)
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Key: key}, "read", false)
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: types}, "update", false)
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Managers", permission.Target{Column: types + ".TypeName"}, "read", false)
		must(t, err)
		in.Clock.Advance(permission.Settling)
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, key, types+"("+id+")"))
		in.Refresh()
		service := in.ServiceToken("read")
		for _, c := range []struct {
			method, path, token, body string
			want                      tandem.Facts
		}{
			{"GET", "Crm_Sales_SalesOrders?$top=1", in.SignIn("anna", "openid", "update").Access, "", tandem.Facts{Rule: tandem.RuleScope, Need: "read", Scope: "openid update"}},
			{"POST", types, service, "{}", tandem.Facts{Rule: tandem.RuleScope, Need: "update", Scope: "read"}},
			{"GET", "Systems_Monitoring_CurrentSessions", anna, "", tandem.Facts{Rule: tandem.RuleKind}},
			{"DELETE", types + "(" + id + ")", anna, "", tandem.Facts{Rule: tandem.RuleRow, Set: types, Need: "delete", Guard: "AccessKey", Key: k.ID, Row: types + "(" + id + ")"}},
			{"GET", types + "?$select=TypeName", anna, "", tandem.Facts{Rule: tandem.RuleAttribute, Set: types, Attribute: "TypeName", Need: "read", Key: permission.ColumnKeyID(types, "TypeName")}},
			{"POST", types, anna, `{"Code":"x"}`, tandem.Facts{Rule: tandem.RuleSet, Set: types, Need: "create", Key: permission.SetKeyID(types)}},
		} {
			status, text, id := ask(c.method, c.path, c.token, c.body)
			found, err := in.Platform.Audit.List(t.Context(), audit.Filter{RequestID: id})
			if status != 403 || err != nil || len(found) == 0 {
				t.Errorf("%s %s: %d %s, %d events of %s: %v", c.method, c.path, status, text, len(found), id, err)
				continue
			}
			got, err := tandem.ParseFacts(found[0].Facts)
			if c.want.Scope == "" {
				c.want.Scope = got.Scope
			}
			if c.token != service {
				c.want.UserType = tandem.InternalUser
			}
			c.want.Method, c.want.Path = c.method, got.Path
			if err != nil || !reflect.DeepEqual(got, c.want) || !strings.HasSuffix(got.Path, "/"+strings.Split(c.path, "?")[0]) || strings.Contains(got.Path, "?") {
				t.Errorf("%s %s: facts %+v, want %+v: %v", c.method, c.path, got, c.want, err)
			}
			if strings.Contains(text, k.ID) || strings.Contains(text, key) || strings.Contains(text, "Everybody") {
				t.Errorf("%s %s tells of keys or groups: %s", c.method, c.path, text)
			}
			for n := range 2 {
				if _, _, again := ask(c.method, c.path, c.token, c.body); again != id+[]string{".1", ".2"}[n] {
					t.Errorf("%s %s: repeat %d has the id %s, want that of %s", c.method, c.path, n+1, again, id)
				}
			}
		}
		must(t, in.Platform.TellRefusals(t.Context()))
		before := len(in.Record(tandem.AuditPermissionRefused))
		in.Advance(2 * time.Minute)
		must(t, in.Platform.TellRefusals(t.Context()))
		after := in.Record(tandem.AuditPermissionRefused)
		if len(after)-before != 3 || !strings.Contains(after[0].Detail, "2 times more since") {
			t.Errorf("repeats: %d events more, %v", len(after)-before, after[0])
		}
	})
}
