package datatest

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
)

// restartLosesNothing fills every store, opens it again, and compares.
func restartLosesNothing(t *testing.T, stores *Stores) {
	ctx := t.Context()
	app, err := stores.Applications.Create(ctx, application("com.example/portal"))
	must(t, err)
	anna, f := account("anna"), family()
	must(t, stores.Users.Create(ctx, anna))
	in := signin.SignIn{
		ID: "sid", CookieHash: [32]byte{1}, UserID: anna.ID, AuthTime: noon, Authentication: token.ByPassword(),
		CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon,
	}
	must(t, stores.SignIns.Create(ctx, in))
	must(t, stores.Attempts.Update(ctx, []string{"key"}, func(c []signin.Attempts) { c[0].Failures = 3 }))
	_, err = stores.Keys.AddKey(ctx, signingKey("kid", 1))
	must(t, err)
	used := grant(t, stores, f)
	_, err = stores.Codes.TakeBackCode(ctx, used.Hash, noon, noon.Add(time.Hour))
	must(t, err)
	assertion := sha256.Sum256([]byte("jti"))
	_, err = stores.Assertions.UseAssertion(ctx, assertion, noon)
	must(t, err)
	_, err = stores.Failures.CountFailure(ctx, "key", 7)
	must(t, err)
	opened := openSession(t, licensed(t, stores, 3, map[string]int{"anna": 1}), opening("anna", "sid", noon))
	must(t, stores.Audit.AppendAudit(ctx, events(0, 3)))

	read := func(s *Stores) map[string]any {
		t.Helper()
		got := map[string]any{}
		note := func(name string, value any, err error) {
			t.Helper()
			must(t, err)
			got[name] = value
		}
		id, err := s.Instance.ID(ctx)
		note("id", id, err)
		apps, err := s.Applications.Page(ctx, registry.Filter{}, "", 100)
		note("applications", apps, err)
		users, err := s.Users.Page(ctx, signin.Filter{}, "", 100)
		note("users", users, err)
		signIn, err := s.SignIns.ByCookie(ctx, in.CookieHash)
		note("sign-in", signIn, err)
		var attempts []signin.Attempts
		err = s.Attempts.Update(ctx, []string{"key"}, func(c []signin.Attempts) { attempts = append(attempts, c...) })
		note("attempts", attempts, err)
		keys, err := s.Keys.Keys(ctx)
		note("keys", keys, err)
		code, err := s.Codes.Code(ctx, used.Hash)
		note("code", code, err)
		kept, err := s.Families.Family(ctx, f.ID)
		note("family", kept, err)
		note("revoked", revokedAfter(t, s, 0, noon), nil)
		sessions, err := s.Sessions.Page(ctx, session.Filter{All: true}, nil, 100, noon)
		note("sessions", sessions, err)
		recorded, err := s.Audit.ListAudit(ctx, audit.Filter{Limit: 10})
		note("audit", recorded, err)
		return got
	}
	before := read(stores)
	again := stores.Reopen(t)
	if after := read(again); !cmp.Equal(before, after) {
		t.Errorf("before and after the restart:\n%s", cmp.Diff(before, after))
	}
	if first, err := again.Assertions.UseAssertion(ctx, assertion, noon); err != nil || first {
		t.Errorf("the assertion is forgotten: %v, %v", first, err)
	}
	if n, err := again.Failures.CountFailure(ctx, "key", 7); err != nil || n != 2 {
		t.Errorf("the failure is forgotten: %d, %v", n, err)
	}
	reused := openSession(t, again.Sessions, opening("anna", "sid", noon))
	if reused.Fresh || reused.ID != opened.ID || !cmp.Equal(reused.Licence, opened.Licence) {
		t.Errorf("the session became %+v", reused)
	}
	if got, err := again.Applications.ByURI(ctx, app.ApplicationURI); err != nil || !cmp.Equal(got, app) {
		t.Errorf("%v\n%s", err, cmp.Diff(app, got))
	}
}
