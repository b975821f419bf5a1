package isolation_test

import (
	"io"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE8_ExportsShowNoMoreThanTheReaderMayRead: a file that was made of orders is kept from
// who made it once any of what is in it is hidden from them: a column, an order, the
// customers of a type. What has come since, and what was never in it, does not matter.
func TestE8_ExportsShowNoMoreThanTheReaderMayRead(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		ctx, admin, rpc := t.Context(), s.Platform.Permissions, s.rpc
		download := func(login, id string) (string, error) {
			t.Helper()
			d, err := rpc.JobFile(ctx, s.SignIn(login, "openid").ID, id)
			if err != nil {
				return "", err
			}
			defer d.Body.Close()
			text, err := io.ReadAll(d.Body)
			return string(text), err
		}
		export := func() (id, text string) {
			t.Helper()
			evidence := s.SignIn("anna", "openid").ID
			job, err := rpc.StartJob(ctx, evidence, internalapi.NewJob{Kind: internalapi.JobExportOrders, From: "2015-01-01", To: "2034-12-31"})
			must(t, err)
			must(t, rpc.JobEvents(ctx, evidence, job.ID, func(seen internalapi.Job) error { job = seen; return nil }))
			text, err = download("anna", job.ID)
			if err != nil || job.State != internalapi.JobCompleted || strings.Count(text, "\n") < 3 {
				t.Fatalf("%+v %q %v", job, text, err)
			}
			return job.ID, text
		}
		has := func(what, login, id string, want bool) {
			t.Helper()
			s.Refresh()
			testkit.Eventually(t, what, func() bool {
				_, err := download(login, id)
				if err != nil && (tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), "start the export again")) {
					t.Fatalf("%s: %v", what, err)
				}
				return (err == nil) == want
			})
		}
		grant := func(group string, on permission.Target, rights string) {
			t.Helper()
			_, err := admin.Grant(ctx, tandemtest.By, group, on, rights, false)
			must(t, err)
		}
		_, err := admin.CreateGroup(ctx, tandemtest.By, "Elsewhere", "")
		must(t, err)
		id, text := export()
		has("as it was made", "anna", id, true)

		column := permission.Target{Column: setOrders + ".TotalLineAmount"}
		grant("Elsewhere", column, "read")
		has("a column is taken", "anna", id, false)
		has("an administrator sees it", "admin", id, true)
		without, _ := export()
		has("an export without the column", "anna", without, true)
		grant("Everybody", column, "read")
		has("the column is given back", "anna", id, true)

		key := func(set, name, row string) {
			t.Helper()
			_, err := admin.CreateKey(ctx, tandemtest.By, set, name)
			must(t, err)
			grant("Everybody", permission.Target{Key: name}, "read,update")
			s.Clock.Advance(permission.Settling)
			s.Refresh()
			must(t, s.Platform.PutKey(ctx, tandemtest.By, name, row))
		}
		var one struct {
			Value []struct {
				ID, DocumentNo string
				Customer       struct{ ID string }
			}
		}
		s.api("GET", setOrders+"?$top=200&$select=Id,DocumentNo&$expand=Customer($select=Id)", s.SignIn("anna").Access, "", &one)
		order := one.Value[0]
		if !strings.Contains(text, order.DocumentNo) {
			t.Fatalf("%s is not in the export", order.DocumentNo)
		}
		key(setOrders, "One order", setOrders+"("+order.ID+")")
		has("an order that has a key", "anna", id, true)
		must(t, admin.Revoke(ctx, tandemtest.By, "Everybody", permission.Target{Key: "One order"}))
		has("the order is taken", "anna", id, false)
		other, text := export()
		if strings.Contains(text, order.DocumentNo) {
			t.Errorf("%s is in the export", order.DocumentNo)
		}
		has("an export without the order", "anna", other, true)
		grant("Everybody", permission.Target{Key: "One order"}, "read,update")
		has("the order is given back", "anna", id, true)

		s.api("POST", setOrders, s.SignIn("anna").Access, `{"DocumentNo":"LATER","DocumentDate":"2026-06-01","Customer@odata.bind":"Crm_Sales_Customers(`+order.Customer.ID+`)"}`, nil)
		has("an order is new", "anna", id, true)

		const types = "Crm_Sales_CustomerTypes"
		var made struct{ ID string }
		boss := s.SignIn("admin").Access
		s.api("POST", types, boss, `{"Code":"SOME","Name":{"EN":"Some"}}`, &made)
		s.api("PATCH", "Crm_Sales_Customers("+order.Customer.ID+")", boss, `{"CustomerType@odata.bind":"`+types+`(`+made.ID+`)"}`, nil)
		key(types, "Some customers", types+"("+made.ID+")")
		has("customers of a type that has a key", "anna", id, true)
		must(t, admin.Revoke(ctx, tandemtest.By, "Everybody", permission.Target{Key: "Some customers"}))
		has("customers of a type are taken", "anna", id, false)
	})
}
