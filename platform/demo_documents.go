package platform

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// The demo's documents: managers release and void them, and approve large orders that
// somebody else has entered.

var demoTypes = []documentType{{code: "SO", set: setERPOrders}, {code: "INV", set: "Crm_Invoicing_Invoices"}}

// demoTypeRights are what managers are granted on the types.
const demoTypeRights = "read,update,delete,release,complete,reopen,other-date,void,approve,approve-released"

// The limits of orders that need nobody's approval.
const (
	demoApprovalLimit    = "10000"
	demoApprovalDiscount = "0.15"
	// demoLarge is from which total on everybody sees an order, and managers change it.
	demoLarge    = "50000.01"
	demoLargeKey = "Large orders"
	setERPOrders = "Crm_Sales_SalesOrders"
)

// demoTypeKeys makes the keys of the types before there are any documents: a key is
// put on a row when every replica knows it, and by then they do.
func (a *Administration) demoTypeKeys(ctx context.Context) error {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	for _, t := range demoTypes {
		row := demoRow{demoKeyRow, typeKeyName(t.code)}
		begun, _, err := a.demoBegun(ctx, row)
		if err == nil && (begun || keyNamed(&d, setERPDocumentTypes, row.name) == nil) {
			err = a.demoMake(ctx, row, func() (string, error) { return keyForType(ctx, byDemo, a.Permissions, t) })
		}
		if err != nil {
			return err
		}
	}
	return a.demoKey(ctx, &d, setERPOrders, demoLargeKey, []demoGranted{
		{"Managers", "read,update,delete,administer"}, {"Everybody", "read"}, {"Portal back end", "read"},
	})
}

// keyNamed finds a key for rows of a set by its name.
func keyNamed(d *permission.Definitions, set, name string) *permission.Key {
	i := slices.IndexFunc(d.Keys, func(k permission.Key) bool {
		return k.Kind == permission.RowKey && k.EntityName == set && k.Name == name
	})
	if i < 0 {
		return nil
	}
	return &d.Keys[i]
}

// demoDocuments secures the types, unless somebody has.
func (a *Administration) demoDocuments(ctx context.Context) error {
	for _, t := range demoTypes {
		t, err := a.documentType(ctx, t.code)
		if err != nil {
			return err
		}
		if t.key != "" {
			continue
		}
		if _, _, err := a.GrantType(ctx, byDemo, "Managers", t.code, demoTypeRights, false); err != nil {
			return err
		}
		if err := a.demoApproval(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// demoApproval lets orders be approved, and gives those that are firm already their
// status.
func (a *Administration) demoApproval(ctx context.Context, t documentType) error {
	m := erpModel()
	by, err := a.erpActor(ctx, "admin")
	if err != nil {
		return err
	}
	rule := (&write.Object{}).Set("FourEyes", true)
	if t.code == "SO" {
		limit := (&write.Object{}).Set("Value", json.Number(demoApprovalLimit)).Set("Currency", "EUR")
		rule.Set("ApprovalLimit", limit).Set("ApprovalDiscountLimit", json.Number(demoApprovalDiscount)).Set("UserStatuses", []any{
			demoStatus("10", false, "Needs approval", "Zu genehmigen", "За одобрение"),
			demoStatus("20", true, "Approved", "Genehmigt", "Одобрена"),
			demoStatus("30", false, "Refused", "Abgelehnt", "Отказана"),
		})
	}
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	large := keyNamed(&d, setERPOrders, demoLargeKey)
	if large != nil {
		if err := a.settle(ctx, large); err != nil {
			return err
		}
	}
	return a.erpStore(m).Transact(ctx, func(tx write.Tx) error {
		w := write.NewWriter(m, by).In(tx, a.config.Clock.Now())
		if t.code == "SO" && large != nil {
			condition, err := demoCondition(tx, m, large)
			if err != nil {
				return err
			}
			rule.Set("SecurityConditions", []any{condition})
		}
		if _, err := w.Update(t.Entity, write.Condition{}, rule); err != nil {
			return err
		}
		set := m.Set(t.set)
		firm, err := tx.Find(&query.Query{Set: set, Where: query.And{
			query.Equal(set.Must("State"), model.IntValue(erp.StateFirm)), query.Equal(set.Must("Void"), model.BoolValue(false)),
		}})
		if err != nil {
			return err
		}
		for _, e := range firm {
			if _, err := w.Recalculate(e); err != nil {
				return err
			}
		}
		if t.code != "SO" {
			return nil
		}
		return a.demoLargeOrders(ctx, tx)
	})
}

// demoLargeOrders are orders to be approved: one so large that it gets a key, and one by
// another manager than who has entered it.
func (a *Administration) demoLargeOrders(ctx context.Context, tx write.Tx) error {
	for _, o := range []struct {
		login string
		demo.LargeOrder
	}{
		{"anna", demo.LargeOrder{Customer: 0, Total: 17400, Discount: "0.18", Notes: "Opening of their new shop; 18 % as agreed by phone."}},
		{"anna", demo.LargeOrder{Customer: 2, Total: 62000, Discount: "0", Notes: "First fit-out of all their huts."}},
		{"maria", demo.LargeOrder{Customer: 1, Total: 12000, Discount: "0.05", Notes: "Their order for the season."}},
	} {
		by, err := a.erpActor(ctx, o.login)
		if err != nil {
			return err
		}
		if err := demo.EnterLarge(tx, erpModel(), by, a.config.Clock.Now(), o.LargeOrder); err != nil {
			return err
		}
	}
	return nil
}

// demoCondition gives orders in euro above the limit the key.
func demoCondition(tx write.Tx, m *write.Model, key *permission.Key) (*write.Object, error) {
	currencies := m.Set("General_Currencies_Currencies")
	euro, err := tx.Find(&query.Query{Set: currencies, Limit: 1, Where: query.Equal(currencies.Must("CurrencySign"), model.TextValue("EUR"))})
	if err != nil || len(euro) == 0 {
		return nil, errors.Join(err, errors.New("the demo has no euro"))
	}
	return (&write.Object{}).Set("Description", "Above 50,000 euro").
		Set("ConditionFilter", "TotalLineAmountValue ge "+demoLarge+" and DocumentCurrency eq '"+euro[0].String()+"'").
		Set("DocumentAccessKey", (&write.Object{}).Set("@odata.id", "Systems_Security_AccessKeys("+key.ID+")")), nil
}

func demoStatus(order string, exit bool, en, de, bg string) *write.Object {
	return (&write.Object{}).Set("UserStatusName", (&write.Object{}).Set("EN", en).Set("DE", de).Set("BG", bg)).
		Set("State", "FirmPlanned").Set("DisplayOrder", json.Number(order)).Set("IsExitStatus", exit)
}
