package datatest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

func consentsAreAddedUp(t *testing.T, stores *Stores) {
	ctx, anna := t.Context(), account("anna")
	must(t, stores.Users.Create(ctx, anna))
	a, err := stores.Applications.Create(ctx, application("com.example/a"))
	must(t, err)
	first := signin.Consent{
		UserID: anna.ID, ApplicationID: a.ID, Scope: tandem.Scope{"openid", "read"}, FirstAt: noon, GivenAt: noon, GivenFrom: "192.0.2.1", UsedAt: noon,
	}
	whole(t, first)
	if _, err := stores.Consents.Consent(ctx, anna.ID, a.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	must(t, stores.Consents.Give(ctx, first))
	if got, err := stores.Consents.Consent(ctx, anna.ID, a.ID); err != nil || !cmp.Equal(got, first) {
		t.Errorf("%v\n%s", err, cmp.Diff(first, got))
	}
	words := []string{"profile", "email", "update", "offline_access", "read"}
	Together(t, len(words), func(i int) error {
		at := noon.Add(time.Duration(i+1) * time.Minute)
		return stores.Consents.Give(ctx, signin.Consent{
			UserID: anna.ID, ApplicationID: a.ID, Scope: tandem.Scope{words[i]}, FirstAt: at, GivenAt: at, GivenFrom: "192.0.2.2", UsedAt: at,
		})
	})
	must(t, stores.Consents.ConsentUsed(ctx, anna.ID, a.ID, noon.Add(time.Hour)))
	must(t, stores.Consents.ConsentUsed(ctx, anna.ID, a.ID, noon.Add(time.Minute)))
	got, err := stores.Consents.Consent(ctx, anna.ID, a.ID)
	if err != nil || len(got.Scope) != 6 || !got.FirstAt.Equal(noon) || !got.GivenAt.Equal(noon.Add(5*time.Minute)) || !got.UsedAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("together: %+v, %v", got, err)
	}
	if _, err := stores.Consents.Consent(ctx, anna.ID, "another"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("another application: %v", err)
	}
	all, err := stores.Consents.Granted(ctx, anna.ID, noon)
	if err != nil || len(all) != 1 || all[0].ApplicationURI != "com.example/a" || !all[0].Given || !all[0].Since.Equal(noon) {
		t.Errorf("granted: %+v, %v", all, err)
	}
	// An application that comes back inherits none.
	must(t, stores.Applications.Delete(ctx, a.ApplicationURI, noon, "admin"))
	if _, err := stores.Consents.Consent(ctx, anna.ID, a.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("after the application was deleted: %v", err)
	}
}

func whatIsWithdrawnEnds(t *testing.T, stores *Stores) {
	ctx := t.Context()
	f := family()
	grant(t, stores, f)
	unused := storedCode("unused")
	unused.ApplicationURI, unused.UserID = f.ApplicationURI, f.UserID
	must(t, stores.Codes.AddCode(ctx, unused))
	w := signin.Withdrawal{UserID: f.UserID, ApplicationURI: "com.example/other", At: noon.Add(time.Minute), TokensUntil: noon.Add(time.Hour)}
	if found, err := stores.Consents.Withdraw(ctx, w); err != nil || found {
		t.Errorf("another application: %v %v", found, err)
	}
	w.ApplicationURI = f.ApplicationURI
	if found, err := stores.Consents.Withdraw(ctx, w); err != nil || !found {
		t.Errorf("withdrawn: %v %v", found, err)
	}
	if got, err := stores.Families.Family(ctx, f.ID); err != nil || got.EndedAt.IsZero() || len(got.Secret) != 0 {
		t.Errorf("the family: %+v %v", got, err)
	}
	if got, err := stores.Codes.Code(ctx, unused.Hash); err != nil || got.UsedAt.IsZero() {
		t.Errorf("the unused code: %+v %v", got, err)
	}
	refused := false
	for _, id := range revokedIDs(t, stores, 0) {
		refused = refused || id == f.ID
	}
	if !refused {
		t.Error("the access tokens of the grant are not refused")
	}
}
