package platform_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestNewRowsSaidToHaveNoKey: who may not give keys may say that a new row has none, as who
// sends back what was read does. It keeps no document from the key that a condition of its
// type gives it, and takes no row's key.
func TestNewRowsSaidToHaveNoKey(t *testing.T) {
	t.Parallel()
	const orders, key = "Crm_Sales_SalesOrders", "Closed"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		anna, admin := in.SignIn("anna").Access, in.SignIn("admin").Access
		k, err := in.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, orders, key)
		must(t, err)
		_, err = in.Platform.Permissions.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Key: key}, "read,update", false)
		must(t, err)
		in.Clock.Advance(permission.Settling)
		in.Refresh()
		find := func(path, name string) string {
			t.Helper()
			_, text := in.API("GET", path, admin, "")
			_, value, ok := strings.Cut(text, `"`+name+`":"`)
			if !ok {
				t.Fatalf("%s: %s", path, text)
			}
			value, _, _ = strings.Cut(value, `"`)
			return value
		}
		customer := find("Crm_Sales_Customers?$top=1&$select=Id", "Id")
		order := func(no string, more string) string {
			return `{"DocumentNo":"` + no + `","Customer@odata.bind":"Crm_Sales_Customers(` + customer + `)"` + more + `}`
		}
		keyOf := func(no string) string {
			t.Helper()
			_, text := in.API("GET", orders+"?$select=AccessKey&$filter=DocumentNo%20eq%20'"+no+"'", admin, "")
			return text
		}
		for no, more := range map[string]string{"K1": `,"AccessKey":null`, "K2": `,"AccessKey@odata.bind":null`} {
			if status, text := in.API("POST", orders, anna, order(no, more)); status != 201 {
				t.Errorf("%s: %d %s", more, status, text)
			}
			if text := keyOf(no); !strings.Contains(text, `"AccessKey":null`) {
				t.Errorf("%s: %s", no, text)
			}
		}
		if status, text := in.API("POST", orders, anna, order("K3", `,"AccessKey@odata.bind":"Systems_Security_AccessKeys(`+k.ID+`)"`)); status != 403 {
			t.Errorf("a key: %d %s", status, text)
		}
		typ := find("Systems_Documents_DocumentTypes?$top=1&$select=Id&$filter=EntityName%20eq%20'"+orders+"'", "Id")
		condition := `{"Description":"all","ConditionFilter":"DocumentNo eq 'K4'","DocumentAccessKey@odata.bind":"Systems_Security_AccessKeys(` + k.ID + `)"}`
		if status, text := in.API("POST", "Systems_Documents_DocumentTypes("+typ+")/SecurityConditions", admin, condition); status != 201 {
			t.Fatalf("%d %s", status, text)
		}
		if status, text := in.API("POST", orders, anna, order("K4", `,"AccessKey":null,"DocumentType@odata.bind":"Systems_Documents_DocumentTypes(`+typ+`)"`)); status != 201 {
			t.Errorf("with a condition: %d %s", status, text)
		}
		if text := keyOf("K4"); !strings.Contains(text, k.ID) {
			t.Errorf("the condition gave no key: %s", text)
		}
		id := find(orders+"?$select=Id&$filter=DocumentNo%20eq%20'K4'", "Id")
		if status, text := in.API("PATCH", orders+"("+id+")", anna, `{"AccessKey":null}`); status != 403 {
			t.Errorf("taking the key: %d %s", status, text)
		}
	})
}
