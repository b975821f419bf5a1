package identity_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// Everything that must stay secret in the life of a sign-in and of a service:
// none of it is readable in any table, the record or the log, and what is
// stored opens nothing (I13, F32).
func TestI13_NothingReadableIsKept(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.persist(t)
		r := s.one()
		secrets := map[string]string{
			"password": password, "portal's user secret": s.portalSecrets.User, "portal's service secret": s.portalSecrets.Service,
			"other's secret": s.otherSecret.User, "classic secret": classicSecret, "master key": string(s.master), "verifier": verifier,
			"assertion": s.assertion(s.serviceKey, portal),
		}
		keep := func(name string, a *answer) *answer {
			for kind, text := range map[string]string{"access token": a.AccessToken, "ID token": a.IDToken, "refresh token": a.RefreshToken} {
				if text != "" {
					secrets[name+"'s "+kind] = text
					secrets[name+"'s "+kind+", end"] = text[len(text)-30:] // the signature, or the MAC
				}
			}
			return a
		}
		b := r.browser()
		code := b.authorize("anna").Get("code")
		unused := b.authorize("anna").Get("code")
		secrets["code"], secrets["unused code"] = code, unused
		given := keep("first", r.redeem(code))
		next := keep("second", r.renew(given.RefreshToken))
		keep("retry", r.renew(given.RefreshToken))
		keep("service", r.serve())
		r.serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", secrets["assertion"])
		for name, value := range b.cookies {
			secrets["cookie "+name] = value
		}
		// And all that goes wrong, which is what logs are written about.
		r.redeem(code)
		r.redeem(unused, "code_verifier", "wrong"+verifier)
		r.renew(next.RefreshToken)
		r.serve("client_secret", s.portalSecrets.User)
		r.serve("client_secret", "wrong "+s.portalSecrets.Service)
		r.serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", secrets["assertion"])
		r.post("/id/connect/token?client_secret="+s.portalSecrets.Service, "grant_type", "client_credentials")
		r.get(userinfo+"?access_token="+given.AccessToken, "")
		r.get(userinfo, given.AccessToken+"x")
		r.post("/id/connect/revocation", "client_id", portal, "client_secret", s.portalSecrets.User, "token", next.AccessToken)
		b.do("GET", "/id/connect/endsession?id_token_hint="+given.IDToken, nil)
		typed := r.browser()
		typed.do("POST", "/id/account/signin", map[string][]string{"login": {password}, "password": {"anna"}})

		places := dump(t, db)
		// The reader reads: what may be seen is seen.
		if !strings.Contains(places["users"], s.anna.ID) || !strings.Contains(places["audit_events"], "token_issued") || len(places["refresh_families"]) == 0 {
			t.Fatalf("the dump is not one: %d tables", len(places))
		}
		places["record"], places["log"] = fmt.Sprintf("%+v", s.audit.All()), s.log.String()
		for what, secret := range secrets {
			for form, text := range map[string]string{
				"": secret, "in hex": hex.EncodeToString([]byte(secret)), "in base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
				"in base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			} {
				for place, content := range places {
					if strings.Contains(content, text) {
						t.Errorf("%s is readable in %s %s", what, place, form)
					}
				}
			}
		}
		// What is stored in a secret's place does not work in its stead.
		for _, row := range strings.Split(places["credentials"], "\n") {
			for _, cell := range strings.Split(row, "|") {
				if len(cell) < 32 || len(cell) > 200 {
					continue
				}
				if a := r.serve("client_secret", cell); a.Code == http.StatusOK {
					t.Errorf("the stored %.8q… works as a secret", cell)
				}
			}
		}
	})
}

// dump is the whole database as text: by table, a line for each row. Bytes are
// there as they are and in hex.
func dump(t *testing.T, db *sqldb.DB) map[string]string {
	t.Helper()
	list := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if db.Engine == sqldb.PostgreSQL {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var tables []string
	rows, err := db.Reader().QueryContext(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, table := range tables {
		content[table] = dumpTable(t, db, table)
	}
	return content
}

func dumpTable(t *testing.T, db *sqldb.DB, table string) string {
	t.Helper()
	rows, err := db.Reader().QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for _, cell := range cells {
			if b, ok := cell.([]byte); ok {
				fmt.Fprintf(&out, "%s|%x|", b, b)
				continue
			}
			fmt.Fprintf(&out, "%v|", cell)
		}
		out.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// persist records into the database too, as in production.
func (s *site) persist(t *testing.T) {
	log := &audit.Log{Store: data.NewAudit(s.db), Clock: s.clock.Now}
	go log.Run(t.Context())
	s.audit.Also = log
}
