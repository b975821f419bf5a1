package datatest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
)

// outsideProvider has something in every field.
func outsideProvider(id string) federation.Provider {
	return federation.Provider{
		ID: id, Name: "Acme O'Neil", Issuer: "https://login.acme.example", ClientID: "tandem", Secret: []byte{1, 0, 2}, SecretSetAt: noon,
		Scope: tandem.Scope{"openid", "email"}, TenantClaim: "tid", Tenants: []string{"one", "two"}, Internal: true, External: true, ByEmail: true,
		Domains: []string{"acme.example", "*"}, TrustMFA: true, Enabled: true, CreatedAt: noon, ChangedAt: noon.Add(time.Minute), CreatedBy: "os:root", Version: 1,
	}
}

func outsideProvidersAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, store := t.Context(), stores.Outside
	want := outsideProvider("acme")
	whole(t, want)
	must(t, store.AddProvider(ctx, want, 3))
	if got, err := store.Provider(ctx, "acme"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	bare := federation.Provider{ID: "bare", Name: "a", Version: 1}
	must(t, store.AddProvider(ctx, bare, 3))
	if got, err := store.Provider(ctx, "bare"); err != nil || !cmp.Equal(got, bare) {
		t.Errorf("%v\n%s", err, cmp.Diff(bare, got))
	}
	if err := store.AddProvider(ctx, want, 3); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Error("the same id again:", err)
	}
	if err := store.AddProvider(ctx, outsideProvider("third"), 2); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Error("more than there may be:", err)
	}
	all, err := store.Providers(ctx)
	if err != nil || len(all) != 2 || all[0].ID != "bare" || all[1].ID != "acme" {
		t.Errorf("by name: %v %+v", err, all)
	}
	changed, err := store.UpdateProvider(ctx, "acme", func(p federation.Provider) (federation.Provider, error) {
		p.ID, p.Name, p.Enabled, p.Tenants = "other", "New", false, nil
		return p, nil
	})
	must(t, err)
	want.Name, want.Enabled, want.Tenants, want.Version = "New", false, nil, 2
	if got, err := store.Provider(ctx, "acme"); err != nil || !cmp.Equal(got, want) || !cmp.Equal(changed, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	no := errors.New("no")
	if _, err := store.UpdateProvider(ctx, "acme", func(p federation.Provider) (federation.Provider, error) { return p, no }); !errors.Is(err, no) {
		t.Error(err)
	}
	must(t, store.DeleteProvider(ctx, "acme"))
	for _, err := range []error{
		store.DeleteProvider(ctx, "acme"),
		func() error { _, err := store.Provider(ctx, "acme"); return err }(),
		func() error {
			_, err := store.UpdateProvider(ctx, "acme", func(p federation.Provider) (federation.Provider, error) { return p, nil })
			return err
		}(),
	} {
		if !errors.Is(err, tandem.ErrNotFound) {
			t.Error("one that there is not:", err)
		}
	}
}

func outsideLinksAreOfOneUser(t *testing.T, stores *Stores) {
	ctx, store := t.Context(), stores.Outside
	anna, paul := createUser(t, stores, "anna"), createUser(t, stores, "paul")
	must(t, store.AddProvider(ctx, outsideProvider("acme"), 3))
	want := federation.Link{
		ProviderID: "acme", Issuer: "https://login.acme.example", Subject: "Sub|1", UserID: anna, Email: "a@acme.example",
		CreatedAt: noon, CreatedBy: "admin", LastUsedAt: noon.Add(time.Hour),
	}
	whole(t, want)
	must(t, store.AddLink(ctx, want, 2))
	if got, err := store.LinkOf(ctx, "acme", want.Issuer, "Sub|1"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	for _, of := range [][3]string{{"acme", want.Issuer, "sub|1"}, {"acme", "https://elsewhere.example", "Sub|1"}, {"other", want.Issuer, "Sub|1"}} {
		if _, err := store.LinkOf(ctx, of[0], of[1], of[2]); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("%v: %v", of, err)
		}
	}
	// Of many who link one subject to their accounts at once, one does.
	users := []string{anna, paul}
	raced := make([]error, racers)
	Together(t, racers, func(i int) error {
		l := want
		l.Subject, l.UserID = "raced", users[i%2]
		raced[i] = store.AddLink(ctx, l, racers)
		return nil
	})
	won := 0
	for _, err := range raced {
		if err == nil {
			won++
		} else if tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d links of one subject", won)
	}
	// An account has no more than most, whoever counts at the same time.
	Together(t, racers, func(i int) error {
		l := want
		l.Subject, l.UserID = string(rune('a'+i)), anna
		if err := store.AddLink(ctx, l, 5); err != nil && tandem.ErrorCode(err) != tandem.CodeConflict {
			return err
		}
		return nil
	})
	links, err := store.LinksOfUser(ctx, anna)
	if err != nil || len(links) != 5 {
		t.Errorf("%d links: %v", len(links), err)
	}
	must(t, store.LinkUsed(ctx, want, noon.Add(2*time.Hour)))
	if got, err := store.LinkOf(ctx, "acme", want.Issuer, want.Subject); err != nil || !got.LastUsedAt.Equal(noon.Add(2*time.Hour)) {
		t.Error(got.LastUsedAt, err)
	}
	for _, c := range []struct {
		user, subject string
		want          bool
	}{{paul, want.Subject, false}, {anna, want.Subject, true}, {anna, want.Subject, false}} {
		if got, err := store.Unlink(ctx, c.user, "acme", c.subject, noon); err != nil || got != c.want {
			t.Errorf("%+v: %v %v", c, got, err)
		}
	}
	ended := func(user string) bool {
		got, err := store.LinkEnded(ctx, user, "acme", want.Subject)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	if !ended(anna) || ended(paul) {
		t.Error("it is not known whose link was ended")
	}
	must(t, store.AddLink(ctx, want, 5))
	if ended(anna) {
		t.Error("a link that was made anew has still ended")
	}
	// Links go with their user and with their provider; nobody is linked who is gone.
	must(t, stores.Users.Delete(ctx, anna, noon))
	if links, err := store.LinksOfUser(ctx, anna); err != nil || len(links) != 0 {
		t.Errorf("of a deleted user: %v %v", links, err)
	}
	if err := store.AddLink(ctx, want, 5); !errors.Is(err, tandem.ErrNotFound) {
		t.Error("of a deleted user:", err)
	}
	want.UserID = paul
	must(t, store.AddLink(ctx, want, 5))
	must(t, store.DeleteProvider(ctx, "acme"))
	if _, err := store.LinkOf(ctx, "acme", want.Issuer, want.Subject); !errors.Is(err, tandem.ErrNotFound) {
		t.Error("of a deleted provider:", err)
	}
}
