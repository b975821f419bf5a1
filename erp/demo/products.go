package demo

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/hybridapps/tandem/erp/model"
)

const (
	setProducts      = "General_Products_Products"
	setProductGroups = "General_Products_ProductGroups"
	setProductTypes  = "General_Products_ProductTypes"
	setBalances      = "Logistics_Inventory_CurrentBalances"
)

// product is what order lines need to know of one.
type product struct {
	row
	unit   unit
	cents  int64 // price in euro of one unit
	cost   int64
	name   model.Value
	season *season
	weight float64
}

func (m *maker) makeProducts() error {
	goods := m.row(setProductTypes, "GOODS").text("Code", "GOODS").text("Name", three("Goods=Ware=Стока")).
		bool("IsStocked", true).bool("IsShipped", true).bool("IsServiced", false).bool("IsDefault", true)
	service := m.row(setProductTypes, "SERVICE").text("Code", "SERVICE").text("Name", three("Service=Dienstleistung=Услуга")).
		bool("IsStocked", false).bool("IsShipped", false).bool("IsServiced", true).bool("IsDefault", false)
	m.add(goods, service)
	groups := catalogue()
	for _, top := range [...][2]string{{"OUT", "Outdoor=Outdoor=Туризъм"}, {"WRK", "Workshop=Werkstatt=Работилница"}} {
		parent := m.group(top[0], top[1], "/"+top[0]+"/")
		m.add(parent)
		for _, g := range groups[top[0]] {
			r := m.group(g.code, g.name, "/"+top[0]+"/"+g.code+"/").ref("ParentGroup", parent.Record)
			m.add(r)
			m.makeGroup(g, r, goods)
		}
	}
	return nil
}

func (m *maker) group(code, name, path string) row {
	return m.row(setProductGroups, code).text("Code", code).text("Name", three(name)).bool("Active", true).
		text("FullPath", path).ref("DefaultMeasurementUnit", m.units["pcs"].Record)
}

func (m *maker) makeGroup(g group, in, goods row) {
	for f, family := range g.families {
		popularity := g.weight * (0.3 + m.rand.ExpFloat64())
		cents := family.cents
		for v, variant := range strings.Split(family.variants, "|") {
			p := &product{unit: m.units[family.unit], cents: cents, season: g.season,
				weight: popularity * (0.4 + m.rand.Float64())}
			p.cost = max(1, cents*int64(52+m.rand.IntN(20))/100)
			p.name = model.TextValue(model.MultiLanguage(
				"EN", part(family.name, 0)+", "+part(variant, 0),
				"DE", part(family.name, 1)+", "+part(variant, 1),
				"BG", part(family.name, 2)+", "+part(variant, 2)))
			number := fmt.Sprintf("%s-%02d%02d", g.code, f+1, v+1)
			p.row = m.row(setProducts, number).text("PartNumber", number).set("Name", p.name)
			m.addProduct(p, in, goods)
			cents = rounded(cents * (100 + family.step) / 100)
		}
	}
}

// rounded makes the prices that shops have: 4.90, 12.50, 239.
func rounded(cents int64) int64 {
	switch {
	case cents < 100:
		return cents
	case cents < 2000:
		return (cents + 2) / 5 * 5
	case cents < 10000:
		return (cents+25)/50*50 - 10
	}
	return (cents+250)/500*500 - 100
}

func (m *maker) addProduct(p *product, in, goods row) {
	created := m.opened()
	if m.chance(.15) { // later additions to the range
		created = m.first.Add(time.Duration(m.rand.IntN(400)) * 24 * time.Hour).Add(10 * time.Hour)
	}
	updated := created
	if m.chance(.4) {
		updated = m.atMost(created.Add(time.Duration(m.rand.IntN(600*24)) * time.Hour))
	}
	class := int64(1)
	switch {
	case p.weight > 1.6:
		class = 0
	case p.weight < .5:
		class = 2
	}
	active := !m.chance(.03)
	if !active {
		p.weight = 0
	}
	by := m.clerk()
	p.bool("Active", active).int("ABCClass", class).bool("IsSerialized", false).bool("ShowInCatalog", active && m.chance(.8)).
		int("StandardPricePerLot", p.cents*100).int("StandardCostPerLot", p.cost*100).int("StandardLotSizeBase", 1000).
		time("CreationTime", created).text("CreationUser", by).time("UpdateTime", updated).text("UpdateUser", m.clerk()).
		ref("BaseMeasurementCategory", p.unit.category.Record).ref("MeasurementUnit", p.unit.Record).
		ref("ProductGroup", in.Record).ref("ProductType", goods.Record).ref("CostingCurrency", m.currencies[euro].Record)
	version := int64(1)
	if updated != created {
		version = 2
	}
	m.products = append(m.products, p)
	m.sum.Products++
	m.insert(p.row, version, updated)
}

// makeBalances fills the warehouses: about a month's sales of each product,
// some sold out, and little in the returns.
func (m *maker) makeBalances() error {
	for _, c := range m.companies {
		for _, store := range c.stores {
			for _, p := range m.products {
				quantity := m.stock(p, store.Get(store.property("Code")).Text)
				if quantity < 0 {
					continue
				}
				r := m.row(setBalances, "").int("QuantityBase", quantity*1000).int("BaseCost", quantity*p.cost).
					ref("EnterpriseCompany", c.own.Record).ref("Store", store.Record).ref("Product", p.Record)
				m.insert(r, 0, time.Time{})
				m.sum.Balances++
			}
		}
	}
	return nil
}

// stock is a quantity in whole units; -1 where the store does not keep it.
func (m *maker) stock(p *product, store string) int64 {
	share := map[string]float64{"PDV": 1, "VAR": .4, "GRZ": .8, "RET": .01}[store]
	if store == "RET" && m.chance(.8) || m.chance(.04) {
		return -1
	}
	if m.chance(.05) {
		return 0
	}
	worth := 40000 * (.3 + p.weight) * share * (.2 + m.rand.ExpFloat64()) // cents
	return int64(math.Ceil(worth / float64(p.cost)))
}
