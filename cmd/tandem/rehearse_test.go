package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestRehearsalsChangeNothing: a dry run tells who gains and loses what and who would have
// been refused, and the same change afterwards does just that.
func TestRehearsalsChangeNothing(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders, products, column = "Crm_Sales_SalesOrders", "General_Products_Products", "General_Products_Products.StandardCostPerLot"
		admin := in.Platform.Permissions
		in.CreateUser(signin.NewUser{Login: "bert", Type: glossary.InternalUser})
		anna := in.SignIn("anna").Access
		if status, text := in.API("GET", orders+"?$top=1", anna, ""); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		must(t, in.Platform.WriteUses(t.Context()))
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Costs", "")
		must(t, err)
		state := func() (d permission.Definitions, events int) {
			d, err := admin.Store.Definitions(t.Context())
			must(t, err)
			return d, len(in.Record(glossary.AuditAdministration))
		}
		before, events := state()
		rehearse := func(f func(*permission.Admin) error) *permission.Effect {
			t.Helper()
			e, err := admin.Rehearse(t.Context(), time.Now().Add(-time.Hour), f)
			must(t, err)
			if d, n := state(); d.Version != before.Version || len(d.Grants) != len(before.Grants) || n != events {
				t.Errorf("a rehearsal changed something: version %d, was %d; %d events, were %d", d.Version, before.Version, n, events)
			}
			return e
		}
		words := func(e *permission.Effect) string {
			var s strings.Builder
			for _, a := range e.Affected {
				slices.Sort(a.Logins)
				s.WriteString(strings.Join(a.Logins, ",") + ":")
				for _, c := range a.Changes {
					s.WriteString(" " + c.On + " [" + c.Before + " → " + c.After + "]")
				}
				s.WriteString("\n")
			}
			for _, m := range e.Missed {
				s.WriteString("missed " + m.Login + " " + m.Right.String() + " " + m.Set + "\n")
			}
			return s.String()
		}
		revoke := func(p *permission.Admin) error {
			return p.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: orders})
		}
		for want, f := range map[string]func(*permission.Admin) error{
			"anna,bert: the set Crm_Sales_SalesOrders [read,create,update,delete → ]\nmissed anna read Crm_Sales_SalesOrders\n": revoke,
			"anna,bert: the column General_Products_Products.StandardCostPerLot [read,create,update → ]\n": func(p *permission.Admin) error {
				_, err := p.Grant(t.Context(), tandemtest.By, "Costs", permission.Target{Column: column}, "read", false)
				return err
			},
			"anna,bert: the set General_Products_Products [read,create,update,delete → read,update:Active]\n": func(p *permission.Admin) error {
				_, err := p.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: products}, "update:Active", true)
				return err
			},
			"": func(p *permission.Admin) error { // what Everybody holds already
				_, err := p.Grant(t.Context(), tandemtest.By, "Costs", permission.Target{Set: products}, "read", false)
				if err == nil {
					err = p.AddMember(t.Context(), tandemtest.By, "Costs", "bert")
				}
				return err
			},
			"svc.portal: ": func(p *permission.Admin) error {
				return p.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser)
			},
		} {
			if got := words(rehearse(f)); got != want && (want != "svc.portal: " || !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
		if _, err := admin.Rehearse(t.Context(), time.Time{}, func(p *permission.Admin) error {
			return p.Revoke(t.Context(), tandemtest.By, "Costs", permission.Target{Set: orders})
		}); glossary.ErrorCode(err) != glossary.CodeNotFound {
			t.Errorf("a rehearsal of what is refused: %v", err)
		}
		dry := do(t, in, "tandem access revoke Everybody --set "+orders+" --dry-run", `tandem access group create Others --dry-run -o json`,
			"tandem access group add-member Costs bert --dry-run", "tandem access external add paul --customer $(tandem access external list paul -o json | sed -n 's/.*customer\": \"\\([^\"]*\\)\".*/\\1/p' | head -1) --role Basic --dry-run",
			"tandem access key create Secret --set "+orders+" --dry-run", "tandem access grant Costs --column "+orders+".DocumentNotes --rights read --dry-run")
		for i, want := range []string{"refused  anna by com.example/portal: read " + orders + ", used", `"changes": []`, "no account gains or loses", "→ Basic, 30 days back", "no account gains", "who reads "} {
			if !strings.Contains(dry[i], want) {
				t.Errorf("a dry run says %s, want …%s…", dry[i], want)
			}
		}
		if d, n := state(); d.Version != before.Version || n != events {
			t.Errorf("dry runs of commands changed something: version %d, was %d; %d events, were %d", d.Version, before.Version, n, events)
		}
		do(t, in, "tandem access revoke Everybody --set "+orders)
		if status, _ := in.API("GET", orders+"?$top=1", anna, ""); status != 403 {
			t.Errorf("what was rehearsed does not happen: %d", status)
		}
	})
}

// TestSuggestionsAreEnough: the commands that are suggested leave an account what it has
// used, so that the same calls pass, and nothing else.
func TestSuggestionsAreEnough(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const products = "General_Products_Products"
		admin := in.Platform.Permissions
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Pricing", "")
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Pricing", permission.Target{Column: products + ".StandardPricePerLot"}, "read,update", false)
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Pricing", permission.Target{System: "unit-price"}, "read", false)
		must(t, err)
		in.Refresh()
		service := in.ServiceToken()
		_, text := in.API("GET", products+"?$top=1&$select=Id", service, "")
		id := text[strings.Index(text, `"Id":"`)+6:][:36]
		calls := func() (all []int) {
			for _, c := range [][3]string{
				{"GET", products + "?$top=1", ""}, {"PATCH", products + "(" + id + ")", `{"StandardPricePerLot":{"Value":` + time.Now().Format("5.000") + `}}`},
				{"GET", "Crm_Sales_SalesOrders?$top=1&$expand=Customer($select=Number),Lines($select=LineNo;$expand=Product($select=PartNumber))", ""},
				{"POST", "General_Currencies_Currencies", `{"CurrencySign":"X` + time.Now().Format("05") + `","Name":"x"}`},
			} {
				status, text := in.API(c[0], c[1], service, c[2])
				if status >= 400 && status != 409 {
					t.Errorf("%v: %d %s", c, status, text)
				}
				all = append(all, status)
			}
			return all
		}
		calls()
		must(t, in.Platform.WriteUses(t.Context()))
		s, err := admin.Suggest(t.Context(), tandemtest.SystemUser, time.Now().Add(-time.Hour))
		must(t, err)
		if text := do(t, in, "tandem access suggest svc.portal")[0]; text != strings.Join(s.Commands, "\n")+"\n" {
			t.Errorf("the command suggests\n%s\nwant\n%s", text, strings.Join(s.Commands, "\n"))
		}
		do(t, in, s.Commands...)
		of, err := admin.Of(t.Context(), tandemtest.SystemUser)
		must(t, err)
		var got []string
		for _, e := range of.Effective {
			got = append(got, e.Words()+" "+e.Key.Words())
		}
		want := []string{
			"read,update the column General_Products_Products.StandardPricePerLot", "read the set Crm_Sales_Customers", "read the set Crm_Sales_SalesOrders",
			"read,create the set General_Currencies_Currencies", "read,update:StandardPricePerLot the set General_Products_Products",
		}
		if !slices.Equal(got, want) || !slices.Equal(of.Groups, []string{"Needs of svc.portal"}) {
			t.Errorf("%v hold\n%s\nwant\n%s\nby\n%s", of.Groups, strings.Join(got, "\n"), strings.Join(want, "\n"), strings.Join(s.Commands, "\n"))
		}
		calls()
		// Who holds no more than they use is suggested nothing.
		s, err = admin.Suggest(t.Context(), tandemtest.SystemUser, time.Now().Add(-time.Hour))
		if err != nil || len(s.Commands) != 0 {
			t.Errorf("once more: %v %v", s.Commands, err)
		}
		_, err = admin.Grant(t.Context(), tandemtest.By, "Needs of svc.portal", permission.Target{System: "line-discount"}, "read", false)
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Needs of svc.portal", permission.Target{Set: "Crm_Invoicing_Invoices"}, "read", false)
		must(t, err)
		s, err = admin.Suggest(t.Context(), tandemtest.SystemUser, time.Now().Add(-time.Hour))
		if err != nil || len(s.Commands) != 1 || s.Commands[0] != `tandem access revoke "Needs of svc.portal" --set Crm_Invoicing_Invoices` {
			t.Errorf("one right too many: %v %v", s.Commands, err)
		}
	})
}

// TestUsesOfDocumentRightsAreKnown: who has released documents or given prices is known
// before the right to do so is taken away.
func TestUsesOfDocumentRightsAreKnown(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const lines = "Crm_Sales_SalesOrderLines.UnitPrice"
		do(t, in, "tandem access group create Clerks", "tandem access grant Clerks --type SO --rights release", "tandem access grant Clerks --system unit-price",
			"tandem access grant Everybody --system unit-price", "tandem access grant Everybody --type SO --rights release")
		anna := in.SignIn("anna").Access
		ask := func(method, path, body string, want int) string {
			t.Helper()
			status, text := in.API(method, path, anna, body)
			if status != want {
				t.Fatalf("%s %s: %d %s, want %d", method, path, status, text, want)
			}
			return text
		}
		order := newOrder(t, in, anna)
		text := ask("GET", "General_Products_Products?$top=1&$select=Id", "", 200)
		line := `{"Product@odata.bind":"General_Products_Products(` + text[strings.Index(text, `"Id":"`)+6:][:36] + `)","UnitPrice":{"Value":%s}}`
		ask("GET", order+"/GetAllowedStates()", "", 200) // who asks whether it may has not done it
		must(t, in.Platform.WriteUses(t.Context()))
		dry := []string{"tandem access revoke Everybody --type SO --dry-run", "tandem access revoke Everybody --system unit-price --dry-run"}
		used := []string{"refused  anna by com.example/portal: release Crm_Sales_SalesOrders by rows of Systems_Documents_DocumentTypes", "refused  anna by com.example/portal: update " + lines + " by the ability unit-price"}
		for i, text := range do(t, in, dry...) {
			if strings.Contains(text, used[i]) || !strings.Contains(text, "loses") {
				t.Errorf("before it was used, %s says %s", dry[i], text)
			}
		}
		ask("POST", order+"/Lines", fmt.Sprintf(line, "0.01"), 201)
		ask("POST", order+"/ChangeState", `{"newState":"Released"}`, 204)
		must(t, in.Platform.WriteUses(t.Context()))
		for i, text := range do(t, in, dry...) {
			if !strings.Contains(text, used[i]) {
				t.Errorf("after it was used, %s says %s, want %s", dry[i], text, used[i])
			}
		}
		shown := do(t, in, "tandem access show anna --used")[0]
		for _, want := range []string{"the ability unit-price (Everybody); update last used", "; release last used"} {
			if !strings.Contains(shown, want) {
				t.Errorf("what anna has used: %s, want %s", shown, want)
			}
		}
		suggested := do(t, in, "tandem access suggest anna")[0]
		if !strings.Contains(suggested, "--system unit-price") || !strings.Contains(suggested, "release") || strings.Contains(suggested, "complete") {
			t.Errorf("suggested: %s", suggested)
		}
	})
}

// wired runs a test on an instance with the demo company, on both engines.
func wired(t *testing.T, test func(t *testing.T, in *tandemtest.Instance)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, tandemtest.Start(t, tandemtest.Options{Engine: engine, Demo: true}))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tandemOn runs a command on the instance's database, as a shell reads it.
func tandemOn(t *testing.T, in *tandemtest.Instance, command string) (text string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `tandem() { "$TANDEM_PROGRAM" "$@"; }; `+command)
	cmd.Dir = t.TempDir()
	cmd.Env = environment("TANDEM_DB="+in.Store().DB, "TANDEM_KEY_FILE="+in.Store().KeyFile, "TANDEM_PROGRAM="+binary, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// do runs commands that succeed; every replica knows of them then.
func do(t *testing.T, in *tandemtest.Instance, commands ...string) (out []string) {
	t.Helper()
	for _, command := range commands {
		text, code := tandemOn(t, in, command)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", command, code, text)
		}
		out = append(out, text)
	}
	in.Refresh()
	return out
}
