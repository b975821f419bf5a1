package internalapi

import (
	"encoding/json"
	"time"
)

// Amount is money: a decimal number, exact, and a currency sign.
type Amount struct {
	Value    json.Number `json:"value"`
	Currency string      `json:"currency"`
}

// Quantity is a decimal number, exact, and a unit code.
type Quantity struct {
	Value json.Number `json:"value"`
	Unit  string      `json:"unit"`
}

// PortalRole is what a person may see of a customer, by the names of the
// ERP's customer access table. Each role sees what the one before it sees.
type PortalRole string

// The roles of a portal user.
const (
	RoleBasic            PortalRole = "Basic"            // the customer's card
	RoleOrders           PortalRole = "Orders"           // and orders, without prices
	RoleOrdersWithPrices PortalRole = "OrdersWithPrices" // and their prices
	RoleBilling          PortalRole = "Billing"          // and invoices
	RoleAdmin            PortalRole = "Admin"
	RoleOwner            PortalRole = "Owner"
)

// PortalCustomer is a company that the signed-in portal user may act for.
type PortalCustomer struct {
	ID     string     `json:"id"`
	Number string     `json:"number"`
	Name   string     `json:"name"`
	Active bool       `json:"active"`
	Role   PortalRole `json:"role"`
	// DaysBack limits how old orders and invoices may be; nil is no limit.
	DaysBack *int `json:"days_back"`
	// Party is the party of the customer, as Set(id); for the back end alone.
	Party string `json:"-"`
	// Orders, Prices and Invoices say what the role allows, for menus.
	Orders   bool `json:"orders"`
	Prices   bool `json:"prices"`
	Invoices bool `json:"invoices"`
}

// PortalCustomers answers "who am I here": the person and the companies.
type PortalCustomers struct {
	Customers []PortalCustomer `json:"customers"`
}

// PortalQuery narrows a list of orders or invoices.
type PortalQuery struct {
	Page
	// Search finds documents by number, case-insensitively.
	Search string
	// Sort is date or number, with "-" before it for the reverse; empty means -date.
	Sort string
	// From and To are days, YYYY-MM-DD, both included; empty is no bound.
	From, To string
}

// PortalDocument is one order, invoice, shipment or ticket in a list. Prices are nil for roles
// that may not see them.
type PortalDocument struct {
	ID           string `json:"id"`
	Number       string `json:"number"`
	Date         string `json:"date"` // YYYY-MM-DD
	State        string `json:"state"`
	Void         bool   `json:"void,omitempty"`
	CustomerID   string `json:"customer_id"`
	CustomerName string `json:"customer_name"`
	// YourReference is the customer's own purchase order number.
	YourReference string  `json:"your_reference,omitempty"`
	DueDate       string  `json:"due_date,omitempty"` // YYYY-MM-DD, invoices
	Total         *Amount `json:"total,omitempty"`
	// RequiredBy is the day on which a shipment must be there, YYYY-MM-DD.
	RequiredBy string `json:"required_by,omitempty"`
	// Address is where a shipment goes; Addresses are those it may go to, where that may
	// be changed. Only for one shipment.
	Address   *PortalAddress  `json:"address,omitempty"`
	Addresses []PortalAddress `json:"addresses,omitempty"`
	// Received is what was noted of the arrival of a shipment, a line each.
	Received []string `json:"received,omitempty"`
	// MayReceive says that it can be confirmed that a shipment arrived.
	MayReceive bool `json:"may_receive,omitempty"`
	// Ticket is what only tickets have.
	Ticket *PortalTicket `json:"ticket,omitempty"`
	// Lines are filled in when one document is asked for.
	Lines []PortalLine `json:"lines,omitempty"`
}

// PortalLine is one line of an order or invoice.
type PortalLine struct {
	LineNo      int      `json:"line_no"`
	ProductNo   string   `json:"product_no"`
	Description string   `json:"description"`
	Quantity    Quantity `json:"quantity"`
	UnitPrice   *Amount  `json:"unit_price,omitempty"`
	Amount      *Amount  `json:"amount,omitempty"`
	// DiscountPercent is a fraction: 0.05 is five per cent.
	DiscountPercent json.Number `json:"discount_percent,omitempty"`
}

// PortalAddress is an address of a customer.
type PortalAddress struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Receipt says who received a shipment, in their words.
type Receipt struct {
	// Name is at most [MaxReceiver] characters, Note [MaxNote]; a note may be empty.
	Name string `json:"name"`
	Note string `json:"note"`
}

// The longest texts of a [Receipt], in characters.
const MaxReceiver, MaxNote = 100, 500

// NewAddress gives a shipment another one of the customer's addresses.
type NewAddress struct {
	Address string `json:"address"`
}

// PortalPage is a page of documents in the order asked for.
type PortalPage struct {
	Documents []PortalDocument `json:"documents"`
	// Total counts all documents that the person may see.
	Total int64 `json:"total"`
	More  bool  `json:"more"`
}

// StockQuery narrows the synced stock.
type StockQuery struct {
	Page
	// Search finds part numbers and product names, case-insensitively.
	Search string
	// Sort is part_number, name or quantity, with "-" before it for the reverse;
	// empty means part_number.
	Sort string
}

// StockRow is the stock of one product, as of the last sync.
type StockRow struct {
	ProductID  string      `json:"product_id"`
	PartNumber string      `json:"part_number"`
	Name       string      `json:"name"`
	Active     bool        `json:"active"`
	Unit       string      `json:"unit"`
	Quantity   json.Number `json:"quantity"`
	// Stores is the quantity per store.
	Stores []StoreStock `json:"stores,omitempty"`
}

// StoreStock is the stock of a product in one store.
type StoreStock struct {
	Store    string      `json:"store"`
	Quantity json.Number `json:"quantity"`
}

// StockPage is a page of stock rows in the order asked for.
type StockPage struct {
	Rows  []StockRow `json:"rows"`
	Total int64      `json:"total"`
	More  bool       `json:"more"`
	// SyncedAt is when the last sync ended; nil means there was none yet.
	SyncedAt *time.Time `json:"synced_at"`
}
