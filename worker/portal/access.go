package portal

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// The portal's authorisation: the rows of Crm_Sales_CustomerExternalAccess of
// the person who asks. Who that is comes from the verified evidence (claim id)
// and from nowhere else, and what the rows do not give is not given: the
// service token may read every customer, the person may not (attack A8).

const (
	setAccess    = "Crm_Sales_CustomerExternalAccess"
	setUsers     = "Systems_Security_Users"
	setCustomers = "Crm_Sales_Customers"

	// accessFor is how long a person's rows are remembered.
	accessFor = 3 * time.Second
	// maxAccess bounds the memory of people, maxCustomers the companies of one.
	maxAccess, maxCustomers = 10_000, 250
)

// rank orders the roles; each sees what those before it see. A role that is
// not known has no rank and gives nothing.
var rank = map[internalapi.PortalRole]int{
	internalapi.RoleBasic: 1, internalapi.RoleOrders: 2, internalapi.RoleOrdersWithPrices: 3,
	internalapi.RoleBilling: 4, internalapi.RoleAdmin: 5, internalapi.RoleOwner: 6,
}

func atLeast(have, want internalapi.PortalRole) bool { return rank[have] >= rank[want] }

type erpAccess struct {
	Role           internalapi.PortalRole
	DaysBackAccess *int
	User           *struct {
		ID string `json:"@odata.id"`
	}
	Customer *struct {
		ID     string `json:"Id"`
		Number string
		Active bool
		Party  *struct {
			ID        string `json:"@odata.id"`
			PartyName client.Text
		}
	}
}

// accessCache remembers rows for a moment, so that one page does not ask for
// them three times.
type accessCache struct {
	lock   sync.Mutex
	people map[string]accessEntry
}

type accessEntry struct {
	customers []internalapi.PortalCustomer
	until     time.Time
}

func (c *accessCache) get(id string, now time.Time) ([]internalapi.PortalCustomer, bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	e, found := c.people[id]
	return e.customers, found && now.Before(e.until)
}

func (c *accessCache) put(id string, customers []internalapi.PortalCustomer, asked time.Time) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.people == nil || len(c.people) >= maxAccess {
		c.people = map[string]accessEntry{}
	}
	c.people[id] = accessEntry{customers, asked.Add(accessFor)}
}

// customers are the active companies that the person may act for.
func (o *Portal) Customers(ctx context.Context, p client.IDToken) ([]internalapi.PortalCustomer, error) {
	id, err := guid(p.UserID)
	if err != nil {
		return nil, tandem.Errorf(tandem.CodeForbidden, "the ID token does not name an account of this instance")
	}
	asked := o.Clock.Now()
	if known, found := o.access.get(id, asked); found {
		return known, none(known)
	}
	ref := client.Ref(setUsers, id)
	q := client.Query{
		Select: "Role,DaysBackAccess,User", Filter: "User eq " + client.Quote(ref), Top: maxCustomers,
		Expand: "Customer($select=Id,Number,Active;$expand=Party($select=PartyName))",
	}
	rows := map[string]internalapi.PortalCustomer{}
	read := 0
	for row, err := range client.List[erpAccess](ctx, o.ERP, setAccess, q) {
		if err != nil {
			return nil, err
		}
		if read++; read > maxCustomers {
			break
		}
		// The filter asked for this person's rows; that is not taken on trust.
		if row.User == nil || !strings.EqualFold(row.User.ID, ref) || row.Customer == nil ||
			!row.Customer.Active || rank[row.Role] == 0 {
			continue
		}
		if _, err := guid(row.Customer.ID); err != nil {
			continue
		}
		c := internalapi.PortalCustomer{
			ID: strings.ToLower(row.Customer.ID), Number: row.Customer.Number, Active: true, Role: row.Role, DaysBack: row.DaysBackAccess,
			Orders:   atLeast(row.Role, internalapi.RoleOrders),
			Prices:   atLeast(row.Role, internalapi.RoleOrdersWithPrices),
			Invoices: atLeast(row.Role, internalapi.RoleBilling),
		}
		if row.Customer.Party != nil {
			c.Name, c.Party = row.Customer.Party.PartyName.In(p.Locale), row.Customer.Party.ID
		}
		// Of two rows for one company the greater role counts, with its own
		// window, and not the best of both.
		if had, found := rows[c.ID]; !found || rank[c.Role] > rank[had.Role] {
			rows[c.ID] = c
		}
	}
	all := make([]internalapi.PortalCustomer, 0, len(rows))
	for _, c := range rows {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b internalapi.PortalCustomer) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	o.access.put(id, all, asked)
	return all, none(all)
}

func none(customers []internalapi.PortalCustomer) error {
	if len(customers) > 0 {
		return nil
	}
	return tandem.Errorf(tandem.CodeForbidden,
		"your account is not linked to an active customer; ask your contact at the company to give you access")
}

// guid is the text as a lower-case GUID in its one usual form.
func guid(text string) (string, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return "", tandem.Errorf(tandem.CodeNotFound, "there is no such document")
	}
	return id.String(), nil
}
