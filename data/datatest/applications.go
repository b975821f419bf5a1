package datatest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity"
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
		AccessTokens: "jwt", DeviceFlow: true, FirstParty: true, PushedRequestsOnly: true, BoundTokensOnly: true, ProofNonce: true, FAPI: true, IDTokenAlgorithm: "EdDSA", Resource: resourceURI(uri), ResourceScopes: tandem.Scope{resourceURI(uri) + "/visits"},
		AcceptsFrom: []string{"com.example/field", uri}, CompanionOf: "com.example/field", DevicesURI: "https://a.example.com/#/devices", SecretHash: "hash", BasicAuthentication: true, Notes: "line\nline",
		Owner: "maria", Source: tandem.ViaCommand, CreatedBy: "os:root",
		Credentials: []tandem.Credential{secret("1"), publicKey("2")},
		CreatedAt:   noon, ChangedAt: noon.Add(time.Second), Version: 1,
	}
}

// resourceURI is the resource of the application.
func resourceURI(uri string) string { return "https://api.example/" + uri }

func secret(id string) tandem.Credential {
	return tandem.Credential{
		ID: "secret " + id + uuid.NewString(), Kind: tandem.CredentialSecret, Flow: tandem.FlowUser, SecretHash: []byte{0, 1, 0xff},
		Name: "worker А", CreatedAt: noon, CreatedBy: "maria", NotBefore: noon.Add(time.Minute), ExpiresAt: noon.Add(time.Hour),
		LastUsedAt: noon.Add(2 * time.Minute), LastUsedFrom: "192.0.2.1", RevokedAt: noon.Add(3 * time.Minute), RevokedBy: "os:root", SuccessorOf: "the one before",
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
	whole(t, want, "SecretUsedAt", "SecretUsedFrom") // which a use writes
	whole(t, want.Credentials[0], "PublicKey")
	whole(t, want.Credentials[1], "Name", "SecretHash", "CreatedBy", "NotBefore", "ExpiresAt", "LastUsedAt", "LastUsedFrom", "RevokedAt", "RevokedBy", "SuccessorOf")
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
	if err := apps.Delete(ctx, "com.example/none", noon, "admin"); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("Delete of none: %v", err)
	}
	none := func(tandem.TrustedApp) (registry.CredentialChange, error) { return registry.CredentialChange{}, nil }
	if err := apps.ChangeCredentials(ctx, "com.example/none", noon, none); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("ChangeCredentials of none: %v", err)
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
	must(t, apps.Delete(ctx, gone.ApplicationURI, noon.Add(time.Minute), "admin"))
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

// deletedApplicationsComeBack: with what they said, as made now, and only where nobody
// has taken the name, which an account may have, too (invariant I7).
func deletedApplicationsComeBack(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	was := application("com.example/a")
	was.Credentials[0].RevokedAt = time.Time{}
	_, err := apps.Create(ctx, was)
	must(t, err)
	if _, err := apps.Deleted(ctx, was.ApplicationURI); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("one that is there is in the trash: %v", err)
	}
	must(t, apps.Delete(ctx, was.ApplicationURI, noon.Add(time.Minute), "maria"))
	same := func(a tandem.TrustedApp) tandem.TrustedApp { return a }
	trash := func() []registry.ListedApp {
		page, err := apps.Page(ctx, registry.Filter{Trash: true}, "", 100)
		must(t, err)
		return page
	}
	if all := trash(); len(all) != 1 || all[0].ID != was.ID || !all[0].DeletedAt.Equal(noon.Add(time.Minute)) || all[0].Notes != was.Notes {
		t.Errorf("in the trash: %+v", all)
	}
	for _, by := range []string{was.ID, was.ApplicationURI} {
		if a, err := apps.Deleted(ctx, by); err != nil || a.ID != was.ID || a.Owner != was.Owner {
			t.Errorf("by %s: %+v, %v", by, a, err)
		}
	}
	// The name was taken meanwhile, by another application and then by an account.
	next := application(was.ApplicationURI)
	_, err = apps.Create(ctx, next)
	must(t, err)
	if _, err := apps.Restore(ctx, was.ID, noon, same); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("beside its successor: %v", err)
	}
	must(t, apps.Delete(ctx, next.ApplicationURI, noon.Add(2*time.Minute), "maria"))
	if all := trash(); len(all) != 1 || all[0].ID != next.ID {
		t.Errorf("of two in the trash: %+v", all)
	}
	before := newest(t, stores).Apps
	restored, err := apps.Restore(ctx, was.ID, noon.Add(time.Hour), func(a tandem.TrustedApp) tandem.TrustedApp {
		a.Notes, a.ID = "back", "another"
		return a
	})
	must(t, err)
	got, err := apps.ByURI(ctx, was.ApplicationURI)
	if err != nil || !cmp.Equal(got, restored) || got.ID != was.ID || got.Notes != "back" || got.Name != was.Name || !got.CreatedAt.Equal(noon.Add(time.Hour)) ||
		len(got.Live()) != 0 || len(got.Credentials) != 2 || got.Version != 3 {
		t.Errorf("restored %+v, %v\n%s", got, err, cmp.Diff(got, restored))
	}
	if told := appsAfter(t, stores, before); len(told) != 1 || told[0].Deleted || told[0].App.ID != was.ID {
		t.Errorf("who follows is told %+v", told)
	}
	if _, err := apps.Restore(ctx, was.ID, noon, same); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("restored twice: %v", err)
	}
	if err := stores.Users.Create(ctx, account(was.ApplicationURI)); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("an account gets its name: %v", err)
	}
	must(t, apps.Delete(ctx, was.ApplicationURI, noon.Add(3*time.Hour), "maria"))
	later := account(was.ApplicationURI)
	later.CreatedAt = noon.Add(3*time.Hour + data.NameRests + time.Second)
	must(t, stores.Users.Create(ctx, later))
	if _, err := apps.Restore(ctx, was.ID, noon, same); tandem.ErrorCode(err) != tandem.CodeConflict {
		t.Errorf("beside an account of its name: %v", err)
	}
	// After their time nothing is known of them.
	must(t, apps.PurgeDeleted(ctx, noon.Add(3*time.Hour)))
	if all := trash(); len(all) != 1 || all[0].ID != was.ID {
		t.Errorf("after a purge: %+v", all)
	}
	must(t, apps.PurgeDeleted(ctx, noon.Add(4*time.Hour)))
	if all := trash(); len(all) != 0 {
		t.Errorf("after the last purge: %+v", all)
	}
	if _, err := apps.Deleted(ctx, was.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("after the last purge: %v", err)
	}
}

func credentialsComeAndGo(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	a := application("com.example/a")
	a.Credentials = nil
	_, err := apps.Create(ctx, a)
	must(t, err)
	add := func(c tandem.Credential) func(tandem.TrustedApp) (registry.CredentialChange, error) {
		return func(tandem.TrustedApp) (registry.CredentialChange, error) {
			return registry.CredentialChange{New: []tandem.Credential{c}}, nil
		}
	}
	late, early := secret("late"), publicKey("early")
	late.CreatedAt, late.RevokedAt, late.RevokedBy = noon.Add(time.Hour), time.Time{}, ""
	must(t, apps.ChangeCredentials(ctx, a.ApplicationURI, noon, add(late)))
	must(t, apps.ChangeCredentials(ctx, a.ApplicationURI, noon, add(early)))
	fault := errors.New("too many")
	err = apps.ChangeCredentials(ctx, a.ApplicationURI, noon, func(a tandem.TrustedApp) (registry.CredentialChange, error) {
		if len(a.Credentials) != 2 {
			t.Errorf("the change sees %d credentials", len(a.Credentials))
		}
		return registry.CredentialChange{New: []tandem.Credential{secret("refused")}}, fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("the change's error became %v", err)
	}
	// A use is noted, never an earlier one, and is no change of the application.
	used := noon.Add(5 * time.Minute)
	use := func(id string, at time.Time, from string) identity.CredentialUse {
		return identity.CredentialUse{ApplicationID: a.ID, CredentialID: id, At: at, From: from}
	}
	must(t, apps.CredentialsUsed(ctx, []identity.CredentialUse{use(late.ID, used, "192.0.2.3"), use("nobody's", used, "192.0.2.4")}))
	must(t, apps.CredentialsUsed(ctx, []identity.CredentialUse{use(late.ID, noon, "192.0.2.5")}))
	must(t, apps.CredentialsUsed(ctx, []identity.CredentialUse{use(late.ID, used, "192.0.2.6")}))
	late.LastUsedAt, late.LastUsedFrom = used, "192.0.2.6"
	got, err := apps.ByURI(ctx, a.ApplicationURI)
	if err != nil || got.Version != 3 || !cmp.Equal(got.Credentials, []tandem.Credential{early, late}) {
		t.Errorf("version %d, %v\n%s", got.Version, err, cmp.Diff([]tandem.Credential{early, late}, got.Credentials))
	}
	// One that is revoked stays, and its use is not lost by what was read before.
	was := early
	early.RevokedAt, early.RevokedBy, early.ExpiresAt = noon.Add(time.Minute), "maria", noon.Add(time.Minute)
	must(t, apps.CredentialsUsed(ctx, []identity.CredentialUse{use(early.ID, used, "192.0.2.7")}))
	must(t, apps.ChangeCredentials(ctx, a.ApplicationURI, noon, func(tandem.TrustedApp) (registry.CredentialChange, error) {
		return registry.CredentialChange{Changed: []tandem.Credential{early}}, nil
	}))
	early.LastUsedAt, early.LastUsedFrom = used, "192.0.2.7"
	if got, err = apps.ByURI(ctx, a.ApplicationURI); err != nil || got.Version != 4 || !cmp.Equal(got.Credentials, []tandem.Credential{early, late}) {
		t.Errorf("after a revocation: version %d, %v\n%s", got.Version, err, cmp.Diff([]tandem.Credential{early, late}, got.Credentials))
	}
	if live := got.Live(); len(live) != 1 || live[0].ID != late.ID || got.Credentials[0].UsableAt(noon.Add(2*time.Minute)) || was.Revoked() {
		t.Errorf("live are %v", live)
	}
	// After its time it is gone, and nothing else is.
	must(t, apps.PurgeCredentials(ctx, early.RevokedAt))
	if got, err = apps.ByURI(ctx, a.ApplicationURI); err != nil || len(got.Credentials) != 2 {
		t.Errorf("purged too early: %v, %v", got.Credentials, err)
	}
	must(t, apps.PurgeCredentials(ctx, early.RevokedAt.Add(time.Second)))
	if got, err = apps.ByURI(ctx, a.ApplicationURI); err != nil || len(got.Credentials) != 1 || got.Credentials[0].ID != late.ID {
		t.Errorf("after the purge: %v, %v", got.Credentials, err)
	}
	// Those of a deleted application are revoked.
	must(t, apps.Delete(ctx, a.ApplicationURI, noon.Add(time.Hour), "maria"))
	told := appsAfter(t, stores, 1)
	if len(told) != 1 || len(told[0].App.Credentials) != 1 || told[0].App.Credentials[0].RevokedBy != "maria" || len(told[0].App.Live()) != 0 {
		t.Errorf("who follows is told of the deleted one: %+v", told)
	}
}

// classicSecretsAreUsed: a use is of the secret that the application has.
func classicSecretsAreUsed(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	a := application("com.example/a")
	_, err := apps.Create(ctx, a)
	must(t, err)
	made := newest(t, stores).Apps
	for _, u := range []identity.CredentialUse{
		{ApplicationID: a.ID, At: noon.Add(time.Minute), From: "192.0.2.1"},
		{ApplicationID: a.ID, At: noon.Add(3 * time.Minute), From: "192.0.2.3"},
		{ApplicationID: a.ID, At: noon.Add(2 * time.Minute), From: "192.0.2.2"},
		{ApplicationID: "nobody's", At: noon, From: "192.0.2.4"},
	} {
		u.CredentialID = tandem.ClassicCredential
		must(t, apps.CredentialsUsed(ctx, []identity.CredentialUse{u}))
	}
	got, err := apps.ByURI(ctx, a.ApplicationURI)
	if err != nil || !got.SecretUsedAt.Equal(noon.Add(3*time.Minute)) || got.SecretUsedFrom != "192.0.2.3" || got.Version != 1 {
		t.Errorf("used %v from %s, version %d, %v", got.SecretUsedAt, got.SecretUsedFrom, got.Version, err)
	}
	if now := newest(t, stores).Apps; now != made {
		t.Error("a use is a change of the application")
	}
	for _, hash := range []string{"hash", "another"} {
		_, err := apps.Update(ctx, a.ApplicationURI, noon, func(a tandem.TrustedApp) (tandem.TrustedApp, error) { a.SecretHash = hash; return a, nil })
		must(t, err)
		got, err := apps.ByURI(ctx, a.ApplicationURI)
		if must(t, err); got.SecretUsedAt.IsZero() != (hash == "another") {
			t.Errorf("the secret %s was used %v", hash, got.SecretUsedAt)
		}
	}
}

// revokedCredentialsHaveABound: of very many that were revoked the newest stay.
func revokedCredentialsHaveABound(t *testing.T, stores *Stores) {
	ctx, apps := t.Context(), stores.Applications
	a := application("com.example/a")
	a.Credentials = nil
	for n := range registry.MaxRevoked + 10 {
		c := secret("")
		c.RevokedAt = noon.Add(time.Duration(n) * time.Second)
		a.Credentials = append(a.Credentials, c)
	}
	oldest := a.Credentials[9].ID
	_, err := apps.Create(ctx, a)
	must(t, err)
	must(t, apps.ChangeCredentials(ctx, a.ApplicationURI, noon, func(tandem.TrustedApp) (registry.CredentialChange, error) {
		return registry.CredentialChange{New: []tandem.Credential{publicKey("")}}, nil
	}))
	got, err := apps.ByURI(ctx, a.ApplicationURI)
	if err != nil || len(got.Credentials) != registry.MaxRevoked+1 || len(got.Live()) != 1 {
		t.Errorf("%d credentials, %d live, %v", len(got.Credentials), len(got.Live()), err)
	}
	for _, c := range got.Credentials {
		if c.ID == oldest {
			t.Error("the oldest is still there")
		}
	}
	view := registry.NewApp(got)
	if n := len(view.Credentials); n != registry.MaxCredentials+1 {
		t.Errorf("the view has %d credentials", n)
	}
}

// credentialUsesAreInOneOrder writes the same uses from many replicas at once.
func credentialUsesAreInOneOrder(t *testing.T, stores *Stores) {
	const many = 60
	a := application("com.example/portal")
	var uses []identity.CredentialUse
	for i := range many {
		c := a.Credentials[0]
		c.ID, c.Name = uuid.NewString(), fmt.Sprint("credential ", i)
		a.Credentials = append(a.Credentials, c)
		uses = append(uses, identity.CredentialUse{ApplicationID: a.ID, CredentialID: c.ID, At: noon.Add(time.Hour), From: "192.0.2.1"})
	}
	_, err := stores.Applications.Create(t.Context(), a)
	must(t, err)
	for range 4 {
		Together(t, 8, func(int) error {
			mine := slices.Clone(uses)
			rand.Shuffle(many, func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			return stores.Applications.CredentialsUsed(t.Context(), mine)
		})
	}
}
