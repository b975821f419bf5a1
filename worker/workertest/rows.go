package workertest

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Context is one that outlives the test's own.
func Context(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

// ID is a GUID.
func ID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// Product is a row of products.
func Product(n int, changed string) Object {
	return Object{
		"Id": ID(n), "PartNumber": fmt.Sprintf("P%04d", n), "Name": Object{"EN": fmt.Sprintf("Product %d", n)}, "Active": true,
		"AggregateLastUpdateTimeUtc": changed, "MeasurementUnit": Object{"Code": "pcs"},
	}
}

// Balance is a row of current balances.
func Balance(n int, store, quantity string) Object {
	return Object{
		"QuantityBase": Object{"Value": Number(quantity), "Unit": "pcs"},
		"Product":      Object{"@odata.id": "General_Products_Products(" + ID(n) + ")"},
		"Store":        Object{"Code": store},

		"EnterpriseCompany": Object{"Id": Company(1)},
	}
}

// Company is the id of one of our own companies. All balances are of the first that say
// nothing else.
func Company(n int) string { return ID(9000 + n) }

// Number is a number as it is written.
type Number string

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// Stock sets the products and their balances.
func (f *Fake) Stock(products, balances []Object) {
	f.With(func() {
		f.Rows["General_Products_Products"], f.Rows["Logistics_Inventory_CurrentBalances"] = products, balances
		var stores, companies []Object
		for _, b := range balances {
			stores, companies = append(stores, b["Store"].(Object)), append(companies, b["EnterpriseCompany"].(Object))
		}
		f.Rows["Logistics_Inventory_Stores"], f.Rows["General_EnterpriseCompanies"] = stores, companies
	})
}

// Companies of the portal tests: paul may act for the first two.
const (
	Mine, Second, Foreign = 101, 102, 103
)

// AccessRow is a row of customer access.
func AccessRow(user string, customer int, role string, days any, active bool) Object {
	return Object{
		"Role": role, "DaysBackAccess": days, "User": Object{"@odata.id": "Systems_Security_Users(" + user + ")"},
		"Customer": Object{
			"Id": ID(customer), "Number": fmt.Sprint(customer), "Active": active,
			"Party": Object{"PartyName": Object{"EN": fmt.Sprintf("Company %d", customer)}},
		},
	}
}

// Ago is a day before today, as the API writes it.
func Ago(days int) string {
	return time.Now().UTC().AddDate(0, 0, -days).Format("2006-01-02T00:00:00Z")
}

// Order is a row of sales orders.
func Order(n, customer, days int) Object {
	return Object{
		"Id": ID(n), "DocumentNo": fmt.Sprintf("SO-%04d", n), "DocumentDate": Ago(days), "State": "Released", "Void": false,
		"CustomerPurchaseOrderNo": "po", "TotalLineAmount": Object{"Value": Number("12.50"), "Currency": "EUR"},
		"Customer": Object{"Id": ID(customer)},
		"Lines": []Object{{
			"LineNo": 10, "ProductDescription": Object{"EN": "Tea"}, "Quantity": Object{"Value": Number("2.000"), "Unit": "pcs"},
			"UnitPrice": Object{"Value": Number("6.25"), "Currency": "EUR"}, "LineAmount": Object{"Value": Number("12.50"), "Currency": "EUR"},
			"LineCustomDiscountPercent": Number("0"), "Product": Object{"PartNumber": "T1"},
		}},
	}
}

// Invoice is a row of invoices.
func Invoice(n, customer, days int) Object {
	d := Order(n, customer, days)
	d["AmountToPay"], d["PaymentDueDate"] = d["TotalLineAmount"], Ago(days-14)
	delete(d, "TotalLineAmount")
	return d
}
