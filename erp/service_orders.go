package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setServiceOrders     = "Applications_Service_ServiceOrders"
	setServiceOrderLines = "Applications_Service_ServiceOrderLines"
)

// Service orders: the tickets of customers, a line for each object that is broken.

func serviceOrders(state *model.Enum) []write.Declaration {
	orders := document(setServiceOrders, "Applications_Service_ServiceOrder", "erp_service_orders", setServiceOrders, state).
		Child("Lines", setServiceOrderLines).
		Search("DocumentNo", "ReferenceDocumentNo", "Customer.Party.PartyName").
		With(
			model.Ref("Customer", setCustomers).Required(),
			model.Ref("ShipToCustomer", setCustomers),
			model.Ref("ServiceAgreement", setServiceAgreements),
			model.Ref("Store", setStores),
		).ReachedBy("Customer", roleOrders, "DocumentDate").HiddenOutside("CreationUser", "LinesUpdateUser")
	declared := asDocument(orders, prepareForCustomer)
	declared.Compute = followCustomer
	declared.Rules = with(ofCustomer("TS5"))
	return []write.Declaration{
		declared,
		seenOutside(stateChanges(orders.Set, "ServiceOrder", state)),

		{
			Set: model.Part(setServiceOrderLines, "Applications_Service_ServiceOrderLine", "erp_service_order_lines", "ServiceOrder").
				UniqueWithin("order", "LineNo", "ServiceOrder").
				ReachedWithOwner().
				Code("LineNo").Display("{LineNo}. {ServiceOrder.DocumentNo} {ServiceObject.Name}").Search("ServiceOrder.DocumentNo").
				With(
					model.Int("LineNo").Required().Can(eq|ord),
					model.Text("SymptomDescription", 254).Can(like),
					model.Ref("ServiceOrder", setServiceOrders),
					model.Ref("ServiceObject", setServiceObjects).Required(),
				),
			Prepare: func(c *write.Change) error { return c.NextLineNo() },
		},
	}
}

// seenOutside lets customers see the states that their documents have had, and nothing of
// by whom and why.
func seenOutside(changes write.Declaration) write.Declaration {
	changes.Set = changes.Set.ReachedWithOwner().SeenOutside("NewState", "UpdateTime", "Void", "UserStatus", "ServiceOrder")
	return changes
}
