package webapp

import (
	"encoding/json"

	"github.com/hybridapps/tandem/client"
)

// orderBody is what the API takes for an order; its members apply in this order.
type orderBody struct {
	ObjectVersion           *int64         `json:",omitempty"`
	Customer                map[string]any `json:",omitempty"`
	CustomerPurchaseOrderNo any            `json:",omitempty"`
	RequiredDeliveryDate    any            `json:",omitempty"`
	DocumentNotes           any            `json:",omitempty"`
	Lines                   []lineBody     `json:",omitempty"`
}

type lineBody struct {
	Action                    string            `json:"@erpnet.action"`
	FindBy                    map[string]string `json:"@erpnet.findBy,omitempty"`
	Product                   map[string]any    `json:",omitempty"`
	Quantity                  map[string]any    `json:",omitempty"`
	UnitPrice                 map[string]any    `json:",omitempty"`
	LineCustomDiscountPercent json.Number       `json:",omitempty"`
}

func value(n string) map[string]any { return map[string]any{"Value": json.Number(n)} }

func (f *orderForm) body() orderBody {
	var was snapshot
	_ = json.Unmarshal([]byte(f.Was), &was) // there is none of a new order
	// What stands as the form was opened is not sent: it may be hidden from the person.
	changed := func(was, now string) any {
		switch now {
		case was:
			return nil
		case "":
			return json.RawMessage("null")
		}
		return now
	}
	b := orderBody{
		CustomerPurchaseOrderNo: changed(was.Reference, f.Reference),
		RequiredDeliveryDate:    changed(was.Required, f.Required),
		DocumentNotes:           changed(was.Notes, f.Notes),
	}
	for _, l := range f.Lines {
		if l.empty() {
			continue
		}
		line := lineBody{Action: "update"}
		if l.ID != "" {
			line.FindBy = map[string]string{"Id": l.ID}
			if l.Remove {
				line.Action = "delete"
				b.Lines = append(b.Lines, line)
				continue
			}
		} else {
			line.Action = "create"
			line.Product = map[string]any{"@odata.id": client.Ref(setProducts, idOf(l.product.ID))}
		}
		before, now := was.Lines[l.ID], f.shotOf(l)
		if now.Quantity != before.Quantity {
			line.Quantity = value(now.Quantity)
		}
		if now.Price != "" {
			if now.Price != before.Price {
				line.UnitPrice = value(now.Price)
			}
		} else if l.product != nil && l.product.StandardPricePerLot != nil {
			// The currency goes with the list price: where the order's is
			// another, the API refuses instead of taking the bare number.
			line.UnitPrice = map[string]any{"Value": l.product.StandardPricePerLot.Value, "Currency": l.product.StandardPricePerLot.Currency}
		}
		if now.Discount != before.Discount {
			line.LineCustomDiscountPercent = fractionOf(now.Discount)
		}
		b.Lines = append(b.Lines, line)
	}
	return b
}
