package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// memory is a database of one application and two users.
type memory struct{ users map[string]tandem.User }

func (m memory) UserByID(_ context.Context, id string) (tandem.User, error) { return m.users[id], nil }

func (m memory) Newest(context.Context) (registry.Marks, error) {
	return registry.Marks{Apps: 1, Revocations: 1}, nil
}

func (m memory) UsersAfter(context.Context, int64, func(string)) error { return nil }

func (m memory) RevokedAfter(_ context.Context, _ int64, at time.Time, tell func(registry.RevokedToken)) (part registry.Part, err error) {
	tell(registry.RevokedToken{ID: "another", RevokedAt: at, ExpiresAt: at.Add(time.Hour)})
	return part, nil
}

func (m memory) AppsAfter(_ context.Context, _ int64, tell func(registry.AppChange)) (part registry.Part, err error) {
	tell(registry.AppChange{App: tandem.TrustedApp{
		ID: "1", ApplicationURI: portal, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true,
		SystemUserAllowed: true, SystemUserID: "svc", Scope: tandem.Scope{"read", "update"}, Version: 1,
	}})
	return part, nil
}

// BenchmarkCheck is what every API call pays for the live state.
func BenchmarkCheck(b *testing.B) {
	m := memory{map[string]tandem.User{
		"svc":  {ID: "svc", Login: "svc", Type: tandem.SystemUserNoLogin, Enabled: true},
		"anna": {ID: "anna", Login: "anna", Type: tandem.InternalUser, Enabled: true},
	}}
	live := &registry.Registry{Changes: m, Users: m}
	if err := live.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	for name, p := range map[string]*tandem.Principal{
		"service": {Service: &tandem.ServiceIdentity{SystemUserID: "svc", SystemUserLogin: "svc"}, ApplicationURI: portal, TokenID: "t", Scope: tandem.Scope{"read", "update"}, IssuedAt: now},
		"user":    {User: &tandem.UserIdentity{ID: "anna", Login: "anna", Type: tandem.InternalUser}, ApplicationURI: portal, TokenID: "t", Scope: tandem.Scope{"openid", "read", "update"}, IssuedAt: now},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := live.Check(b.Context(), p); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
