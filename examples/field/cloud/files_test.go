package cloud_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// photo is one as a camera takes it, with a place in it.
func photo(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return saying(b.Bytes(), "GPS 42.1354 24.7453")
}

// saying is a JPEG with a comment in its beginning.
func saying(file []byte, comment string) []byte {
	head := append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, byte(len(comment) + 2)}, comment...)
	return append(head, file[2:]...)
}

// sending is a file that a phone sends.
type sending struct {
	*fieldtest.Phone
	t       testing.TB
	command string
	visit   string
	name    string
	bytes   []byte
	at      string // below /field-api/
	sent    *wire.Command
}

func newSending(t testing.TB, ph *fieldtest.Phone, visit, name string, content []byte) *sending {
	return &sending{Phone: ph, t: t, command: uuid.Must(uuid.NewV7()).String(), visit: visit, name: name, bytes: content}
}

func (s *sending) sum() string {
	sum := sha256.Sum256(s.bytes)
	return hex.EncodeToString(sum[:])
}

func (s *sending) body() wire.FileBody {
	return wire.FileBody{Upload: s.command, Name: s.name, Purpose: "photo", SHA256: s.sum(), Bytes: int64(len(s.bytes))}
}

func (s *sending) create() *fieldtest.Answer {
	s.t.Helper()
	var pairs []string
	for name, value := range map[string]string{"key": s.command, "sha256": s.sum(), "visit": s.visit, "filename": s.name, "filetype": "image/jpeg"} {
		pairs = append(pairs, name+" "+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	a := s.Do("POST", "uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(s.bytes)), "Upload-Metadata", strings.Join(pairs, ","))
	s.at = strings.TrimPrefix(a.Header.Get("Location"), wire.Prefix)
	return a
}

func (s *sending) patch(offset, end int) *fieldtest.Answer {
	s.t.Helper()
	return s.Do("PATCH", s.at, s.bytes[offset:end], "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
}

// send sends all of it.
func (s *sending) send() {
	s.t.Helper()
	if a := s.create(); a.Status != 201 {
		s.t.Fatalf("%d %s", a.Status, a.Body)
	}
	if a := s.patch(0, len(s.bytes)); a.Status != 204 {
		s.t.Fatalf("%d %s", a.Status, a.Body)
	}
}

// attach sends the command of the file, the same one each time, and returns the answer.
func (s *sending) attach(body wire.FileBody) *fieldtest.Answer {
	s.t.Helper()
	if s.sent == nil {
		c := s.Command(s.visit, wire.FileAttach, 0, body)
		c.ID = s.command
		s.sent = &c
	}
	return s.Send(*s.sent)
}

// final sends the command and waits for its final answer.
func (s *sending) final(p *fieldtest.Place, body wire.FileBody) *fieldtest.Answer {
	s.t.Helper()
	a := s.attach(body)
	testkit.Eventually(s.t, "the file is booked", func() bool {
		if a.Status == 202 {
			p.Advance(4 * time.Second)
			a = s.Outcome(s.command)
		}
		return a.Status != 202
	})
	return a
}

func (s *sending) attached(p *fieldtest.Place) {
	s.t.Helper()
	if a := s.final(p, s.body()); a.Status != 200 {
		s.t.Fatalf("%d %s", a.Status, a.Body)
	}
}

// filesOf are the files of the ERP, by ExternalId.
func filesOf(p *fieldtest.Place, visit string) map[string]map[string]any {
	p.T.Helper()
	all := map[string]map[string]any{}
	for _, f := range p.Find("Systems_Core_ObjectFiles", "AccessPermission eq 'Internal'", "&$select=default,Id,ContentSha256&$expand=Object") {
		if f["Object"].(map[string]any)["EntityItemId"] == visit {
			all[f["ExternalId"].(string)] = f
		}
	}
	return all
}

func demo(t testing.TB) *fieldtest.Place { return morning(t, tandemtest.Options{}) }

// A photo comes over bad lines, is drawn anew, and hangs on its visit with its thumbnail.
// On the way the token expires: it is renewed, and the offset stays.
func TestB_APhotoGetsToItsVisit(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Cloud()
	visit := p.Visits("tom", p.Today(9), 1)[0]
	s := newSending(t, p.Phone("tom"), visit, `C:\photos\..\..\etc/winch<1>.HEIC`, photo(t, 1200, 900))
	if a := s.create(); a.Status != 201 || a.Header.Get("Upload-Offset") != "0" || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Fatalf("%d %s %v", a.Status, a.Body, a.Header)
	}
	half := len(s.bytes) / 2
	if a := s.patch(0, half); a.Status != 204 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if a := s.attach(s.body()); a.Status != 202 {
		t.Errorf("half of it is there: %d %s", a.Status, a.Body)
	}
	p.Advance(61 * time.Minute)
	if a := s.patch(half, len(s.bytes)); a.Status != 401 {
		t.Errorf("with a token that has expired: %d", a.Status)
	}
	s.Renew()
	if a := s.create(); a.Status != 200 || a.Header.Get("Upload-Offset") != strconv.Itoa(half) {
		t.Errorf("after its renewal: %d at %s", a.Status, a.Header.Get("Upload-Offset"))
	}
	if a := s.patch(half, len(s.bytes)); a.Status != 204 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	s.attached(p)
	s.attached(p) // F6
	files := filesOf(p, visit)
	if len(files) != 2 {
		t.Fatalf("%d files: %v", len(files), files)
	}
	for external, want := range map[string]map[string]any{
		s.command:                {"FileName": "winch_1_.jpg", "PurposeCode": "field/photo", "MediaWidth": 1200.0},
		s.command + "/thumbnail": {"FileName": "winch_1_-thumbnail.jpg", "PurposeCode": "field/thumbnail", "MediaWidth": 320.0},
	} {
		f := files[external]
		for name, v := range want {
			if f[name] != v {
				t.Errorf("%s is %v, want %v", name, f[name], v)
			}
		}
		if f["MediaType"] != "image/jpeg" || f["Notes"] != "by svc.field for tom" || f["ExternalSystem"] != "field" {
			t.Errorf("%v", f)
		}
		status, text := p.API("GET", "Systems_Core_ObjectFiles("+f["Id"].(string)+")/EmbeddedFileContents/$value", p.Admin(), "")
		if status != 200 || !strings.HasPrefix(text, "\xff\xd8\xff") || strings.Contains(text, "GPS") {
			t.Errorf("the content: %d, %d bytes", status, len(text))
		}
	}
	if a := s.create(); a.Status != 200 || a.Header.Get("Upload-Offset") != strconv.Itoa(len(s.bytes)) {
		t.Errorf("created once more: %d at %s", a.Status, a.Header.Get("Upload-Offset"))
	}
}

// The rule of a visit is that of its files, too, by when they were taken: a photo of a
// finished visit that had a longer way is taken, and one that was made afterwards is not.
func TestFilesOfDaysAndStatesGone(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Cloud()
	ph := p.Phone("tom")
	tomorrows, later, old := p.Visits("tom", p.Today(9).AddDate(0, 0, 1), 1)[0], p.Visits("tom", p.Today(9).AddDate(0, 0, 2), 1)[0], p.Visits("tom", p.Today(9).AddDate(-2, 0, 0), 1)[0]
	mine := p.Visits("tom", p.Today(0), 1)[0] // it has begun, whatever the hour
	taken := func(visit string, at time.Time) *fieldtest.Answer {
		t.Helper()
		s := newSending(t, ph, visit, "a.jpg", photo(t, 60, 40))
		s.send()
		k := ph.Command(visit, wire.FileAttach, 0, s.body())
		k.ID, k.At = s.command, at.UTC().Truncate(time.Second)
		s.sent = &k
		return s.final(p, s.body())
	}
	before := p.Clock.Now()
	booked(t, taken(tomorrows, before))
	for name, visit := range map[string]string{"in two days": later, "two years ago": old} {
		if a := taken(visit, p.Clock.Now()); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Message, "can be worked on the day before it") {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if a := taken(mine, before.AddDate(0, 0, -15)); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Message, "days ago") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	p.Advance(time.Minute)
	finished := p.Clock.Now()
	booked(t, ph.Send(ph.Command(mine, wire.Finish, 0, struct{}{})))
	p.Advance(time.Minute)
	booked(t, taken(mine, before))
	booked(t, taken(mine, finished.Add(2*time.Second))) // by a clock that is not quite right
	if a := taken(mine, p.Clock.Now()); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Message, "is Completed and cannot be changed any more") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if n := len(filesOf(p, mine)); n != 4 {
		t.Errorf("%d files", n)
	}
}

// F3: the cloud loses the answer of every one of its writes, one after the other, and finds
// each time what it has done.
func TestF3_AFileOnceWhateverIsLost(t *testing.T) {
	t.Parallel()
	p := demo(t)
	api, err := url.Parse(p.OData)
	if err != nil {
		t.Fatal(err)
	}
	var lost atomic.Int64
	var lose atomic.Int64 // how many writes are answered before one is not
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: api.Scheme, Host: api.Host})
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || lose.Add(-1) != 0 {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // done, and nobody is told
		lost.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(between.Close)
	p.Cloud(func(c *cloud.Config) { c.ODataRoot = client.Root(between.URL + api.Path) })
	visit := p.Visits("tom", p.Today(9), 1)[0]
	s := newSending(t, p.Phone("tom"), visit, "winch.jpg", photo(t, 400, 300))
	s.send()
	// The first try loses its first answer, the second its second, and so on.
	lose.Store(1)
	if a := s.attach(s.body()); a.Status != 202 || lost.Load() != 1 {
		t.Fatalf("its first answer was lost: %d %s", a.Status, a.Body)
	}
	for n := int64(2); ; n++ {
		lose.Store(n)
		p.Advance(3 * time.Minute)
		before := lost.Load()
		var a *fieldtest.Answer
		testkit.Eventually(t, "the next try ends", func() bool {
			a = s.Do("GET", "commands/"+s.command, nil)
			return a.Status != 202 || lost.Load() > before
		})
		if a.Status != 202 {
			if a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			break
		}
		if n > 20 {
			t.Fatal("it does not end")
		}
	}
	files := filesOf(p, visit)
	if len(files) != 2 || lost.Load() < 3 {
		t.Errorf("%d files after %d lost answers", len(files), lost.Load())
	}
	for name, f := range files {
		if size, _ := f["FileSizeBytes"].(float64); size < 100 {
			t.Errorf("%s has %v bytes", name, f["FileSizeBytes"])
		}
	}
}

// Security: what is refused changes nothing, and keeps the visit.
func TestB_FilesThatAreRefused(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Cloud()
	visits := p.Visits("tom", p.Today(9), 2)
	tom, nina := p.Phone("tom"), p.Phone("nina")
	says := func(what string, s *sending, body wire.FileBody, text string) {
		t.Helper()
		if a := s.final(p, body); a.Status != 422 || a.Error != wire.Refused || !strings.Contains(a.Message, text) {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	changed := func(change func(s *sending, b *wire.FileBody)) (*sending, wire.FileBody) {
		s := newSending(t, tom, visits[0], "a.jpg", photo(t, 300, 200))
		s.send()
		b := s.body()
		change(s, &b)
		return s, b
	}
	for what, c := range map[string]struct {
		change func(s *sending, b *wire.FileBody)
		text   string
	}{
		"another sum":     {func(_ *sending, b *wire.FileBody) { b.SHA256 = strings.Repeat("0", 64) }, "another one"},
		"another purpose": {func(_ *sending, b *wire.FileBody) { b.Purpose = "../x" }, "purpose"},
		"another upload":  {func(_ *sending, b *wire.FileBody) { b.Upload = uuid.NewString() }, "id of its command"},
		"another visit":   {func(s *sending, _ *wire.FileBody) { s.visit = visits[1] }, "another visit"},
	} {
		s, body := changed(c.change)
		says(what, s, body, c.text)
	}
	if files := filesOf(p, visits[0]); len(files) != 0 {
		t.Errorf("%v", files)
	}
	good := newSending(t, tom, visits[0], "a.jpg", photo(t, 300, 200))
	good.send()
	good.attached(p)
	// Nina has a visit of her own, and the id of that command: the photo stays what it is,
	// and hers is refused.
	before := filesOf(p, visits[0])[good.command]
	for visit, status := range map[string]int{p.Visits("nina", p.Today(10), 1)[0]: 422, visits[0]: 409} {
		thief := newSending(t, nina, visit, "b.jpg", photo(t, 200, 200))
		thief.command = good.command
		if status == 409 {
			thief = newSending(t, nina, visit, "b.jpg", photo(t, 200, 200))
		}
		if a := thief.create(); a.Status == 201 {
			thief.patch(0, len(thief.bytes))
			if a := thief.final(p, thief.body()); a.Status != status {
				t.Errorf("of %s: %d %s", visit, a.Status, a.Body)
			}
		} else if a.Status != 409 || status != 409 {
			t.Errorf("of %s: %d %s", visit, a.Status, a.Body)
		}
	}
	second := newSending(t, tom, visits[0], "a.jpg", photo(t, 310, 200))
	second.send()
	second.attached(p)
	// Also where the visit is hers now, which the copy does not know yet.
	ninas := "General_Contacts_Persons(" + p.One("General_Contacts_Persons", "contains(PartyName,'Nina')") + ")"
	p.ERP("PATCH", "Applications_Service_ServiceActivities("+visits[0]+")", map[string]any{"ResponsibleParty": map[string]string{"@odata.id": ninas}}, nil)
	thief := newSending(t, nina, visits[0], "b.jpg", photo(t, 200, 200))
	thief.command = second.command
	thief.send() // also while the copy says that it is tom's
	if a := thief.final(p, thief.body()); a.Status != 422 || !strings.Contains(a.Message, "id of this command") {
		t.Errorf("of a visit that is hers now: %d %s", a.Status, a.Body)
	}
	if after := filesOf(p, visits[0]); len(after) != 4 || after[second.command]["MediaWidth"] != 310.0 || after[good.command]["ContentSha256"] != before["ContentSha256"] || after[good.command]["FileName"] != "a.jpg" {
		t.Errorf("%v", after)
	}
	// By id and by whatever verb, another's upload is not there.
	mine := newSending(t, tom, visits[0], "c.jpg", photo(t, 200, 200))
	mine.create()
	for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
		a := nina.Do(method, mine.at, nil, "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		if a.Status != 404 {
			t.Errorf("%s of another's: %d", method, a.Status)
		}
	}
	for name, content := range map[string][]byte{"HEIC": []byte("\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic"), "PDF": []byte("%PDF-1.7 a"), "SVG": []byte("<svg xmlns='x'/>")} {
		s := newSending(t, tom, visits[1], name, content)
		s.send()
		says(name, s, s.body(), name)
	}
	if files := filesOf(p, visits[1]); len(files) != 0 {
		t.Errorf("%v", files)
	}
	if a := newSending(t, tom, "no visit", "d.jpg", []byte("x")).create(); a.Status != 400 {
		t.Errorf("an upload for nothing: %d %s", a.Status, a.Body)
	}
}

// Security: uploads take the same tokens as all of the API, and F4: a person who was
// disabled sends nothing more.
func TestF4_WhoMaySend(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Cloud()
	tom := p.Phone("tom")
	s := newSending(t, tom, p.Visits("tom", p.Today(9), 1)[0], "a.jpg", photo(t, 300, 200))
	if a := s.create(); a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for name, change := range map[string]func(*http.Request){
		"no token": func(r *http.Request) { r.Header.Del("Authorization") },
		"no proof": func(r *http.Request) { r.Header.Del("DPoP") },
		"another's proof": func(r *http.Request) {
			r.Header.Set("DPoP", p.Phone("nina").Request("POST", "uploads", nil).Header.Get("DPoP"))
		},
		"of the ERP": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.Admin()) },
	} {
		r := tom.Request("POST", "uploads", nil)
		r.Header.Set("Tus-Resumable", "1.0.0")
		change(r)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if _, err := p.Platform.Accounts.Disable(t.Context(), tandemtest.By, "tom"); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	p.Advance(6 * time.Second)
	if a := s.patch(0, len(s.bytes)); a.Status != 401 {
		t.Errorf("after he was disabled: %d %s", a.Status, a.Body)
	}
}

// Security: a name is a name, wherever it is saved.
func TestB_FileNames(t *testing.T) {
	t.Parallel()
	for told, want := range map[string]string{
		"winch.jpg": "winch", "../../etc/passwd": "passwd", `..\..\x.png`: "x", "a\u202egpj.exe": "agpj", "": "photo", "...": "photo", ".hidden": "photo",
		"a:b|c?.jpg": "a_b_c_", "Лебедка 1.jpeg": "Лебедка 1", strings.Repeat("я", 300) + ".jpg": strings.Repeat("я", 100), "a\x00\nb.jpg": "ab", "CON.jpg": "CON",
	} {
		if got := cloud.FileName(told); got != want {
			t.Errorf("%q is %q, want %q", told, got, want)
		}
	}
}

// Security: a file for somebody else's visit is refused, however many come at once and at
// whichever try, and no answer has the visit; so is one for a visit that is gone.
func TestB_FilesForAVisitOfAnother(t *testing.T) {
	t.Parallel()
	p, l := lined(t, tandemtest.Options{})
	p.Cloud()
	visit, nina := p.Visits("tom", p.Today(9), 1)[0], p.Phone("nina")
	l.state.Store(lineDown) // so that the first try of each is postponed
	var all []*sending
	for range 4 {
		s := newSending(t, nina, visit, "a.jpg", photo(t, 200, 150))
		s.send()
		all = append(all, s)
		accepted(t, s.attach(s.body()))
	}
	gone := newSending(t, nina, "6f0c1b2e-0000-4000-8000-000000000000", "a.jpg", photo(t, 200, 150))
	gone.send()
	accepted(t, gone.attach(gone.body()))
	l.state.Store(lineGood)
	for _, s := range all {
		a := finally(t, p, nina, s.command)
		refusedAs(t, a, 409, wire.NotYours)
		if a.Visit != nil || a.Office != nil {
			t.Errorf("tom's visit is in her answer: %s", a.Body)
		}
	}
	refusedAs(t, finally(t, p, nina, gone.command), 422, wire.Refused)
	if files := filesOf(p, visit); len(files) != 0 {
		t.Errorf("%v", files)
	}
}

// The bytes of a file stay until its final answer is kept: what is broken off in between
// is refused, or done, as if nothing had been. Bytes that are gone are no proof that the
// ERP has the file.
func TestF3_BytesStayUntilTheAnswerIsKept(t *testing.T) {
	t.Parallel()
	p := demo(t)
	c := p.Cloud()
	visit, tom := p.Visits("tom", p.Today(9), 1)[0], p.Phone("tom")
	run := func(statement string) {
		t.Helper()
		if _, err := c.Config.DB.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	bad, good := newSending(t, tom, visit, "a.pdf", []byte("%PDF-1.7 a")), newSending(t, tom, visit, "b.jpg", photo(t, 200, 150))
	run(`CREATE TRIGGER broken BEFORE UPDATE OF state ON commands BEGIN SELECT RAISE(ABORT, 'killed'); END`)
	for _, s := range []*sending{bad, good} {
		s.send()
		accepted(t, s.attach(s.body()))
	}
	lost := newSending(t, tom, visit, "c.jpg", photo(t, 200, 150))
	lost.send()
	run(`UPDATE tus_uploads SET state = 'taken' WHERE upload_key = '` + lost.command + `'`)
	run(`DROP TRIGGER broken`)
	lost.attach(lost.body())
	refusedAs(t, finally(t, p, tom, lost.command), 422, wire.Refused)
	refusedAs(t, finally(t, p, tom, bad.command), 422, wire.Refused)
	if a := finally(t, p, tom, good.command); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if files := filesOf(p, visit); len(files) != 2 {
		t.Errorf("%d files", len(files))
	}
}

// A picture that takes longer to read than its sender waits is booked in the background, in a
// time of its own, and keeps no other file of its visit waiting for ever.
func TestAPictureThatTakesLong(t *testing.T) {
	t.Parallel()
	p := demo(t)
	p.Cloud(func(c *cloud.Config) { c.BookIn(2 * time.Second) })
	visit := p.Visits("tom", p.Today(9), 1)[0]
	ph := p.Phone("tom")
	long := newSending(t, ph, visit, "long.jpg", saying(photo(t, 60, 40), slowPicture))
	long.send()
	accepted(t, long.attach(long.body()))
	other := newSending(t, ph, visit, "short.jpg", photo(t, 60, 40))
	other.send()
	other.attach(other.body())
	for _, s := range []*sending{long, other} {
		booked(t, finally(t, p, ph, s.command))
	}
}
