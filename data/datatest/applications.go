package datatest

import (
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// application has something in every field.
func application(uri string) tandem.TrustedApp {
	return tandem.TrustedApp{
		ID: uuid.NewString(), ApplicationURI: uri, Name: "Портал O'Neil \U0001F600", Enabled: true, ClientType: tandem.ClientConfidential,
		InternalUsers: true, ExternalUsers: true,
		RedirectURIs:           []string{"https://a.example.com/callback", "http://127.0.0.1/callback"},
		PostLogoutRedirectURIs: []string{"https://a.example.com/out"},
		BackchannelLogoutURI:   "https://a.example.com/backchannel-logout",
		SystemUserAllowed:      true, SystemUserID: uuid.NewString(),
		Scope: tandem.Scope{"read", "update"}, UserScope: tandem.Scope{"read"}, ServiceScope: tandem.Scope{"update"},
		AccessTokens: "jwt", DeviceFlow: true, FirstParty: true, SecretHash: "hash", BasicAuthentication: true, Notes: "line\nline",
		Credentials: []tandem.Credential{secret("1"), publicKey("2")},
		CreatedAt:   noon, ChangedAt: noon.Add(time.Second), Version: 1,
	}
}

func secret(id string) tandem.Credential {
	return tandem.Credential{
		ID: "secret " + id + uuid.NewString(), Kind: tandem.CredentialSecret, Flow: tandem.FlowUser, SecretHash: []byte{0, 1, 0xff},
		CreatedAt: noon, NotBefore: noon.Add(time.Minute), ExpiresAt: noon.Add(time.Hour), LastUsedAt: noon.Add(2 * time.Minute),
	}
}

func publicKey(id string) tandem.Credential {
	return tandem.Credential{
		ID: "key " + id + uuid.NewString(), Kind: tandem.CredentialPublicKey, Flow: tandem.FlowService,
		PublicKey: []byte(`{"kty":"EC"}`), CreatedAt: noon.Add(time.Second),
	}
}

func applicationsAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	want := application("com.example/b")
	whole(t, want)
	whole(t, want.Credentials[0], "PublicKey")
	whole(t, want.Credentials[1], "SecretHash", "NotBefore", "ExpiresAt", "LastUsedAt")
	created, err := apps.Create(ctx, want)
	if err != nil || !cmp.Equal(created, want) {
		t.Fatalf("Create: %v\n%s", err, cmp.Diff(want, created))
	}
	got, err := apps.ByURI(ctx, want.ApplicationURI)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("ByURI: %v\n%s", err, cmp.Diff(want, got))
	}
	// What is empty stays empty, and no narrower scope is not the empty one.
	bare := tandem.TrustedApp{
		ID: uuid.NewString(), ApplicationURI: "com.example/a", UserScope: tandem.Scope{}, CreatedAt: noon, ChangedAt: noon,
	}
	bare, err = apps.Create(ctx, bare)
	must(t, err)
	if got, err = apps.ByURI(ctx, bare.ApplicationURI); err != nil || !cmp.Equal(got, bare) {
		t.Errorf("ByURI: %v\n%s", err, cmp.Diff(bare, got))
	}
	if got.UserScope == nil || got.ServiceScope != nil {
		t.Errorf("the scopes %#v and %#v", got.UserScope, got.ServiceScope)
	}
	listed := []registry.ListedApp{{TrustedApp: bare}, {TrustedApp: want}}
	if all, err := apps.Page(ctx, registry.Filter{}, "", 100); err != nil || !cmp.Equal(all, listed) {
		t.Errorf("%v\n%s", err, cmp.Diff(listed, all))
	}
}

func applicationsAreToldApart(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	_, err := apps.Create(ctx, application("com.example/a"))
	must(t, err)
	if _, err := apps.ByURI(ctx, "com.example/A"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("identifiers compare byte for byte: %v", err)
	}
	keep := func(a tandem.TrustedApp) (tandem.TrustedApp, error) { return a, nil }
	if _, err := apps.Update(ctx, "com.example/none", noon, keep); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("Update of none: %v", err)
	}
	if err := apps.Delete(ctx, "com.example/none", noon); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("Delete of none: %v", err)
	}
	if err := apps.RevokeCredential(ctx, "com.example/a", "none", noon); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("RevokeCredential of none: %v", err)
	}
	var won, refused atomic.Int64
	Together(t, racers, func(int) error {
		_, err := apps.Create(ctx, application("com.example/raced"))
		switch tandem.ErrorCode(err) {
		case "":
			won.Add(1)
		case tandem.CodeConflict:
			refused.Add(1)
		default:
			return err
		}
		return nil
	})
	if won.Load() != 1 || refused.Load() != racers-1 {
		t.Errorf("%d made the application and %d were refused", won.Load(), refused.Load())
	}
}

func applicationsChangeOneAfterTheOther(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	was := application("com.example/a")
	_, err := apps.Create(ctx, was)
	must(t, err)
	changed, err := apps.Update(ctx, was.ApplicationURI, noon.Add(time.Minute), func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
		return tandem.TrustedApp{ID: "other", ApplicationURI: "other", Name: "new", CreatedAt: noon.Add(time.Hour), Version: 99}, nil
	})
	want := tandem.TrustedApp{
		ID: was.ID, ApplicationURI: was.ApplicationURI, Name: "new", Credentials: was.Credentials,
		CreatedAt: was.CreatedAt, ChangedAt: noon.Add(time.Minute), Version: 2,
	}
	if err != nil || !cmp.Equal(changed, want) {
		t.Errorf("Update: %v\n%s", err, cmp.Diff(want, changed))
	}
	if got, err := apps.ByURI(ctx, was.ApplicationURI); err != nil || !cmp.Equal(got, want) {
		t.Errorf("after the update: %v\n%s", err, cmp.Diff(want, got))
	}
	fault := errors.New("refused")
	_, err = apps.Update(ctx, was.ApplicationURI, noon.Add(time.Hour), func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
		return a, fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("the function's error became %v", err)
	}
	Together(t, racers, func(int) error {
		_, err := apps.Update(ctx, was.ApplicationURI, noon, func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
			a.Notes += "x"
			return a, nil
		})
		return err
	})
	got, err := apps.ByURI(ctx, was.ApplicationURI)
	if err != nil || len(got.Notes) != racers || got.Version != 2+racers {
		t.Errorf("after %d updates: %q, version %d, %v", racers, got.Notes, got.Version, err)
	}
	// Also of a clock that is behind: who polls misses nothing.
	if !got.ChangedAt.After(want.ChangedAt) {
		t.Errorf("changed at %v, which is not after %v", got.ChangedAt, want.ChangedAt)
	}
	told := appsAfter(t, stores, 0)
	if len(told) != 1 || told[0].Deleted || !reflect.DeepEqual(viewed(told[0].App), viewed(got)) {
		t.Errorf("who follows is told %v", told)
	}
	if told := appsAfter(t, stores, newest(t, stores).Apps); len(told) > 0 {
		t.Errorf("who is up to date is told %v", told)
	}
}

// viewed is what the registry's view has of an application.
func viewed(a tandem.TrustedApp) *registry.App { return registry.NewApp(a) }

func applicationsLeaveTombstones(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	gone := application("com.example/a")
	_, err := apps.Create(ctx, gone)
	must(t, err)
	made := newest(t, stores).Apps
	must(t, apps.Delete(ctx, gone.ApplicationURI, noon.Add(time.Minute)))
	if _, err := apps.ByURI(ctx, gone.ApplicationURI); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("a deleted application: %v", err)
	}
	// Its identifier is free again.
	next := application(gone.ApplicationURI)
	next.ChangedAt = noon.Add(2 * time.Minute)
	_, err = apps.Create(ctx, next)
	must(t, err)
	told := appsAfter(t, stores, made)
	if len(told) != 2 || !told[0].Deleted || told[0].App.ID != gone.ID || told[0].App.Enabled || told[1].App.ID != next.ID {
		t.Errorf("who follows is told, oldest first: %+v", told)
	}
	if told := appsAfter(t, stores, 0); len(told) != 1 || told[0].App.ID != next.ID {
		t.Errorf("who begins is told %+v", told)
	}
	if all, err := apps.Page(ctx, registry.Filter{}, "", 100); err != nil || len(all) != 1 || all[0].ID != next.ID {
		t.Errorf("List: %v, %v", all, err)
	}
}

func credentialsComeAndGo(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	a := application("com.example/a")
	a.Credentials = nil
	_, err := apps.Create(ctx, a)
	must(t, err)
	agree := func(tandem.TrustedApp) error { return nil }
	late, early := secret("late"), publicKey("early")
	late.CreatedAt = noon.Add(time.Hour)
	must(t, apps.AddCredential(ctx, a.ApplicationURI, noon, agree, late))
	must(t, apps.AddCredential(ctx, a.ApplicationURI, noon, agree, early))
	fault := errors.New("too many")
	err = apps.AddCredential(ctx, a.ApplicationURI, noon, func(a tandem.TrustedApp) error {
		if len(a.Credentials) != 2 {
			t.Errorf("the check sees %d credentials", len(a.Credentials))
		}
		return fault
	}, secret("refused"))
	if !errors.Is(err, fault) {
		t.Errorf("the check's error became %v", err)
	}
	// A use is noted, never an earlier one, and is no change of the application.
	used := noon.Add(5 * time.Minute)
	must(t, apps.CredentialsUsed(ctx, map[string]time.Time{late.ID: used, "nobody's": used}))
	must(t, apps.CredentialsUsed(ctx, map[string]time.Time{late.ID: noon}))
	late.LastUsedAt = used
	got, err := apps.ByURI(ctx, a.ApplicationURI)
	if err != nil || got.Version != 3 || !cmp.Equal(got.Credentials, []tandem.Credential{early, late}) {
		t.Errorf("version %d, %v\n%s", got.Version, err, cmp.Diff([]tandem.Credential{early, late}, got.Credentials))
	}
	must(t, apps.RevokeCredential(ctx, a.ApplicationURI, early.ID, noon))
	if got, err = apps.ByURI(ctx, a.ApplicationURI); err != nil || got.Version != 4 || len(got.Credentials) != 1 {
		t.Errorf("after a revocation: %+v, %v", got, err)
	}
}
