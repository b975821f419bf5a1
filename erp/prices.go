package erp

import (
	"math/big"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// Prices and discounts of sales orders are abilities. Who has not got them orders at
// the price of the list, and without a discount: that is what a line gets then, and
// what may be sent back. What somebody else has given it stays.

// priced keeps the price and the discount of a line what the account may give it.
func priced(c *write.Change) error {
	if err := discounted(c); err != nil || !asked(c, permission.EditUnitPrice) {
		return err
	}
	able, given := c.Actor().Granted.Can(permission.EditUnitPrice), c.Given("UnitPrice")
	decides := c.New || c.Touched("UnitPrice") || c.Touched("Product") || c.Touched("QuantityUnit")
	if !decides || able && !given {
		return nil
	}
	list, err := listPrice(c)
	if err != nil {
		return err
	}
	if given && !c.Get("UnitPrice").Equal(list) {
		return c.PermittedAbility("UnitPrice", permission.EditUnitPrice)
	}
	c.Put("UnitPrice", list)
	return nil
}

// asked reports whether the account needs an ability that not everybody has.
func asked(c *write.Change, ability string) bool {
	return c.Actor().Granted.Asks(ability)
}

// discounted is priced for the discount, which another product does not inherit.
func discounted(c *write.Change) error {
	const discount = "LineCustomDiscountPercent"
	decides := c.New || c.Touched(discount) || c.Touched("Product")
	if !decides || c.Get(discount).Int == 0 || !asked(c, permission.EditLineDiscount) {
		return nil
	}
	if c.New || c.Given(discount) {
		return c.PermittedAbility(discount, permission.EditLineDiscount)
	}
	if !c.Actor().Granted.Can(permission.EditLineDiscount) {
		c.Put(discount, model.IntValue(0))
	}
	return nil
}

// computed refuses a LineAmount that is not what price and discount make, where the
// account may not give prices: it would be one.
func computed(c *write.Change) error {
	decides := c.New || c.Touched("LineAmount") || c.Touched("Quantity") || c.Touched("UnitPrice") || c.Touched("LineCustomDiscountPercent")
	if !decides || !c.Given("LineAmount") || !asked(c, permission.EditUnitPrice) {
		return nil
	}
	net, ok := LineAmount(c.Get("Quantity").Int, c.Get("UnitPrice").Int,
		c.Get("LineCustomDiscountPercent").Int, c.Get("LineStandardDiscountPercent").Int)
	if ok && c.Get("LineAmount").Int == net {
		return nil
	}
	return c.PermittedAbility("LineAmount", permission.EditUnitPrice)
}

// sameCurrency refuses another currency for an order with lines, where the account may
// not give prices: the same number in another currency is another price.
func sameCurrency(c *write.Change) error {
	if c.New || !c.Touched("DocumentCurrency") || !asked(c, permission.EditUnitPrice) {
		return nil
	}
	if lines, err := c.HasChildren("Lines"); err != nil || !lines {
		return err
	}
	return c.PermittedAbility("DocumentCurrency", permission.EditUnitPrice)
}

// withPrices is a declaration of orders whose prices are an ability.
func withPrices(d write.Declaration) write.Declaration {
	compute := d.Compute
	d.Compute = func(c *write.Change) error {
		if err := sameCurrency(c); err != nil {
			return err
		}
		return compute(c)
	}
	return d
}

// listPrice is the price of one unit of the line by the product's standard price; 0
// where that is in another currency than the order.
func listPrice(c *write.Change) (model.Value, error) {
	none := model.IntValue(0)
	product, err := c.Ref("Product")
	if err != nil || product == nil {
		return none, err
	}
	order, err := c.Ref("SalesOrder")
	if err != nil || order == nil {
		return none, err
	}
	lot := get(product, "StandardLotSizeBase").Int
	if lot == 0 || !get(product, "CostingCurrency").Equal(get(order, "DocumentCurrency")) {
		return none, nil
	}
	multiplier, divisor, err := unitFactor(c, product)
	if err != nil {
		return none, err
	}
	// A price of 10,000ths for a lot of thousandths, times the unit, in 100,000ths.
	n := new(big.Int).Mul(big.NewInt(get(product, "StandardPricePerLot").Int), big.NewInt(multiplier))
	n.Mul(n, big.NewInt(10000))
	d := new(big.Int).Mul(big.NewInt(lot), big.NewInt(divisor))
	return roundedQuotient(c, n, d)
}

// roundedQuotient is n/d rounded half away from zero; d is not negative.
func roundedQuotient(c *write.Change, n, d *big.Int) (model.Value, error) {
	if d.Sign() == 0 {
		return model.IntValue(0), nil
	}
	half := new(big.Int).Rsh(d, 1)
	if n.Sign() < 0 {
		half.Neg(half)
	}
	n.Quo(n.Add(n, half), d)
	if !n.IsInt64() {
		return model.Value{}, c.Fail("the list price does not fit UnitPrice; check the product.")
	}
	return model.IntValue(n.Int64()), nil
}
