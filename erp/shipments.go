package erp

import (
	"fmt"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setShipments     = "Logistics_Shipment_Shipments"
	setShipmentLines = "Logistics_Shipment_ShipmentLines"
)

// Shipments and their lines: what leaves a store, for lines of sales orders. A shipment
// names no customer: it is of the customer whose party it goes to.

func shipmentSets(state *model.Enum) []write.Declaration {
	shipments := document(setShipments, "Logistics_Shipment", "erp_shipments", setSalesOrders, state).
		Child("Lines", setShipmentLines).
		With(
			model.DateTime("RequiredDeliveryDate").Can(ge|ord),
			model.Ref("ShipFromStore", setStores).Required(),
			model.Ref("ShipToPartyContactMechanism", setContactMechanisms).Required(),
			model.Ref("IssuedByPerson", setPersons),
			model.Ref("ReceivedByPerson", setPersons),
		).ReachedByParty("ToParty", roleOrders, "DocumentDate").HiddenOutside("CreationUser", "LinesUpdateUser")
	declared := asDocument(shipments, prepareShipment)
	declared.Guard = guardShipment
	declared.Rules = append(declared.Rules[:len(declared.Rules):len(declared.Rules)], write.Rule{
		Code: "TS1", Text: "ShipToPartyContactMechanism must be one of ToParty: choose an address of the party that the shipment goes to.",
		Broken: func(c *write.Change) (bool, error) {
			to, err := c.Ref("ShipToPartyContactMechanism")
			return err == nil && to != nil && c.Has("ToParty") && get(to, "Party").Text != c.Get("ToParty").Text, err
		}})
	return []write.Declaration{
		declared,
		stateChanges(shipments.Set, "Shipment", state),

		{
			Set: model.Part(setShipmentLines, "Logistics_Shipment_ShipmentLine", "erp_shipment_lines", "Shipment").
				UniqueWithin("shipment", "LineNo", "Shipment").
				ReachedWithOwner().
				Code("LineNo").Display("{LineNo}. {Shipment.DocumentNo}").Search("Shipment.DocumentNo").
				With(
					model.Int("LineNo").Required().Can(eq|ord),
					model.Quantity("Quantity", 12, 3, "QuantityUnit").Required().Is(model.IntValue(1000)).Can(ge),
					model.Quantity("QuantityBase", 12, 3, "ParentSalesOrderLine.Product.MeasurementUnit").Required().ReadOnly().Can(ge),
					model.Int("BoxCount"),
					model.Int("PalletNo"),
					model.Decimal("GrossWeightkg", 12, 3),
					model.Decimal("NetWeightkg", 12, 3),
					model.Text("Notes", 254),
					model.Bool("Finished").Required().ReadOnly().Is(model.BoolValue(false)),
					model.Ref("Shipment", setShipments),
					model.Ref("ParentSalesOrderLine", setSalesOrderLines).Required().Filterable(),
					model.Ref("QuantityUnit", setUnits).Required(),
				),
			Prepare: prepareShipmentLine,
			Compute: computeShipmentLine,
			Rules:   []write.Rule{unitRule(shippedProduct)},
		},
	}
}

// prepareShipment fills what a new shipment did not get: store and party from the order
// that it follows from, and the address of the party.
func prepareShipment(c *write.Change) error {
	for _, take := range [][3]string{{"EnterpriseCompany", "Parent", "EnterpriseCompany"}, {"ToParty", "Parent", "ToParty"}, {"ShipFromStore", "Parent", "Store"}} {
		if c.Has(take[0]) {
			continue
		}
		if err := c.Take(take[0], take[1], take[2]); err != nil {
			return err
		}
	}
	if err := prepareDocument(c); err != nil {
		return err
	}
	if c.Has("ShipToPartyContactMechanism") || !c.Has("ToParty") {
		return nil
	}
	party := []any{"Party", c.Get("ToParty"), "ContactMechanismType", model.IntValue(mechanismAddress), "IsActive", model.BoolValue(true)}
	if err := c.First("ShipToPartyContactMechanism", append(party, "IsDefault", model.BoolValue(true))...); err != nil || c.Has("ShipToPartyContactMechanism") {
		return err
	}
	return c.First("ShipToPartyContactMechanism", party...)
}

// received are what is said of a shipment once it is on its way.
var received = []string{"ReceivedByPerson", "DocumentNotes"}

// guardShipment lets it be noted of a released shipment who has received it.
func guardShipment(c *write.Change) error {
	if c.SavedValue("Void").Int != 0 || c.GuardsParts() || c.ChangesBeside(received...) {
		return guardDocument(c)
	}
	return nil
}

// shippedProduct is the product of the order's line that a line ships.
func shippedProduct(c *write.Change) (*model.Record, error) {
	line, err := c.Ref("ParentSalesOrderLine")
	if err != nil || line == nil {
		return nil, err
	}
	return c.Row(line.Set.Must("Product").Target, get(line, "Product").Text)
}

func prepareShipmentLine(c *write.Change) error {
	if err := c.NextLineNo(); err != nil {
		return err
	}
	if c.Has("QuantityUnit") {
		return nil
	}
	return c.Take("QuantityUnit", "ParentSalesOrderLine", "QuantityUnit")
}

// computeShipmentLine keeps QuantityBase, and warns of more than was ordered.
func computeShipmentLine(c *write.Change) error {
	product, err := shippedProduct(c)
	if err != nil || product == nil || !c.Has("QuantityUnit") {
		return err
	}
	if err := quantityOf(c, product); err != nil {
		return err
	}
	if !c.New && !c.Touched("QuantityBase") && !c.Touched("ParentSalesOrderLine") {
		return nil
	}
	order, err := c.Ref("ParentSalesOrderLine")
	if err != nil {
		return err
	}
	shipped, err := shipped(c)
	if err != nil {
		return err
	}
	if shipped > get(order, "QuantityBase").Int {
		// How much others have is not said: the account may not see their shipments.
		line := "a line"
		if c.Tells("LineNo") {
			line = fmt.Sprint("line ", c.Get("LineNo").Int)
		}
		c.Warn("%s: more is shipped of its order line than was ordered.", line)
	}
	return nil
}

// shipped is how much all shipments that are not void, this line included, have of the
// line's order line.
func shipped(c *write.Change) (int64, error) {
	others, err := c.Others("ParentSalesOrderLine")
	if err != nil {
		return 0, err
	}
	sum := c.Get("QuantityBase").Int
	for _, other := range others {
		shipment, err := c.Row(other.Set.Owner.Target, get(other, "Shipment").Text)
		if err != nil {
			return 0, err
		}
		if get(shipment, "Void").Int == 0 {
			sum += get(other, "QuantityBase").Int
		}
	}
	return sum, nil
}
