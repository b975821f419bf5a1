package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// failer is a test, or one that rapid runs.
type failer interface {
	Errorf(format string, args ...any)
}

// collections are all child collections of the model.
func collections() (all []*model.Child) {
	for _, s := range erpModel.Sets {
		for _, c := range s.Children {
			if c.Owner.Target == s { // and not of one kind of these alone
				all = append(all, c)
			}
		}
	}
	return all
}

// checkExpand compares the parts that $expand shows with those that the list of parts
// shows, and returns how many there are.
func (w *house) checkExpand(t testing.TB, f failer, c *model.Child, headers ...string) int {
	path := c.Owner.Target.Name + "?$select=Id&$expand=" + c.Name + "($select=Id)"
	r, answer := call(t, w.h, "GET", path, "", headers...)
	of, list := call(t, w.h, "GET", c.Set.Name+"?$select=Id", "", headers...)
	switch {
	case r.StatusCode == 403: // told at the set, or at the part
		return 0
	case r.StatusCode != 200 || of.StatusCode != 200:
		f.Errorf("%s: %d %s, the list: %d %s", path, r.StatusCode, answer, of.StatusCode, list)
		return 0
	}
	got := partsShown(t, answer, c.Name)
	if want := ids(t, list); !slices.Equal(got, want) {
		f.Errorf("%s: %v, the list of parts: %v", path, got, want)
	}
	return len(got)
}

// partsShown are the ids in an expanded collection of all rows of a page.
func partsShown(t testing.TB, answer, collection string) []string {
	t.Helper()
	var page struct{ Value []map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &page); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	all := []string{}
	for _, r := range page.Value {
		var parts []struct {
			ID string `json:"Id"`
		}
		if err := json.Unmarshal(r[collection], &parts); err != nil {
			t.Fatalf("%v: %s", err, r[collection])
		}
		for _, p := range parts {
			all = append(all, p.ID)
		}
	}
	slices.Sort(all)
	return all
}

// TestE1_ExpandShowsThePartsThatTheListShows: parts can be more closed than what owns
// them, to employees and to people of the outside.
func TestE1_ExpandShowsThePartsThatTheListShows(t *testing.T) {
	t.Parallel()
	outside := erpModel.Outside()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, outside).For(userID, now)
		}
		w.narrow.Store(&narrow)
		order := "Crm_Sales_SalesOrders(" + row(kindOrder, 1) + ")"
		object := w.dataObjectOf(t, order)
		w.post(t, file(0, object, `,"AccessPermission":"External"`), file(1, object, ""), file(2, object, `,"AccessPermission":"Creator"`),
			visit(1, `,"Services":[{"Service":{"Code":"REP"},"Quantity":{"Value":1}}],"Materials":[{"Product":{"PartNumber":"P1"},"Quantity":{"Value":1}}]`))
		for _, document := range []string{order, visits + "(" + row(kindVisit, 1) + ")"} {
			if r, answer := call(t, w.h, "POST", document+"/ChangeState", `{"newState":"Planned"}`); r.StatusCode != 204 {
				t.Fatalf("ChangeState: %d %s", r.StatusCode, answer)
			}
		}
		for n, who := range []string{somebody, row(99, 1)} {
			w.sql(t, `INSERT INTO erp_customer_external_access (id, role, customer, "user") VALUES ($1, $2, $3, $4)`, row(98, n), 20, row(kindCustomer, 1), who)
		}
		all := map[string]permission.Right{}
		for _, s := range erpModel.Sets {
			all[s.Name] = permission.OfSets
		}
		const (
			changes, access = "Crm_Sales_SalesOrderStateChanges", "Crm_Sales_CustomerExternalAccess"
			materials, sec  = "Applications_Service_ServiceActivityMaterials", "Authorization: Bearer read+update+sec"
		)
		for name, c := range map[string]struct {
			rights  *permission.Rights
			headers []string
			want    map[string]int
		}{
			"an administrator": {permission.ByPlatform().Rights, nil, map[string]int{files: 3, changes: 1, access: 2, materials: 1}},
			"the creator":      {someRights(all).As(aGUID), nil, map[string]int{files: 3, changes: 1, access: 2}},
			"another":          {someRights(all).As(somebody), nil, map[string]int{files: 2, changes: 1, access: 2}},
			"of the outside":   {someRights(all), onBehalf(somebody), map[string]int{files: 1, changes: 0, access: 1, materials: 0}},
			"somebody unknown": {someRights(all), onBehalf(row(99, 9)), map[string]int{files: 0, changes: 0, access: 0}},
		} {
			w.as(c.rights, func() {
				got := map[string]int{}
				for _, of := range collections() {
					got[of.Set.Name] += w.checkExpand(t, t, of, append(c.headers, sec)...)
				}
				for set, n := range c.want {
					if got[set] != n {
						t.Errorf("%s: %d of %s, want %d", name, got[set], set, n)
					}
				}
			})
		}
		// A level further down, and cut to some of each: the same.
		w.as(someRights(all).As(somebody), func() {
			for _, options := range []string{"", ";$top=5", ";$filter=AccessPermission%20eq%20'Creator'", ";$expand=Object($select=Id;$expand=Files($select=Id,FileName))"} {
				r, answer := call(t, w.h, "GET", dataObjects+"?$select=Id&$expand=Files($select=Id,FileName"+options+")", "")
				if r.StatusCode != 200 || strings.Contains(answer, row(kindFile, 2)) {
					t.Errorf("$expand=Files(%s) shows the file of another: %d %s", options, r.StatusCode, answer)
				}
			}
		})
	})
}
