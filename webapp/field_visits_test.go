package webapp_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/tandemtest"
)

const visitsSet, filesSet = "Applications_Service_ServiceActivities", "Systems_Core_ObjectFiles"

// attach gives a row a file, as the back end of an application does.
func (s *site) attach(access, row, name, external, purpose string, content []byte) (id string) {
	s.t.Helper()
	between := func(text, before, after string) string {
		_, rest, _ := strings.Cut(text, before)
		found, _, _ := strings.Cut(rest, after)
		return found
	}
	_, made := s.in.API("POST", row+"/GetOrCreateExtensibleDataObject", access, "{}")
	object := between(made, `"@odata.id":"`, `"`)
	status, made := s.in.API("POST", filesSet, access, fmt.Sprintf(`{"Object@odata.bind":%q,"FileName":%q,"ExternalId":%q,"PurposeCode":%q,"Notes":"by svc.field for tom"}`,
		object, name, external, purpose))
	if id = between(made, filesSet+"(", ")"); status != http.StatusCreated || id == "" {
		s.t.Fatalf("%s: %d %s", name, status, made)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.in.URL+"/api/domain/odata/"+filesSet+"("+id+")/EmbeddedFileContents/$value", bytes.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusNoContent {
		s.t.Fatalf("%s: %v %v", name, res, err)
	}
	return id
}

func photo(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOfficeSeesVisitsWithTheirPhotos: UC-B demo 1:20, a visit completed, with its photos,
// by the System User for the technician.
func TestOfficeSeesVisitsWithTheirPhotos(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, list := s.signIn("admin", "/visits")
	list.wants(t, 200, "Visits", "Tom Huber", "Nina Ivanova", "Scheduled", "Completed")
	found := b.open("/visits?" + url.Values{"from": {s.in.Clock.Now().AddDate(0, 0, -30).Format(time.DateOnly)}, "to": {s.in.Clock.Now().AddDate(0, 0, -1).Format(time.DateOnly)}, "sort": {"oldest"}}.Encode())
	found.wants(t, 200)
	ids := found.all("data-visit")
	if len(ids) != 6 || len(list.all("data-visit")) <= 6 {
		t.Fatalf("%d visits are over, of %d", len(ids), len(list.all("data-visit")))
	}
	b.open("/visits?q=no+such+visit").wants(t, 200, "No visits here.")

	access, on := s.in.SignIn("admin").Access, list.all("data-visit")[0]
	if today := b.open("/visits/"+on).wants(t, 200, "Nothing yet."); today.byID("files") != nil {
		t.Error("a visit without files shows some")
	}
	large, small := photo(t, 640, 480), photo(t, 320, 240)
	id := s.attach(access, visitsSet+"("+on+")", "Вал 1.jpg", "c-1", "field/photo", large)
	thumb := s.attach(access, visitsSet+"("+on+")", "small.jpg", "c-1/thumbnail", "field/thumbnail", small)
	text := s.attach(access, visitsSet+"("+on+")", "list.txt", "c-2", "field/photo", []byte("two ropes"))
	page := b.open("/visits/"+on).wants(t, 200, "Вал 1.jpg", "640 × 480", "by svc.field for tom", "list.txt", "text/plain")
	if files := page.all("data-file"); len(files) != 2 {
		t.Errorf("%d files are listed: a small picture is no file of its own", len(files))
	}
	if !strings.Contains(page.Text, `src="/files/`+thumb+`?as=picture"`) {
		t.Error("the photo has no picture")
	}
	for path, want := range map[string]struct {
		kind, disposition string
		content           []byte
	}{
		"/files/" + id:                    {"image/jpeg", "attachment; filename*=utf-8''", large},
		"/files/" + thumb + "?as=picture": {"image/jpeg", "inline; filename=small.jpg", small},
		"/files/" + text + "?as=picture":  {"application/octet-stream", "attachment; filename=list.txt", []byte("two ropes")},
	} {
		got := b.Get(s.url + path)
		h := got.Header
		if got.StatusCode != 200 || got.Text != string(want.content) || h.Get("Content-Type") != want.kind || !strings.HasPrefix(h.Get("Content-Disposition"), want.disposition) ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s: %d, %d bytes, %v", path, got.StatusCode, len(got.Text), h)
		}
	}
	done := b.open("/visits/"+ids[0]).wants(t, 200, "F. Lechner", "Maintenance", "What became of it")
	if done.byID("done") == nil {
		t.Error("nothing is said of what was done")
	}

	// Nobody else gets at them: strangers, people from outside, addresses that are no id.
	b.open("/files/0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10").wants(t, 404)
	b.open("/visits/nonsense").wants(t, 404)
	paul, _ := s.signIn("paul", "/")
	for _, path := range []string{"/visits", "/visits/" + on, "/files/" + id} {
		paul.open(path).wants(t, 403, "employees")
		if at := s.browser().open(path).Request.URL; !strings.HasPrefix(at.String(), s.in.URL) {
			t.Errorf("%s led a stranger to %s", path, at)
		}
	}
}
