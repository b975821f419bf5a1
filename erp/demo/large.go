package demo

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// LargeOrder is an order that is too large, or too cheap, for one person to decide.
type LargeOrder struct {
	// Customer chooses among the [Portals] customers, from 0.
	Customer int
	// Total is what it is about at least, in euro. Discount is a part of one: 0.18.
	Total    int64
	Discount string
	Notes    string
}

// largeLines is how many products a large order has.
const largeLines = 3

// EnterLarge enters one as a person does, and makes it firm.
func EnterLarge(tx write.Tx, erpModel *write.Model, by write.Actor, now time.Time, o LargeOrder) error {
	products := erpModel.Set("General_Products_Products")
	found, err := tx.Find(&query.Query{Set: products, Limit: largeLines, Where: query.Equal(products.Must("Active"), model.BoolValue(true)),
		Order: []query.Order{{Path: &model.Path{Property: products.Must("PartNumber")}}}})
	if err != nil {
		return err
	}
	var lines []any
	for _, e := range found {
		r, err := tx.Load(e.Set, e.ID, false)
		if err != nil {
			return err
		}
		cents := r.Get(products.Must("StandardPricePerLot")).Int / 100
		pieces := o.Total*100/int64(len(found))/max(1, cents) + 1
		lines = append(lines, (&write.Object{}).Set("Product", link(e)).
			Set("Quantity", value(strconv.FormatInt(pieces, 10))).
			Set("UnitPrice", value(strconv.FormatFloat(float64(cents)/100, 'f', 2, 64))).
			Set("LineCustomDiscountPercent", json.Number(o.Discount)))
	}
	order := (&write.Object{}).Set("Customer", link(PortalCustomer(erpModel, o.Customer))).Set("DocumentNotes", o.Notes).
		Set("DocumentCurrency", (&write.Object{}).Set("CurrencySign", euro)).Set("Lines", lines)
	w := write.NewWriter(erpModel, by).In(tx, now)
	made, err := w.Apply(erpModel.Set(setOrders), order, "create")
	if err != nil {
		return err
	}
	_, err = w.Do(made.Entity, write.Condition{}, "ChangeState", (&write.Object{}).Set("newState", "FirmPlanned"))
	return err
}

func link(e model.Entity) *write.Object { return (&write.Object{}).Set("@odata.id", e.String()) }

func value(n string) *write.Object { return (&write.Object{}).Set("Value", json.Number(n)) }
