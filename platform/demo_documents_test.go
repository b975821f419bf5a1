package platform_test

import (
	"errors"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	erpwrite "github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
)

// demoOrders holds what the accounts of the demo may make of its orders against what
// the demo is for: anna enters, maria approves and releases, and nobody their own.
func demoOrders(t *testing.T, a *platform.Administration) {
	t.Helper()
	ctx, m := t.Context(), erp.NewModel()
	store := data.NewERP(a.ERP, m)
	by := func(login string) erpwrite.Actor {
		u, err := a.Accounts.Show(ctx, login)
		if err != nil {
			t.Fatal(err)
		}
		put, _, err := a.Permissions.Store.GroupsOf(ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		d, err := a.Permissions.Store.Definitions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		rights := permission.NewTable(d).Rights(permission.GroupsOf(&u, put))
		return erpwrite.Actor{ID: u.ID, Login: u.Login, Granted: permission.Granted{Scope: tandem.ParseScope("read update"), Rights: rights}}
	}
	one := func(set, property string, v model.Value, more ...query.Expr) (e model.Entity) {
		s := m.Set(set)
		err := store.Query(ctx, &query.Query{Set: s, Limit: 1, Where: query.And(append(more, query.Equal(s.Must(property), v)))}, func(row *query.Row) error {
			e = model.Entity{Set: s, ID: string([]byte(row.ID))}
			return nil
		})
		if err != nil || e.ID == "" {
			t.Fatalf("no row of %s with this %s: %v", set, property, err)
		}
		return e
	}
	annas := one("Crm_Sales_SalesOrders", "DocumentNotes", model.TextValue("Opening of their new shop; 18 % as agreed by phone."))
	marias := one("Crm_Sales_SalesOrders", "CreationUser", model.TextValue("maria"))
	ordered := one("Systems_Documents_DocumentTypes", "Code", model.TextValue("SO"))
	approved := one("Systems_Documents_DocumentTypeUserStatuses", "IsExitStatus", model.BoolValue(true),
		query.Equal(m.Set("Systems_Documents_DocumentTypeUserStatuses").Must("DocumentType"), model.TextValue(ordered.ID)))
	link := func(e model.Entity) *erpwrite.Object { return (&erpwrite.Object{}).Set("@odata.id", e.String()) }
	approve := (&erpwrite.Object{}).Set("newState", "FirmPlanned").Set("userStatus", link(approved))
	release := (&erpwrite.Object{}).Set("newState", "Released")
	for _, c := range []struct {
		login, what string
		order       model.Entity
		args        *erpwrite.Object
		denied      permission.Right
		broken      bool
	}{
		{"anna", "releases", annas, release, permission.Release, false},
		{"anna", "approves", annas, approve, permission.Approve, false},
		{platform.DemoSystemUser, "releases", annas, release, permission.Release, false},
		{"maria", "releases without approval", annas, release, 0, true},
		{"maria", "approves her own", marias, approve, 0, true},
		{"maria", "approves", annas, approve, 0, false},
		{"maria", "releases", annas, release, 0, false},
		{"admin", "approves", marias, approve, 0, false},
		{"maria", "releases her own", marias, release, 0, true},
		{"admin", "releases", marias, release, 0, false},
	} {
		_, err := store.Do(ctx, by(c.login), c.order, erpwrite.Condition{}, "ChangeState", c.args)
		var denied *permission.Denied
		if errors.As(err, &denied) && denied.Need == c.denied || c.broken && tandem.ErrorCode(err) == tandem.CodeRule || c.denied == 0 && !c.broken && err == nil {
			continue
		}
		t.Errorf("%s %s: %v", c.login, c.what, err)
	}
	huge := one("Crm_Sales_SalesOrders", "DocumentNotes", model.TextValue("First fit-out of all their huts."))
	change := (&erpwrite.Object{}).Set("DocumentNotes", "changed")
	var denied *permission.Denied
	if _, err := store.Update(ctx, by("anna"), huge, erpwrite.Condition{}, change); !errors.As(err, &denied) || denied.Need != permission.Update {
		t.Errorf("anna changes an order above 50,000 €: %v", err)
	}
	if _, err := store.Update(ctx, by("maria"), huge, erpwrite.Condition{}, change); err != nil {
		t.Errorf("maria changes an order above 50,000 €: %v", err)
	}
	order := (&erpwrite.Object{}).Set("Customer", link(one("Crm_Sales_Customers", "Active", model.BoolValue(true))))
	for _, login := range []string{"anna", platform.DemoSystemUser} {
		made, err := store.Write(ctx, by(login), m.Set("Crm_Sales_SalesOrders"), order)
		if err == nil {
			_, err = store.Update(ctx, by(login), made.Entity, erpwrite.Condition{}, (&erpwrite.Object{}).Set("DocumentNotes", "x"))
		}
		if err != nil {
			t.Errorf("%s enters and changes an order: %v", login, err)
		}
	}
}
