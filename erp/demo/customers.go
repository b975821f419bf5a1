package demo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/erp/model"
)

const (
	setCustomers  = "Crm_Sales_Customers"
	setMechanisms = "General_Contacts_PartyContactMechanisms"

	mechanismMail = 1
	mechanismWeb  = 5
)

// customer is what orders need to know of one.
type customer struct {
	row
	party    row
	company  company
	currency currency
	terms    int64 // days
	discount int64 // millionths
	weight   float64
	from     time.Time
	thru     time.Time // zero: still a customer
}

// portalName is the customer that the first external user belongs to; further
// external users get those that follow it in size.
const portalName = "Gipfel & Faden Lechner GmbH"

// buyer is a customer before it has a size and terms.
type buyer struct {
	name    string
	country country
	party   row
}

func (m *maker) makeCustomers() error {
	var buyers []buyer
	all := countries()
	used := map[string]bool{portalName: true}
	for _, c := range all {
		for i := range c.companies {
			name, local, form := m.firmName(c, used)
			town := pick(m, c.places)
			if c.code == "AT" && i == 0 {
				name, form, town = portalName, "GmbH", c.places[0]
			}
			buyers = append(buyers, buyer{name, c, m.firm(c, name, local, form, town)})
		}
	}
	// The size of a customer has nothing to do with its country; persons buy least.
	m.rand.Shuffle(len(buyers), func(i, j int) { buyers[i], buyers[j] = buyers[j], buyers[i] })
	for i := range buyers {
		if buyers[i].name == portalName {
			buyers[i], buyers[portalRank] = buyers[portalRank], buyers[i]
			break
		}
	}
	for _, p := range persons() {
		for _, c := range all {
			if c.code == p.country {
				buyers = append(buyers, buyer{part(p.first, 0) + " " + part(p.last, 0), c, m.person(p)})
			}
		}
	}
	parties, customers := make([]row, len(buyers)), make([]row, len(buyers))
	for i, b := range buyers {
		parties[i] = b.party
	}
	if err := m.addParties(parties...); err != nil {
		return err
	}
	for i, b := range buyers {
		customers[i] = m.addCustomer(b, i)
	}
	return m.number("Number", "", "%06d", customers...)
}

// firmName makes a name that no customer has.
func (m *maker) firmName(c country, used map[string]bool) (name, local, form string) {
	for {
		f, family := pick(m, c.firms), pick(m, c.families)
		name = fmt.Sprintf(f.name, part(family, 0))
		if used[name] {
			continue
		}
		used[name] = true
		if f.local != "" {
			local = fmt.Sprintf(f.local, part(family, 1))
		}
		return name, local, f.form
	}
}

func (m *maker) firm(c country, name, local, form string, town place) row {
	names := []string{"EN", name}
	if c.local != "" {
		names = append(names, c.local, local)
	}
	text := model.MultiLanguage(names...)
	vat := m.digits(c.vat)
	here := part(town.name, 0)
	if slices.Contains([]string{"DE", "AT", "CH"}, c.code) {
		here = part(town.name, 1)
	}
	address := fmt.Sprintf("%s %d, %s %s", pick(m, c.streets), 1+m.rand.IntN(120), town.post, here)
	return m.row(setCompanies, name).text("Name", text).text("PartyName", text).
		text("RegistrationNumber", strings.TrimLeft(vat, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")).
		text("RegistrationVATNumber", vat).bool("IsVATRegistered", true).text("RegistrationType", three(form)).
		text("City", three(town.name)).text("RegistrationPrimaryAddress", model.MultiLanguage("EN", address))
}

func (m *maker) person(p person) row {
	born, err := time.Parse(time.DateOnly, p.born)
	if err != nil {
		panic(err) // a constant of this package
	}
	first, last := languages(p.first, "EN", "BG"), languages(p.last, "EN", "BG")
	name := []string{"EN", part(p.first, 0) + " " + part(p.last, 0)}
	if strings.Contains(p.first, "=") {
		name = append(name, "BG", part(p.first, 1)+" "+part(p.last, 1))
	}
	r := m.row(setPersons, name[1]).text("FirstName", first).text("LastName", last).text("PartyName", model.MultiLanguage(name...)).
		time("BirthDate", born).int("Gender", p.gender)
	if p.title != "" {
		r.text("Title", three(p.title))
	}
	return r
}

// addCustomer adds a customer; its number comes later.
func (m *maker) addCustomer(b buyer, rank int) row {
	c := &customer{party: b.party, company: m.companies[b.country.company], currency: m.currencies[b.country.currency],
		from: m.opened(), weight: math.Pow(float64(rank)+3, -.8)}
	person := b.party.Set.Name == setPersons
	if person {
		c.weight = .012
	}
	c.terms = pick(m, []int64{0, 7, 14, 14, 30, 30, 30, 45, 60})
	if rank < 40 {
		c.discount = pick(m, []int64{0, 20000, 30000, 50000, 75000})
	}
	portal := rank >= portalRank && rank < portalRank+Portals
	switch {
	case portal:
		c.terms = 30
	case rank > 20 && m.chance(.3): // came during the three years
		c.from = m.first.Add(time.Duration(m.rand.IntN(900)) * 24 * time.Hour)
	case rank > 20 && m.chance(.12): // left
		c.thru = m.first.Add(time.Duration(200+m.rand.IntN(600)) * 24 * time.Hour)
	}
	name := fmt.Sprint(rank)
	c.row = m.row(setCustomers, name).bool("Active", c.thru.IsZero()).int("DefaultPaymentTermDays", c.terms).
		int("GracePeriodDays", pick(m, []int64{0, 3, 5})).int("DefaultDeliveryTermDays", pick(m, []int64{2, 3, 5, 7})).
		time("FromDate", day(c.from)).ref("Party", b.party.Record).ref("EnterpriseCompany", c.company.own.Record).
		ref("DefaultCurrency", c.currency.Record)
	if !c.thru.IsZero() {
		c.time("ThruDate", c.thru)
	}
	if !person && m.chance(.8) {
		c.int("CreditLimit", int64(2+m.rand.IntN(38))*50000+int64(c.weight*2e7))
	}
	m.insert(c.row, 1, c.from.Add(9*time.Hour))
	m.customers = append(m.customers, c)
	m.sum.Customers++
	m.addContacts(b)
	return c.row
}

func (m *maker) addContacts(b buyer) {
	domain := host(b.name) + ".example"
	type contact struct {
		name string
		kind int64
	}
	contacts := []contact{{"office@" + domain, mechanismMail}}
	if m.chance(.5) {
		contacts = append(contacts, contact{"https://www." + domain + "/", mechanismWeb})
	}
	for i, c := range contacts {
		r := m.row(setMechanisms, b.name+fmt.Sprint(i)).text("Name", c.name).int("ContactMechanismType", c.kind).
			bool("IsDefault", i == 0).bool("IsActive", true).int("LineOrd", int64(i+1)).ref("Party", b.party.Record)
		m.add(r)
	}
}

// host makes a name for a mail domain of ASCII letters.
func host(name string) string {
	letters := map[rune]string{'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'š': "s", 'ž': "z", 'č': "c", 'ć': "c", 'ř': "r", 'í': "i",
		'á': "a",
		'é': "e", 'ý': "y", 'ů': "u", 'ő': "o", 'ű': "u", 'ț': "t", 'ș': "s", 'ă': "a", 'â': "a", 'ł': "l", 'ó': "o", 'ś': "s", 'ż': "z",
		'ą': "a", 'ń': "n"}
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case letters[r] != "":
			b.WriteString(letters[r])
		case (r == ' ' || r == '-') && b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
