package platform_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// keeping are the rows of what a sign-out writes to, and on PostgreSQL which transaction
// wrote each last.
func (d *deciding) keeping(engine sqldb.Engine) (rows []string) {
	d.T.Helper()
	for _, table := range []string{"sign_ins", "refresh_families", "authorization_codes", "revoked_tokens", "sessions", "licence", "deliveries"} {
		columns := "*"
		if engine == sqldb.PostgreSQL {
			columns = "xmin, " + table + ".*"
		}
		found, err := d.Platform.DB.Reader().QueryContext(d.Context(), "SELECT "+columns+" FROM "+table)
		must(d.T, err)
		names, err := found.Columns()
		must(d.T, err)
		for found.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			must(d.T, found.Scan(values...))
			row := table
			for _, v := range values {
				row += fmt.Sprintf(" %v", *v.(*any))
			}
			rows = append(rows, row)
		}
		must(d.T, found.Err())
		found.Close()
	}
	return rows
}

// An ID token is good as a hint for a month: who shows that of a sign-in that is over, again
// and again, has nothing written.
func TestSignOutOfWhatIsOverWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		tokens := d.SignIn("anna")
		if status, _ := d.API("GET", readProducts, tokens.Access, ""); status != http.StatusOK {
			t.Fatal(status)
		}
		signOut := func() {
			t.Helper()
			res, err := http.PostForm(d.URL+oauth.PathEndSession, url.Values{"id_token_hint": {tokens.ID}})
			must(t, err)
			if res.Body.Close(); res.StatusCode != http.StatusOK {
				t.Errorf("a sign-out is answered with %d", res.StatusCode)
			}
		}
		signOut()
		if n := d.Usage().InUse; n != 0 {
			t.Errorf("%d sessions are open", n)
		}
		testkit.Eventually(t, "that the end is on record is noted", func() bool { // by a round, at a time of its own
			var n int
			err := d.Platform.DB.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sessions WHERE untold_since <> 0`).Scan(&n)
			return err == nil && n == 0
		})
		before := d.keeping(engine)
		for _, later := range []time.Duration{time.Second, time.Minute, 24 * time.Hour} {
			d.Advance(later)
			signOut()
			for _, row := range d.keeping(engine) { // old ones may have been purged
				if !slices.Contains(before, row) {
					t.Errorf("%s later was written %s", later, row)
				}
			}
		}
		if n := len(d.Record(tandem.AuditSignOut)); n != 1 {
			t.Errorf("%d sign-outs are on record", n)
		}
	})
}

// A process ends a sign-in, and dies before it closes the session: that gives its slot back
// all the same, with its end on record, long before it would run out.
func TestSignInWhoseEndingDiedKeepsNoSlot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		tokens := d.SignIn("anna")
		if status, _ := d.API("GET", readProducts, tokens.Access, ""); status != http.StatusOK {
			t.Fatal(status)
		}
		sid, _ := d.idClaims(tokens.ID)["sid"].(string)
		now := d.Clock.Now()
		if ended, err := data.NewSignIns(d.Platform.DB).End(t.Context(), sid, now, now.Add(time.Hour)); err != nil || !ended {
			t.Fatal(ended, err)
		}
		testkit.Eventually(t, "the slot is free", func() bool { return d.Usage().InUse == 0 })
		testkit.Eventually(t, "the end is on record", func() bool { return len(d.Record(tandem.AuditSessionClosed)) == 1 })
	})
}
