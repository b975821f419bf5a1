package importer_test

import (
	"context"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/worker/importer"
	"github.com/hybridapps/tandem/worker/workertest"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// What the queue has no room for must not fill the disk, and nobody takes more
// than half of the room.
func TestRefusedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	upload := func(evidence string) error {
		contentType, body := workertest.Form(t, "a.csv", "x\n")
		_, err := w.API.Import(t.Context(), evidence, contentType, body)
		return err
	}
	refused := func(evidence, want string) {
		t.Helper()
		if err := upload(evidence); tandem.ErrorCode(err) != tandem.CodeThrottled || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, evidence := range []string{f.Anna(), f.Eve()} {
		for range importer.MaxWaiting / 2 {
			if err := upload(evidence); err != nil {
				t.Fatal(err)
			}
		}
		refused(evidence, "you have 5 jobs that wait")
	}
	refused(f.Admin(), "too many jobs wait")
	kept, err := os.ReadDir(filepath.Join(w.Dir, "files"))
	if err != nil || len(kept) != importer.MaxWaiting {
		t.Errorf("%d folders of files, want %d, %v", len(kept), importer.MaxWaiting, err)
	}
}

// TestUploadThatBreaksOff is told as what it is, in the middle of a file too.
func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	contentType, body := workertest.Form(t, "customers.csv", "customerID,companyName\nA,B\n")
	body.Truncate(body.Len() - 75)
	if _, err := w.API.Import(t.Context(), f.Anna(), contentType, body); tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("got %v", err)
	}
	// And one with a file whose name, or whole head, is no text.
	for _, head := range []string{
		"form-data; name=\"files\"; filename=\"a\x00b.csv\"", "form-data; name=\"files\"; filename=\"a\x1fb.csv\"",
		"form-data; name=\"files\"; filename*=UTF-8''a%00b.csv", "form-data; name=\"files\"; filename=\"\xea\xe0.csv\"",
		"form-data; name=\"files\"; filename=\"" + strings.Repeat("x", 300) + "\"", "form-data; name=\"files\"; filename=\"open", "form-data; ; ;",
	} {
		text := "--b\r\nContent-Disposition: " + head + "\r\n\r\nx\n\r\n--b--\r\n"
		_, err := w.API.Import(t.Context(), f.Anna(), "multipart/form-data; boundary=b", strings.NewReader(text))
		if tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%q: %v", head, err)
		}
	}
}

// dripping is a file that goes on until the test ends.
type dripping struct{ ctx context.Context }

func (d dripping) Read(b []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, io.EOF
	case <-time.After(time.Millisecond):
		return copy(b, "a,b\n"), nil
	}
}

// TestUploadThatDripsEnds: a server that gives every read new time would let it
// keep others from uploading for ever.
func TestUploadThatDripsEnds(t *testing.T) {
	t.Parallel()
	f := workertest.NewFake(t)
	w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
	var head strings.Builder
	m := multipart.NewWriter(&head)
	if _, err := m.CreateFormFile("files", "customers.csv"); err != nil {
		t.Fatal(err)
	}
	// The keys of the evidence are there before the time begins.
	if _, err := w.API.Jobs(t.Context(), f.Anna(), internalapi.JobQuery{}); err != nil {
		t.Fatal(err)
	}
	within, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second) // as the endpoint's own limit; who it is is found out within
	defer stop()
	r := httptest.NewRequestWithContext(ctx, "POST", internalapi.PathImports, io.MultiReader(strings.NewReader(head.String()), dripping{within}))
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set(internalapi.HeaderEvidence, f.Anna())
	w.Key.Authorize(r)
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, r)
	if within.Err() != nil || answer.Code != 413 || !strings.Contains(answer.Body.String(), "took more than") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if kept, err := os.ReadDir(filepath.Join(w.Dir, "files")); err != nil || len(kept) != 0 {
		t.Errorf("it leaves %v, %v", kept, err)
	}
}
