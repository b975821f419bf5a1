package datatest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
)

// walk reads a list in pages of two, and returns the names of its entries.
func walk[T any](t *testing.T, name func(T) string, next func(after *T) ([]T, error)) (names []string) {
	t.Helper()
	var after *T
	for {
		page, err := next(after)
		must(t, err)
		for _, entry := range page {
			names = append(names, name(entry))
		}
		if len(page) < 2 {
			return names
		}
		after = &page[1]
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func usersAreListedInPages(t *testing.T, stores *Stores) {
	for _, login := range []string{"anna", "Boris", "ANTON", "svc.a", "paul"} {
		u := account(login)
		u.Name = "Name of " + login
		switch login {
		case "svc.a":
			u.Type = tandem.SystemUserNoLogin
		case "paul":
			u.Type, u.Enabled, u.Email = tandem.ExternalCommunityUser, false, "Paul@Example.com"
		case "Boris":
			u.Admin, u.Name = true, "100% Борис_"
		}
		must(t, stores.Users.Create(t.Context(), u))
	}
	list := func(f signin.Filter) []string {
		return walk(t, func(u tandem.User) string { return u.Login }, func(after *tandem.User) ([]tandem.User, error) {
			if after == nil {
				after = &tandem.User{}
			}
			return stores.Users.Page(t.Context(), f, after.Login, 2)
		})
	}
	same(t, "all, by login without its case", list(signin.Filter{}), "anna", "ANTON", "Boris", "paul", "svc.a")
	same(t, "a part of the login", list(signin.Filter{Text: "AN"}), "anna", "ANTON")
	same(t, "a part of the address", list(signin.Filter{Text: "l@EXAMPLE"}), "paul")
	same(t, "a part of the name", list(signin.Filter{Text: "Борис"}), "Boris")
	same(t, "what a pattern would mean more by", list(signin.Filter{Text: "%"}), "Boris")
	same(t, "the same", list(signin.Filter{Text: "_"}), "Boris")
	same(t, "nothing", list(signin.Filter{Text: "' OR '1'='1"}))
	same(t, "a type", list(signin.Filter{Type: tandem.SystemUserNoLogin}), "svc.a")
	same(t, "administrators", list(signin.Filter{Admin: true}), "Boris")
	same(t, "switched off", list(signin.Filter{Disabled: true}), "paul")
}

func applicationsAreListedInPages(t *testing.T, stores *Stores) {
	svc := account("svc.a")
	svc.Type = tandem.SystemUserNoLogin
	must(t, stores.Users.Create(t.Context(), svc))
	for i, uri := range []string{"com.example/c", "com.example/a", "com.Example/b", "com.other/d"} {
		a := application(uri)
		a.Name, a.SystemUserID, a.Enabled = fmt.Sprint("Портал ", i), svc.ID, i != 3
		if i == 2 {
			a.ClientType, a.SystemUserID, a.Credentials = tandem.ClientPublic, "", nil
		}
		for n := range a.Credentials {
			a.Credentials[n].ID = fmt.Sprint(uri, n)
		}
		_, err := stores.Applications.Create(t.Context(), a)
		must(t, err)
	}
	list := func(f registry.Filter) []string {
		return walk(t, func(a registry.ListedApp) string {
			if n := len(a.Credentials); n == 0 && a.ClientType == tandem.ClientConfidential || n > 0 && a.Credentials[0].ID != a.ApplicationURI+"0" {
				t.Errorf("%s has the credentials %v", a.ApplicationURI, a.Credentials)
			}
			return a.ApplicationURI + " " + a.SystemUser
		}, func(after *registry.ListedApp) ([]registry.ListedApp, error) {
			if after == nil {
				after = &registry.ListedApp{}
			}
			return stores.Applications.Page(t.Context(), f, after.ApplicationURI, 2)
		})
	}
	same(t, "all", list(registry.Filter{}), "com.Example/b ", "com.example/a svc.a", "com.example/c svc.a", "com.other/d svc.a")
	same(t, "a part of the ApplicationURI", list(registry.Filter{Text: "EXAMPLE/"}), "com.Example/b ", "com.example/a svc.a", "com.example/c svc.a")
	same(t, "a part of the name", list(registry.Filter{Text: "Портал 0"}), "com.example/c svc.a")
	same(t, "a type", list(registry.Filter{ClientType: tandem.ClientPublic}), "com.Example/b ")
	same(t, "a System User", list(registry.Filter{SystemUserID: svc.ID}), "com.example/a svc.a", "com.example/c svc.a", "com.other/d svc.a")
	same(t, "switched off", list(registry.Filter{Disabled: true}), "com.other/d svc.a")
}

func sessionsAreListedInPages(t *testing.T, stores *Stores) {
	s := licensed(t, stores, 9, nil)
	for i, login := range []string{"a", "b", "c", "d", "e"} {
		at := noon.Add(time.Duration(i/2) * time.Second) // two and two at the same moment
		openSession(t, s, opening(login, "sid-"+login, at))
	}
	openSession(t, s, service("svc", "", noon.Add(time.Minute)))
	_, err := s.End(t.Context(), session.Ending{Key: "sid-c", Reason: "test", Now: noon.Add(time.Minute)})
	must(t, err)
	list := func(f session.Filter) []string {
		return walk(t, func(s session.Stored) string { return s.User }, func(after *session.Stored) ([]session.Stored, error) {
			if after == nil {
				return s.Page(t.Context(), f, nil, 2, noon.Add(2*time.Minute))
			}
			return s.Page(t.Context(), f, &after.Session, 2, noon.Add(2*time.Minute))
		})
	}
	same(t, "open, by slot", list(session.Filter{}), "a", "b", "d", "e", "svc")
	all := list(session.Filter{All: true})
	slices.Sort(all[2:4]) // of the same moment, in whatever order
	slices.Sort(all[4:])
	same(t, "all, the newest first", all, "svc", "e", "c", "d", "a", "b")
	same(t, "a user's", list(session.Filter{User: "c"}))
	same(t, "a user's, ended too", list(session.Filter{User: "c", All: true}), "c")
	same(t, "a kind", list(session.Filter{Kind: tandem.SessionService}), "svc")
	same(t, "an application's", list(session.Filter{ApplicationURI: "none"}))
}
