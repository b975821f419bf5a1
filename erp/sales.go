package erp

import (
	"math/big"
	"math/bits"
	"slices"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Sales orders and their lines.

func salesSets(state *model.Enum) []write.Declaration {
	orders := saleDocument(setSalesOrders, "Crm_Sales_SalesOrder", "erp_sales_orders", setSalesOrderLines, state).
		With(
			model.Text("CustomerPurchaseOrderNo", 20).Can(eq|like|ord),
			model.Date("RequiredDeliveryDate").Can(ge|ord),
			model.DateTime("PaymentDueDate"),
			model.Text("InvoiceNo", 32),
			model.Ref("ShipToCustomer", setCustomers),
			model.Ref("Store", setStores),
		).Search("DocumentNo", "CustomerPurchaseOrderNo", "ReferenceDocumentNo", "Customer.Party.PartyName").
		ReachedBy("Customer", roleOrders, "DocumentDate").HiddenOutside("CreationUser", "LinesUpdateUser").PricedFrom(rolePrices, "TotalLineAmount", "AmountToPay")
	return []write.Declaration{
		withPrices(asSale(orders, prepareSalesOrder)),
		stateChanges(orders.Set, "SalesOrder", state),

		{
			Set: model.Part(setSalesOrderLines, "Crm_Sales_SalesOrderLine", "erp_sales_order_lines", "SalesOrder").
				UniqueWithin("order", "LineNo", "SalesOrder").
				Code("LineNo").
				Display("{LineNo}. {SalesOrder.DocumentNo} {ProductDescription:T}").Search("SalesOrder.DocumentNo").
				ReachedWithOwner().PricedFrom(rolePrices, "UnitPrice", "LineAmount", "LineCustomDiscountPercent", "LineStandardDiscountPercent").
				With(lineProperties("SalesOrder", setSalesOrders)...).
				With(
					model.Date("RequiredDeliveryDate").Can(ge),
					model.Ref("Product", setProducts).Required(),
					model.Ref("QuantityUnit", setUnits).Required(),
					model.Ref("LineStore", setStores),
				),
			Prepare: prepareSalesLine,
			Compute: computeSalesLine,
			Rules:   lineRules,
		},
	}
}

const (
	setProducts = "General_Products_Products"
	setUnits    = "General_Products_MeasurementUnits"

	setSalesOrders     = "Crm_Sales_SalesOrders"
	setSalesOrderLines = "Crm_Sales_SalesOrderLines"
)

// lineProperties are what the lines of all sales documents have.
func lineProperties(owner, ownerSet string) []model.PropertyDeclaration {
	return []model.PropertyDeclaration{
		model.Int("LineNo").Required().Can(eq | ord),
		model.Multilingual("ProductDescription", 254).Required(),
		model.Quantity("Quantity", 12, 3, "QuantityUnit").Required().Is(model.IntValue(1000)).Can(ge),
		model.Quantity("QuantityBase", 12, 3, "Product.MeasurementUnit").Required().Can(ge),
		model.Amount("UnitPrice", 14, 5, owner+".DocumentCurrency").Required().Is(model.IntValue(0)).Can(ge),
		model.Amount("LineAmount", 14, 2, owner+".DocumentCurrency").Required().Can(ge),
		model.Decimal("LineCustomDiscountPercent", 7, 6).Required().Is(model.IntValue(0)),
		model.Decimal("LineStandardDiscountPercent", 7, 6).Required().ReadOnly().Is(model.IntValue(0)),
		model.Text("Notes", 254),
		model.Ref(owner, ownerSet),
	}
}

var lineRules = []write.Rule{
	unitRule(func(c *write.Change) (*model.Record, error) { return c.Ref("Product") }),
	{Code: "R20481", Text: "A discount must be between 0 and 1 (0.05 is 5 %).", Broken: func(c *write.Change) (bool, error) {
		d := c.Get("LineCustomDiscountPercent").Int
		return d < 0 || d > 1000000, nil
	}},
}

// unitRule is that the unit of a line converts to that of its product.
func unitRule(productOf func(*write.Change) (*model.Record, error)) write.Rule {
	return write.Rule{Code: "R20480",
		Text: "Quantity and QuantityUnit must convert to the product's unit: choose a unit of the product's measurement category.",
		Broken: func(c *write.Change) (bool, error) {
			product, err := productOf(c)
			if err != nil || product == nil || !c.Has("QuantityUnit") {
				return false, err
			}
			unit, err := c.Ref("QuantityUnit")
			if err != nil {
				return false, err
			}
			return unit.ID != get(product, "MeasurementUnit").Text &&
				!get(unit, "MeasurementCategory").Equal(get(product, "BaseMeasurementCategory")), nil
		}}
}

func prepareSalesOrder(c *write.Change) error {
	if !c.Has("DocumentCurrency") { // the ship-to customer's comes first
		if err := c.Take("DocumentCurrency", "ShipToCustomer", "DefaultCurrency"); err != nil {
			return err
		}
	}
	return prepareSale(c)
}

func prepareSalesLine(c *write.Change) error {
	if !c.Has("LineStore") && !c.Given("LineStore") {
		if err := c.Take("LineStore", "SalesOrder", "Store"); err != nil {
			return err
		}
	}
	return prepareLine(c)
}

// computeSalesLine is computeLine within what the account may do with prices.
func computeSalesLine(c *write.Change) error {
	if err := priced(c); err != nil {
		return err
	}
	if err := computed(c); err != nil {
		return err
	}
	return computeLine(c)
}

// prepareLine takes number, description and unit of a new line from its order
// and its product.
func prepareLine(c *write.Change) error {
	if err := c.NextLineNo(); err != nil {
		return err
	}
	if !c.Has("Product") {
		return nil
	}
	if !c.Has("ProductDescription") {
		if err := c.Take("ProductDescription", "Product", "Name"); err != nil {
			return err
		}
	}
	if c.Has("QuantityUnit") {
		return nil
	}
	return c.Take("QuantityUnit", "Product", "MeasurementUnit")
}

// computeLine keeps the description of the product, QuantityBase, and LineAmount unless the caller gave one:
// quantity × price, less both discounts.
func computeLine(c *write.Change) error {
	if err := c.Follow("ProductDescription", "Product", "Name"); err != nil {
		return err
	}
	if err := quantityBase(c); err != nil {
		return err
	}
	touched := c.New || c.Touched("Quantity") || c.Touched("UnitPrice") || c.Touched("LineCustomDiscountPercent")
	if c.Given("LineAmount") && c.Has("LineAmount") || !touched {
		return nil
	}
	net, ok := LineAmount(c.Get("Quantity").Int, c.Get("UnitPrice").Int,
		c.Get("LineCustomDiscountPercent").Int, c.Get("LineStandardDiscountPercent").Int)
	if !ok {
		return c.Fail("Quantity × UnitPrice does not fit LineAmount; check both.")
	}
	c.Put("LineAmount", model.IntValue(net))
	return nil
}

// LineAmount is quantity (thousandths) × price (100,000ths) less two discounts
// (millionths), in hundredths, rounded half away from zero once, at the end. It
// reports false when the result does not fit.
func LineAmount(quantity, price, custom, standard int64) (int64, bool) {
	n := big.NewInt(quantity)
	n.Mul(n, big.NewInt(price))
	divisor := big.NewInt(1000000) // 3 + 5 digits after the point, less 2
	for _, discount := range [...]int64{custom, standard} {
		if discount != 0 {
			n.Mul(n, big.NewInt(1000000-discount))
			divisor.Mul(divisor, big.NewInt(1000000))
		}
	}
	half := new(big.Int).Rsh(divisor, 1)
	if n.Sign() < 0 {
		half.Neg(half)
	}
	n.Quo(n.Add(n, half), divisor)
	if !n.IsInt64() || n.Int64() > 99999999999999 || n.Int64() < -99999999999999 {
		return 0, false
	}
	return n.Int64(), true
}

func quantityBase(c *write.Change) error {
	if !c.Has("Product") || !c.Has("QuantityUnit") {
		c.Put("QuantityBase", c.Get("Quantity"))
		return nil
	}
	if !c.New && !slices.ContainsFunc([]string{"Quantity", "QuantityUnit", "Product", "QuantityBase"}, c.Touched) {
		return nil
	}
	product, err := c.Ref("Product")
	if err != nil {
		return err
	}
	return quantityOf(c, product)
}

// quantityOf makes QuantityBase of the quantity of a line and its product.
func quantityOf(c *write.Change, product *model.Record) error {
	multiplier, divisor, err := unitFactor(c, product)
	if err != nil {
		return err
	}
	quantity, ok := mulDiv(c.Get("Quantity").Int, multiplier, divisor)
	if !ok {
		return c.Fail("Quantity does not fit QuantityBase; check the unit.")
	}
	c.Put("QuantityBase", model.IntValue(quantity))
	return nil
}

// unitFactor is how many of the product's unit the line's unit is, as a fraction.
func unitFactor(c *write.Change, product *model.Record) (multiplier, divisor int64, err error) {
	base := get(product, "MeasurementUnit")
	if !c.Has("QuantityUnit") || base.Text == c.Get("QuantityUnit").Text {
		return 1, 1, nil
	}
	from, err := c.Ref("QuantityUnit")
	if err != nil {
		return 0, 0, err
	}
	to, err := c.Row(from.Set, base.Text)
	if err != nil {
		return 0, 0, err
	}
	// All four factors are thousandths of at most nine digits.
	return get(from, "Multiplier").Int * get(to, "Divisor").Int, max(1, get(from, "Divisor").Int*get(to, "Multiplier").Int), nil
}

// mulDiv is a*b/c rounded half away from zero, exact in between. It reports
// false when the result does not fit.
func mulDiv(a, b, c int64) (int64, bool) {
	negative := (a < 0) != (b < 0) != (c < 0)
	hi, lo := bits.Mul64(abs(a), abs(b))
	d := abs(c)
	if d == 0 || hi >= d {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, d)
	if r >= d-r {
		q++
	}
	if q > model.MaxDecimal {
		return 0, false
	}
	if negative {
		return -int64(q), true
	}
	return int64(q), true
}

func abs(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}
