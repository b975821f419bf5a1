package platform_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// uses are those on record, as lines.
func uses(t *testing.T, in *tandemtest.Instance, login string) []string {
	t.Helper()
	must(t, in.Platform.WriteUses(t.Context()))
	u, err := in.Platform.Accounts.Show(t.Context(), login)
	must(t, err)
	var all []string
	must(t, in.Platform.EachUse(t.Context(), u.ID, time.Time{}, func(u *permission.Use) error {
		name := u.Set
		if u.Attribute != "" {
			name += "." + u.Attribute
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", u.Right, name, u.Calls, u.For)))
		return nil
	}))
	return all
}

// TestUsesOfRights: which rights a call has used is written down for the account and the
// application, what was refused is not, and after a while it is forgotten.
func TestUsesOfRights(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const products = "General_Products_Products"
		admin := in.Platform.Permissions
		_, err := admin.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Column: products + ".StandardPricePerLot"}, "read,update", false)
		must(t, err)
		in.Refresh()
		anna, service := in.SignIn("anna").Access, in.ServiceToken()
		ask := func(method, path, token, body string, status int) string {
			t.Helper()
			got, text := in.API(method, path, token, body)
			if got != status {
				t.Errorf("%s %s: %d %s", method, path, got, text)
			}
			return text
		}
		for range 3 {
			ask("GET", "Crm_Sales_SalesOrders?$top=1&$select=Id&$expand=Customer($select=Number)", anna, "", 200)
		}
		text := ask("GET", products+"?$top=1&$select=Id,StandardPricePerLot", anna, "", 200)
		id := text[strings.Index(text, `"Id":"`)+6:][:36]
		ask("PATCH", products+"("+id+")", anna, `{"StandardPricePerLot":{"Value":3}}`, 204)
		ask("DELETE", "Crm_Sales_CustomerExternalAccess("+id+")", anna, "", 404)
		ask("PATCH", "Systems_Documents_DocumentTypes("+id+")", anna, "{}", 404)
		ask("GET", products+"/$count", service, "", 200)
		got := strings.Join(uses(t, in, "anna"), "\n")
		for _, want := range []string{
			"read Crm_Sales_Customers 3", "read Crm_Sales_SalesOrders 3", "update General_Products_Products 1", "read Crm_Sales_CustomerExternalAccess 1",
			"read General_Products_Products.StandardPricePerLot ", "update General_Products_Products.StandardPricePerLot ", "read Systems_Documents_DocumentTypes ",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("anna used\n%s\nand not %s", got, want)
			}
		}
		if strings.Contains(got, "delete") || strings.Contains(got, "update Systems") || strings.Contains(got, "StandardCost") {
			t.Errorf("what was refused is counted:\n%s", got)
		}
		ask("GET", products+"/$count", service, "", 200)
		if got := uses(t, in, tandemtest.SystemUser); !slices.Equal(got, []string{"read General_Products_Products 2"}) {
			t.Errorf("the service used %v", got)
		}
		in.Advance(permission.UsesKept + time.Hour)
		in.Platform.Purge(t.Context())
		if got := uses(t, in, "anna"); len(got) != 0 {
			t.Errorf("after %s: %v", permission.UsesKept, got)
		}
	})
}

// TestUsesOfManyReplicas: replicas that write down the same uses at the same time add up,
// and those that the database did not take are written later.
func TestUsesOfManyReplicas(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		var all []permission.Use
		for i := range 1200 {
			at := in.Clock.Now()
			all = append(all, permission.Use{By: permission.By{UserID: fmt.Sprint(i % 40), ApplicationURI: "app", For: tandem.InternalUser}, Set: fmt.Sprint(i), Right: 1, Calls: 2, First: at, Last: at})
		}
		failed := make(chan error, 4)
		for range cap(failed) {
			go func() { failed <- in.Platform.AddUses(context.WithoutCancel(t.Context()), all) }()
		}
		for range cap(failed) {
			must(t, <-failed)
		}
		n, calls := 0, int64(0)
		must(t, in.Platform.EachUse(t.Context(), "", in.Clock.Now().Add(-time.Hour), func(u *permission.Use) error { n++; calls += u.Calls; return nil }))
		if n != 1200 || calls != 9600 {
			t.Errorf("%d uses with %d calls", n, calls)
		}
	})
}

// TestUsesAreWrittenOnce: where the database fails in the middle of them, what it took is
// not written again with what it did not, nor counted again for the application.
func TestUsesAreWrittenOnce(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		tokens := []string{in.ServiceToken(), in.SignIn("anna").Access}
		for _, login := range []string{"second", "third"} { // so that one writing does not take all
			in.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Password: tandemtest.Password})
			tokens = append(tokens, in.SignIn(login).Access)
		}
		must(t, in.Platform.WriteUses(t.Context()))
		sql := func(text string) {
			t.Helper()
			_, err := in.Platform.DB.Writer().ExecContext(t.Context(), text)
			must(t, err)
		}
		rows := func() map[string]int64 {
			t.Helper()
			all := map[string]int64{}
			must(t, in.Platform.EachUse(t.Context(), "", time.Time{}, func(u *permission.Use) error {
				all[u.UserID+" "+u.Set+" "+u.Attribute+" "+u.Key+" "+u.Right.String()] += u.Calls
				return nil
			}))
			return all
		}
		var before map[string]int64
		var calls int64
		read := func() {
			t.Helper()
			calls = 0
			for _, token := range tokens {
				for _, set := range erp.NewModel().Sets {
					in.API("GET", set.Name+"/$count", token, "")
					if token == tokens[0] {
						calls++
					}
				}
			}
		}
		// The last row of all is of the account whose id is the last, and there is one already.
		const other = `INSERT INTO permission_uses (user_id, application_uri, person, set_name, attribute, key_id, need, calls, first_at, last_at)
			VALUES ('~', '', '', 'Systems_Documents_DocumentTypes', '', '', 1, 1, 1, 1)`
		var last string
		must(t, in.Platform.DB.Reader().QueryRowContext(t.Context(), `SELECT MAX(id) FROM users WHERE login IN ('anna', 'second', 'third', '`+tandemtest.SystemUser+`')`).Scan(&last))
		testkit.Eventually(t, "no round of the instance's own comes between", func() bool {
			must(t, in.Platform.WriteUses(t.Context()))
			sql(`DELETE FROM permission_uses`)
			before = usesOf(t, in)
			read()
			sql(other)
			_, err := in.Platform.DB.Writer().ExecContext(t.Context(), `CREATE UNIQUE INDEX one_only ON permission_uses (set_name) WHERE set_name = 'Systems_Documents_DocumentTypes' AND user_id >= '`+last+`'`)
			return err == nil
		})
		if err := in.Platform.WriteUses(t.Context()); err == nil {
			t.Error("all uses were written")
		}
		if n := len(rows()); n < 2 {
			t.Errorf("%d rows were written", n-1)
		}
		sql(`DROP INDEX one_only`)
		sql(`DELETE FROM permission_uses WHERE user_id = '~'`)
		must(t, in.Platform.WriteUses(t.Context()))
		once, sums := rows(), usesOf(t, in)
		read()
		must(t, in.Platform.WriteUses(t.Context()))
		for of, n := range rows() {
			if n != 2*once[of] {
				t.Errorf("%s: %d after one round, %d after two", of, once[of], n)
			}
		}
		for what, n := range usesOf(t, in) {
			if strings.Contains(what, " set:") && n-before[what] != 2*(sums[what]-before[what]) {
				t.Errorf("%s: %d before, %d after one round, %d after two", what, before[what], sums[what], n)
			}
		}
		if n := sums["service scope:read"] - before["service scope:read"]; n != calls {
			t.Errorf("%d calls are counted of %d", n, calls)
		}
	})
}
