package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
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

// TestE4_RightsEndWhileACallGoesOn: a write is decided by what the account may do when
// its turn to write comes, an Import object by object, and what took long to read is
// not given to an account that may see less by then.
func TestE4_RightsEndWhileACallGoesOn(t *testing.T) {
	t.Parallel()
	const groups = "General_Products_ProductGroups"
	all := someRights(map[string]permission.Right{groups: permission.OfSets})
	object := func(n int) string {
		return fmt.Sprintf(`{"@odata.type":"Erp.General_Products_ProductGroup","Code":"L%d","Name":{"EN":"x"}}`, n)
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var asked, first atomic.Int64 // how often the rights are asked for, and how often they are all
		var step atomic.Int64         // how far the clock goes on with every look
		rights := func(context.Context, *tandem.Principal) (*permission.Rights, error) {
			if asked.Add(1) <= first.Load() {
				return all, nil
			}
			return nil, nil
		}
		var now atomic.Int64
		clock := func() time.Time { return time.Unix(now.Add(step.Load()), 0) }
		w := newHouse(t, db)
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		mux := http.NewServeMux()
		(&api.Domain{Model: erpModel.Model, Store: data.NewERP(db, erpModel), Root: "https://erp.example", Log: quiet,
			Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: rights, Auditor: doors{}, Log: quiet, Clock: clock}}).Mount(mux)
		_, answer := call(t, w.h, "GET", groups+"?$select=Id", "")
		group := groups + "(" + ids(t, answer)[0] + ")"
		for _, c := range []struct {
			name               string
			first, step        int64
			method, path, body string
			status             int
			want, not          string
		}{
			{"write", 1, 0, "PATCH", group, `{"Name":{"EN":"y"}}`, 403, "PermissionDenied", ""},
			{"delete", 1, 0, "DELETE", group, "", 403, "PermissionDenied", ""},
			{"write in time", 2, 0, "PATCH", group, `{"Name":{"EN":"y"}}`, 200, "Code", ""},
			{"import", 3, 0, "POST", "Import", `{"objects":[` + object(1) + `,` + object(2) + `,` + object(3) + `,` + object(4) + `]}`, 200, "PermissionDenied", ""},
			{"quick read", 1, 0, "GET", group, "", 200, "Code", ""},
			{"slow read", 1, 5, "GET", group, "", 503, "changed while", "Code"},
			{"slow page", 1, 5, "GET", groups, "", 503, "changed while", "Code"},
			{"slow count", 1, 5, "GET", groups + "/$count", "", 503, "changed while", ""},
			{"slow read with the same rights", 9, 5, "GET", group, "", 200, "Code", ""},
			{"slow write that is told by a row", 2, 5, "PATCH", group + "?$select=Code", `{"Name":{"EN":"z"}}`, 204, "", "Code"},
		} {
			asked.Store(0)
			first.Store(c.first)
			step.Store(c.step)
			r, answer := call(t, mux, c.method, c.path, c.body, "Prefer: return=representation")
			if r.StatusCode != c.status || !strings.Contains(answer, c.want) || c.not != "" && strings.Contains(answer, c.not) {
				t.Errorf("%s: %d %s, want %d %s", c.name, r.StatusCode, answer, c.status, c.want)
			}
			if done := strings.Count(answer, `"@erpnet.result":"success"`); c.name == "import" && done != 2 {
				t.Errorf("%d objects were imported: %s", done, answer)
			}
		}
	})
}
