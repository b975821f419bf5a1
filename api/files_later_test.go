package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// slowly takes the first part of an answer, and then so long that what is after it comes
// later.
type slowly struct {
	*httptest.ResponseRecorder
	then func()
}

func (s *slowly) Write(b []byte) (int, error) {
	n, err := s.ResponseRecorder.Write(b)
	s.then()
	return n, err
}

// TestE4_AFileThatIsTakenSlowly: who may not see a file any more gets no more of it than
// the piece that is on the line, and knows that it is not whole; who still may gets all.
func TestE4_AFileThatIsTakenSlowly(t *testing.T) {
	t.Parallel()
	all := permission.ByPlatform().Rights
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, ""))
		w.post(t, file(0, w.dataObjectOf(t, visits+"("+row(kindVisit, 0)+")"), ""))
		content := picture(300 << 10)
		if answer := w.put(t, fileAt(0)+bytesOf, bytes.NewReader(content)); answer.Code != http.StatusNoContent {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
		for name, c := range map[string]struct {
			later *permission.Rights
			whole bool
		}{"the same rights": {all, true}, "no rights": {nil, false}} {
			var now atomic.Int64
			rights := func(context.Context, *tandem.Principal) (*permission.Rights, error) {
				if now.Load() > 0 {
					return c.later, nil
				}
				return all, nil
			}
			quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
			mux := http.NewServeMux()
			(&api.Domain{Model: erpModel.Model, Store: data.NewERP(db, erpModel), Root: "https://erp.example", Log: quiet, Access: &api.Access{
				Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: rights, Auditor: doors{}, Log: quiet,
				Clock: func() time.Time { return time.Unix(now.Load(), 0) },
			}}).Mount(mux)
			answer := &slowly{httptest.NewRecorder(), func() { now.Store(5) }}
			r := httptest.NewRequestWithContext(t.Context(), "GET", api.DomainPath+fileAt(0)+bytesOf, http.NoBody)
			r.Header.Set("Authorization", "Bearer read")
			broken := func() (why any) {
				defer func() { why = recover() }()
				mux.ServeHTTP(answer, r)
				return nil
			}()
			got := answer.Body.Len()
			switch {
			case answer.Code != http.StatusOK || got == 0:
				t.Errorf("%s: %d, %d bytes", name, answer.Code, got)
			case c.whole && (broken != nil || !bytes.Equal(answer.Body.Bytes(), content)):
				t.Errorf("%s: %d bytes, broken off by %v", name, got, broken)
			case !c.whole && (broken != http.ErrAbortHandler || got > 32<<10):
				t.Errorf("%s: %d bytes, broken off by %v", name, got, broken)
			}
		}
	})
}

// TestReplacedBytesStayForTheirReaders: what was replaced or deleted is there as long as
// somebody may be reading it, however old it is, and then no more: an hour from when it
// was replaced, or from when it was found that its row was deleted.
func TestReplacedBytesStayForTheirReaders(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, ""))
		object := w.dataObjectOf(t, visits+"("+row(kindVisit, 0)+")")
		w.post(t, file(0, object, ""), file(1, object, ""))
		for _, put := range []struct{ file, size int }{{0, 300}, {1, 300}, {0, 200}} {
			if a := w.put(t, fileAt(put.file)+bytesOf, bytes.NewReader(picture(put.size))); a.Code != 204 {
				t.Fatalf("%d %s", a.Code, a.Body)
			}
		}
		w.steps(t, []doorStep{{"deleted", "DELETE", fileAt(1), "", 204, "", ""}})
		// The contents are of long ago, one is replaced now.
		w.sql(t, `UPDATE erp_file_contents SET begun_at = 1`)
		purger, now := data.NewERP(db, erpModel), houseNow
		purger.Clock = func() time.Time { return now }
		for _, step := range []struct {
			after     time.Duration
			files, is int64
		}{{59 * time.Minute, 0, 3}, {time.Minute, 1, 2}, {58 * time.Minute, 0, 2}, {time.Minute, 1, 1}, {24 * time.Hour, 0, 1}} {
			now = now.Add(step.after)
			files, err := purger.PurgeFiles(t.Context())
			var is int64
			if err := db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM erp_file_contents`).Scan(&is); err != nil {
				t.Fatal(err)
			}
			if err != nil || files != step.files || is != step.is {
				t.Errorf("%s later: %d files, %d are left, %v", step.after, files, is, err)
			}
		}
		if r, answer := call(t, w.h, "GET", fileAt(0)+bytesOf, ""); r.StatusCode != 200 || len(answer) != 200 {
			t.Errorf("the file: %d, %d bytes", r.StatusCode, len(answer))
		}
	})
}
