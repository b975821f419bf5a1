package platform_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// Every deed of administration is on record with who did it, through what and from
// where, what it was done to, and what changed; and none tells a secret.
func TestDeedsAreRecordedWithBeforeAndAfter(t *testing.T) {
	t.Parallel()
	const orders, password = "Crm_Sales_SalesOrders", "a long new password"
	by := tandem.By{Login: "maria", Via: tandem.ViaManage, From: "192.0.2.9"}
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		ctx, a := t.Context(), in.Platform.Administration
		done := 0
		deed := func(name, detail, facts string, err error) {
			t.Helper()
			must(t, err)
			all := in.Record(tandem.AuditAdministration)
			if len(all) <= done {
				t.Fatalf("%s is not on record", name)
			}
			done = len(all)
			e := all[0]
			f, err := tandem.ParseFacts(e.Facts)
			must(t, err)
			changed, err := json.Marshal(map[string]any{"before": f.Before, "after": f.After})
			must(t, err)
			if e.Actor != by.Login || e.RemoteAddr != by.From || f.Via != by.Via || f.Subject.Kind == "" || f.Subject.ID == "" {
				t.Errorf("%s: by %s from %s, %s", name, e.Actor, e.RemoteAddr, e.Facts)
			}
			if !strings.Contains(e.Detail, detail) || !strings.Contains(string(changed), facts) {
				t.Errorf("%s: %s\n%s, want %s\n%s", name, e.Detail, changed, detail, facts)
			}
			if strings.Contains(e.Detail+e.Facts, password) {
				t.Errorf("%s tells a password", name)
			}
		}
		done = len(in.Record(tandem.AuditAdministration))
		_, err := a.Accounts.Create(ctx, by, signin.NewUser{Login: "petra", Type: tandem.InternalUser, Password: password})
		deed("a new user", "created user petra", `"before":null`, err)
		in.Clock.Advance(time.Second)
		_, err = a.Accounts.SetPassword(ctx, by, "petra", password+"!")
		deed("a password", "set the password of user petra", `"password_changed_at"`, err)
		_, err = a.Accounts.Update(ctx, by, "petra", func(u *tandem.User) { u.Admin = true })
		deed("an administrator", "is_admin no → yes", `{"after":{"is_admin":true},"before":{"is_admin":false}}`, err)
		_, secrets, err := a.Apps.Create(ctx, by, tandem.TrustedApp{
			ApplicationURI: "com.acme/depot", Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, Scope: tandem.Scope{"read"},
		})
		deed("an application", "application created", `"scope":"read"`, err)
		if e := in.Record(tandem.AuditAdministration)[0]; strings.Contains(e.Detail+e.Facts, secrets.User) || secrets.User == "" {
			t.Errorf("a secret is told: %+v", e)
		}
		_, err = a.Apps.Update(ctx, by, "com.acme/depot", func(app *tandem.TrustedApp) error { app.Scope = tandem.Scope{"read", "update"}; return nil })
		deed("a scope", `scope read → "read update"`, `{"after":{"scope":"read update"},"before":{"scope":"read"}}`, err)
		c, _, err := a.Apps.AddCredential(ctx, by, "com.acme/depot", registry.NewCredential{Flow: tandem.FlowUser})
		deed("a credential", "user credential "+c.ID+" added", `"flow":"user"`, err)
		deed("its end", "revoked", "", a.Apps.RevokeCredential(ctx, by, "com.acme/depot", c.ID))
		deed("off", "is_enabled yes → no", "", a.Apps.Disable(ctx, by, "com.acme/depot"))
		deed("its deletion", "application deleted", `"after":null`, a.Apps.Delete(ctx, by, "com.acme/depot"))
		_, err = a.Permissions.CreateGroup(ctx, by, "Depot", "")
		deed("a group", `group "Depot" created`, "", err)
		_, err = a.Permissions.Grant(ctx, by, "Depot", permission.Target{Set: orders}, "read", false)
		deed("a grant", `granted read`, `"before":null`, err)
		_, err = a.Permissions.Grant(ctx, by, "Depot", permission.Target{Set: orders}, "update", false)
		deed("a wider one", `rights read → read,update`, `{"after":{"rights":"read,update"},"before":{"rights":"read"}}`, err)
		deed("a member", "petra put into", "", a.Permissions.AddMember(ctx, by, "Depot", "petra"))
		deed("none any more", "petra taken out", "", a.Permissions.RemoveMember(ctx, by, "Depot", "petra"))
		deed("a revocation", "no right on", `"rights":"read,update"`, a.Permissions.Revoke(ctx, by, "Depot", permission.Target{Set: orders}))
		deed("its end", `group "Depot" deleted`, "", a.Permissions.DeleteGroup(ctx, by, "Depot"))
		_, err = a.Permissions.CreateKey(ctx, by, orders, "Board")
		deed("a key", `key "Board" made`, "", err)
		_, err = a.RotateKeys(ctx, by)
		deed("the next signing keys", "made the next signing key", `"algorithm"`, err)
		in.API("GET", orders+"?$top=1", in.SignIn("anna").Access, "")
		open, err := a.Sessions.List(ctx)
		must(t, err)
		must(t, a.Sessions.Close(ctx, by, open[0].ID, "moved"))
		_, err = a.Accounts.EndSignIns(ctx, by, "anna")
		deed("the end of sign-ins", "ended the sign-ins of user anna", "", err)
		for _, kind := range []tandem.AuditKind{tandem.AuditSessionClosed, tandem.AuditSignOut} {
			all := in.Record(kind)
			if f, err := tandem.ParseFacts(all[0].Facts); err != nil || f.By != by.Login || f.Via != by.Via || all[0].Actor != "anna" {
				t.Errorf("%s: %+v, %v", kind, all[0], err)
			}
		}
		deed("an account that goes", "deleted user petra", "", a.Accounts.Delete(ctx, by, "petra"))
	})
}
