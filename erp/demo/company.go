package demo

import (
	"github.com/hybridapps/tandem/erp/model"
)

// Dravena itself: companies, places, people, and what documents need.

const (
	setCurrencies = "General_Currencies_Currencies"
	setCategories = "General_Products_MeasurementCategories"
	setUnits      = "General_Products_MeasurementUnits"
	setCompanies  = "General_Contacts_Companies"
	setLocations  = "General_Contacts_CompanyLocations"
	setPersons    = "General_Contacts_Persons"
	setOurs       = "General_EnterpriseCompanies"
	setGroups     = "Logistics_Inventory_StoreGroups"
	setStores     = "Logistics_Inventory_Stores"
	setTypes      = "Systems_Documents_DocumentTypes"
)

// currency has its price: how many of it are worth a euro, in hundredths.
type currency struct {
	row
	rate int64
}

func (m *maker) makeCurrencies() error {
	m.currencies = map[string]currency{}
	for i, c := range []struct {
		sign, name string
		rate       int64
		active     bool
	}{
		{euro, "Euro", 100, true},
		{"USD", "US dollar", 110, true},
		{"GBP", "Pound sterling", 86, true},
		{"CHF", "Swiss franc", 95, true},
		{"RON", "Romanian leu", 497, true},
		{"CZK", "Czech koruna", 2500, true},
		{"PLN", "Polish złoty", 428, true},
		{"BGN", "Bulgarian lev", 196, m.o.Now.Year() < 2026}, // Bulgaria has the euro since
	} {
		r := m.row(setCurrencies, c.sign).text("CurrencySign", c.sign).text("Name", c.name).
			int("ShowOrder", int64(i+1)).bool("IsActive", c.active)
		m.add(r)
		m.currencies[c.sign] = currency{r, c.rate}
	}
	return nil
}

// unit knows how many of the default unit of its category it is, as
// multiplier/divisor.
type unit struct {
	row
	category            row
	multiplier, divisor int64
}

func (m *maker) makeUnits() error {
	m.units = map[string]unit{}
	type declared struct {
		code, name          string
		multiplier, divisor int64
		system              int64 // -1: none
	}
	for _, c := range []struct {
		name  string
		units []declared
	}{
		{"Count=Anzahl=Брой", []declared{{"pcs", "piece=Stück=брой", 1, 1, 0}, {"pair", "pair=Paar=чифт", 2, 1, -1},
			{"dz", "dozen=Dutzend=дузина", 12, 1, -1}, {"c", "hundred=Hundert=сто броя", 100, 1, -1}}},
		{"Weight=Gewicht=Тегло", []declared{{"kg", "kilogram=Kilogramm=килограм", 1, 1, 1}, {"g", "gram=Gramm=грам", 1, 1000, 2},
			{"t", "tonne=Tonne=тон", 1000, 1, -1}}},
		{"Length=Länge=Дължина", []declared{{"m", "metre=Meter=метър", 1, 1, 4}, {"cm", "centimetre=Zentimeter=сантиметър", 1, 100, -1},
			{"km", "kilometre=Kilometer=километър", 1000, 1, -1}}},
		{"Volume=Volumen=Обем", []declared{{"l", "litre=Liter=литър", 1, 1, 3}, {"ml", "millilitre=Milliliter=милилитър", 1, 1000, -1}}},
	} {
		category := m.row(setCategories, part(c.name, 0)).text("Name", three(c.name)).bool("IsDefault", len(m.units) == 0)
		m.add(category)
		for i, u := range c.units {
			r := m.row(setUnits, u.code).text("Code", u.code).text("Name", three(u.name)).
				int("Multiplier", u.multiplier*1000).int("Divisor", u.divisor*1000).
				bool("IsDefaultUnit", i == 0).ref("MeasurementCategory", category.Record)
			if u.system >= 0 {
				r.int("SystemUnit", u.system)
			}
			m.add(r)
			m.units[u.code] = unit{r, category, u.multiplier, u.divisor}
		}
	}
	return nil
}

// company is one of ours.
type company struct {
	own, party, location row
	stores               []row
	people               []row
	home                 string // country code
}

func (m *maker) makeCompanies() error {
	group := m.row(setGroups, "MAIN").text("Code", "MAIN").text("Name", three("Warehouses=Lager=Складове"))
	returns := m.row(setGroups, "RET").text("Code", "RET").text("Name", three("Returns & repairs=Retouren & Reparatur=Рекламации и ремонт"))
	m.add(group, returns)
	type store struct {
		code, name string
		group      row
	}
	for _, c := range []struct {
		key, name, form, formName, city, address, registration, vat, place string
		stores                                                             []store
	}{
		{"BG", "Dravena AD=Dravena AD=Дравена АД", "AD", "AD=AG=АД", "Plovdiv=Plowdiw=Пловдив",
			"ul. Hlebarska 7, 4003 Plovdiv=ul. Hlebarska 7, 4003 Plowdiw=ул. „Хлебарска“ 7, 4003 Пловдив", "900417263", "BG900417263",
			"Head office=Hauptsitz=Централен офис",
			[]store{{"PDV", "Plovdiv warehouse=Lager Plowdiw=Склад Пловдив", group}, {"VAR", "Varna warehouse=Lager Warna=Склад Варна", group},
				{"RET", "Returns, Plovdiv=Retouren, Plowdiw=Рекламации, Пловдив", returns}}},
		{"AT", "Dravena Handels GmbH=Dravena Handels GmbH=Дравена Ханделс ГмбХ", "GmbH", "GmbH=GmbH=ГмбХ", "Graz=Graz=Грац",
			"Am Fassbinderhof 21, 8020 Graz", "FN 904172 k", "ATU90417263", "Graz branch=Niederlassung Graz=Клон Грац",
			[]store{{"GRZ", "Graz warehouse=Lager Graz=Склад Грац", group}}},
	} {
		party := m.row(setCompanies, "Dravena "+c.key).text("Name", three(c.name)).text("PartyName", three(c.name)).
			text("RegistrationNumber", c.registration).text("RegistrationVATNumber", c.vat).bool("IsVATRegistered", true).
			text("RegistrationType", three(c.formName)).text("City", three(c.city)).text("RegistrationPrimaryAddress", three(c.address))
		if err := m.addParties(party); err != nil {
			return err
		}
		own := m.row(setOurs, c.key).bool("IsActive", true).ref("Company", party.Record).ref("BaseCurrency", m.currencies[euro].Record)
		m.add(own)
		location := m.row(setLocations, c.key).text("LocationName", three(c.place)).text("PartyName", three(c.place)).
			text("WorkingTime", "Mon–Fri 8:00–17:00, Sat 9:00–13:00").ref("Company", party.Record).ref("ParentParty", party.Record)
		if err := m.addParties(location); err != nil {
			return err
		}
		mine := company{own: own, party: party, location: location, home: c.key}
		for _, s := range c.stores {
			r := m.row(setStores, s.code).text("Code", s.code).text("Name", three(s.name)).text("PartyName", three(s.name)).
				bool("Unmanaged", true).ref("StoreGroup", s.group.Record).ref("EnterpriseCompany", own.Record).
				ref("Currency", m.currencies[euro].Record).ref("ParentParty", party.Record)
			if err := m.addParties(r); err != nil {
				return err
			}
			mine.stores = append(mine.stores, r)
		}
		for _, p := range staff() {
			if p.country != c.key {
				continue
			}
			r := m.person(p).ref("ParentParty", party.Record)
			if err := m.addParties(r); err != nil {
				return err
			}
			mine.people = append(mine.people, r)
		}
		m.companies = append(m.companies, mine)
	}
	return nil
}

func (m *maker) makeDocumentTypes() error {
	declare := func(code, name, set string) *model.Record {
		r := m.row(setTypes, code).text("Code", code).text("TypeName", three(name)).text("EntityName", set).bool("FourEyes", false)
		m.add(r)
		return r.Record
	}
	m.orderType = declare("SO", "Sales order=Verkaufsauftrag=Продажба", setOrders)
	m.billType = declare("INV", "Invoice=Rechnung=Фактура", setInvoices)
	return nil
}

func (m *maker) makeSuppliers() error {
	for _, s := range suppliers() {
		number := m.digits("9########")
		r := m.row(setCompanies, "supplier/"+s.name).text("Name", languages(s.name, "EN", "BG")).text("PartyName", languages(s.name, "EN", "BG")).
			text("RegistrationNumber", number).text("RegistrationType", three(s.form)).text("City", three(s.city)).
			bool("IsVATRegistered", false).text("PartyNotes", "Supplier: "+s.supplies+".")
		if err := m.addParties(r); err != nil {
			return err
		}
	}
	return nil
}
