package main_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/tandemtest"
)

// TestKeysAreMadeAndShown: keys are made for rows of a set or for one row alone, which no
// other row may have, and it is shown what each is for and who holds it.
func TestKeysAreMadeAndShown(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders = "Crm_Sales_SalesOrders"
		_, text := in.API("GET", orders+"?$select=Id,DocumentNo&$orderby=DocumentNo&$top=2", in.ServiceToken(), "")
		row := func(n int) string { return orders + "(" + strings.Split(text, `"Id":"`)[n][:36] + ")" }
		number := strings.Split(strings.Split(text, `"DocumentNo":"`)[1], `"`)[0]
		do(t, in, "tandem access key create --set "+orders+` --name "Board only" --shared`, "tandem access key create Mine --set "+orders+" -o json",
			"tandem access group create Board", `tandem access grant Board --key "Board only" --rights read,update`)
		told := do(t, in, `tandem access key show "Board only"`, "tandem access key show Mine -o json", "tandem access key create --row '"+row(1)+"'",
			"tandem access key create --row '"+row(2)+"' --name Second", "tandem access key show Second -o json", "tandem access key create --row '"+row(2)+"' --name Third --dry-run")
		for i, want := range []string{"read,update to Board", `"granted": []`, number, "Second", `"row": "` + row(2) + `"`, "no account gains"} {
			if !strings.Contains(told[i], want) {
				t.Errorf("%d: %s, want …%s…", i, told[i], want)
			}
		}
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Second", row(2)))
		if err := in.Platform.PutKey(t.Context(), tandemtest.By, "Second", row(1)); err == nil {
			t.Error("another row has the private key")
		}
		in.Refresh()
		anna := in.SignIn("anna").Access
		for n, want := range map[int]int{1: 200, 2: 404} {
			if status, text := in.API("GET", row(n), anna, ""); status != want {
				t.Errorf("row %d: %d, want %d: %s", n, status, want, text)
			}
		}
		for line, want := range map[string]string{
			"tandem access key create": "say what the key is for",
			"tandem access key create Both --set " + orders + " --row '" + row(1) + "'":                                "say what the key is for",
			"tandem access key create --set " + orders:                                                                 "give the key a name",
			"tandem access key create One --name Two --set " + orders:                                                  "name the key once",
			"tandem access key create --row '" + strings.Replace(row(1), orders, "General_Products_Products", 1) + "'": "have no AccessKey",
			"tandem access key create --row '" + orders + "(00000000-0000-4000-8000-000000000000)'":                    "there is no row",
			"tandem access key show Nobody":                                                                            "there is no key",
		} {
			if out, code := tandemOn(t, in, line); code == 0 || !strings.Contains(out, want) {
				t.Errorf("%s: %d %s, want …%s…", line, code, out, want)
			}
		}
	})
}
