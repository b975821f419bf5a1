package isolation_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

// document is an order or invoice as the ERP has it.
type document struct {
	ID       string `json:"Id"`
	Number   string `json:"DocumentNo"`
	Date     time.Time
	Customer string
}

// access is a row of a person's external access.
type access struct {
	row      string // its id
	customer string
	role     string
	days     int // -1 is no limit
}

// company is all that the portal can show, read with the service token and kept
// as plain Go values: what is expected is computed from these.
type company struct {
	s                *system
	token            string
	customers        []string
	inactive         map[string]bool
	orders, invoices map[string][]document // by customer
	byID             map[string]document   // all of them, and the customers themselves
}

func readCompany(s *system, customers int) *company {
	s.t.Helper()
	s.OneDay()
	c := &company{s: s, token: s.ServiceToken(), inactive: map[string]bool{}, orders: map[string][]document{}, invoices: map[string][]document{}, byID: map[string]document{}}
	for set, into := range map[string]map[string][]document{setOrders: c.orders, setInvoices: c.invoices} {
		next := set + "?$select=Id,DocumentNo,DocumentDate&$expand=Customer($select=Id)"
		for next != "" {
			var page struct {
				Next  string `json:"@odata.nextLink"`
				Value []struct {
					ID           string `json:"Id"`
					DocumentNo   string
					DocumentDate time.Time
					Customer     *struct {
						ID string `json:"Id"`
					}
				}
			}
			s.api("GET", next, c.token, "", &page)
			for _, d := range page.Value {
				made := document{d.ID, d.DocumentNo, d.DocumentDate, d.Customer.ID}
				into[made.Customer] = append(into[made.Customer], made)
				c.byID[made.ID] = made
				c.byID[made.Customer] = document{ID: made.Customer, Number: "the customer", Customer: made.Customer}
			}
			next = strings.TrimPrefix(page.Next, s.OData)
		}
	}
	for id := range c.orders {
		if len(c.orders[id]) > 1 && len(c.invoices[id]) > 0 {
			c.customers = append(c.customers, id)
		}
	}
	slices.Sort(c.customers)
	if len(c.customers) < customers {
		s.t.Fatalf("%d customers have documents, %d are needed", len(c.customers), customers)
	}
	c.customers = c.customers[:customers]
	return c
}

func (c *company) grant(userID string, a access) access {
	c.s.t.Helper()
	days := "null"
	if a.days >= 0 {
		days = fmt.Sprint(a.days)
	}
	var made struct {
		ID string `json:"Id"`
	}
	c.s.api("POST", setAccess+"?$select=Id", c.token, `{"Customer":{"@odata.id":"`+setCustomers+`(`+a.customer+`)"},"User":{"@odata.id":"Systems_Security_Users(`+userID+`)"},"Role":"`+a.role+`","DaysBackAccess":`+days+`}`, &made)
	a.row = made.ID
	return a
}

// sees are the numbers of the documents that the rows give, sorted; no is for
// rows that give none of the kind, whatever there is.
func (c *company) sees(rows []access, kind map[string][]document, roles string, now time.Time) (numbers []string, no bool) {
	no = true
	var all []document
	today := now.UTC().Truncate(24 * time.Hour)
	for _, a := range rows {
		if c.inactive[a.customer] || !strings.Contains(roles, "|"+a.role+"|") {
			continue
		}
		no = false
		for _, d := range kind[a.customer] {
			if a.days < 0 || !d.Date.Before(today.AddDate(0, 0, -a.days)) {
				all = append(all, d)
			}
		}
	}
	for _, d := range all {
		numbers = append(numbers, d.Number)
	}
	slices.Sort(numbers)
	return numbers, no
}

// external is a portal user with evidence of their own.
type external struct {
	login, id, evidence string
	rows                []access
}

// newExternals makes people with the logins prefix000, prefix001 and so on.
func (s *system) newExternals(prefix string, n int) []*external {
	s.t.Helper()
	var all []signin.NewUser
	for i := range n {
		login := fmt.Sprintf("%s%03d", prefix, i)
		all = append(all, signin.NewUser{Login: login, Name: "Partner " + login, Type: tandem.ExternalCommunityUser})
	}
	made := make([]*external, n)
	for i, u := range s.CreateUsers(all...) {
		made[i] = &external{login: u.Login, id: u.ID}
	}
	return made
}

// ownCustomer is the id of the one customer that a portal user acts for.
func (s *system) ownCustomer(evidence string) string {
	s.t.Helper()
	all, err := s.rpc.Customers(s.t.Context(), evidence)
	if err != nil || len(all) != 1 {
		s.t.Fatalf("customers: %+v %v", all, err)
	}
	return all[0].ID
}

// onlyOwn fails when a text names another customer, or a document of one.
func (c *company) onlyOwn(where, text, mine string) {
	c.s.t.Helper()
	if c.s.t.Failed() && len(text) > 1<<20 {
		return
	}
	for _, id := range uuidText.FindAllString(text, -1) {
		if d, known := c.byID[id]; known && d.Customer != mine {
			c.s.t.Errorf("%s names %s of %s", where, d.Number, d.Customer)
		}
	}
}
