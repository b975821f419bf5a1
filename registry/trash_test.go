package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

func TestADeletedApplicationIsRestoredWithoutWhatOpensIt(t *testing.T) {
	each(t, func(w *world) {
		w.edit(func(a *tandem.TrustedApp) {
			a.SecretHash, a.Notes = "gyLScF1jNcZUwHPoDMqKI4D8y4fFnlf2cUvJ7XJ3qXU=", "for the depot"
		})
		before, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		w.clock.Advance(time.Hour)
		w.must(w.apps.Delete(t.Context(), by, portal))
		token := &tandem.Principal{
			ApplicationURI: portal, IssuedAt: w.clock.Now(), Scope: tandem.Scope{"read"},
			Service: &tandem.ServiceIdentity{SystemUserID: before.SystemUserID, SystemUserLogin: "svc.portal"},
		}
		w.clock.Advance(time.Minute)
		a, err := w.apps.Restore(t.Context(), by, portal)
		w.must(err)
		if a.ID != before.ID || a.Notes != before.Notes || a.SystemUserID != before.SystemUserID || a.Enabled || a.SecretHash != "" || len(a.Live()) != 0 || len(a.Credentials) != 2 {
			t.Errorf("restored %+v", a)
		}
		w.must(w.apps.Enable(t.Context(), by, portal))
		w.refresh()
		if err := w.live.Check(t.Context(), token); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
			t.Errorf("a token of before: %v", err)
		}
		token.IssuedAt = w.clock.Now()
		w.must(w.live.Check(t.Context(), token))
		e := w.record.All()[len(w.record.All())-2]
		if f, err := tandem.ParseFacts(e.Facts); err != nil || !strings.HasPrefix(e.Detail, "application restored") || f.After["notes"] != "for the depot" || f.Subject.ID != a.ID {
			t.Errorf("recorded %+v", e)
		}
		w.refused(func() error { _, err := w.apps.Restore(t.Context(), by, portal); return err }(), tandem.CodeNotFound, "one that is there")
		w.must(w.apps.Delete(t.Context(), by, portal))
		w.clock.Advance(registry.KeepDeleted + time.Second)
		w.must(w.apps.Purge(t.Context()))
		w.refused(func() error { _, err := w.apps.Restore(t.Context(), by, a.ID); return err }(), tandem.CodeNotFound, "after its time")
	})
}

func TestApplicationsTellWhoseTheyAre(t *testing.T) {
	each(t, func(w *world) {
		w.user("maria", tandem.InternalUser)
		a, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		if a.CreatedBy != by.Login || a.Source != by.Via || a.Owner != "" {
			t.Errorf("made by %q through %q, owned by %q", a.CreatedBy, a.Source, a.Owner)
		}
		set := func(owner string) (string, error) {
			a, err := w.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error {
				a.Owner, a.Source, a.CreatedBy = owner, tandem.ViaLink, "somebody"
				return nil
			})
			if err == nil && (a.CreatedBy != by.Login || a.Source != by.Via) {
				t.Errorf("made by %q through %q after an update", a.CreatedBy, a.Source)
			}
			return a.Owner, err
		}
		for owner, want := range map[string]string{"MARIA": "maria", "depot@acme.example": "depot@acme.example", "": ""} {
			if got, err := set(owner); err != nil || got != want {
				t.Errorf("the owner %q is %q, %v", owner, got, err)
			}
		}
		for _, owner := range []string{"nobody", "Maria <maria@acme.example>", strings.Repeat("x", 300), "a\nb"} {
			if _, err := set(owner); tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), "owner") {
				t.Errorf("the owner %q: %v", owner, err)
			}
		}
		classic := w.profile()
		classic.ApplicationURI, classic.SecretHash = "com.acme/classic", "gyLScF1jNcZUwHPoDMqKI4D8y4fFnlf2cUvJ7XJ3qXU="
		if a, _, err := w.apps.Create(t.Context(), by, classic); err != nil || a.Source != tandem.ViaImport {
			t.Errorf("one with the secret of elsewhere: %q, %v", a.Source, err)
		}
	})
}

// Without a name an application has its URI for one, so that it comes back from the trash.
func TestAnApplicationWithoutANameComesBack(t *testing.T) {
	each(t, func(w *world) {
		w.edit(func(a *tandem.TrustedApp) { a.Name = "" })
		w.clock.Advance(time.Hour)
		w.must(w.apps.Delete(t.Context(), by, portal))
		if a, err := w.apps.Restore(t.Context(), by, portal); err != nil || a.Name != portal {
			t.Errorf("%q %v", a.Name, err)
		}
	})
}
