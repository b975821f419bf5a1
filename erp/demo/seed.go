package demo

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// How much there is.
const (
	// Orders is the number of sales orders, over [Years] years.
	Orders = 3000
	// Years is how far the orders go back.
	Years = 3
	// InvoiceMonths is how far the invoices go back.
	InvoiceMonths = 25
)

// Options say when, by whom and for whom.
type Options struct {
	// Now is when the data ends; zero means the time of the call. Seeds of the
	// same day (UTC) are the same, but for the last hours of that day.
	Now time.Time
	// By enters the master data: its login is in CreationUser.
	By write.Actor
	// Staff are internal users: they enter the documents and are assigned to
	// the open ones. Their accounts must exist. Empty means By, and nobody.
	Staff []write.Actor
	// ExternalUsers get access to a customer each; see [Portal].
	ExternalUsers []ExternalUser
}

// Summary tells what was made.
type Summary struct {
	// Existing is set when the data was there already: nothing was made.
	Existing bool
	// Rows is all rows together.
	Rows int

	Products, Customers, Balances, Orders, OrderLines, Invoices, InvoiceLines int
}

// Seed makes the demo company in a transaction of an ERP without data. Where
// it has been made already it does nothing and says so.
func Seed(tx write.Tx, erpModel *write.Model, o Options) (Summary, error) {
	if o.Now.IsZero() {
		o.Now = tandem.SystemTime()
	}
	o.Now = o.Now.UTC().Truncate(time.Microsecond)
	m := &maker{tx: tx, model: erpModel, o: o, rand: rand.New(rand.NewPCG(0x447261, 0x76656e61)), today: day(o.Now),
		waiting: map[*model.Set][]*model.Record{}}
	m.first = m.today.AddDate(-Years, 0, 0)

	there := m.row(setOurs, "BG")
	switch _, err := tx.Load(there.Set, there.ID, false); {
	case err == nil:
		return Summary{Existing: true}, nil
	case !errors.Is(err, tandem.ErrNotFound):
		return Summary{}, err
	}
	switch others, err := tx.Find(&query.Query{Set: there.Set, Limit: 1}); {
	case err != nil:
		return Summary{}, err
	case len(others) > 0:
		return Summary{}, tandem.Errorf(tandem.CodeConflict,
			"the ERP has a company already, and the demo company needs an empty one: choose another data folder with --data, or another database")
	}
	for _, step := range [...]func() error{
		m.makeCurrencies, m.makeUnits, m.makeCompanies, m.makeDocumentTypes, m.makeSuppliers,
		m.makeProducts, m.makeBalances, m.makeCustomers, m.makeDocuments,
	} {
		if err := step(); err != nil {
			return Summary{}, err
		}
		if err := m.flush(); err != nil {
			return Summary{}, err
		}
	}
	for _, user := range o.ExternalUsers {
		if _, err := Portal(tx, erpModel, o.By, o.Now, user); err != nil {
			return Summary{}, err
		}
		m.sum.Rows++
	}
	return m.sum, nil
}

// makeDocuments makes the orders and their invoices: numbered each in the
// order of their time, then inserted, orders first.
func (m *maker) makeDocuments() error {
	orders, err := m.planOrders()
	if err != nil {
		return err
	}
	rows := make([]row, len(orders))
	for i, o := range orders {
		o.row = m.row(setOrders, o.name)
		rows[i] = o.row
	}
	if err := m.number("DocumentNo", m.orderType.ID, "%010d", rows...); err != nil {
		return err
	}
	billed := m.invoiced(orders)
	bills := make([]row, len(billed))
	for i, o := range billed {
		bills[i] = m.row(setInvoices, o.name)
	}
	if err := m.number("DocumentNo", m.billType.ID, "%010d", bills...); err != nil {
		return err
	}
	for i, o := range billed {
		o.invoice = bills[i].Get(bills[i].property("DocumentNo")).Text
	}
	for _, o := range orders {
		m.addOrder(o)
	}
	for i, o := range billed {
		m.addInvoice(o, bills[i])
	}
	return nil
}
