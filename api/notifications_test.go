package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	notifications = "Systems_Core_Notifications"
	tells         = "/CreateNotification"
)

// account makes an account in the ERP's copy.
func (w *house) account(t testing.TB, id, login string, userType int, active bool) {
	t.Helper()
	w.sql(t, `INSERT INTO erp_users (id, aggregate_last_update_time_utc, login, login_text, name, name_text, email_confirmed, active, is_admin, user_type, creation_time_utc)
		VALUES ($1, 1, $2, $2, $2, $2, TRUE, $3, FALSE, $4, 1)`, id, login, active, userType)
}

// TestNotifications: a row tells a person of it; who was told sees and reads their own, and
// changes nothing but that they have; nobody else sees it, by whatever door.
func TestNotifications(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.account(t, somebody, "tom", 0, true)
		w.account(t, row(99, 1), "ann", 0, true)
		w.account(t, row(99, 2), "gone", 0, false)
		w.account(t, row(99, 3), "svc.other", 3, true)
		w.post(t, visit(0, ""))
		on := visits + "(" + row(kindVisit, 0) + ")"
		to := func(id, more string) string {
			return `{"user":{"@odata.id":"Systems_Security_Users(` + id + `)"},"notificationClass":"field/visit"` + more + `}`
		}
		version := func() string {
			_, answer := call(t, w.h, "GET", on+"?$select=ObjectVersion", "")
			_, rest, _ := strings.Cut(answer, `"ObjectVersion":`)
			return rest
		}
		before := version()
		w.steps(t, []doorStep{
			{"told", "POST", on + tells, to(somebody, `,"subject":"Visit at 11:00","priority":"High"`), 204, "", ""},
			{"told another", "POST", on + tells, to(row(99, 1), ""), 204, "", ""},
			{"nobody", "POST", on + tells, `{"notificationClass":"x"}`, 422, "User is required", ""},
			{"without a class", "POST", on + tells, `{"user":{"@odata.id":"Systems_Security_Users(` + somebody + `)"}}`, 422, "NotificationClass is required", ""},
			{"a user who is not there", "POST", on + tells, to(row(99, 9), ""), 422, "Object not found", ""},
			{"who cannot sign in any more", "POST", on + tells, to(row(99, 2), ""), 422, "Constraint TN1", ""},
			{"who is no person", "POST", on + tells, to(row(99, 3), ""), 422, "Constraint TN1", ""},
			{"a priority of no name", "POST", on + tells, to(somebody, `,"priority":"Loud"`), 400, "Priority", ""},
			{"a subject that is too long", "POST", on + tells, to(somebody, `,"subject":"`+strings.Repeat("ж", 257)+`"`), 400, "Subject", ""},
			{"the longest", "POST", on + tells, to(row(99, 1), `,"subject":"`+strings.Repeat("ж", 256)+`"`), 204, "", ""},
			{"what it does not know", "POST", on + tells, to(somebody, `,"colour":"red"`), 400, "no parameter", ""},
			{"of a row that is not there", "POST", visits + "(" + row(kindVisit, 7) + ")" + tells, to(somebody, ""), 404, "", ""},
			{"of rows of any set", "POST", "Crm_Sales_SalesOrders(" + row(kindOrder, 1) + ")" + tells, to(row(99, 1), ""), 204, "", ""},
			{"not of lines", "POST", "Crm_Sales_SalesOrderLines(" + row(kindLine, 1) + ")" + tells, to(somebody, ""), 404, "", ""},
			{"not of notifications", "POST", notifications + "(" + row(1, 1) + ")" + tells, to(somebody, ""), 404, "", ""},
		})
		if after := version(); after != before || before == "" {
			t.Errorf("the row has version %s, and had %s", after, before)
		}

		reads := someRights(map[string]permission.Right{notifications: permission.OfSets, visits: permission.Read, dataObjects: permission.OfSets})
		mine, only := "", ""
		w.as(reads.As(somebody), func() {
			_, mine = call(t, w.h, "GET", notifications+"?$select=Subject,Priority,IsRead,CreationUser,CreationTimeUtc&$expand=DataObject($select=EntityType,EntityItemId)", "")
			_, rest, _ := strings.Cut(mine, notifications+"(")
			id, _, _ := strings.Cut(rest, ")")
			only = notifications + "(" + id + ")"
			w.steps(t, []doorStep{
				{"one", "GET", notifications + "/$count", "", 200, "1", ""},
				{"its own of another account", "POST", notifications, `{"User@odata.bind":"Systems_Security_Users(` + row(99, 1) + `)","NotificationClass":"x"}`, 403, "", ""},
				{"another subject", "PATCH", only, `{"Subject":"x"}`, 400, "read-only", ""},
				{"another's", "PATCH", only, `{"User@odata.bind":"Systems_Security_Users(` + row(99, 1) + `)"}`, 400, "read-only", ""},
				{"another name", "PATCH", only, `{"ExternalId":"x"}`, 400, "read-only", ""},
				{"read", "PATCH", only, `{"IsRead":true}`, 204, "", ""},
				{"is read", "GET", notifications + "?$filter=IsRead%20eq%20true&$select=IsRead", "", 200, `"IsRead":true`, ""},
				{"a note to oneself", "POST", notifications, `{"User@odata.bind":"Systems_Security_Users(` + somebody + `)","NotificationClass":"own"}`, 201, "", ""},
				{"the visit's name by it", "GET", only + "/DataObject?$select=EntityItemId", "", 200, row(kindVisit, 0), ""},
			})
		})
		for _, want := range []string{`"Subject":"Visit at 11:00"`, `"Priority":"High"`, `"IsRead":false`, `"EntityType":"` + visits + `","EntityItemId":"` + row(kindVisit, 0)} {
			if !strings.Contains(mine, want) {
				t.Errorf("%s has no %s", mine, want)
			}
		}
		w.as(reads.As(row(99, 1)), func() {
			w.steps(t, []doorStep{
				{"E1 of another", "GET", only, "", 404, "", ""},
				{"E1 by list", "GET", notifications + "?$select=Subject", "", 200, "", "11:00"},
				{"E1 by search", "GET", notifications + "?$search=11:00", "", 200, `"value":[]`, ""},
				{"E1 by count", "GET", notifications + "/$count", "", 200, "2", ""}, // and not of the order
				{"E1 by filter", "GET", notifications + "/$count?$filter=User%20eq%20'Systems_Security_Users(" + somebody + ")'", "", 200, "0", ""},
				{"E1 written", "PATCH", only, `{"IsRead":true}`, 404, "", ""},
				{"E1 deleted", "DELETE", only, "", 404, "", ""},
				{"its own", "GET", notifications + "?$select=Subject&$expand=DataObject", "", 200, "ж", row(kindOrder, 1) + `"`},
			})
		})
		// Who sees the row and may make notifications tells of it; the row stays as it is.
		w.attempts(t, []attempt{
			{"without the right to make any", someRights(map[string]permission.Right{notifications: permission.Read, visits: permission.OfSets}), "POST", on + tells, to(somebody, ""), 403, notifications, ""},
			{"without the row", someRights(map[string]permission.Right{notifications: permission.OfSets}), "POST", on + tells, to(somebody, ""), 403, visits, ""},
			{"with both", someRights(map[string]permission.Right{notifications: permission.Read | permission.Create, visits: permission.Read}), "POST", on + tells, to(row(99, 1), ""), 204, "", ""},
		})
		// A visit that goes takes nothing of what people were told.
		w.steps(t, []doorStep{{"gone", "DELETE", on, "", 204, "", ""}})
		w.as(reads.As(somebody), func() {
			w.steps(t, []doorStep{{"still told", "GET", only + "?$select=Subject&$expand=DataObject", "", 200, `"DataObject":null`, ""}})
		})
	})
}

// TestNotificationsOfOneName: who asks again by the same ExternalId, because no answer
// came, has told once; another caller does not take or learn of it.
func TestNotificationsOfOneName(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.account(t, somebody, "tom", 0, true)
		w.post(t, visit(0, ""))
		on := visits + "(" + row(kindVisit, 0) + ")"
		to := func(id, system string) string {
			return fmt.Sprintf(`{"user":{"@odata.id":"Systems_Security_Users(%s)"},"notificationClass":"c","externalId":"%s","externalSystem":"%s"}`, somebody, id, system)
		}
		w.steps(t, []doorStep{
			{"first", "POST", on + tells, to("r1", "field"), 204, "", ""},
			{"again", "POST", on + tells, to("r1", "field"), 204, "", ""},
			{"of another system", "POST", on + tells, to("r1", "other"), 204, "", ""},
			{"another", "POST", on + tells, to("r2", "field"), 204, "", ""},
		})
		if n := w.numbers(t, `SELECT 'all', COUNT(*) FROM erp_notifications`)["all"]; n != 3 {
			t.Errorf("%d notifications, want 3", n)
		}
		w.sql(t, `UPDATE erp_notifications SET creation_user = 'svc.other' WHERE external_id = 'r2'`)
		w.steps(t, []doorStep{{"somebody else's", "POST", on + tells, to("r2", "field"), 409, "taken", "svc.other"}})
	})
}
