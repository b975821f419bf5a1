package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

const groups = "General_Products_ProductGroups"

// batch sends a batch with the boundary b, whose lines end as given.
func batch(t testing.TB, h http.Handler, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return call(t, h, "POST", "$batch", body, append([]string{"Content-Type: multipart/mixed; boundary=b"}, headers...)...)
}

func one(request string) string { return "--b\nContent-Type: application/http\n\n" + request + "\n" }

// changeset is one with a Content-ID for each request, counted from 1.
func changeset(requests ...string) string {
	text := "--b\nContent-Type: multipart/mixed; boundary=c\n\n"
	for i, r := range requests {
		text += fmt.Sprintf("--c\nContent-Type: application/http\nContent-ID: %d\n\n%s\n", i+1, r)
	}
	return text + "--c--\n"
}

func named(t testing.TB, h http.Handler, code string) bool {
	t.Helper()
	_, answer := call(t, h, "GET", groups+"?$filter=Code%20eq%20%27"+code+"%27&$select=Code", "")
	return strings.Contains(answer, `"Code":"`+code+`"`)
}

// A changeset is one transaction: what is in it sees what came before it, and where one
// request fails nothing stays, and its answer is 500 with the reason and its Content-ID
// (domain-api.md 10). Line ends and headers are those of published examples.
func TestBatch(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		post := func(code string) string {
			return "POST " + groups + " HTTP/1.1\nContent-Type:application/json \n\n" + `{"Code":"` + code + `","Name":{"EN":"` + code + `"}}`
		}
		r, answer := batch(t, h, one("GET "+groups+"?$select=Code&$filter=Code eq 'G1' HTTP/1.1\n")+
			changeset(post("N1"), "PATCH $1\n\n"+`{"Name":{"EN":"Second name"}}`, post("N2"))+one("GET "+groups+"/$count\n")+"--b--")
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/mixed;boundary=batchresponse_") {
			t.Fatalf("%d %v %s", r.StatusCode, r.Header, answer)
		}
		for _, want := range []string{`"Code":"G1"`, "boundary=changesetresponse_", "HTTP/1.1 204", "Content-Id: 1", "Odata-Entityid: " + domainRoot + groups, `Etag: W/"2"`} {
			if !strings.Contains(answer, want) {
				t.Errorf("%q is not in\n%s", want, answer)
			}
		}
		if !named(t, h, "N1") || !named(t, h, "N2") {
			t.Error("the changeset was not made")
		}
		// The third request fails: nothing of the changeset stays, and nothing after it is done.
		failing := changeset(post("N3"), post("N4"), post("N1")) + one("GET "+groups+"/$count\n") + "--b--"
		_, answer = batch(t, h, failing)
		if !strings.Contains(answer, "HTTP/1.1 500") || !strings.Contains(answer, "Tandem-Status: 409") || !strings.Contains(answer, "Content-Id: 3") ||
			!strings.Contains(answer, `"code":2129`) || strings.Contains(answer, "text/plain") {
			t.Errorf("%s", answer)
		}
		if named(t, h, "N3") || named(t, h, "N4") {
			t.Error("half of a changeset stays")
		}
		if _, answer = batch(t, h, failing, "Prefer: odata.continue-on-error", "Accept: multipart/mixed"); !strings.Contains(answer, "text/plain") {
			t.Errorf("it does not go on: %s", answer)
		}
		// A condition on a version, by which the rest is undone, too.
		_, answer = batch(t, h, changeset(post("N5"), "PATCH $1\nIf-Match: W/\"7\"\n\n"+`{"Name":{"EN":"x"}}`)+"--b--")
		if !strings.Contains(answer, "Tandem-Status: 412") || named(t, h, "N5") {
			t.Errorf("%s", answer)
		}
	})
}

// Each request of a batch needs what it would need alone, and none brings a token, another
// person or another address of its own.
func TestBatchGivesNoRights(t *testing.T) {
	t.Parallel()
	h := stocked(t, datatest.Open(t, sqldb.SQLite))
	write := "POST " + groups + "\nAuthorization: Bearer read+update\n\n" + `{"Code":"X","Name":{"EN":"X"}}`
	for name, body := range map[string]string{"alone": one(write), "in a changeset": changeset(write)} {
		_, answer := batch(t, h, body+"--b--", "Authorization: Bearer read")
		if !strings.Contains(answer, "insufficient_scope") || named(t, h, "X") {
			t.Errorf("a token to read writes %s: %s", name, answer)
		}
	}
	if r, answer := batch(t, h, one("GET "+groups)+"--b--", "Authorization: Bearer update"); r.StatusCode != 403 {
		t.Errorf("a token that reads nothing: %d %s", r.StatusCode, answer)
	}
	for request, want := range map[string]string{
		"GET https://other.example/x": "below the root", "GET /x": "below the root", "POST $batch": "cannot be inside", "POST $batch/": "cannot be inside",
		"POST %24batch": "cannot be inside", "GET " + groups + "(" + uuid.NewString() + ")/Picture/$value/": "cannot be inside", "nonsense": "begins with a line",
		"PATCH $9": "names no request", "GET ../../admin": "404", "GET " + groups + "\nbroken header\n": "has no colon",
	} {
		if r, answer := batch(t, h, one(request)+"--b--"); !strings.Contains(answer, want) && r.StatusCode != 400 {
			t.Errorf("%q: %s", request, answer)
		}
	}
	for request, want := range map[string]string{
		"GET " + groups: "takes no GET", "POST Import\n\n{}": "cannot be inside", "POST Import/\n\n{}": "cannot be inside", "POST %49mport\n\n{}": "cannot be inside",
		"POST " + groups + "(" + uuid.NewString() + ")/GetPrintout\n\n{}": "cannot be inside",
	} {
		if _, answer := batch(t, h, changeset(request)+"--b--"); !strings.Contains(answer, want) {
			t.Errorf("%q: %s", request, answer)
		}
	}
	for _, cut := range []string{"--b", "", "--b--"[:3], one("GET GetVersion") + "--b", changeset() + "--b\n"} {
		if r, answer := batch(t, h, one("GET GetVersion")+cut); r.StatusCode != 400 {
			t.Errorf("without its end, %q: %d %s", cut, r.StatusCode, answer)
		}
	}
	cut := strings.ReplaceAll(changeset("POST "+groups+"\n\n"+`{"Code":"CUT","Name":{"EN":"X"}}`)+"--b--", "--c--", "--c")
	if r, answer := batch(t, h, cut); r.StatusCode != 400 || named(t, h, "CUT") {
		t.Errorf("a changeset without its end: %d %s", r.StatusCode, answer)
	}
	for _, body := range []string{"", "--b", "--b--", "--x\n\n--x--", "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: multipart/mixed; boundary=d\n\n--d--\n--c--\n--b--"} {
		if r, answer := batch(t, h, body); r.StatusCode >= 500 {
			t.Errorf("%q: %d %s", body, r.StatusCode, answer)
		}
	}
	if r, _ := call(t, h, "POST", "$batch", "{}"); r.StatusCode != 415 {
		t.Errorf("JSON: %d", r.StatusCode)
	}
	if r, answer := batch(t, h, strings.Repeat(changeset(), 1001)+"--b--"); r.StatusCode != 400 || !strings.Contains(answer, "at most 1000") {
		t.Errorf("too many changesets: %d", r.StatusCode)
	}
	// What a changeset named that was undone is nobody's name after it.
	undone := changeset("PATCH "+groups+"(Code='G1')\n\n{}", "PATCH $1\n\n{\"Nothing\":1}") + one("DELETE $1") + "--b--"
	if _, answer := batch(t, h, undone, "Prefer: continue-on-error"); !strings.Contains(answer, "names no request") {
		t.Errorf("a name of what was undone: %s", answer)
	}
	if r, answer := batch(t, h, strings.Repeat(one("GET GetVersion"), 1001)+"--b--"); r.StatusCode != 400 || !strings.Contains(answer, "at most 1000") {
		t.Errorf("too many: %d", r.StatusCode)
	}
}

// FuzzBatch: no body of a batch makes a panic or an internal error.
func FuzzBatch(f *testing.F) {
	h := serve(f, currencies(1))
	f.Add(one("GET "+groups) + changeset("PATCH $1\n\n{}") + "--b--")
	f.Add("--b\r\nContent-Type: application/http\r\n\r\nGET GetVersion HTTP/1.1\r\nA:b\r\n\r\n--b--")
	f.Add("--b\n\n\n--b--")
	f.Fuzz(func(t *testing.T, body string) {
		if r, answer := batch(t, h, body); r.StatusCode >= 500 {
			t.Errorf("%d %s", r.StatusCode, answer)
		}
	})
}
