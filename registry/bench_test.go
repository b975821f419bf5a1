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

func (m memory) ChangedSince(context.Context, time.Time) ([]tandem.User, error) { return nil, nil }

func (m memory) RevokedSince(context.Context, time.Time) ([]registry.RevokedToken, error) {
	return []registry.RevokedToken{{ID: "another", RevokedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}}, nil
}

type oneApp struct{}

func (oneApp) ChangedSince(context.Context, time.Time) ([]registry.AppChange, error) {
	return []registry.AppChange{{App: tandem.TrustedApp{
		ID: "1", ApplicationURI: portal, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true,
		SystemUserAllowed: true, SystemUserID: "svc", Scope: tandem.Scope{"read", "update"}, Version: 1,
	}}}, nil
}

// BenchmarkCheck is what every API call pays for the live state.
func BenchmarkCheck(b *testing.B) {
	m := memory{map[string]tandem.User{
		"svc":  {ID: "svc", Login: "svc", Type: tandem.SystemUserNoLogin, Enabled: true},
		"anna": {ID: "anna", Login: "anna", Type: tandem.InternalUser, Enabled: true},
	}}
	live := &registry.Registry{Apps: oneApp{}, Users: m, Revocations: m}
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
