package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

const exchanges = "Systems_Exchange_DataExchanges"

// exchanged makes logs of Imports, each of 100 KiB.
func (w *house) exchanged(t testing.TB, n int) {
	t.Helper()
	w.account(t, somebody, "tom", 0, true)
	log := strings.Repeat("x", 100<<10)
	for range n {
		w.sql(t, `INSERT INTO erp_data_exchanges (id, object_version, aggregate_last_update_time_utc, created_on, mode, state, keep_until, created_by_user, exchange_log)
			VALUES ($1, 1, 1, 1, 1, 2, 1, $2, $3)`, uuid.NewString(), somebody, log)
	}
}

// TestLongAnswerInABatch: an answer of a batch that becomes too long is refused in its
// place. What was written before it is told, and the batch goes on where it was to.
func TestLongAnswerInABatch(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.exchanged(t, 90)
		post := func(code string) string {
			return "POST " + groups + "\nPrefer: return=minimal\n\n" + `{"Code":"` + code + `","Name":{"EN":"x"}}`
		}
		all := "GET " + exchanges + "?$select=ExchangeLog"
		r, answer := batch(t, w.h, one(post("W1"))+one(all+"&$top=50\n")+one(all+"\n")+one(post("W2"))+"--b--")
		if r.StatusCode != 200 || !named(t, w.h, "W1") || named(t, w.h, "W2") || !strings.Contains(answer, "HTTP/1.1 204") ||
			strings.Count(answer, "HTTP/1.1 200") != 1 || strings.Count(answer, "HTTP/1.1 413") != 1 ||
			!strings.HasSuffix(answer, "--\r\n") {
			t.Errorf("%d %s", r.StatusCode, tandem.Clip(answer, 300))
		}
		r, answer = batch(t, w.h, one(all+"\n")+one(post("W3"))+"--b--", "Prefer: continue-on-error")
		if r.StatusCode != 200 || !named(t, w.h, "W3") || strings.Contains(answer, "xxx") || !strings.Contains(answer, "HTTP/1.1 413") {
			t.Errorf("it does not go on: %d %s", r.StatusCode, tandem.Clip(answer, 300))
		}
	})
}

// TestLateAnswerInABatch: so is an answer whose reader may see less by the time that the
// second piece of it is there.
func TestLateAnswerInABatch(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	newHouse(t, db).exchanged(t, 3)
	all := someRights(map[string]permission.Right{exchanges: permission.OfSets, groups: permission.OfSets})
	var asked, now atomic.Int64
	rights := func(context.Context, *tandem.Principal) (*permission.Rights, error) {
		if asked.Add(1) <= 4 { // as the batch is admitted, before the read, and for two pieces of it
			return all, nil
		}
		return nil, nil
	}
	clock := func() time.Time { return time.Unix(now.Add(5), 0) }
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	mux := http.NewServeMux()
	(&api.Domain{Model: erpModel.Model, Store: data.NewERP(db, erpModel), Root: "https://erp.example", Log: quiet,
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: rights, Auditor: doors{}, Log: quiet, Clock: clock}}).Mount(mux)
	r, answer := batch(t, mux, one("GET "+exchanges+"?$select=ExchangeLog\n")+one("GET GetVersion\n")+"--b--", "Prefer: continue-on-error")
	if r.StatusCode != 200 || strings.Contains(answer, "xxx") || !strings.Contains(answer, "HTTP/1.1 503") ||
		!strings.Contains(answer, "changed while") || strings.Contains(answer, "Etag") {
		t.Errorf("%d %s", r.StatusCode, tandem.Clip(answer, 300))
	}
}
