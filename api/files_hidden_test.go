package api_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestE1_AHiddenFileIsNoneOfItsCollection: who writes the collection of files neither
// takes, deletes nor learns of a file that is its creator's alone.
func TestE1_AHiddenFileIsNoneOfItsCollection(t *testing.T) {
	t.Parallel()
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		on := "Crm_Sales_SalesOrders(" + row(kindOrder, 1) + ")"
		object := w.dataObjectOf(t, on)
		w.post(t, file(2, object, `,"AccessPermission":"Creator","Section":"secret"`))
		if answer := w.put(t, fileAt(2)+bytesOf, strings.NewReader("hello")); answer.Code != 204 {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
		all := dataObjects + "(" + object + ")"
		merge := func(files, more string) string {
			return `{"objects":[{"@odata.type":"#Erp.Systems_Core_ExtensibleDataObject","@odata.id":"` + all + `","@erpnet.action":"merge","Files":[` + files + `]` + more + `}]}`
		}
		w.as(someRights(sets).As(somebody), func() {
			for name, body := range map[string]string{
				"by its texts":    `{"Files":[{"@erpnet.action":"merge","Section":"secret","AccessPermission":"Internal"}]}`,
				"by what is none": `{"Files":[{"@erpnet.action":"merge","PurposeCode":null,"AccessPermission":"Internal"}]}`,
			} {
				if r, answer := call(t, w.h, "PATCH", all, body); r.StatusCode != 422 {
					t.Errorf("taken %s: %d %s", name, r.StatusCode, answer)
				}
			}
			if _, answer := call(t, w.h, "POST", "Import", merge(`{"Section":"other","FileName":"a.jpg"}`, "")); strings.Contains(answer, row(kindFile, 2)) {
				t.Errorf("told of: %s", answer)
			}
			for _, body := range []string{`{"Files":[],"Files@erpnet.missing":"delete"}`, `{"Files":[{"FileName":"b.jpg"}],"Files@erpnet.missing":"delete"}`} {
				if r, answer := call(t, w.h, "PATCH", all, body); r.StatusCode != 204 {
					t.Errorf("%s: %d %s", body, r.StatusCode, answer)
				}
			}
			w.steps(t, []doorStep{{"another", "GET", fileAt(2) + bytesOf, "", 404, "", ""}})
		})
		w.steps(t, []doorStep{{"the creator", "GET", fileAt(2) + bytesOf, "", 200, "hello", ""}})
	})
}

// TestE6_NobodyHidesTheFileOfAnother: who did not make a file cannot give it to its maker
// alone, through whatever door: it would be out of their own sight.
func TestE6_NobodyHidesTheFileOfAnother(t *testing.T) {
	t.Parallel()
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		object := w.dataObjectOf(t, "Crm_Sales_SalesOrders("+row(kindOrder, 1)+")")
		w.post(t, file(1, object, ""))
		all := dataObjects + "(" + object + ")"
		w.as(someRights(sets).As(somebody), func() {
			w.steps(t, []doorStep{
				{"another", "PATCH", fileAt(1), `{"AccessPermission":"Creator"}`, 403, "", ""},
				{"another, with its row", "PATCH", all, `{"Files":[{"Id":"` + row(kindFile, 1) + `","AccessPermission":"Creator"}]}`, 403, "", ""},
				{"it is there", "GET", fileAt(1), "", 200, `"AccessPermission":"Internal"`, ""},
				{"what hides nothing", "PATCH", fileAt(1), `{"AccessPermission":"External"}`, 204, "", ""},
			})
		})
		w.as(someRights(sets).As(aGUID), func() {
			w.steps(t, []doorStep{
				{"the creator", "PATCH", fileAt(1), `{"AccessPermission":"Creator"}`, 204, "", ""},
				{"sees it", "GET", fileAt(1), "", 200, `"AccessPermission":"Creator"`, ""},
			})
		})
	})
}

// TestE1_AHiddenFileIsNotDeletedWithTheOthers: what files hang on goes with all of them, or
// not at all; the row itself goes with whatever hangs on it.
func TestE1_AHiddenFileIsNotDeletedWithTheOthers(t *testing.T) {
	t.Parallel()
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, ""))
		at := visits + "(" + row(kindVisit, 0) + ")"
		object := w.dataObjectOf(t, at)
		w.post(t, file(1, object, ""), file(2, object, `,"AccessPermission":"Creator"`))
		all := dataObjects + "(" + object + ")"
		other, creator := someRights(sets).As(somebody), someRights(sets).As(aGUID)
		remove := `{"objects":[{"@odata.type":"#Erp.Systems_Core_ExtensibleDataObject","@odata.id":"` + all + `","@erpnet.action":"delete"}]}`
		w.as(other, func() {
			w.steps(t, []doorStep{
				{"another", "DELETE", all, "", 409, "another account's alone", row(kindFile, 2)},
				{"another, by an import", "POST", "Import", remove, 200, "another account's alone", row(kindFile, 2)},
				{"what they see", "DELETE", fileAt(1), "", 204, "", ""},
			})
		})
		w.as(creator, func() {
			w.steps(t, []doorStep{
				{"it is there", "GET", fileAt(2), "", 200, "", ""},
				{"the creator", "DELETE", all, "", 204, "", ""},
			})
		})
		object = w.dataObjectOf(t, at)
		w.post(t, file(3, object, ""))
		w.as(other, func() {
			w.steps(t, []doorStep{{"none is hidden", "DELETE", dataObjects + "(" + object + ")", "", 204, "", ""}})
		})
		w.post(t, file(4, w.dataObjectOf(t, at), `,"AccessPermission":"Creator"`))
		w.as(other, func() { w.steps(t, []doorStep{{"the row itself", "DELETE", at, "", 204, "", ""}}) })
	})
}

// TestE1_FilesOfARowOfTheSameID: callers choose ids. Who makes a row with the id of one
// of another set neither keeps that from having files nor, with the row, deletes them.
func TestE1_FilesOfARowOfTheSameID(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		object := w.dataObjectOf(t, "Crm_Sales_SalesOrders("+row(kindOrder, 1)+")")
		w.post(t, file(0, object, ""), objects+` {"Id":"`+row(kindOrder, 1)+`","Name":"Of the same id"}`)
		same := objects + "(" + row(kindOrder, 1) + ")"
		if own := w.dataObjectOf(t, same); own == "" || own == object {
			t.Errorf("the other row's files hang on %q, those of the order on %q", own, object)
		}
		w.steps(t, []doorStep{
			{"the other row goes", "DELETE", same, "", 204, "", ""},
			{"the order's file stays", "GET", fileAt(0), "", 200, "", ""},
			{"its own went", "GET", dataObjects + "/$count", "", 200, "1", ""},
		})
	})
}

// TestE1_AContentTellsWhatItsRowTells: no header of a content has an attribute that the
// account may not read, and what names the bytes is asked for like any other.
func TestE1_AContentTellsWhatItsRowTells(t *testing.T) {
	t.Parallel()
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	without := func(set, attribute string, held permission.Right) *permission.Rights {
		with, k := maps.Clone(sets), columnKey(set, attribute)
		if held != 0 {
			with[k.ID] = held
		}
		return someRights(with, k).As(aGUID)
	}
	all := map[string]string{"Content-Disposition": "photo%200.jpg", "Content-Type": "image/jpeg", "Content-Length": "5000", "Repr-Digest": "sha-256=:"}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		on := "Crm_Sales_SalesOrders(" + row(kindOrder, 1) + ")"
		w.post(t, file(0, w.dataObjectOf(t, on), ""))
		if answer := w.put(t, fileAt(0)+bytesOf, bytes.NewReader(picture(5000))); answer.Code != 204 {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
		for attribute, header := range map[string]string{
			"FileName": "Content-Disposition", "MediaType": "Content-Type", "FileSizeBytes": "Content-Length", "ContentSha256": "Repr-Digest", "Notes": "",
		} {
			w.as(without(files, attribute, 0), func() {
				for _, method := range []string{"GET", "HEAD"} {
					r, got := call(t, w.h, method, fileAt(0)+bytesOf, "")
					if r.StatusCode != 200 || method == "GET" && got != string(picture(5000)) {
						t.Errorf("%s without %s: %d, %d bytes", method, attribute, r.StatusCode, len(got))
					}
					for name, value := range all {
						if told := strings.Contains(r.Header.Get(name), value); told == (name == header) {
							t.Errorf("%s without %s: %s: %s", method, attribute, name, r.Header.Get(name))
						}
					}
				}
			})
		}
		put := func() int { return w.put(t, fileAt(0)+bytesOf, bytes.NewReader(picture(5000))).Code }
		w.as(without(files, "ContentId", 0), func() {
			w.steps(t, []doorStep{{"the bytes", "GET", fileAt(0) + bytesOf, "", 403, "read ContentId", ""}, {"the row", "GET", fileAt(0), "", 200, "photo 0", ""}})
			if code := put(); code != 403 {
				t.Errorf("PUT of a hidden content: %d", code)
			}
		})
		for held, status := range map[permission.Right]int{permission.Read: 403, permission.Read | permission.Update: 204} {
			w.as(without(files, "ContentId", held), func() {
				if code := put(); code != status {
					t.Errorf("PUT with %s: %d, want %d", held, code, status)
				}
			})
		}
		w.as(without(dataObjects, "EntityItemId", 0), func() {
			w.steps(t, []doorStep{{"whose files", "GET", on + hangs + "()", "", 403, "read EntityItemId", ""}})
		})
	})
}

// TestEveryDoorCountsWhatItUses: a use of the right to read is counted for the set that a
// path begins with and for the one that it ends with, so that no right that is needed looks
// unused.
func TestEveryDoorCountsWhatItUses(t *testing.T) {
	t.Parallel()
	const orders, customers, access = "Crm_Sales_SalesOrders", "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		order := orders + "(" + row(kindOrder, 1) + ")"
		w.post(t, file(0, w.dataObjectOf(t, order), ""))
		if answer := w.put(t, fileAt(0)+bytesOf, strings.NewReader("hello")); answer.Code != 204 {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
		for path, sets := range map[string][]string{
			fileAt(0) + bytesOf:           {dataObjects},
			order + hangs + "()":          {orders, dataObjects},
			order + "/Customer":           {orders, customers},
			order + "/Lines":              {orders},
			order + "/GetAllowedStates()": {orders},
			customers + "(" + row(kindCustomer, 0) + ")/ExternalAccess": {customers, access},
		} {
			w.uses.Take(houseNow)
			if r, answer := call(t, w.h, "GET", path, ""); r.StatusCode != 200 {
				t.Errorf("%s: %d %s", path, r.StatusCode, answer)
			}
			used := map[string]bool{}
			for _, u := range w.uses.Take(houseNow).Uses {
				used[u.Set] = used[u.Set] || u.Right == permission.Read
			}
			for _, set := range sets {
				if !used[set] {
					t.Errorf("%s: the use of %s is not counted: %v", path, set, used)
				}
			}
		}
	})
}
