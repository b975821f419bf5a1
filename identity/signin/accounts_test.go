package signin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/paging"
)

func TestAccountsAreValidated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	ok := signin.NewUser{Login: "anna", Type: tandem.InternalUser, Password: password}
	for name, change := range map[string]func(*signin.NewUser){
		"no login":             func(n *signin.NewUser) { n.Login = "" },
		"spaces":               func(n *signin.NewUser) { n.Login = "anna b" },
		"a look-alike":         func(n *signin.NewUser) { n.Login = "аnna" }, // a Cyrillic letter
		"long login":           func(n *signin.NewUser) { n.Login = strings.Repeat("a", 65) },
		"an application's way": func(n *signin.NewUser) { n.Login = "com.example/portal" },
		"line break":           func(n *signin.NewUser) { n.Login = "anna\n" },
		"no type":              func(n *signin.NewUser) { n.Type = "" },
		"unknown type":         func(n *signin.NewUser) { n.Type = "Root" },
		"external admin":       func(n *signin.NewUser) { n.Type, n.Admin = tandem.ExternalCommunityUser, true },
		"system with password": func(n *signin.NewUser) { n.Type = tandem.SystemUserNoLogin },
		"short password":       func(n *signin.NewUser) { n.Password = "seven77" },
		"bad address":          func(n *signin.NewUser) { n.Email = "Anna <anna@example.com>" },
		"bad locale":           func(n *signin.NewUser) { n.Locale = "!!" },
		"bad zone":             func(n *signin.NewUser) { n.Zoneinfo = "Europe/Sofja" },
		"this machine's zone":  func(n *signin.NewUser) { n.Zoneinfo = "Local" },
		"a path for a zone":    func(n *signin.NewUser) { n.Zoneinfo = "../../etc/passwd" },
		"name with controls":   func(n *signin.NewUser) { n.Name = "Anna\x1b[2J" },
		"long name":            func(n *signin.NewUser) { n.Name = strings.Repeat("a", 255) },
	} {
		n := ok
		change(&n)
		if _, err := s.accounts.Create(ctx, by, n); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error repeats the password", name)
		}
	}
	if u, some, err := paging.First(s.accounts.List(ctx, signin.Filter{})); err != nil || some {
		t.Fatalf("something was created: %v, %v", u, err)
	}
	u, err := s.accounts.Create(ctx, by, ok)
	if err != nil || u.Name != "anna" || !u.Enabled || u.ID == "" {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := s.accounts.Create(ctx, by, ok); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("the same login again: %v", err)
	}
	shouting := ok
	shouting.Login, shouting.Email = "ANNA", ""
	if _, err := s.accounts.Create(ctx, by, shouting); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("the same login in capitals: %v", err)
	}
	robot, err := s.accounts.Create(ctx, by, signin.NewUser{Login: "SYSTEM_APPLICATION_USER", Type: tandem.SystemUserNoLogin})
	if err != nil || robot.Login != "SYSTEM_APPLICATION_USER" || robot.Name != robot.Login {
		t.Errorf("ERP.net's System User: %+v, %v", robot, err)
	}
	if shown, err := s.accounts.Show(ctx, "system_Application_User"); err != nil || shown.ID != robot.ID || shown.Login != robot.Login {
		t.Errorf("shown by another case: %+v, %v", shown, err)
	}
	for name, do := range map[string]func(login string) error{
		"show":     func(l string) error { _, err := s.accounts.Show(ctx, l); return err },
		"disable":  func(l string) error { _, err := s.accounts.Disable(ctx, by, l); return err },
		"enable":   func(l string) error { _, err := s.accounts.Enable(ctx, by, l); return err },
		"password": func(l string) error { _, err := s.accounts.SetPassword(ctx, by, l, password); return err },
		"update":   func(l string) error { _, err := s.accounts.Update(ctx, by, l, func(*tandem.User) {}); return err },
	} {
		if err := do("nobody"); !errors.Is(err, tandem.ErrNotFound) || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
	updated, err := s.accounts.Update(ctx, by, "anna", func(u *tandem.User) {
		u.Name, u.Email, u.Login, u.ID, u.Enabled = "Anna A.", "anna@example.com", "root", "x", false
	})
	if err != nil || updated.Name != "Anna A." || updated.Login != "anna" || updated.ID != u.ID || !updated.Enabled {
		t.Errorf("%+v, %v", updated, err)
	}
	if _, err := s.accounts.Update(ctx, by, "anna", func(u *tandem.User) { u.Locale = "!!" }); tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("update skips validation: %v", err)
	}
	s.clock.Advance(time.Second)
	if _, err := s.accounts.SetPassword(ctx, by, "anna", password+"!"); err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.Delete(ctx, by, "anna"); err != nil {
		t.Fatal(err)
	}
	var details []string
	for _, e := range s.audit.Of(tandem.AuditAdministration) {
		f, err := tandem.ParseFacts(e.Facts)
		if err != nil || e.Actor != by.Login || e.RemoteAddr != by.From || f.Via != by.Via || f.Subject.Kind != "user" || f.Subject.ID == "" ||
			strings.Contains(e.Detail+e.Facts, password) || strings.Contains(e.Facts, "argon2") {
			t.Errorf("record %+v", e)
		}
		details = append(details, e.Detail)
	}
	if want := []string{
		"created user anna of type InternalUser", "created user SYSTEM_APPLICATION_USER of type SystemUserNoLogin",
		`updated user anna: email "" → anna@example.com; name anna → "Anna A."`,
		"set the password of user anna: password_changed_at ", "disabled user anna: is_enabled yes → no", "deleted user anna (id " + u.ID + ")",
	}; !slices.EqualFunc(details, want, strings.HasPrefix) {
		t.Errorf("recorded %q, want %q", details, want)
	}
}

// A user never gets an application's name (I7, A5).
func TestI7_A5_UserNamedLikeAnApplication(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.db.Writer().ExecContext(t.Context(), `INSERT INTO principal_names (name, kind) VALUES ('worker.acme', 'application')`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.accounts.Create(t.Context(), by, signin.NewUser{Login: "worker.acme", Type: tandem.InternalUser})
	if tandem.ErrorCode(err) != tandem.CodeConflict || !strings.Contains(err.Error(), "application") {
		t.Errorf("%v", err)
	}
	_, err = s.accounts.Create(t.Context(), by, signin.NewUser{Login: "Worker.ACME", Type: tandem.InternalUser})
	if tandem.ErrorCode(err) != tandem.CodeConflict || !strings.Contains(err.Error(), "application") {
		t.Errorf("in another case: %v", err)
	}
}

// What ends a person's sign-ins, and that it ends all of each (C22, I6).
func TestAdministrationEndsSignIns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do        func(*site) error
		ends      bool
		canReturn string // with this password
	}{
		"disable": {func(s *site) error { _, err := s.accounts.Disable(s.t.Context(), by, "anna"); return err }, true, ""},
		"set password": {func(s *site) error {
			_, err := s.accounts.SetPassword(s.t.Context(), by, "anna", "another password")
			return err
		}, true, "another password"},
		"change of type": {func(s *site) error {
			_, err := s.accounts.Update(s.t.Context(), by, "anna", func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser })
			return err
		}, true, password},
		"becomes a system user": {func(s *site) error {
			_, err := s.accounts.Update(s.t.Context(), by, "anna", func(u *tandem.User) { u.Type = tandem.SystemUserNoLogin })
			return err
		}, true, ""},
		"change of name": {func(s *site) error {
			_, err := s.accounts.Update(s.t.Context(), by, "anna", func(u *tandem.User) { u.Name = "Anna" })
			return err
		}, false, password},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.user("anna", tandem.InternalUser)
			s.user("bert", tandem.InternalUser)
			phone, desk, other := s.browser(), s.browser(), s.browser()
			sids := []string{phone.granted("anna").SignInID, desk.granted("anna").SignInID}
			other.granted("bert")
			s.clock.Advance(time.Second)
			if err := test.do(s); err != nil {
				t.Fatal(err)
			}
			for i, b := range []*browser{phone, desk} {
				_, q := b.get(authorizeURL("prompt", "none")).to()
				if dead := q.Get("error") == "login_required"; dead != test.ends || s.ended.both(sids[i]) != test.ends {
					t.Errorf("sign-in %d: ended %v, families and session ended %v", i, dead, s.ended.both(sids[i]))
				}
			}
			if _, q := other.get(authorizeURL("prompt", "none")).to(); q.Get("code") == "" {
				t.Error("somebody else's sign-in ended too")
			}
			for _, p := range []string{password, "another password"} {
				_, q := s.browser().signIn("anna", p, "scope", "openid").to()
				if in := q.Get("code") != ""; in != (p == test.canReturn) {
					t.Errorf("with %q: in %v", p, in)
				}
			}
		})
	}
}

func TestPasswordsTellWhoseTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	if u, err := s.accounts.Create(ctx, by, signin.NewUser{Login: "anna", Type: tandem.InternalUser}); err != nil || u.PasswordOrigin != "" || !u.LastSignInAt.IsZero() {
		t.Fatalf("%+v, %v", u, err)
	}
	for who, want := range map[tandem.By]tandem.PasswordOrigin{
		{Login: "anna", Via: tandem.ViaManage}: tandem.PasswordOwn, {Login: "tandem:demo", Via: tandem.ViaDemo}: tandem.PasswordDemo,
		{Login: "os:anna", Via: tandem.ViaCommand}: tandem.PasswordAdmin, {Login: "maria", Via: tandem.ViaImport}: tandem.PasswordImport,
	} {
		if u, err := s.accounts.SetPassword(ctx, who, "Anna", password); err != nil || u.PasswordOrigin != want || u.CreatedBy != by.Login {
			t.Errorf("set by %+v: %q, made by %q, %v", who, u.PasswordOrigin, u.CreatedBy, err)
		}
	}
	u, err := s.accounts.Update(ctx, by, "anna", func(u *tandem.User) { u.PasswordOrigin, u.CreatedBy, u.LastSignInAt = "", "", s.clock.Now() })
	if err != nil || u.PasswordOrigin == "" || u.CreatedBy == "" || !u.LastSignInAt.IsZero() {
		t.Errorf("an update changes what it may not: %+v, %v", u, err)
	}
	s.browser().granted("anna")
	if u, err := s.accounts.Show(ctx, "anna"); err != nil || !u.LastSignInAt.Equal(s.clock.Now()) {
		t.Errorf("signed in last %v, %v", u.LastSignInAt, err)
	}
	if u, err := s.accounts.Update(ctx, by, "anna", func(u *tandem.User) { u.Type = tandem.SystemUserNoLogin }); err != nil || u.PasswordOrigin != "" {
		t.Errorf("a System User has a password of %q: %v", u.PasswordOrigin, err)
	}
}

// failing is a store, and a record, that cannot be reached.
type failing struct{ signin.Resets }

var errAway = errors.New("away")

func (failing) EndUser(context.Context, string) error           { return errAway }
func (failing) Record(context.Context, tandem.AuditEvent) error { return errAway }

// TestC22_SignInsEndWhateverElseFails: the deed done again changes nothing and would end
// nothing, so that a step that fails holds up none of the others; and the failure is told.
func TestC22_SignInsEndWhateverElseFails(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, a *signin.Accounts) error{
		"disable": func(ctx context.Context, a *signin.Accounts) error { _, err := a.Disable(ctx, by, "anna"); return err },
		"set password": func(ctx context.Context, a *signin.Accounts) error {
			_, err := a.SetPassword(ctx, by, "anna", "another password")
			return err
		},
		"a lost right and another address": func(ctx context.Context, a *signin.Accounts) error {
			_, err := a.Update(ctx, by, "anna", func(u *tandem.User) { u.Admin, u.Email = false, "anna@elsewhere.example" })
			return err
		},
	} {
		for what, breaks := range map[string]func(a *signin.Accounts){
			"links": func(a *signin.Accounts) { a.Resets = failing{a.Resets} }, "the record": func(a *signin.Accounts) { a.Audit = failing{} },
		} {
			t.Run(name+" without "+what, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.user("anna", tandem.InternalUser)
				if _, err := s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.Admin = true }); err != nil {
					t.Fatal(err)
				}
				b := s.browser()
				sid := b.granted("anna").SignInID
				s.clock.Advance(time.Second)
				broken := *s.accounts
				breaks(&broken)
				if err := do(t.Context(), &broken); !errors.Is(err, errAway) {
					t.Errorf("the failure is told as %v", err)
				}
				if _, q := b.get(authorizeURL("prompt", "none")).to(); q.Get("error") != "login_required" || !s.ended.both(sid) {
					t.Errorf("signed in as before: %v, families and session ended %v", q, s.ended.both(sid))
				}
			})
		}
	}
}

// TestC22_SignInsAllEndWhenOneFails: of several sign-ins those that can be ended are.
func TestC22_SignInsAllEndWhenOneFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	var sids []string
	for range 3 {
		sids = append(sids, s.browser().granted("anna").SignInID)
	}
	s.clock.Advance(time.Second)
	s.ended.failing = 1
	if _, err := s.accounts.Disable(t.Context(), by, "anna"); err == nil {
		t.Error("the failure is not told")
	}
	n := 0
	for _, sid := range sids {
		if slices.Contains(s.ended.session, sid) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d of 3 sessions are closed", n)
	}
}
