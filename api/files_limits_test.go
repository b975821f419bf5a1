package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// A row has so many files and so many bytes of them, whether they come one by one or
// together; what is there can still be changed and deleted.
func TestARowHasSoManyFiles(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, ""), visit(1, ""))
		object, other := w.dataObjectOf(t, visits+"("+row(kindVisit, 0)+")"), w.dataObjectOf(t, visits+"("+row(kindVisit, 1)+")")
		some := func(from, n int) string {
			var all []string
			for i := range n {
				all = append(all, fmt.Sprintf(`{"Id":"%s","FileName":"%d.jpg"}`, row(kindFile, from+i), from+i))
			}
			return `{"Files":[` + strings.Join(all, ",") + `]}`
		}
		of := func(n int, object string) string { return strings.TrimPrefix(file(n, object, ""), files+" ") }
		w.steps(t, []doorStep{
			{"201 at once", "PATCH", dataObjects + "(" + object + ")", some(0, 201), 422, "Constraint TF3", ""},
			{"199 at once", "PATCH", dataObjects + "(" + object + ")", some(0, 199), 204, "", ""},
			{"the last", "POST", files, of(300, object), 201, "", ""},
			{"one more", "POST", files, of(301, object), 422, "at most 200 files", ""},
			{"of another row", "POST", files, of(301, other), 201, "", ""},
			{"deleted", "DELETE", fileAt(0), "", 204, "", ""},
			{"and there is room", "POST", files, of(302, object), 201, "", ""},
		})
		w.sql(t, `UPDATE erp_object_files SET access_permission = 0 WHERE object = $1`, object)
		w.as(someRights(map[string]permission.Right{dataObjects: permission.OfSets, visits: permission.OfSets}).As(somebody), func() {
			w.steps(t, []doorStep{
				{"who sees none", "GET", files + "/$count?$filter=" + url.QueryEscape("Object eq '"+dataObjects+"("+object+")'"), "", 200, "0", ""},
				{"is told why", "POST", files, of(301, object), 422, "counting those that only their creator sees", ""},
			})
		})
		w.sql(t, `UPDATE erp_object_files SET file_size_bytes = 500 * 1048576 - 10 WHERE id = $1`, row(kindFile, 1))
		for n, c := range []struct {
			size, status int
		}{{10, 204}, {11, 422}, {10, 204}, {3, 204}} {
			if answer := w.put(t, fileAt(2)+bytesOf, strings.NewReader(strings.Repeat("a", c.size))); answer.Code != c.status || c.status == 422 && !strings.Contains(answer.Body.String(), "Constraint TF4") {
				t.Errorf("%d: %d bytes: %d %s", n, c.size, answer.Code, answer.Body)
			}
		}
		w.sql(t, `UPDATE erp_object_files SET file_size_bytes = 600 * 1048576 WHERE id = $1`, row(kindFile, 1))
		w.steps(t, []doorStep{
			{"too much is there, and is renamed", "PATCH", fileAt(1), `{"FileName":"b.jpg"}`, 204, "", ""},
			{"and deleted", "DELETE", fileAt(1), "", 204, "", ""},
		})
	})
}
