package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// imports sends objects to Import and gives what became of each: its state or the
// message of its error, and whether it has an id.
func imports(t *testing.T, h http.Handler, parameters string, objects ...string) (result string, became []string) {
	t.Helper()
	r, answer := call(t, h, "POST", "Import", `{`+parameters+`"objects":[`+strings.Join(objects, ",")+`]}`)
	var told struct {
		Result  string `json:"@erpnet.result"`
		Objects []struct {
			ID    string                    `json:"@odata.id"`
			State string                    `json:"@erpnet.state"`
			Error *struct{ Message string } `json:"@erpnet.error"`
		} `json:"objects"`
		Log string `json:"data-exchange"`
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil || r.StatusCode != 200 {
		t.Fatalf("%v: %d %s", err, r.StatusCode, answer)
	}
	for _, o := range told.Objects {
		one := o.State
		if o.Error != nil {
			one = o.Error.Message
		}
		if o.ID != "" {
			one += " with its id"
		}
		became = append(became, one)
	}
	if told.Log != "" {
		became = append(became, "log")
	}
	return told.Result, became
}

// TestDryRunOfAnImport: an Import with commit false says what the same Import says
// that commits, and nothing of it is there afterwards.
func TestDryRunOfAnImport(t *testing.T) {
	t.Parallel()
	const products, orders = "General_Products_Products", "Crm_Sales_SalesOrders"
	product := func(number, more string) string {
		return `{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"merge","PartNumber":"` + number + `"` + more + `}`
	}
	order := func(of string) string {
		return `{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"create","Customer":{"Number":"C1"},"Lines":[{"Product":{"PartNumber":"` + of + `"}}]}`
	}
	objects := []string{
		product("P7", `,"Name":{"EN":"Plum"},"ProductGroup":{"Code":"G1"}`),
		order("P7"), // sees what was made before it
		product("P1", `,"Name":{"EN":"Apple, red"}`),
		product("P1", `,"Name":{"EN":"Apple, red"}`),
		product("P8", `,"ProductGroup":{"Code":"G1"}`), // has no name
		order("P8"),
		`{"@odata.type":"Erp.General_Products_Product","PartNumber":"P7","Name":{"EN":"Twice"},"ProductGroup":{"Code":"G1"}}`,
		`{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"delete","PartNumber":"it's 100% \"new\""}`,
		order("P7"), // the number of the undone order is given again
		product("P7", `,"Name":{"EN":"Plum, blue"}`),
		`{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"delete","@erpnet.findBy":{"Code":"0000000002"}}`,
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		state := func() (all []string) {
			for _, path := range []string{
				products + "?$select=PartNumber,Name,ObjectVersion&$orderby=PartNumber", orders + "?$select=DocumentNo,ObjectVersion&$orderby=DocumentNo",
				"Systems_Exchange_DataExchanges/$count", "Crm_Sales_SalesOrderLines/$count",
			} {
				_, answer := call(t, h, "GET", path, "")
				all = append(all, answer)
			}
			return all
		}
		before := state()
		result, foretold := imports(t, h, `"commit":false,`, objects...)
		if diff := cmp.Diff(before, state()); diff != "" {
			t.Errorf("a dry run has changed something: %s", diff)
		}
		want := []string{"Added", "Added", "Modified with its id", "Unchanged with its id", "Name is required", "Object not found", "PartNumber", "cannot be deleted", "Added",
			"Modified", "Deleted with its id"}
		for i := range want {
			if result != "fail" || len(foretold) != len(want) || !strings.Contains(foretold[i], want[i]) {
				t.Fatalf("%s: %q, want %q", result, foretold, want)
			}
		}
		if _, again := imports(t, h, `"commit":false,"transaction":"all-objects","loggingLevel":0,`, objects...); !cmp.Equal(foretold, again) {
			t.Errorf("a second one: %s", cmp.Diff(foretold, again))
		}
		_, came := imports(t, h, `"commit":true,"loggingLevel":0,`, objects...)
		for i := range came {
			came[i] = strings.TrimSuffix(came[i], " with its id")
			foretold[i] = strings.TrimSuffix(foretold[i], " with its id") // which what would be added has not
		}
		if diff := cmp.Diff(foretold, came); diff != "" {
			t.Errorf("foretold, and what came: %s", diff)
		}
		if _, answer := call(t, h, "GET", orders+"?$select=DocumentNo&$orderby=DocumentNo", ""); !strings.Contains(answer, "0000000004") || strings.Contains(answer, "0000000005") {
			t.Errorf("dry runs have used up numbers: %s", answer)
		}
	})
}

// TestDryRunNeedsTheSameRights: who may not import is told nothing by trying it.
func TestDryRunNeedsTheSameRights(t *testing.T) {
	t.Parallel()
	w := newHouse(t, datatest.Open(t, sqldb.SQLite))
	body := `{"commit":false,"objects":[{"@odata.type":"Erp.General_Products_ProductGroup","Code":"G1","Name":{"EN":"x"}}]}`
	reads := someRights(map[string]permission.Right{"General_Products_ProductGroups": permission.Read})
	for _, c := range []struct {
		rights        *permission.Rights
		body, headers string
		status        int
		want          string
	}{
		{permission.ByPlatform().Rights, body, "Authorization: Bearer read", 403, "update"},
		{reads, body, "", 200, "has no right to create"},
		{permission.ByPlatform().Rights, strings.Replace(body, "false", `"no"`, 1), "", 400, "commit true or false"},
		{permission.ByPlatform().Rights, strings.Replace(body, "false", `false,"loggingLevel":1`, 1), "", 400, "leave out loggingLevel"},
		{permission.ByPlatform().Rights, body, "", 200, "a row with the same Code"},
	} {
		w.as(c.rights, func() {
			var headers []string
			if c.headers != "" {
				headers = append(headers, c.headers)
			}
			if r, answer := call(t, w.h, "POST", "Import", c.body, headers...); r.StatusCode != c.status || !strings.Contains(answer, c.want) {
				t.Errorf("%s %s: %d %s", c.body, c.headers, r.StatusCode, answer)
			}
		})
	}
}

// TestDryRunGivesWay: a dry run that would keep other writers waiting ends, and its
// caller is told to ask for less.
func TestDryRunGivesWay(t *testing.T) {
	t.Parallel()
	h := stocked(t, datatest.Open(t, sqldb.SQLite))
	line := strings.TrimSuffix(strings.Repeat(`{"Product":{"PartNumber":"P1"}},`, 50), ",")
	objects := make([]string, 3000)
	for i := range objects {
		objects[i] = fmt.Sprintf(`{"@odata.type":"Erp.Crm_Sales_SalesOrder","Customer":{"Number":"C1"},"Lines":[%s]}`, line)
	}
	r, answer := call(t, h, "POST", "Import", `{"commit":false,"objects":[`+strings.Join(objects, ",")+`]}`)
	if r.StatusCode != 413 || !strings.Contains(answer, "send fewer objects") {
		t.Errorf("%d %.300s", r.StatusCode, answer)
	}
}
