package demo

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	// Portals is how many customers are busy enough for an external user.
	Portals = 8
	// portalRank is the size of the first of them: fifth from the top.
	portalRank = 4

	setAccess = "Crm_Sales_CustomerExternalAccess"
)

// ExternalUser is an account that may see the documents of a customer.
type ExternalUser struct {
	// UserID is the account's id; the account must exist.
	UserID string
	// Customer chooses among the [Portals] customers, from 0.
	Customer int
	// Role is a role of the external access; empty means Billing: orders with
	// prices, and invoices.
	Role string
	// DaysBack is how many days back the user sees documents; 0 means without
	// limit.
	DaysBack int
}

// Portal gives an external user access to a demo customer, and tells which.
// Given already, nothing changes.
func Portal(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time, user ExternalUser) (customer model.Entity, err error) {
	if user.Customer < 0 || user.Customer >= Portals {
		return model.Entity{}, fmt.Errorf("demo: there is no customer %d for external users; choose one from 0 to %d", user.Customer, Portals-1)
	}
	customers := erpModel.Set(setCustomers)
	customer = PortalCustomer(erpModel, user.Customer)
	role := user.Role
	if role == "" {
		role = "Billing"
	}
	access := &write.Object{}
	access.Set("Id", idOf("access/"+user.UserID+"/"+customer.ID)).
		Set("User", (&write.Object{}).Set("@odata.id", "Systems_Security_Users("+user.UserID+")")).
		Set("Role", role).Set("DaysBackAccess", nil)
	if user.DaysBack > 0 {
		access.Set("DaysBackAccess", json.Number(fmt.Sprint(user.DaysBack)))
	}
	found, err := tx.Find(query.ByID(erpModel.Set(setAccess), idOf("access/"+user.UserID+"/"+customer.ID)))
	if err != nil || len(found) > 0 {
		return customer, err
	}
	w := write.NewWriter(erpModel, by).In(tx, now)
	_, err = w.CreateChild(customer, write.Condition{}, customers.Child("ExternalAccess"), access)
	return customer, err
}

// PortalCustomer names the customer that Portal gives access to.
func PortalCustomer(erpModel *write.Model, n int) model.Entity {
	s := erpModel.Set(setCustomers)
	return model.Entity{Set: s, ID: idOf(s.Type + "/" + fmt.Sprint(portalRank+n))}
}
