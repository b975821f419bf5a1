package main_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestPermissionsPage does what docs/permissions.md says on a running instance, and looks
// at what the accounts may do then.
func TestPermissionsPage(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	in.CreateUser(signin.NewUser{Login: "maria", Type: tandemtest.Users[1].Type})
	anna := in.SignIn("anna")
	const products, cost = "General_Products_Products?$top=1", "StandardCostPerLot"
	if _, text := in.API("GET", products, anna.Access, ""); !strings.Contains(text, cost) {
		t.Fatalf("before: %s", text)
	}
	if err := in.Platform.Permissions.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, command := range commands(t, "../../docs/permissions.md") {
		var args []string
		for _, a := range word.FindAllString(command, -1)[1:] {
			args = append(args, strings.Trim(a, `"`))
		}
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Dir, cmd.Env = t.TempDir(), environment("TANDEM_DB="+in.Store().DB, "TANDEM_KEY_FILE="+in.Store().KeyFile)
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, text)
		}
		out[command] = string(text)
	}
	in.Refresh()
	if text := out["tandem access show anna"]; strings.Contains(text, cost) || !strings.Contains(text, "Everybody") {
		t.Errorf("what anna may do: %s", text)
	}
	if text := out["tandem access show maria"]; !strings.Contains(text, cost) {
		t.Errorf("what maria may do: %s", text)
	}
	// The token is the one of before.
	if status, text := in.API("GET", products, anna.Access, ""); status != 200 || strings.Contains(text, cost) {
		t.Errorf("anna sees cost: %d %s", status, text)
	}
	if status, text := in.API("GET", products, in.SignIn("maria").Access, ""); status != 200 || !strings.Contains(text, cost) {
		t.Errorf("maria does not see cost: %d %s", status, text)
	}
	order := newOrder(t, in, anna.Access)
	release := func(access string) (int, string) {
		return in.API("POST", order+"/ChangeState", access, `{"newState":"Released"}`)
	}
	if status, text := release(anna.Access); status != 403 || !strings.Contains(text, "no right to release documents of this type") {
		t.Errorf("anna releases her order: %d %s", status, text)
	}
	if status, text := release(in.SignIn("maria").Access); status != 204 {
		t.Errorf("maria releases anna's order: %d %s", status, text)
	}
	service := in.ServiceToken()
	_, text := in.API("GET", "General_Products_Products?$top=1&$select=Id", service, "")
	id := text[strings.Index(text, `"Id":"`)+6:][:36]
	for body, want := range map[string]int{`{"StandardPricePerLot":{"Value":3}}`: 204, `{"PartNumber":"other"}`: 403} {
		if status, text := in.API("PATCH", "General_Products_Products("+id+")", service, body); status != want {
			t.Errorf("the price feed writes %s: %d %s", body, status, text)
		}
	}
	if status, text := in.API("GET", "Crm_Sales_SalesOrders?$top=1", service, ""); status != 403 {
		t.Errorf("the price feed reads orders: %d %s", status, text)
	}
}

// newOrder is an order of today, by the owner of a token.
func newOrder(t *testing.T, in *tandemtest.Instance, access string) string {
	t.Helper()
	_, text := in.API("GET", "Crm_Sales_Customers?$top=1&$select=Id", access, "")
	customer := text[strings.Index(text, `"Id":"`)+6:][:36]
	status, text := in.API("POST", "Crm_Sales_SalesOrders?$select=Id", access, `{"Customer@odata.bind":"Crm_Sales_Customers(`+customer+`)"}`)
	if status != 201 {
		t.Fatalf("a new order: %d %s", status, text)
	}
	return "Crm_Sales_SalesOrders(" + text[strings.Index(text, `"Id":"`)+6:][:36] + ")"
}
