package identity_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// Revocation of a refresh token ends its grant: every access token that came of
// it, and nothing else (I9).
func TestI9_RevocationEndsTheGrant(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.start()
		r := s.one()
		chain := []*answer{r.signIn("anna")}
		other := r.signIn("anna")
		for range 3 {
			s.clock.Advance(time.Minute)
			chain = append(chain, r.renew(chain[len(chain)-1].RefreshToken))
		}
		last := chain[len(chain)-1]
		if a := r.post("/id/connect/revocation", "token", last.RefreshToken, "client_id", portal, "client_secret", s.portalSecrets.User); a.got() != "ok" {
			t.Fatal(a.Body)
		}
		s.refresh()
		for n, replica := range s.replicas {
			for i, given := range chain {
				if replica.admits(given.AccessToken) == nil {
					t.Errorf("replica %d: access token %d lives", n, i)
				}
			}
			if err := replica.admits(other.AccessToken); err != nil {
				t.Errorf("replica %d: the other grant's: %v", n, err)
			}
			if a := replica.renew(last.RefreshToken); a.got() != "invalid_grant" {
				t.Errorf("replica %d: %s", n, a.got())
			}
		}
	})
}

// F32: a row that is put back as it was, or changed in any field, brings nothing
// back: not a refresh token, not a sign-in, not a code; also after a restart.
func TestF32_RowsThatAreNotTheLastOnes(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		family := func(a *answer) string { return claims(t, a.AccessToken)["grant_id"].(string) }
		sid := func(a *answer) string { return claims(t, a.AccessToken)["sid"].(string) }
		refused := func(name string, a *answer) {
			t.Helper()
			for _, replica := range append(s.replicas, s.start()) { // the last one has seen nothing
				if got := replica.renew(a.RefreshToken); got.got() != "invalid_grant" {
					t.Errorf("%s: %s %s", name, got.got(), got.Body)
				}
			}
		}
		for name, end := range map[string]func(a *answer){
			"revocation": func(a *answer) {
				r.post("/id/connect/revocation", "token", a.RefreshToken, "client_id", portal, "client_secret", s.portalSecrets.User)
			},
			"sign-out":          func(a *answer) { s.must(s.ending.SignIn(t.Context(), sid(a), "anna", "test")) },
			"end of everything": func(*answer) { s.must(s.ending.User(t.Context(), by, &s.anna, "test")) },
		} {
			a := r.signIn("anna")
			rows := s.rows("refresh_families", "id", family(a))
			signIns := s.rows("sign_ins", "id", sid(a))
			end(a)
			s.putBack("refresh_families", rows)
			s.putBack("sign_ins", signIns)
			refused("after a "+name, a)
			who := []string{"client_id", portal, "client_secret", s.portalSecrets.Service}
			if _, told := r.introspect(who, sid(a)); told["active"] != false {
				t.Errorf("after a %s the sign-in lives: %v", name, told)
			}
		}
		// An older generation of a family that lives.
		first := r.signIn("anna")
		rows := s.rows("refresh_families", "id", family(first))
		next := r.renew(first.RefreshToken)
		s.clock.Advance(time.Minute)
		s.putBack("refresh_families", rows)
		if a := r.renew(first.RefreshToken); a.got() != "invalid_grant" {
			t.Errorf("an older generation: %s", a.got())
		}
		if !strings.Contains(s.log.String(), "was changed or put back") {
			t.Error("nothing in the log")
		}
		_ = next
		// One field at a time.
		for _, change := range []string{
			"scope = 'openid read update sec'", "application_uri = application_uri || 'x'", "user_id = '" + s.robot.ID + "'", "user_type = 'ExternalCommunityUser'",
			"sign_in_id = 'another'", "auth_time = auth_time + 1", "created_at = created_at + 1", "expires_at = expires_at + 1000000",
			"generation = generation + 1", "generation = generation - 1", "rotated_at = rotated_at + 1000000", "ended_at = 1", "secret = " + s.blob("00"),
		} {
			a := r.signIn("anna")
			s.exec("UPDATE refresh_families SET " + change + " WHERE id = '" + family(a) + "'")
			refused(change, a)
		}
		// Ended, and ended_at alone set back.
		a := r.signIn("anna")
		s.must(s.families().End(t.Context(), family(a), "test"))
		s.exec("DELETE FROM revoked_tokens")
		s.exec("UPDATE refresh_families SET ended_at = 0, end_reason = ''")
		refused("ended_at = 0", a)
		// A code that was redeemed.
		code := r.code("anna")
		codes := s.rows("authorization_codes", "used_at", "0")
		r.redeem(code)
		s.putBack("authorization_codes", codes)
		if a := r.redeem(code); a.got() != "invalid_grant" {
			t.Errorf("a used code: %s", a.got())
		}
	})
}

// row is a row of a table, whatever its columns.
type row struct {
	columns []string
	values  []any
}

// rows reads the rows of a table in which the column has the value.
func (s *site) rows(table, column, value string) (all []row) {
	s.t.Helper()
	found, err := s.db.Writer().QueryContext(s.t.Context(), "SELECT * FROM "+table+" WHERE CAST("+column+" AS TEXT) = '"+value+"'")
	s.must(err)
	defer found.Close()
	columns, err := found.Columns()
	s.must(err)
	for found.Next() {
		r := row{columns: columns, values: make([]any, len(columns))}
		into := make([]any, len(columns))
		for i := range into {
			into[i] = &r.values[i]
		}
		s.must(found.Scan(into...))
		all = append(all, r)
	}
	s.must(found.Err())
	if len(all) == 0 {
		s.t.Fatalf("%s has no row with %s %s", table, column, value)
	}
	return all
}

// putBack makes rows as they were; the first column is their key.
func (s *site) putBack(table string, all []row) {
	s.t.Helper()
	for _, r := range all {
		set := make([]string, len(r.columns))
		for i, c := range r.columns {
			set[i] = fmt.Sprintf("%s = $%d", c, i+1)
		}
		_, err := s.db.Writer().ExecContext(s.t.Context(), "UPDATE "+table+" SET "+strings.Join(set, ", ")+" WHERE "+r.columns[0]+" = $1", r.values...)
		s.must(err)
	}
}

func (s *site) exec(query string) sql.Result {
	s.t.Helper()
	done, err := s.db.Writer().ExecContext(s.t.Context(), query)
	s.must(err)
	return done
}

// blob is a literal of bytes.
func (s *site) blob(hex string) string {
	if s.db.Engine == sqldb.PostgreSQL {
		return "'\\x" + hex + "'"
	}
	return "x'" + hex + "'"
}
