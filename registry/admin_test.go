package registry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/paging"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// invalidOr fails unless err has the code.
func (w *world) refused(err error, code tandem.Code, what string) {
	w.Helper()
	if tandem.ErrorCode(err) != code {
		w.Errorf("%s: got %v, want %s", what, err, code)
	}
}

func TestF34_I13_SecretsAreShownOnceAndKeptAsHashes(t *testing.T) {
	each(t, func(w *world) {
		if !strings.HasPrefix(w.secrets.User, registry.UserSecretPrefix) || !strings.HasPrefix(w.secrets.Service, registry.ServiceSecretPrefix) || len(w.secrets.User) < 48 {
			t.Fatalf("secrets %d and %d bytes long", len(w.secrets.User), len(w.secrets.Service))
		}
		added, third, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowService})
		w.must(err)
		a, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		for secret, flow := range map[string]tandem.Flow{w.secrets.User: tandem.FlowUser, w.secrets.Service: tandem.FlowService, third: tandem.FlowService} {
			sum := sha256.Sum256([]byte(secret))
			i := slices.IndexFunc(a.Credentials, func(c tandem.Credential) bool { return bytes.Equal(c.SecretHash, sum[:]) })
			if i < 0 || a.Credentials[i].Flow != flow || a.Credentials[i].Kind != tandem.CredentialSecret {
				t.Errorf("no credential of the %s flow has the hash of its secret", flow)
			}
		}
		if len(a.Credentials) != 3 {
			t.Errorf("%d credentials", len(a.Credentials))
		}
		again, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		shown := fmt.Sprintf("%+v %+v %+v", again, added, w.record.All())
		for _, secret := range []string{w.secrets.User, w.secrets.Service, third} {
			if strings.Contains(shown, secret) {
				t.Error("a secret is shown again, or recorded")
			}
		}
		w.must(w.apps.RevokeCredential(t.Context(), by, portal, added.ID))
		w.refused(w.apps.RevokeCredential(t.Context(), by, portal, added.ID), tandem.CodeNotFound, "revoked twice")
		w.refresh()
		if good, _ := w.usable(added.ID); good {
			t.Error("the live view takes a credential that was revoked")
		}
	})
}

// A dump of the database holds no secret in readable form.
func TestF32_I13_DatabaseFilesHoldNoSecret(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.SQLite)
	db, err := data.Open(t.Context(), url, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, db.Identity)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file := strings.TrimPrefix(url, "sqlite:")
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := false
	for _, name := range files {
		dump, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(dump, []byte(portal))
		for _, secret := range []string{w.secrets.User, w.secrets.Service} {
			if bytes.Contains(dump, []byte(secret)) || bytes.Contains(dump, []byte(secret[len(registry.UserSecretPrefix):])) {
				t.Errorf("a secret is in %s", filepath.Base(name))
			}
		}
	}
	if !found {
		t.Error("the dump was not looked at: the application is not in it")
	}
}

func TestSecretsAreForTheHalvesThatThereAre(t *testing.T) {
	each(t, func(w *world) {
		for name, test := range map[string]struct {
			change        func(*tandem.TrustedApp)
			user, service bool
		}{
			"people alone":    {func(a *tandem.TrustedApp) { a.SystemUserAllowed, a.SystemUserID = false, "" }, true, false},
			"a service alone": {func(a *tandem.TrustedApp) { a.InternalUsers, a.ExternalUsers = false, false }, false, true},
			"a public client": {func(a *tandem.TrustedApp) {
				a.ClientType, a.SystemUserAllowed, a.SystemUserID = tandem.ClientPublic, false, ""
			}, false, false},
			"given credentials": {func(a *tandem.TrustedApp) {
				a.Credentials = []tandem.Credential{{ID: "mine", Flow: tandem.FlowService}}
			}, true, true},
		} {
			a := w.profile()
			a.ApplicationURI = "com.example/" + strings.ReplaceAll(name, " ", "-")
			test.change(&a)
			created, secrets, err := w.apps.Create(t.Context(), by, a)
			w.must(err)
			if (secrets.User != "") != test.user || (secrets.Service != "") != test.service {
				t.Errorf("%s: a user secret %v, a service secret %v", name, secrets.User != "", secrets.Service != "")
			}
			for _, c := range created.Credentials {
				if c.ID == "mine" {
					t.Errorf("%s: a credential of the caller's making was taken", name)
				}
			}
		}
	})
}

// I7, A5: a name belongs to a user or to an application, whoever comes first and
// however many come at once.
func TestI7_A5_OneNameHasOneOwner(t *testing.T) {
	each(t, func(w *world) {
		accounts := &signin.Accounts{Users: w.users, Audit: w.record, Clock: w.clock.Now}
		newUser := func(login string) error {
			_, err := accounts.Create(t.Context(), by, signin.NewUser{Login: login, Type: tandem.InternalUser})
			return err
		}
		newApp := func(uri string) error {
			a := w.profile()
			a.ApplicationURI = uri
			_, _, err := w.apps.Create(t.Context(), by, a)
			return err
		}
		w.refused(newApp("anna"), tandem.CodeConflict, "an application with a user's name")
		w.refused(newApp("svc.portal"), tandem.CodeConflict, "an application with a System User's name")
		w.must(newApp("example.portal"))
		w.refused(newUser("example.portal"), tandem.CodeConflict, "a user with an application's name")
		w.refused(newApp("example.portal"), tandem.CodeConflict, "an application twice")
		var won, refused atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 16 {
			wg.Go(func() {
				create := newUser
				if i%2 == 0 {
					create = newApp
				}
				<-start
				switch err := create("com.example.race"); tandem.ErrorCode(err) {
				case "":
					won.Add(1)
				case tandem.CodeConflict:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 || refused.Load() != 15 {
			t.Errorf("%d got the name, %d were refused", won.Load(), refused.Load())
		}
		// A deleted application's name is free again when its tokens are of no use any more:
		// one of format rfc9068 has the name as its sub.
		w.must(w.apps.Delete(t.Context(), by, "example.portal"))
		w.refused(newUser("example.portal"), tandem.CodeConflict, "a user with the name of live tokens of an application")
		w.clock.Advance(time.Hour)
		w.refused(newUser("example.portal"), tandem.CodeConflict, "an hour later")
		w.clock.Advance(data.NameRests)
		w.must(newUser("example.portal"))
		w.refused(newApp("example.portal"), tandem.CodeConflict, "the name of a user who came after an application")
	})
}

// F34: nothing that an edit can say gives more than a new application could
// have, and what failed leaves the application as it was.
func TestF34_EditingIsNoWayUp(t *testing.T) {
	each(t, func(w *world) {
		before, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		for name, change := range map[string]func(*tandem.TrustedApp){
			"sec":              func(a *tandem.TrustedApp) { a.Scope = append(a.Scope, "sec") },
			"an unknown scope": func(a *tandem.TrustedApp) { a.Scope = append(a.Scope, "everything") },
			"a service scope beyond": func(a *tandem.TrustedApp) {
				a.Scope, a.ServiceScope = tandem.Scope{"read"}, tandem.Scope{"read", "update"}
			},
			"a user scope beyond":       func(a *tandem.TrustedApp) { a.Scope, a.UserScope = tandem.Scope{"read"}, tandem.Scope{"update"} },
			"a person as System User":   func(a *tandem.TrustedApp) { a.SystemUserID = w.anna.ID },
			"nobody as System User":     func(a *tandem.TrustedApp) { a.SystemUserID = uuid.NewString() },
			"no System User":            func(a *tandem.TrustedApp) { a.SystemUserID = "" },
			"public with a System User": func(a *tandem.TrustedApp) { a.ClientType = tandem.ClientPublic },
			"public with credentials": func(a *tandem.TrustedApp) {
				a.ClientType, a.SystemUserAllowed, a.SystemUserID = tandem.ClientPublic, false, ""
			},
			"none with credentials": func(a *tandem.TrustedApp) {
				a.ClientType, a.SystemUserAllowed, a.SystemUserID = tandem.ClientNone, false, ""
			},
			"no client type":           func(a *tandem.TrustedApp) { a.ClientType = "Trusted" },
			"an open redirect":         func(a *tandem.TrustedApp) { a.RedirectURIs = []string{"https://*.example/cb"} },
			"an open post-logout":      func(a *tandem.TrustedApp) { a.PostLogoutRedirectURIs = []string{"http://portal.example/"} },
			"an open back channel":     func(a *tandem.TrustedApp) { a.BackchannelLogoutURI = "http://169.254.169.254/latest" },
			"a page that is a script":  func(a *tandem.TrustedApp) { a.DevicesURI = "javascript:alert(1)" },
			"a page that all may read": func(a *tandem.TrustedApp) { a.DevicesURI = "http://portal.example/#/devices" },
			"a place that is none":     func(a *tandem.TrustedApp) { a.DevicesURI = "https://portal.example/#a#\"b" },
			"a hash of no secret":      func(a *tandem.TrustedApp) { a.SecretHash = "x" },
			"no tokens policy":         func(a *tandem.TrustedApp) { a.AccessTokens = "Everybody" },
			"a name that ends a line":  func(a *tandem.TrustedApp) { a.Name = "portal\nadmin" },
		} {
			_, err := w.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error { change(a); return nil })
			w.refused(err, tandem.CodeInvalid, name)
		}
		after, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		if fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
			t.Errorf("refused edits changed the application:\n%+v\n%+v", before, after)
		}
		// What identifies it, and its credentials, are not an edit's business.
		w.edit(func(a *tandem.TrustedApp) {
			a.ID, a.ApplicationURI, a.CreatedAt, a.Version = "mine", "com.example/other", time.Time{}, 99
			a.Credentials = append(a.Credentials[:1:1], tandem.Credential{ID: "mine", Kind: tandem.CredentialSecret, Flow: tandem.FlowService})
			a.Name = "Portal"
		})
		after, err = w.apps.Get(t.Context(), portal)
		w.must(err)
		if after.Name != "Portal" || after.ID != before.ID || !after.CreatedAt.Equal(before.CreatedAt) || after.Version != before.Version+1 ||
			fmt.Sprint(after.Credentials) != fmt.Sprint(before.Credentials) {
			t.Errorf("after the edit: %+v", after)
		}
		fault := errors.New("changed my mind")
		if _, err := w.apps.Update(t.Context(), by, portal, func(*tandem.TrustedApp) error { return fault }); !errors.Is(err, fault) {
			t.Errorf("the editor's error became %v", err)
		}
		_, err = w.apps.Update(t.Context(), by, "com.example/nobody", func(*tandem.TrustedApp) error { return nil })
		w.refused(err, tandem.CodeNotFound, "an application that is not there")
	})
}

func TestEditsDoNotLoseEachOther(t *testing.T) {
	each(t, func(w *world) {
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				_, err := w.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error { a.Notes += "x"; return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		a, err := w.apps.Get(t.Context(), portal)
		if err != nil || len(a.Notes) != 12 {
			t.Errorf("12 edits left %q, %v", a.Notes, err)
		}
	})
}

func TestCredentialsHaveBounds(t *testing.T) {
	each(t, func(w *world) {
		add := func(uri string, n registry.NewCredential) error {
			_, secret, err := w.apps.AddCredential(t.Context(), by, uri, n)
			if err != nil && secret != "" {
				t.Error("a refused credential has a secret")
			}
			return err
		}
		now := w.clock.Now()
		w.refused(add(portal, registry.NewCredential{Flow: "both"}), tandem.CodeInvalid, "a credential of both flows")
		w.refused(add(portal, registry.NewCredential{}), tandem.CodeInvalid, "a credential of no flow")
		w.refused(add(portal, registry.NewCredential{Flow: tandem.FlowUser, ExpiresAt: now}), tandem.CodeInvalid, "a credential that has expired")
		w.refused(add(portal, registry.NewCredential{Flow: tandem.FlowUser, NotBefore: now.Add(2 * time.Hour), ExpiresAt: now.Add(time.Hour)}), tandem.CodeInvalid, "one that ends before it begins")
		w.refused(add("com.example/nobody", registry.NewCredential{Flow: tandem.FlowUser}), tandem.CodeNotFound, "no application")
		public := w.profile()
		public.ApplicationURI, public.ClientType, public.SystemUserAllowed, public.SystemUserID = "com.example/field", tandem.ClientPublic, false, ""
		_, _, err := w.apps.Create(t.Context(), by, public)
		w.must(err)
		w.refused(add("com.example/field", registry.NewCredential{Flow: tandem.FlowUser}), tandem.CodeInvalid, "a public client's")
		w.edit(func(a *tandem.TrustedApp) { a.SystemUserAllowed = false })
		w.refused(add(portal, registry.NewCredential{Flow: tandem.FlowService}), tandem.CodeInvalid, "A2: the service flow is not allowed")
		for range registry.MaxCredentials - 2 {
			w.must(add(portal, registry.NewCredential{Flow: tandem.FlowUser, ExpiresAt: now.Add(time.Hour)}))
		}
		w.refused(add(portal, registry.NewCredential{Flow: tandem.FlowUser}), tandem.CodeInvalid, "one too many")
	})
}

func TestDeletedApplicationLeavesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.apps.Delete(t.Context(), by, portal))
		if !slices.Equal(w.grants.ended, []string{portal}) {
			t.Errorf("grants ended: %q", w.grants.ended)
		}
		w.refused(w.apps.Delete(t.Context(), by, portal), tandem.CodeNotFound, "deleted twice")
		if list, some, err := paging.First(w.apps.List(t.Context(), registry.Filter{})); err != nil || some {
			t.Errorf("listed %v, %v", list, err)
		}
		w.clock.Advance(time.Second)
		again, secrets, err := w.apps.Create(t.Context(), by, w.profile())
		w.must(err)
		if secrets.User == w.secrets.User || len(again.Credentials) != 2 {
			t.Error("the successor inherits credentials")
		}
		w.refresh()
		if a, ok := w.live.App(portal); !ok || a.ID != again.ID {
			t.Error("the live view does not have the successor")
		}
	})
}

func TestAdministrationIsRecorded(t *testing.T) {
	each(t, func(w *world) {
		before := len(w.record.All())
		w.must(w.apps.Disable(t.Context(), by, portal))
		w.must(w.apps.Enable(t.Context(), by, portal))
		_, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowUser})
		w.must(err)
		w.must(w.apps.Delete(t.Context(), by, portal))
		var got, facts []string
		for _, e := range w.record.All()[before:] {
			f, err := tandem.ParseFacts(e.Facts)
			if err != nil || f.Via != by.Via || f.Subject.ID == "" {
				t.Errorf("facts %s: %v", e.Facts, err)
			}
			facts = append(facts, fmt.Sprint(f.Subject.Kind, f.Before, f.After))
			if e.Kind != tandem.AuditAdministration || e.Actor != by.Login || e.RemoteAddr != by.From || e.ApplicationURI != portal || !e.At.Equal(w.clock.Now()) {
				t.Errorf("recorded %+v", e)
			}
			got = append(got, e.Detail)
		}
		if len(got) != 4 || got[0] != "application disabled: is_enabled yes → no" || got[1] != "application enabled: is_enabled no → yes" || !strings.HasPrefix(got[2], "user credential ") || got[3] != "application deleted" {
			t.Errorf("recorded %q", got)
		}
		if facts[0] != "applicationmap[is_enabled:true] map[is_enabled:false]" || facts[2] != "credentialmap[] map[flow:user kind:secret]" ||
			!strings.HasPrefix(facts[3], "applicationmap[") || !strings.HasSuffix(facts[3], "] map[]") || !strings.Contains(facts[3], "scope:read update") {
			t.Errorf("facts %q", facts)
		}
	})
}

// What was changed is told with what it was: and nothing else, and no secret.
func TestAChangeIsRecordedWithWhatItWas(t *testing.T) {
	each(t, func(w *world) {
		const hash = "gyLScF1jNcZUwHPoDMqKI4D8y4fFnlf2cUvJ7XJ3qXU="
		robot := w.user("svc.other", tandem.SystemUserNoLogin)
		for _, c := range []struct {
			change func(*tandem.TrustedApp)
			words  string
			facts  string
		}{
			{func(a *tandem.TrustedApp) { a.Notes = "for the depot" }, `notes "" → "for the depot"`, `"before":{"notes":""},"after":{"notes":"for the depot"}`},
			{func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{"read"} }, `service_scope none → read`, `"before":{"service_scope":null},"after":{"service_scope":"read"}`},
			{func(a *tandem.TrustedApp) { a.RedirectURIs = append(a.RedirectURIs, "https://b.example/cb") }, `redirect_uris +https://b.example/cb`, `https://b.example/cb`},
			{func(a *tandem.TrustedApp) { a.RedirectURIs = a.RedirectURIs[:1] }, `redirect_uris −https://b.example/cb`, `https://b.example/cb`},
			{func(a *tandem.TrustedApp) { a.SystemUserID = robot.ID }, `system_user svc.portal → svc.other`, `"after":{"system_user":"svc.other"}`},
			{func(a *tandem.TrustedApp) { a.SecretHash = hash }, `application_secret_hash unset → set`, `"after":{"application_secret_hash":"set"}`},
			{func(*tandem.TrustedApp) {}, "", `"via":"manage","on":{"kind":"application"`},
		} {
			w.edit(c.change)
			e := w.record.All()[len(w.record.All())-1]
			what, words, _ := strings.Cut(e.Detail, ": ")
			if !strings.HasPrefix(what, "application changed") || words != c.words || !strings.Contains(e.Facts, c.facts) || strings.Contains(e.Facts, hash) {
				t.Errorf("%q\n%s\nwant %q and %s", e.Detail, e.Facts, c.words, c.facts)
			}
			if c.words == "" && (strings.Contains(e.Facts, "before") || strings.Contains(e.Facts, "after")) {
				t.Errorf("nothing was changed: %s", e.Facts)
			}
		}
	})
}

func TestClassicSecret(t *testing.T) {
	each(t, func(w *world) {
		sum := sha256.Sum256([]byte("classic"))
		w.edit(func(a *tandem.TrustedApp) { a.SecretHash = base64.StdEncoding.EncodeToString(sum[:]) })
		w.refresh()
		if a, _ := w.live.App(portal); !bytes.Equal(a.ClassicSecret(), sum[:]) {
			t.Error("the live view has another classic secret")
		}
		w.edit(func(a *tandem.TrustedApp) { a.SecretHash = "" })
		w.refresh()
		if a, _ := w.live.App(portal); a.ClassicSecret() != nil {
			t.Error("the classic secret is still there")
		}
		// Registered with it, an application has no other secret.
		a := w.profile()
		a.ApplicationURI, a.SecretHash = "com.example/classic", base64.StdEncoding.EncodeToString(sum[:])
		made, secrets, err := w.apps.Create(t.Context(), by, a)
		w.must(err)
		if secrets != (registry.Secrets{}) || len(made.Credentials) != 0 || made.SecretHash != a.SecretHash {
			t.Errorf("a classic registration has %d credentials", len(made.Credentials))
		}
		for what, hash := range map[string]string{
			"the secret": "classic", "hex": hex.EncodeToString(sum[:]), "no padding": base64.RawStdEncoding.EncodeToString(sum[:]),
			"longer": base64.StdEncoding.EncodeToString(append(sum[:], 0)), "a line": a.SecretHash + "\n",
		} {
			_, err := w.apps.Update(t.Context(), by, a.ApplicationURI, func(a *tandem.TrustedApp) error { a.SecretHash = hash; return nil })
			w.refused(err, tandem.CodeInvalid, what)
		}
		_, err = w.apps.Update(t.Context(), by, a.ApplicationURI, func(a *tandem.TrustedApp) error {
			a.ClientType, a.SystemUserAllowed, a.SystemUserID = tandem.ClientPublic, false, ""
			return nil
		})
		w.refused(err, tandem.CodeInvalid, "public with a secret")
	})
}
