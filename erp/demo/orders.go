package demo

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
)

const (
	setOrders     = "Crm_Sales_SalesOrders"
	setOrderLines = "Crm_Sales_SalesOrderLines"
)

// order is a sales order before it is a row: it learns its invoice first.
type order struct {
	name     string
	customer *customer
	store    row
	date     time.Time
	life     life
	required time.Time
	lines    []line
	total    int64
	row      row
	invoice  string
}

type line struct {
	product  *product
	unit     unit
	quantity int64 // thousandths
	price    int64 // 100,000ths
	discount int64 // millionths
	amount   int64 // hundredths
}

// base is the quantity in the product's unit.
func (l *line) base() int64 {
	from, to := l.unit, l.product.unit
	return l.quantity * from.multiplier * to.divisor / (from.divisor * to.multiplier)
}

// planOrders decides everything about the orders, oldest first.
func (m *maker) planOrders() ([]*order, error) {
	who := newChoice(len(m.customers), func(i int) float64 { return m.customers[i].weight })
	var what [12]choice
	for month := range what {
		what[month] = newChoice(len(m.products), func(i int) float64 {
			p := m.products[i]
			return p.weight * p.season[month]
		})
	}
	var list []*order
	for i, date := range m.spread(Orders) {
		c := m.customers[who.pick(m)]
		for date.Before(day(c.from)) || !c.thru.IsZero() && date.After(c.thru) {
			c = m.customers[who.pick(m)]
		}
		o := &order{name: strconv.Itoa(i), customer: c, date: date, store: c.company.stores[0]}
		if c.company.home == "BG" && m.chance(.3) {
			o.store = c.company.stores[1]
		}
		m.planLines(o, what[date.Month()-1])
		for i := range o.lines {
			l := &o.lines[i]
			amount, ok := erp.LineAmount(l.quantity, l.price, l.discount, 0)
			if !ok {
				return nil, errors.New("demo: the amount of a line does not fit")
			}
			l.amount = amount
			o.total += amount
		}
		o.life = m.live(date)
		o.required = date.AddDate(0, 0, pick(m, []int{2, 3, 5, 7, 7, 10, 14}))
		list = append(list, o)
	}
	return list, nil
}

func (m *maker) planLines(o *order, what choice) {
	discount := o.customer.discount
	if m.chance(.05) { // a special offer
		discount += 50000
	}
	seen := map[*product]bool{}
	for range pick(m, []int{1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6}) {
		p := m.products[what.pick(m)]
		if seen[p] {
			continue
		}
		seen[p] = true
		l := line{product: p, unit: p.unit, discount: discount}
		worth := 8000 + m.rand.ExpFloat64()*34000 // cents
		if o.customer.party.Set.Name == setPersons {
			worth /= 5
		}
		per := int64(1)
		if p.cents < 50 && p.unit.Get(p.unit.property("Code")).Text == "pcs" {
			l.unit, per = m.units["c"], 100 // screws come by the hundred
		}
		l.quantity = quantity(worth/float64(p.cents*per)) * 1000
		l.price = m.price(p.cents*per, o)
		o.lines = append(o.lines, l)
	}
}

// quantity makes a number that people order.
func quantity(n float64) int64 {
	q := int64(math.Round(n))
	switch {
	case q < 1:
		return 1
	case q > 100:
		return q / 25 * 25
	case q > 20:
		return q / 5 * 5
	}
	return q
}

// price is a price of today in euro as it was when the order came, in its
// currency, in 100,000ths: prices rise every half-year.
func (m *maker) price(cents int64, o *order) int64 {
	halves := int64(m.today.Sub(o.date).Hours() / 24 / 182)
	price := cents * (1000 - 14*halves) * o.customer.currency.rate / 100 // 1000ths of a cent
	return (price + 500) / 1000 * 1000
}

// addOrder inserts an order with its lines.
func (m *maker) addOrder(o *order) {
	r := o.row
	m.document(r, o.life, o.customer, o.date, o.total)
	r.ref("DocumentType", m.orderType).ref("Store", o.store.Record).
		time("RequiredDeliveryDate", o.required).time("PaymentDueDate", o.date.AddDate(0, 0, int(o.customer.terms)))
	if m.chance(.6) {
		r.text("CustomerPurchaseOrderNo", m.purchaseOrder(o))
	}
	if m.chance(.05) {
		r.text("DocumentNotes", pick(m, notes(o.customer.company.home)))
	}
	if o.invoice != "" {
		r.text("InvoiceNo", o.invoice)
	}
	if o.life.state < erp.StateReleased && len(m.o.Staff) > 0 {
		r.set("AssignedToUser", model.TextValue(pick(m, m.o.Staff).ID))
	}
	m.insert(r, o.life.version, o.life.updated)
	m.sum.Orders++
	for i := range o.lines {
		l := m.line(setOrderLines, o, i).ref("SalesOrder", r.Record).ref("LineStore", o.store.Record).
			time("RequiredDeliveryDate", o.required)
		m.insert(l, 0, time.Time{})
		m.sum.OrderLines++
	}
}

func (m *maker) purchaseOrder(o *order) string {
	if o.customer.terms > 14 { // larger firms number by month
		return o.date.Format("PO-0601-") + m.digits("####")
	}
	return m.digits("B/#####")
}

func notes(home string) []string {
	if home == "BG" {
		return []string{"Доставка до рампа 2, моля.", "Моля, обадете се преди доставка.", "Please ring before delivery; gate code \"4711\".",
			"Палетите са за връщане."}
	}
	return []string{"Lieferung nur vormittags, bitte.", "Bitte im Hof abladen, \"Tor 3\".", "Please ring before delivery.",
		"Teillieferung möglich; Rest bis Monatsende."}
}

// line fills what lines of orders and of invoices have in common.
func (m *maker) line(set string, o *order, i int) row {
	l := &o.lines[i]
	return m.row(set, o.name+"/"+strconv.Itoa(i)).int("LineNo", int64(i+1)*10).set("ProductDescription", l.product.name).
		int("Quantity", l.quantity).int("QuantityBase", l.base()).int("UnitPrice", l.price).int("LineAmount", l.amount).
		int("LineCustomDiscountPercent", l.discount).int("LineStandardDiscountPercent", 0).
		ref("Product", l.product.Record).ref("QuantityUnit", l.unit.Record)
}
