package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// What the key of a document's type secures: see docs/permissions.md.

// typed is a house in which the second document type has a key, and what accounts
// need besides.
type typed struct {
	*house
	key permission.Key
}

func newTyped(t *testing.T, db *sqldb.DB) *typed {
	t.Helper()
	const types = "Systems_Documents_DocumentTypes"
	w := &typed{newHouse(t, db), permission.Key{ID: keyID(types, 0), Kind: permission.RowKey, EntityName: types}}
	w.sql(t, `UPDATE erp_document_types SET access_key = $1 WHERE id = $2`, w.key.ID, row(kindType, 1))
	return w
}

// holding are the rights on orders, on what orders refer to, and on the key.
func (w *typed) holding(orders, key permission.Right) *permission.Rights {
	grants := map[string]permission.Right{"Crm_Sales_SalesOrders": orders, w.key.ID: key}
	for _, s := range erpModel.Sets {
		if s.Permissive() == s && s.Name != "Crm_Sales_SalesOrders" {
			grants[s.Name] = permission.Read
		}
	}
	maps.DeleteFunc(grants, func(_ string, r permission.Right) bool { return r == 0 })
	return someRights(grants, w.key)
}

// put gives an order a state and a day by hand.
func (w *typed) put(t *testing.T, n int, state int64, day int) {
	t.Helper()
	w.sql(t, `UPDATE erp_sales_orders SET state = $1, document_date = $2, void = $3, complete_time = NULL WHERE id = $4`,
		state, int64(20513+day)*86400e6, false, row(kindOrder, n)) // 20513 is 2026-03-01, the day of the house
}

var stateNames = map[int64]string{0: "New", 20: "FirmPlanned", 30: "Released", 40: "Completed", 50: "Closed"}

// TestRightsOfDocumentTypes: every change of a state needs the rights of all states
// that it passes, on the key of the type; without a key the right to update.
func TestRightsOfDocumentTypes(t *testing.T) {
	t.Parallel()
	secured := []permission.Right{permission.Release, permission.OtherDate, permission.Complete, permission.Reopen}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		try := func(n int, from, to int64, day int, held permission.Right) {
			w.put(t, n, from, day)
			var need permission.Right
			switch {
			case from == 40 && to == 30:
				need = permission.Reopen
			case from < 30 && to >= 30 && day != 0:
				need = permission.Release | permission.OtherDate
			case from < 30 && to >= 30:
				need = permission.Release
			}
			if from < 40 && to >= 40 {
				need |= permission.Complete
			}
			want := 204
			switch {
			case n == 1 && held&need != need:
				want = 403
			case to <= from && (n == 0 || need == 0):
				want = 422
			}
			w.as(w.holding(permission.OfSets, permission.OfRows|held), func() {
				r, answer := call(t, w.h, "POST", "Crm_Sales_SalesOrders("+row(kindOrder, n)+")/ChangeState", `{"newState":"`+stateNames[to]+`"}`)
				if r.StatusCode != want || want == 403 && !strings.Contains(answer, "this one of Crm_Sales_SalesOrders cannot become") {
					t.Errorf("type %d, %s to %s, day %+d, with %s: %d %s, want %d", n, stateNames[from], stateNames[to], day, held, r.StatusCode, answer, want)
				}
			})
		}
		all := permission.Release | permission.OtherDate | permission.Complete | permission.Reopen
		for from := range stateNames {
			for to := range stateNames {
				try(0, from, to, -1, 0) // the type has no key: as before
				try(1, from, to, -1, all)
				for _, missing := range secured {
					try(1, from, to, -1, all&^missing)
				}
				try(1, from, to, 0, all&^permission.OtherDate)
			}
		}
	})
}

// TestDocumentRightsThroughEveryDoor: releasing, completing and voiding are duties of
// their own, which need no right to edit, and which no right to edit replaces.
func TestDocumentRightsThroughEveryDoor(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	edits := permission.Read | permission.Update | permission.Delete
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		order := orders + "(" + row(kindOrder, 1) + ")"
		for _, c := range []struct {
			orders, key        permission.Right
			from               int64
			method, path, body string
			status             int
			want               string
		}{
			{permission.OfSets, edits, 20, "POST", order + "/ChangeState", `{"newState":"Released"}`, 403, "no right to release documents of this type"},
			{permission.Read, permission.Read | permission.Release, 20, "POST", order + "/ChangeState", `{"newState":"Released"}`, 204, ""},
			{permission.Read, permission.Read | permission.Release, 0, "POST", order + "/ChangeState", `{"newState":"FirmPlanned"}`, 403, "no right to update"},
			{permission.OfSets, edits, 0, "POST", order + "/ChangeState", `{"newState":"FirmPlanned"}`, 204, ""},
			{permission.OfSets, edits, 30, "POST", order + "/Complete", `{}`, 403, "no right to complete documents of this type"},
			{permission.OfSets, edits | permission.Complete, 20, "POST", order + "/Complete", `{}`, 403, "cannot become Released"},
			{permission.Read, permission.Read | permission.Complete, 30, "POST", order + "/Complete", ``, 204, ""},
			{permission.OfSets, edits, 0, "POST", order + "/MakeVoid", `{"reason":"x"}`, 403, "cannot become void"},
			{permission.Read, permission.Read | permission.MakeVoid, 30, "POST", order + "/MakeVoid", `{"reason":"x"}`, 204, ""},
			{permission.OfSets, 0, 20, "POST", order + "/ChangeState", `{"newState":"Released"}`, 404, "There is no"},
			{0, permission.All, 20, "POST", order + "/ChangeState", `{"newState":"Released"}`, 403, "no right to read"},
			{permission.OfSets, edits, 20, "PATCH", order, `{"State":"Released"}`, 400, "use the action ChangeState"},
			{permission.OfSets, permission.All, 30, "PATCH", order, `{"DocumentNotes":"x"}`, 422, "cannot be changed"},
			{permission.OfSets, permission.Read | permission.Release, 20, "PATCH", order, `{"DocumentNotes":"x"}`, 403, "no right to update"},
			{permission.OfSets, permission.Read | permission.Release, 20, "DELETE", order, ``, 403, "no right to delete"},
		} {
			w.put(t, 1, c.from, 0)
			w.as(w.holding(c.orders, c.key), func() {
				r, answer := call(t, w.h, c.method, c.path, c.body)
				if r.StatusCode != c.status || !strings.Contains(answer, c.want) {
					t.Errorf("%s %s %s with %s: %d %s, want %d %s", c.method, c.path, c.body, c.key, r.StatusCode, answer, c.status, c.want)
				}
			})
		}
	})
}

// TestImportTellsOfRefusedObjects: what the account may not write is told object by
// object, and the others are written.
func TestImportTellsOfRefusedObjects(t *testing.T) {
	t.Parallel()
	object := func(n int) string {
		return fmt.Sprintf(`{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"update","@erpnet.findBy":{"Id":%q},"DocumentNotes":"imported"}`, row(kindOrder, n))
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		for _, mode := range []string{"per-object", "all-objects"} {
			w.as(w.holding(permission.OfSets, permission.Read), func() {
				r, answer := call(t, w.h, "POST", "Import", `{"transaction":"`+mode+`","objects":[`+object(0)+`,`+object(1)+`,`+object(2)+`]}`)
				if r.StatusCode != 200 || strings.Count(answer, `"PermissionDenied"`) != 1 || strings.Count(answer, `"@erpnet.result":"success"`) != 2 {
					t.Errorf("%s: %d %s", mode, r.StatusCode, answer)
				}
			})
		}
	})
}

// TestTheKeyOfADocumentIsNoPartOfIt: who sees a document can be changed whatever its state
// is, and nothing else of it with that.
func TestTheKeyOfADocumentIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	all := permission.ByPlatform().Rights
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		order := orders + "(" + row(kindOrder, 0) + ")"
		keyed := func(state int64, void bool) {
			w.put(t, 0, state, 0)
			w.sql(t, `UPDATE erp_sales_orders SET void = $1, access_key = $2 WHERE id = $3`, void, keyID(orders, 0), row(kindOrder, 0))
		}
		for _, past := range []struct {
			state int64
			void  bool
			words string
		}{{30, false, "is Released"}, {40, false, "is Completed"}, {0, true, "is void"}} {
			keyed(past.state, past.void)
			w.attempts(t, []attempt{
				{"with its notes", all, "PATCH", order, `{"AccessKey":null,"DocumentNotes":"x"}`, 422, past.words, ""},
				{"with a line", all, "PATCH", order, `{"AccessKey":null,"Lines":[{"Product":{"PartNumber":"P1"}}]}`, 422, past.words, ""},
				{"notes", all, "PATCH", order, `{"DocumentNotes":"x"}`, 422, past.words, ""},
				{"delete", all, "DELETE", order, "", 422, past.words, ""},
				{"what may be done", all, "GET", order + "/GetAllowedStates()", "", 200, `"edit":{"allowed":false`, ""},
				{"its key", all, "PATCH", order, `{"AccessKey":null}`, 204, "", ""},
				{"what it was", all, "GET", order + "?$select=State,UserStatus,AccessKey", "", 200, `"UserStatus":null,"AccessKey":null`, ""},
			})
		}
		keyed(30, false)
		w.attempts(t, []attempt{ // the key is administered, as ever
			{"who does not administer it", w.holding(permission.OfSets, permission.OfRows), "PATCH", order, `{"AccessKey":null}`, 403, "administer", ""},
		})
	})
}
