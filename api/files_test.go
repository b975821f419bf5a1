package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	files       = "Systems_Core_ObjectFiles"
	dataObjects = "Systems_Core_ExtensibleDataObjects"
	kindFile    = 60
	hangs       = "/GetOrCreateExtensibleDataObject"
	bytesOf     = "/EmbeddedFileContents/$value"
)

func fileAt(n int) string { return files + "(" + row(kindFile, n) + ")" }

// dataObjectOf makes what the files of a row hang on, and returns its id.
func (w *house) dataObjectOf(t testing.TB, on string) string {
	t.Helper()
	r, answer := call(t, w.h, "POST", on+hangs, "")
	if r.StatusCode != 201 && r.StatusCode != 200 {
		t.Fatalf("%s: %d %s", on, r.StatusCode, answer)
	}
	_, rest, _ := strings.Cut(answer, `"@odata.id":"`+dataObjects+"(")
	id, _, _ := strings.Cut(rest, ")")
	return id
}

func file(n int, object, more string) string {
	return fmt.Sprintf(`%s {"Id":"%s","Object@odata.bind":"%s(%s)","FileName":"photo %d.jpg"%s}`, files, row(kindFile, n), dataObjects, object, n, more)
}

// put sends bytes, of which nobody knows how many they are.
func (w *house) put(t testing.TB, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "PUT", api.DomainPath+path, body)
	r.Header.Set("Authorization", "Bearer read+update")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	w.h.ServeHTTP(answer, r)
	return answer
}

// picture begins as a JPEG does.
func picture(size int) []byte {
	b := bytes.Repeat([]byte{7, 0, 200}, size/3+1)[:size]
	copy(b, "\xff\xd8\xff\xe0\x00\x10JFIF\x00")
	return b
}

func TestFiles(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, ""))
		on := visits + "(" + row(kindVisit, 0) + ")"
		if r, _ := call(t, w.h, "GET", on+hangs+"()", ""); r.StatusCode != 204 {
			t.Errorf("a row without files has a data object: %d", r.StatusCode)
		}
		object := w.dataObjectOf(t, on)
		if again := w.dataObjectOf(t, on); object == "" || again != object {
			t.Errorf("made twice: %s, %s", object, again)
		}
		w.post(t, file(0, object, `,"ExternalId":"command 1","PurposeCode":"field/photo"`))
		content := picture(3*256<<10 + 17)
		sum := sha256.Sum256(content)
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		answer := w.put(t, fileAt(0)+bytesOf, io.MultiReader(bytes.NewReader(content)), "Repr-Digest: "+digest, "Content-Type: image/jpeg")
		if answer.Code != 204 || answer.Header().Get("ETag") == "" {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
		r, got := call(t, w.h, "GET", fileAt(0)+bytesOf, "")
		if r.StatusCode != 200 || got != string(content) {
			t.Errorf("GET: %d, %d bytes", r.StatusCode, len(got))
		}
		for name, want := range map[string]string{"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Repr-Digest": digest, "Content-Length": fmt.Sprint(len(content)),
			"Content-Disposition": `attachment; filename="photo 0.jpg"; filename*=UTF-8''photo%200.jpg`, "Content-Security-Policy": "default-src 'none'; sandbox"} {
			if r.Header.Get(name) != want {
				t.Errorf("%s: %q, want %q", name, r.Header.Get(name), want)
			}
		}
		if r, got := call(t, w.h, "GET", fileAt(0)+bytesOf, "", "If-None-Match: "+r.Header.Get("ETag")); r.StatusCode != 304 || got != "" {
			t.Errorf("GET of what is known: %d", r.StatusCode)
		}
		w.steps(t, []doorStep{
			{"the row", "GET", fileAt(0), "", 200, `"FileSizeBytes":786449,"MediaType":"image/jpeg"`, "EmbeddedFileContents"},
			{"found by its external id", "GET", files + "?$select=FileName&$filter=ExternalId%20eq%20'command%201'", "", 200, "photo 0.jpg", ""},
			{"no bytes in a list", "GET", files + "?$select=EmbeddedFileContents", "", 400, "$value", ""},
			{"no bytes in a body", "PATCH", fileAt(0), `{"EmbeddedFileContents":"aGVsbG8="}`, 400, "$value", ""},
			{"a link", "POST", files, `{"Object@odata.bind":"` + dataObjects + "(" + object + `)","FileName":"a.jpg","ContentLocation":"Link"}`, 422, "Constraint TF1", ""},
			{"a path of a file system", "PATCH", fileAt(0), `{"ContentLocation":"FileSystemPath"}`, 422, "Constraint TF1", ""},
			{"a file that is there", "POST", files, `{"Object@odata.bind":"` + dataObjects + "(" + object + `)","FileName":"a.jpg","ExternalId":"command 1"}`, 409, "ExternalId", ""},
			{"a data object of no set", "POST", dataObjects, `{"EntityType":"Systems_Security_Users","EntityItemId":"` + aGUID + `"}`, 422, "EntityType", ""},
			{"a data object of no row", "POST", dataObjects, `{"EntityType":"` + visits + `","EntityItemId":"` + aGUID + `"}`, 422, "not found", ""},
			{"bytes of what has none", "GET", on + "/Subject/$value", "", 404, "", ""},
			{"moved to another row", "PATCH", dataObjects + "(" + object + ")", `{"EntityItemId":"` + aGUID + `"}`, 400, "read-only", ""},
		})
		for _, name := range []string{"../a.jpg", `a\\b.jpg`, "a/b.jpg", ".hidden", "a.", "a\u202egpj.exe", "C:a.jpg", "a\\u0000.jpg"} {
			if r, answer := call(t, w.h, "PATCH", fileAt(0), `{"FileName":"`+name+`"}`); r.StatusCode != 422 && r.StatusCode != 400 {
				t.Errorf("%s: %d %s", name, r.StatusCode, answer)
			}
		}
		w.refusedContents(t, content)
		// With the row go its files.
		if r, answer := call(t, w.h, "DELETE", on, ""); r.StatusCode != 204 {
			t.Fatalf("DELETE: %d %s", r.StatusCode, answer)
		}
		w.steps(t, []doorStep{{"the row is gone", "GET", fileAt(0) + bytesOf, "", 404, "", ""}, {"and its data object", "GET", dataObjects + "/$count", "", 200, "0", ""}})
	})
}

// refusedContents tries bodies that are refused, and finds the content as it was.
func (w *house) refusedContents(t *testing.T, content []byte) {
	t.Helper()
	for name, c := range map[string]struct {
		body   io.Reader
		status int
		header string
	}{
		"cut short":            {io.MultiReader(bytes.NewReader(content[:300<<10]), iotest.ErrReader(io.ErrUnexpectedEOF)), 500, ""},
		"broken off":           {io.MultiReader(bytes.NewReader(content[:300<<10]), iotest.ErrReader(errors.New("reset"))), 500, ""},
		"too large":            {io.MultiReader(bytes.NewReader(picture(api.MaxFile + 1))), 413, ""},
		"HTML":                 {strings.NewReader("<!doctype html><script>alert(1)</script>"), 415, ""},
		"SVG":                  {strings.NewReader(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), 415, ""},
		"a program":            {strings.NewReader("\x7fELF\x02\x01\x01"), 415, ""},
		"of another digest":    {strings.NewReader("hello"), 400, "Repr-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"},
		"a part":               {strings.NewReader("hello"), 400, "Content-Range: bytes 0-4/10"},
		"compressed":           {strings.NewReader("hello"), 415, "Content-Encoding: gzip"},
		"a form":               {strings.NewReader("hello"), 415, "Content-Type: multipart/form-data; boundary=x"},
		"of an older version":  {strings.NewReader("hello"), 412, `If-Match: W/"1"`},
		"to be made anew only": {strings.NewReader("hello"), 412, "If-None-Match: *"},
	} {
		headers := []string{"X-Test: " + name}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		if answer := w.put(t, fileAt(0)+bytesOf, c.body, headers...); answer.Code != c.status && c.status != 500 || answer.Code < 400 {
			t.Errorf("%s: %d %s, want %d", name, answer.Code, answer.Body, c.status)
		}
	}
	if r, got := call(t, w.h, "GET", fileAt(0)+bytesOf, ""); r.StatusCode != 200 || got != string(content) {
		t.Errorf("after what was refused: %d, %d bytes", r.StatusCode, len(got))
	}
	for what, n := range w.numbers(t, `SELECT 'contents', COUNT(*) FROM erp_file_contents UNION ALL SELECT 'parts', COUNT(*) FROM erp_file_parts`) {
		if want := map[string]int64{"contents": 1, "parts": 4}[what]; n != want {
			t.Errorf("%d %s stay, want %d", n, what, want)
		}
	}
}

func (w *house) numbers(t testing.TB, query string) map[string]int64 {
	t.Helper()
	rows, err := w.db.Reader().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		all[name] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestE1_AFileIsSeenWithItsRow: through every door a file is seen by who sees the row
// that it hangs on, and one of its creator by that account alone.
func TestE1_AFileIsSeenWithItsRow(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	key := permission.Key{ID: keyID(orders, 0), Kind: permission.RowKey, EntityName: orders}
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	with := func(more map[string]permission.Right) map[string]permission.Right {
		all := map[string]permission.Right{}
		for _, m := range []map[string]permission.Right{sets, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		on := orders + "(" + row(kindOrder, 1) + ")"
		object := w.dataObjectOf(t, on)
		w.post(t, file(0, object, `,"AccessPermission":"External"`), file(1, object, ""), file(2, object, `,"AccessPermission":"Creator"`))
		for n := range 3 {
			if answer := w.put(t, fileAt(n)+bytesOf, strings.NewReader("hello")); answer.Code != 204 {
				t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
			}
		}
		w.sql(t, `UPDATE erp_sales_orders SET access_key = $1 WHERE id = $2`, key.ID, row(kindOrder, 1))
		for name, c := range map[string]struct {
			rights *permission.Rights
			sees   int // files
			writes int
		}{
			"of the row, the creator": {someRights(with(map[string]permission.Right{key.ID: permission.OfRows}), key).As(aGUID), 3, 204},
			"of the row":              {someRights(with(map[string]permission.Right{key.ID: permission.OfRows}), key).As(somebody), 2, 204},
			"who only reads the row":  {someRights(with(map[string]permission.Right{key.ID: permission.Read}), key).As(somebody), 2, 403},
			"without the key":         {someRights(sets, key).As(aGUID), 0, 404},
			"without orders":          {someRights(with(map[string]permission.Right{orders: 0}), key).As(aGUID), 0, 404},
			"who only reads orders":   {someRights(with(map[string]permission.Right{orders: permission.Read, key.ID: permission.OfRows}), key).As(somebody), 2, 403},
			"an administrator":        {permission.ByPlatform().Rights, 3, 204},
		} {
			w.as(c.rights, func() {
				status := map[bool]int{true: 200, false: 404}[c.sees > 0]
				w.steps(t, []doorStep{
					{name, "GET", files + "/$count", "", 200, fmt.Sprint(c.sees), ""},
					{name, "GET", fileAt(1) + bytesOf, "", status, "", ""},
					{name, "GET", fileAt(1), "", status, "", ""},
					{name, "GET", dataObjects + "(" + object + ")/Files/$count", "", status, "", ""},
					{name, "PATCH", fileAt(1), `{"Notes":"` + name + `"}`, c.writes, "", ""},
				})
				if answer := w.put(t, fileAt(1)+bytesOf, strings.NewReader("hello "+name)); answer.Code != c.writes {
					t.Errorf("%s: PUT: %d %s, want %d", name, answer.Code, answer.Body, c.writes)
				}
				creator := map[bool]int{true: 200, false: 404}[c.sees == 3]
				w.steps(t, []doorStep{{name + ", the creator's", "GET", fileAt(2) + bytesOf, "", creator, "", ""}})
			})
		}
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, erpModel.Outside()).For(userID, now)
		}
		w.narrow.Store(&narrow)
		w.sql(t, `UPDATE erp_sales_orders SET access_key = NULL`)
		w.sql(t, `INSERT INTO erp_customer_external_access (id, role, customer, "user") VALUES ($1, 20, $2, $3)`, row(98, 0), row(kindCustomer, 1), somebody)
		w.as(someRights(sets), func() {
			for n, status := range []int{200, 404, 404} {
				if r, answer := call(t, w.h, "GET", fileAt(n)+bytesOf, "", onBehalf(somebody)...); r.StatusCode != status {
					t.Errorf("a person of the outside: file %d: %d %s", n, r.StatusCode, answer)
				}
			}
			r, answer := call(t, w.h, "GET", files+"/$count", "", onBehalf(somebody)...)
			if answer != "1" {
				t.Errorf("files of a person of the outside: %d %s", r.StatusCode, answer)
			}
			if r, answer := call(t, w.h, "GET", files+"/$count", "", onBehalf(row(99, 9))...); answer != "0" {
				t.Errorf("files of another: %d %s", r.StatusCode, answer)
			}
		})
	})
}
