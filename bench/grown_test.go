package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// grown are what an instance has after years: rows like the one of a person who is
// signed in, $1 at a time after $2, each of a person of its own. Sign-ins are of users
// that were made so, whose ids have no dashes.
var grown = []struct{ table, insert string }{
	{"refresh_families", ` INSERT INTO refresh_families (id, application_uri, user_id, user_type, sign_in_id, auth_time, scope, secret,
		created_at, expires_at, generation, rotated_at, ended_at, end_reason)
		SELECT r.id, f.application_uri, r.id, f.user_type, r.id, f.auth_time, f.scope, f.secret, f.created_at, f.expires_at + i, 3, f.rotated_at, 0, ''
		FROM r, (SELECT * FROM refresh_families LIMIT 1) f`},
	{"authorization_codes", ` INSERT INTO authorization_codes (hash, application_uri, user_id, sign_in_id, auth_time, redirect_uri, scope, nonce, code_challenge,
		issued_at, expires_at, used_at, grant_id)
		SELECT CAST(r.id AS BYTEA), c.application_uri, r.id, r.id, c.auth_time, c.redirect_uri, c.scope, c.nonce, c.code_challenge,
		c.issued_at + i, c.expires_at, c.issued_at, r.id FROM r, (SELECT * FROM authorization_codes LIMIT 1) c`},
	{"users", ` INSERT INTO users (id, login, login_key, name, email, email_verified, locale, user_type, is_admin, is_enabled, password_hash,
		password_changed_at, created_at, changed_at, version)
		SELECT r.id, r.id, r.id, u.name, '', u.email_verified, u.locale, u.user_type, u.is_admin, u.is_enabled, u.password_hash,
		u.password_changed_at, u.created_at, u.changed_at, 1 FROM r, (SELECT * FROM users WHERE login = 'anna') u`},
	{"sign_ins", ` INSERT INTO sign_ins (id, cookie_hash, user_id, auth_time, amr, keep, created_at, last_seen_at, expires_at, ended_at)
		SELECT u.id, CAST(u.id AS BYTEA), u.id, s.auth_time, s.amr, s.keep, s.created_at, s.last_seen_at, s.expires_at + $2, 0
		FROM (SELECT id FROM users WHERE length(id) = 32 ORDER BY id LIMIT $1 OFFSET $2) u, (SELECT * FROM sign_ins LIMIT 1) s`},
	{"reference_tokens", ` INSERT INTO reference_tokens (id, hash, kind, application_id, application_uri, user_id, name, scope, created_at, expires_at,
		created_by, created_from, last_used_at, last_used_from, calls, revoked_at, revoked_by, successor_of, change)
		SELECT r.id, CAST(r.id AS BYTEA), t.kind, t.application_id, t.application_uri, r.id, t.name, t.scope, t.created_at, t.expires_at,
		t.created_by, t.created_from, 0, '', 0, 0, '', '', t.change FROM r, (SELECT * FROM reference_tokens LIMIT 1) t`},
}

// grow makes so many rows of each table that is named.
func grow(b *testing.B, db *sqldb.DB, rows map[string]int) {
	b.Helper()
	binary := map[sqldb.Engine]string{sqldb.SQLite: "BLOB", sqldb.PostgreSQL: "BYTEA"}[db.Engine]
	for _, g := range grown {
		fill(b, db, catalogue[db.Engine]+strings.ReplaceAll(g.insert, "BYTEA", binary), rows[g.table])
	}
}

// BenchmarkGrown asks the same of an instance that is new and of one with five million
// refresh families, a million users, sign-ins and codes, 10,000 applications and 100,000
// reference tokens: by turns, the CPU of this process and of the database server, of the
// grown one to the new one. Of each it tells how long the built binary takes to start.
func BenchmarkGrown(b *testing.B) {
	if _, err := program.File(); err != nil {
		b.Fatal(err)
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			small, large := newSized(b, engine), newSized(b, engine)
			large.grow(b)
			of, to := large.questions(), small.questions()
			for b.Loop() {
				var each strings.Builder
				for i := range of {
					cpu := byTurns(b, of[i].n, large.asked(b, of[i]), small.asked(b, to[i]))
					b.ReportMetric(cpu[0]/cpu[1], of[i].name+"/new")
					fmt.Fprintf(&each, " %s %.0f (%.0f)", of[i].name, cpu[0], cpu[1])
				}
				b.Log("µs of CPU (new):", each.String())
				b.ReportMetric(startsIn(b, large.Instance).Seconds(), "start-s")
				b.ReportMetric(startsIn(b, small.Instance).Seconds(), "new-start-s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// sized is an instance, with a browser in which anna is signed in.
type sized struct {
	*endpoints
	references []string // of as many people
}

// question is what an instance is asked n times in a turn.
type question struct {
	name string
	n    int
	// ready makes what n of them need, which is not measured.
	ready func(b *testing.B, n int) func(i int)
}

// atOnce is how many questions that write are measured together, and many how many that
// only read: a block takes far longer than it takes to ask the database server for its CPU.
var atOnce, many = testkit.Size(50, 1), testkit.Size(250, 1)

func newSized(b *testing.B, engine sqldb.Engine) *sized {
	b.Helper()
	s := &sized{endpoints: newEndpoints(b, tandemtest.Options{Engine: engine, Licence: tandem.Licence{Slots: 10 * atOnce}})}
	people := make([]signin.NewUser, atOnce)
	for i := range people {
		people[i] = signin.NewUser{Login: fmt.Sprintf("person%d", i), Name: "Some Person", Type: tandem.InternalUser}
	}
	s.CreateUsers(people...)
	for _, p := range people {
		text, _ := s.PAT(p.Login)
		s.references = append(s.references, text)
	}
	return s
}

func (s *sized) grow(b *testing.B) {
	b.Helper()
	db := s.Platform.DB
	people := scaled(1_000_000, 400)
	grow(b, db, map[string]int{"refresh_families": 5 * people, "authorization_codes": people, "sign_ins": people, "users": people, "reference_tokens": people / 10})
	makeApplications(b, db, tandemtest.Portal, scaled(10_000, 100))
	if db.Engine == sqldb.PostgreSQL { // as it does by itself; SQLite does not, and nobody tells it to
		if _, err := db.Writer().ExecContext(b.Context(), `VACUUM ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
	s.Refresh()
	if app, ok := s.Platform.Registry.App("com.example.customer7/portal"); !ok || !app.Enabled {
		b.Fatal("the instance does not know the applications that were made")
	}
}

// asked is a question to this instance, for [byTurns].
func (s *sized) asked(b *testing.B, q question) turn {
	return turn{
		used:  func() time.Duration { return usedWith(b, s.Platform.DB) },
		ready: func(n int) func(int) { return q.ready(b, n) },
	}
}

func (s *sized) questions() []question {
	return []question{
		{"service-token", many, s.serviceTokens},
		{"authorize", atOnce, func(b *testing.B, _ int) func(int) { return func(int) { s.code(b, "verifier") } }},
		{"code", atOnce, s.redemptions},
		{"refresh", atOnce, s.refreshes},
		{"introspection", many, s.introspections},
		{"userinfo", many, s.ofAnna(s.URL + oauth.PathUserinfo)},
		{"profile-me", many, s.ofAnna(s.URL + "/profile/me")},
		{"reference", len(s.references), s.coldReferences},
		{"session", atOnce, s.openings},
		{"discovery", 10 * many, func(b *testing.B, _ int) func(int) { return func(int) { s.get(b, s.h, s.URL+oauth.PathDiscovery) } }},
	}
}

func (s *sized) serviceTokens(b *testing.B, _ int) func(int) {
	form := s.client(tandem.FlowService, url.Values{"grant_type": {"client_credentials"}})
	return func(int) { s.post(b, oauth.PathToken, form, "") }
}

// ofAnna gets an address with an access token of hers.
func (s *sized) ofAnna(address string) func(b *testing.B, n int) func(int) {
	return func(b *testing.B, _ int) func(int) {
		bearer := "Bearer " + s.refresh(b)
		return func(int) { s.get(b, s.h, address, "Authorization", bearer) }
	}
}

// coldReferences are calls of the API with reference tokens by a process that has seen
// neither the tokens nor their people; their sessions are open.
func (s *sized) coldReferences(b *testing.B, _ int) func(int) {
	p := s.Platform
	fresh := &registry.Registry{Changes: p.Registry.Changes, Users: p.Registry.Users, Permissions: p.Registry.Permissions, References: p.Registry.References}
	if err := fresh.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	guard := (&api.Access{
		Verifier: &token.Verifier{Issuer: s.Issuer, Keys: p.Keys, Audience: token.AudienceDomainAPI}, KeyGeneration: p.Keys.Generation,
		References: fresh, Checker: fresh, Rights: fresh.Rights, Sessions: p.Sessions, Auditor: p.Audit,
	}).Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return func(i int) { s.get(b, guard, s.OData+"GetVersion()", "Authorization", "Bearer "+s.references[i]) }
}

// openings are of sessions, each of which ends again.
func (s *sized) openings(b *testing.B, _ int) func(int) {
	u, err := s.Platform.Accounts.Show(b.Context(), "anna")
	if err != nil {
		b.Fatal(err)
	}
	return func(int) {
		who := &tandem.Principal{ApplicationURI: tandemtest.Portal, User: &tandem.UserIdentity{ID: u.ID, Login: u.Login, Type: u.Type, SignInID: uuid.NewString()}}
		_, err := s.Platform.Sessions.Acquire(b.Context(), who, "10.0.0.1")
		if err == nil {
			err = s.Platform.Sessions.CloseByKey(b.Context(), who.User.SignInID, tandem.EndSignOut)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// startsIn is how long the built binary takes, as one more replica, until it is ready.
func startsIn(b *testing.B, in *tandemtest.Instance) time.Duration {
	b.Helper()
	file, err := program.File()
	if err != nil {
		b.Fatal(err)
	}
	var took []float64
	for range testkit.Size(5, 1) {
		db, key := in.Stored()
		cmd := exec.Command(file, "instance", "--db", db, "--key-file", key, "--url", in.URL, "--data", b.TempDir(), "--listen", "127.0.0.1:0")
		var log testkit.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for !isReady(log.String()) {
			if time.Since(begun) > startsWithin {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				b.Fatalf("the instance is not ready:\n%s", log.String())
			}
			time.Sleep(time.Millisecond)
		}
		took = append(took, time.Since(begun).Seconds())
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil && !isInterrupt(err) {
			b.Fatalf("%v\n%s", err, log.String())
		}
	}
	return time.Duration(median(took) * float64(time.Second))
}

// isReady asks the program with this log whether it is.
func isReady(log string) bool {
	_, at, listens := strings.Cut(log, "msg=listening address=")
	if !listens || !strings.Contains(at, "\n") {
		return false
	}
	res, err := http.Get("http://" + strings.Fields(at)[0] + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
