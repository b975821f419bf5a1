package client_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

const (
	wroteOne = "--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\nHTTP/1.1 204 No Content\r\nOData-EntityId: A(1)\r\n\r\n\r\n"
	readOne  = "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"n\":1}\r\n"
)

func ofChanges(parts string) string {
	return "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n" + parts + "--c--\r\n"
}

// What a service answers to a batch is taken for done only where it says so, also by those
// that write the failure of a changeset in another way than ours.
func TestAnswersToBatches(t *testing.T) {
	failed := strings.Replace(wroteOne, "204 No Content\r\nOData-EntityId: A(1)", "409 Conflict\r\nContent-Type: application/json", 1)
	failed = strings.TrimSuffix(failed, "\r\n") + `{"error":{"message":"there is one"}}` + "\r\n"
	second := strings.Replace(failed, "Content-ID: 1", "Content-ID: 2", 1)
	for name, c := range map[string]struct {
		answer  string
		changes int
		failed  int // the change; -1 for none, -2 where the answer cannot be used
	}{
		"done":                          {ofChanges(wroteOne) + readOne + "--b--", 1, -1},
		"failed, as one change":         {ofChanges(failed) + "--b--", 1, 0},
		"failed, for all of two":        {ofChanges(second) + "--b--", 2, 1},
		"one of two answers":            {ofChanges(wroteOne) + "--b--", 2, -2},
		"a changeset inside one":        {"--b\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n--d\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n" + wroteOne + "--c--\r\n--d--\r\n--b--", 1, -2},
		"cut in front of the end":       {ofChanges(wroteOne) + "--b", 1, -2},
		"cut in a changeset":            {strings.Replace(ofChanges(wroteOne), "--c--", "", 1) + readOne + "--b--", 1, -2},
		"cut behind a changeset's line": {strings.Replace(ofChanges(wroteOne), "--c--", "--c", 1) + readOne + "--b--", 1, -2},
		"nothing":                       {"", 1, -2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.onAPI = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "multipart/mixed; boundary=b")
					_, _ = io.WriteString(w, c.answer)
				}
				set := &client.BatchPart{Changes: make([]client.Change, c.changes)}
				for i := range set.Changes {
					set.Changes[i] = client.Change{Method: "POST", Path: "A"}
				}
				var into struct{ N int }
				read := &client.BatchPart{Read: "A(1)", Into: &into}
				err := client.ServiceOData(client.Root(apiURL), f.service()).Batch(t.Context(), false, set, read)
				var api *client.APIError
				switch {
				case c.failed == -2:
					if tandem.ErrorCode(err) != tandem.CodeUnavailable || errors.Is(set.Err, client.ErrNotDone) || errors.Is(read.Err, client.ErrNotDone) {
						t.Errorf("%v; %v, %v", err, set.Err, read.Err)
					}
				case c.failed == -1:
					if err != nil || set.Err != nil || read.Err != nil || set.Changes[0].ID != "A(1)" || into.N != 1 {
						t.Errorf("%v; %+v, %+v", err, set, read)
					}
				case err != nil || !errors.As(set.Err, &api) || api.Status != http.StatusConflict || set.Failed != c.failed || !errors.Is(read.Err, client.ErrNotDone):
					t.Errorf("%v; %v at %d, %v", err, set.Err, set.Failed, read.Err)
				}
			})
		})
	}
}

// Whoever an application forwards says nothing of who calls: the headers that do are those
// of the call.
func TestA7_ForwardedHeadersSayNothing(t *testing.T) {
	forged := func(t *testing.T) *http.Request {
		r := request(t, "GET", apiURL, "", false)
		for _, name := range []string{client.OnBehalfHeader, client.NarrowHeader, "X-Api-Key", "Api-Key", "DPoP", "Authorization"} {
			r.Header.Set(name, "forged")
		}
		return r
	}
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		var got http.Header
		f.with(func() { f.onAPI = func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() } })
		check := func(half string, c interface {
			Do(*http.Request) (*http.Response, error)
		}, r *http.Request, narrow string) {
			t.Helper()
			res, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			for name, values := range got {
				if strings.Join(values, "") == "forged" {
					t.Errorf("%s: %s is the caller's", half, name)
				}
			}
			if got.Get(client.OnBehalfHeader) != "" || got.Get(client.NarrowHeader) != narrow {
				t.Errorf("%s: %v", half, got)
			}
		}
		service := f.service().Client()
		check("service", service, forged(t), "")
		elsewhere := client.NarrowedTo(t.Context(), client.IDToken{UserID: "no GUID", SignInID: "s"})
		check("service, narrowed to nobody", service, forged(t).WithContext(elsewhere), "person")
		a.with(b, func(s *client.UserSession, _ *http.Request) { check("user", s.Client(), forged(t), "") })
	})
}
