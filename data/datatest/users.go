package datatest

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
)

func account(login string) signin.Account {
	return signin.Account{User: tandem.User{
		ID: uuid.NewString(), Login: login, Name: "Анна O'Neil \U0001F600", Locale: "bg", Zoneinfo: "Europe/Sofia", Type: tandem.InternalUser,
		Enabled: true, CreatedAt: noon, ChangedAt: noon, CreatedBy: "os:root", LastSignInAt: noon, PasswordOrigin: tandem.PasswordAdmin, SecondFactorRequired: true, Version: 1,
	}, PasswordHash: "$argon2id$…", PasswordChangedAt: noon}
}

func usersAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, users := t.Context(), stores.Users
	anna := account("anna")
	anna.Email, anna.EmailVerified, anna.Admin, anna.MustChangePassword = "anna@example.com", true, true, true
	whole(t, anna)
	must(t, users.Create(ctx, anna))
	must(t, users.Create(ctx, account("aaron")))

	for name, read := range map[string]func() (signin.Account, error){
		"id":    func() (signin.Account, error) { return users.ByID(ctx, anna.ID) },
		"login": func() (signin.Account, error) { return users.ByLogin(ctx, "anna") },
	} {
		got, err := read()
		if err != nil || !cmp.Equal(got, anna) {
			t.Errorf("by %s: %v\n%s", name, err, cmp.Diff(anna, got))
		}
	}
	all, err := users.Page(ctx, signin.Filter{}, "", 100)
	if err != nil || len(all) != 2 || all[0].Login != "aaron" {
		t.Errorf("List: %v, %v", all, err)
	}
	robot := account("SYSTEM_Application_User")
	must(t, users.Create(ctx, robot))
	for _, login := range []string{"SYSTEM_Application_User", "system_application_user", "SYSTEM_APPLICATION_USER"} {
		if got, err := users.ByLogin(ctx, login); err != nil || got.ID != robot.ID || got.Login != robot.Login {
			t.Errorf("by the login %s: %q, %v", login, got.Login, err)
		}
		if err := users.Create(ctx, account(login)); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("a second user with the login %s: %v", login, err)
		}
	}
	must(t, users.Delete(ctx, robot.ID, noon))
	if _, err := users.ByID(ctx, "no such id"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("want ErrNotFound, got %v", err)
	}

	before := newest(t, stores).Users
	changed, err := users.Update(ctx, anna.ID, func(old signin.Account) (signin.Account, error) {
		old.Enabled, old.Login, old.ChangedAt = false, "somebody else", noon.Add(time.Minute)
		return old, nil
	})
	if err != nil || changed.Enabled || changed.Login != "anna" || changed.Version != 2 {
		t.Errorf("Update: %+v, %v", changed, err)
	}
	if told := usersAfter(t, stores, before); !slices.Equal(told, []string{anna.ID}) {
		t.Errorf("who follows is told %q", told)
	}
	before = newest(t, stores).Users

	twin := account("twin")
	twin.Email = "ANNA@example.com"
	if err := users.Create(ctx, twin); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("a second user got the same address: %v", err)
	}
	// One who is deleted is found by the id alone, off and without a name, and the
	// login is free.
	must(t, users.Delete(ctx, changed.ID, noon.Add(time.Hour)))
	must(t, users.Delete(ctx, changed.ID, noon.Add(time.Hour)))
	gone, err := users.ByID(ctx, changed.ID)
	if must(t, err); gone.Enabled || gone.Name == changed.Name || gone.Email != "" || gone.PasswordHash != "" || gone.Login == "anna" {
		t.Errorf("deleted: %+v", gone)
	}
	if _, err := users.ByLogin(ctx, "anna"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a deleted user by the login: %v", err)
	}
	if all, err := users.Page(ctx, signin.Filter{}, "", 100); err != nil || len(all) != 1 {
		t.Errorf("%d users, %v", len(all), err)
	}
	if told := usersAfter(t, stores, before); !slices.Equal(told, []string{anna.ID}) {
		t.Errorf("who follows the accounts is told %q", told)
	}
	must(t, users.Create(ctx, account("anna")))
	if err := users.Create(ctx, account("twin")); err != nil {
		t.Errorf("the refused user left its name behind: %v", err)
	}
}

func userUpdatesDoNotLoseEachOther(t *testing.T, stores *Stores) {
	ctx, users := t.Context(), stores.Users
	anna := account("anna")
	anna.Name = ""
	must(t, users.Create(ctx, anna))
	Together(t, 20, func(int) error {
		_, err := users.Update(ctx, anna.ID, func(old signin.Account) (signin.Account, error) {
			old.Name += "x"
			return old, nil
		})
		return err
	})
	got, err := users.ByID(ctx, anna.ID)
	if err != nil || len(got.Name) != 20 || got.Version != 21 {
		t.Errorf("after 20 updates: %q, version %d, %v", got.Name, got.Version, err)
	}
}

// OneNameHasOneOwner is the test of invariant I7: no login ever equals an
// ApplicationURI.
func OneNameHasOneOwner(t *testing.T, stores *Stores) {
	ctx, users := t.Context(), stores.Users
	apps := stores.Applications
	application := func(uri string) tandem.TrustedApp {
		return tandem.TrustedApp{
			ID: uuid.NewString(), ApplicationURI: uri, Name: uri, Enabled: true,
			ClientType: tandem.ClientConfidential, CreatedAt: noon, ChangedAt: noon,
		}
	}
	_, err := apps.Create(ctx, application("portal.acme"))
	must(t, err)
	if err := users.Create(ctx, account("portal.acme")); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Fatalf("a user got an application's name: %v", err)
	}
	must(t, users.Create(ctx, account("anna")))
	if _, err := apps.Create(ctx, application("anna")); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Fatalf("an application got a user's name: %v", err)
	}
	// Without regard to case, as logins are compared, whoever came first; also when
	// one of several applications whose names differ by case alone is gone.
	for _, uri := range []string{"Portal.Acme", "PORTAL.acme"} {
		_, err := apps.Create(ctx, application(uri))
		must(t, err)
		if _, err := apps.Create(ctx, application(uri)); tandem.ErrorCode(err) != tandem.CodeConflict || !strings.Contains(err.Error(), "another application") {
			t.Errorf("%s twice: %v", uri, err)
		}
	}
	must(t, apps.Delete(ctx, "portal.acme", noon, "admin"))
	must(t, apps.Delete(ctx, "PORTAL.acme", noon, "admin"))
	for _, login := range []string{"portal.acme", "Portal.Acme", "PORTAL.ACME"} {
		if err := users.Create(ctx, account(login)); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("a user got the name %s of an application: %v", login, err)
		}
	}
	must(t, apps.Delete(ctx, "Portal.Acme", noon, "admin"))
	namesRest(t, stores, application)
	// Many of both kinds at the same moment: one wins, the others are told.
	var won, refused atomic.Int64
	Together(t, 20, func(i int) (err error) {
		if i%2 == 0 {
			err = users.Create(ctx, account([]string{"worker.acme", "Worker.Acme"}[i/2%2]))
		} else {
			_, err = apps.Create(ctx, application("worker.acme"))
		}
		switch {
		case err == nil:
			won.Add(1)
		case tandem.ErrorCode(err) == tandem.CodeConflict:
			refused.Add(1)
		default:
			return err
		}
		return nil
	})
	if won.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d won and %d were refused", won.Load(), refused.Load())
	}
}

// namesRest: tokens live on that call somebody by a name that was given back, so that it
// goes to its own kind at once and to another kind a day later, both ways, whether the new
// owner is made or comes out of the trash.
func namesRest(t *testing.T, stores *Stores, application func(uri string) tandem.TrustedApp) {
	ctx, users, apps := t.Context(), stores.Users, stores.Applications
	at := func(name string, now time.Time) signin.Account {
		a := account(name)
		a.CreatedAt = now
		return a
	}
	app := func(name string, now time.Time) error {
		a := application(name)
		a.CreatedAt, a.ChangedAt = now, now
		_, err := apps.Create(ctx, a)
		return err
	}
	rested := noon.Add(data.NameRests + time.Second)
	refused := func(err error, format string, args ...any) {
		t.Helper()
		if tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf(format+": %v", append(args, err)...)
		}
	}
	for _, login := range []string{"portal.acme", "PORTAL.acme"} {
		for _, now := range []time.Time{noon, noon.Add(time.Hour), noon.Add(data.NameRests)} {
			refused(users.Create(ctx, at(login, now)), "a user is called %s while tokens of an application are, at %s", login, now)
		}
	}
	must(t, app("portal.acme", noon.Add(time.Minute)))
	must(t, apps.Delete(ctx, "portal.acme", noon.Add(2*time.Minute), "admin"))
	refused(users.Create(ctx, at("portal.acme", rested)), "a user is called like an application that came again")
	rested = rested.Add(2 * time.Minute)
	must(t, users.Create(ctx, at("PORTAL.acme", rested)))
	for _, uri := range []string{"portal.acme", "PORTAL.acme"} {
		refused(app(uri, rested.Add(time.Hour)), "an application got the name %s of a user", uri)
	}
	maria := at("maria.acme", noon)
	must(t, users.Create(ctx, maria))
	must(t, users.Delete(ctx, maria.ID, noon))
	refused(app("Maria.Acme", noon.Add(time.Hour)), "an application is called like a user of before")
	resource := application("com.acme/other")
	resource.Resource = "maria.acme"
	_, err := apps.Create(ctx, resource)
	refused(err, "a resource is called like a user of before")
	must(t, users.Create(ctx, at("Maria.acme", noon)))
	// Out of the trash: the name was another's meanwhile, who is gone.
	gone := application("depot.acme")
	_, err = apps.Create(ctx, gone)
	must(t, err)
	must(t, apps.Delete(ctx, gone.ApplicationURI, noon, "admin"))
	depot := at("depot.acme", noon.Add(2*data.NameRests))
	must(t, users.Create(ctx, depot))
	must(t, users.Delete(ctx, depot.ID, noon.Add(2*data.NameRests)))
	restore := func(now time.Time) error {
		_, err := apps.Restore(ctx, gone.ID, now, func(a tandem.TrustedApp) tandem.TrustedApp { return a })
		return err
	}
	refused(restore(noon.Add(2*data.NameRests)), "an application comes back under the name of a user of before")
	must(t, restore(noon.Add(4*data.NameRests)))
}
