package bench

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// grown are what an instance has after years: rows like the one of a person who is
// signed in, $1 at a time.
var grown = []struct {
	insert string
	share  int // one row for so many families
}{
	{` INSERT INTO refresh_families (id, application_uri, user_id, user_type, sign_in_id, auth_time, scope, secret,
		created_at, expires_at, generation, rotated_at, ended_at, end_reason)
		SELECT r.id, f.application_uri, r.id, f.user_type, r.id, f.auth_time, f.scope, f.secret, f.created_at, f.expires_at + i, 3, f.rotated_at, 0, ''
		FROM r, (SELECT * FROM refresh_families LIMIT 1) f`, 1},
	{` INSERT INTO authorization_codes (hash, application_uri, user_id, sign_in_id, auth_time, redirect_uri, scope, nonce, code_challenge,
		issued_at, expires_at, used_at, grant_id)
		SELECT CAST(r.id AS BYTEA), c.application_uri, r.id, r.id, c.auth_time, c.redirect_uri, c.scope, c.nonce, c.code_challenge,
		c.issued_at + i, c.expires_at, c.issued_at, r.id FROM r, (SELECT * FROM authorization_codes LIMIT 1) c`, 5},
	{` INSERT INTO sign_ins (id, cookie_hash, user_id, auth_time, amr, keep, created_at, last_seen_at, expires_at, ended_at)
		SELECT r.id, CAST(r.id AS BYTEA), s.user_id, s.auth_time, s.amr, s.keep, s.created_at, s.last_seen_at, s.expires_at + i, 0
		FROM r, (SELECT * FROM sign_ins LIMIT 1) s`, 5},
	{` INSERT INTO users (id, login, login_key, name, email, email_verified, locale, user_type, is_admin, is_enabled, password_hash,
		password_changed_at, created_at, changed_at, version)
		SELECT r.id, r.id, r.id, u.name, '', u.email_verified, u.locale, u.user_type, u.is_admin, u.is_enabled, u.password_hash,
		u.password_changed_at, u.created_at, u.changed_at, 1 FROM r, (SELECT * FROM users WHERE login = 'anna') u`, 5},
}

// BenchmarkAuthorize gives codes to a person who is signed in, by turns from an instance
// that is new and from one with five million refresh families and a million users,
// sign-ins and codes. It tells the medians, and what size costs.
func BenchmarkAuthorize(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			small, large := newAuthorizing(b, engine), newAuthorizing(b, engine)
			large.grow(b, scaled(5_000_000, 2_000))
			for range b.N {
				for range scaled(3000, 50) {
					small.once(b)
					large.once(b)
				}
			}
			b.ReportMetric(ms(middle(small.took)), "new-p50-ms")
			b.ReportMetric(ms(middle(large.took)), "grown-p50-ms")
			b.ReportMetric(float64(middle(large.took))/float64(middle(small.took)), "grown/new")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// authorizing is an instance and a browser in which anna is signed in.
type authorizing struct {
	in      *tandemtest.Instance
	browser *tandemtest.Browser
	address string
	took    []time.Duration
}

func newAuthorizing(b *testing.B, engine sqldb.Engine) *authorizing {
	in := tandemtest.Start(b, tandemtest.Options{Engine: engine})
	a := &authorizing{in: in, browser: in.Browser()}
	in.Redeem(a.browser.Authorize("anna", tandemtest.Password))
	a.address = in.URL + oauth.PathAuthorize + "?" + url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid read"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	return a
}

func (a *authorizing) once(b *testing.B) {
	begun := time.Now()
	page := a.browser.Get(a.address)
	a.took = append(a.took, time.Since(begun))
	if !strings.Contains(page.Header.Get("Location"), "code=") {
		b.Fatalf("no code: %d %s", page.StatusCode, page.Header)
	}
}

// grow makes so many families, and what belongs to them.
func (a *authorizing) grow(b *testing.B, families int) {
	db := a.in.Platform.DB
	binary := map[sqldb.Engine]string{sqldb.SQLite: "BLOB", sqldb.PostgreSQL: "BYTEA"}[db.Engine]
	for _, g := range grown {
		insert := manyRows[db.Engine] + strings.ReplaceAll(g.insert, "BYTEA", binary)
		// In parts, as one statement is bounded.
		for left := families / g.share; left > 0; left -= 20_000 {
			if _, err := db.Writer().ExecContext(b.Context(), insert, min(left, 20_000)); err != nil {
				b.Fatal(err)
			}
		}
	}
	if _, err := db.Writer().ExecContext(b.Context(), `ANALYZE`); err != nil {
		b.Fatal(err)
	}
}

func middle(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
