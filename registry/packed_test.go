package registry_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// told tells of applications.
type told struct {
	memory
	apps   []tandem.TrustedApp
	number int64
}

func (c *told) Newest(context.Context) (registry.Marks, error) {
	return registry.Marks{Apps: c.number}, nil
}

func (c *told) AppsAfter(_ context.Context, _ int64, tell func(registry.AppChange)) (part registry.Part, err error) {
	for _, a := range c.apps {
		tell(registry.AppChange{App: a})
	}
	return part, nil
}

// An application in the view is what its record says, whatever is in it.
func TestApplicationsComeBackAsTheyWere(t *testing.T) {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "µs")).UTC()
	})
	texts := rapid.SliceOfN(rapid.String(), 0, 3)
	scope := rapid.SampledFrom([]tandem.Scope{nil, {}, {"read"}, {"read", "update"}, {"sec"}})
	id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`))
	flow := rapid.SampledFrom([]tandem.Flow{tandem.FlowUser, tandem.FlowService})
	rapid.Check(t, func(t *rapid.T) {
		a := tandem.TrustedApp{
			ID: id.Draw(t, "id"), ApplicationURI: rapid.StringN(1, 20, 60).Draw(t, "uri"), Name: rapid.String().Draw(t, "name"),
			ClientType: tandem.ClientConfidential, RedirectURIs: texts.Draw(t, "redirect"), PostLogoutRedirectURIs: texts.Draw(t, "post-logout"),
			Enabled: rapid.Bool().Draw(t, "on"), InternalUsers: rapid.Bool().Draw(t, "internal"), ExternalUsers: rapid.Bool().Draw(t, "external"),
			SystemUserAllowed: rapid.Bool().Draw(t, "svc"), SystemUserID: id.Draw(t, "system user"), CreatedAt: at.Draw(t, "made"),
			Scope: scope.Draw(t, "scope"), UserScope: scope.Draw(t, "user"), ServiceScope: scope.Draw(t, "service"),
			SecretHash: rapid.SampledFrom([]string{"", "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564="}).Draw(t, "secret"),
			Version:    rapid.Int64Range(1, 1<<40).Draw(t, "version"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "credentials") {
			c := tandem.Credential{ID: id.Draw(t, "credential"), Kind: tandem.CredentialSecret, Flow: flow.Draw(t, "flow"), NotBefore: at.Draw(t, "from")}
			c.SecretHash = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash")
			if rapid.Bool().Draw(t, "ends") {
				c.ExpiresAt = at.Draw(t, "until")
			}
			if rapid.Bool().Draw(t, "revoked") {
				c.RevokedAt = at.Draw(t, "when")
			}
			a.Credentials = append(a.Credentials, c)
		}
		live := &registry.Registry{Changes: &told{apps: []tandem.TrustedApp{a}, number: 1}}
		if err := live.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		got, ok := live.App(a.ApplicationURI)
		if want := registry.NewApp(a); !ok || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	})
}

// What is kept open is closed with a change, also after more applications were asked
// for than are kept.
func TestChangesReachWhatIsKeptOpen(t *testing.T) {
	const many = 1200
	changes := &told{number: 1}
	for i := range many {
		changes.apps = append(changes.apps, tandem.TrustedApp{ID: fmt.Sprint("id", i), ApplicationURI: fmt.Sprint("app", i), Enabled: true, Version: 1})
	}
	live := &registry.Registry{Changes: changes}
	for version := int64(1); version <= 3; version++ {
		changes.number = version
		for i := range changes.apps {
			changes.apps[i].Version, changes.apps[i].Enabled = version, version != 2
		}
		if err := live.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, a := range changes.apps {
			if got, ok := live.App(a.ApplicationURI); !ok || got.Version != version || got.Enabled != a.Enabled {
				t.Fatalf("%s is %+v, want version %d", a.ApplicationURI, got, version)
			}
		}
	}
}
