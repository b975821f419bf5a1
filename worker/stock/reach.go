package stock

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// The copy was read with the application's own rights, and is shown to people. What of
// it somebody may see is asked of the ERP, in calls that are narrowed to them: whether
// they may read what the copy is made of, and which stores and companies there are for
// them, as a balance is guarded by both. A row that they could not read themselves is not shown, and not summed up.

const (
	setStores    = "Logistics_Inventory_Stores"
	setCompanies = "General_EnterpriseCompanies"
	// reachFor is how long an answer is taken for the present one, reachAtMost for how
	// long it is used while the ERP does not answer: the page shows an old copy then.
	reachFor    = 3 * time.Second
	reachAtMost = 10 * time.Minute
	// maxStores bounds the stores and the companies of one person.
	maxStores = 10_000
)

// Reach is what a person may see of the stock.
type Reach struct {
	stores    []string // codes
	companies []string // ids
}

// ReachOf is what the person may see, in the context of calls that are narrowed to them.
// The error is [tandem.CodeForbidden] for somebody who may not read the stock. away says
// which errors mean that the ERP cannot be asked: then what was said not long ago holds.
func (s *Stock) ReachOf(narrowed context.Context, personID string, away func(error) bool) (Reach, error) {
	reach, err := s.reaches.Ask(personID, s.Clock.Now(), func() (Reach, error) { return s.ask(narrowed) }, away)
	if tandem.ErrorCode(err) == tandem.CodeForbidden && !away(err) {
		return Reach{}, tandem.Errorf(tandem.CodeForbidden, "you may not see the stock: the ERP does not let you read it")
	}
	return reach, err
}

// ask reads what the copy is made of, a row of each: an attribute or a set that is not
// for the person is refused. Then it reads the stores and the companies.
func (s *Stock) ask(ctx context.Context) (Reach, error) {
	product, balance := productQuery, balanceQuery
	product.Top, balance.Top = 1, 1
	if _, err := client.FirstPage[erpProduct](ctx, s.ERP, setProducts, product); err != nil {
		return Reach{}, err
	}
	if _, err := client.FirstPage[erpBalance](ctx, s.ERP, setBalances, balance); err != nil {
		return Reach{}, err
	}
	var reach Reach
	var err error
	if reach.stores, err = s.each(ctx, setStores, "Code"); err != nil {
		return Reach{}, err
	}
	reach.companies, err = s.each(ctx, setCompanies, "Id")
	return reach, err
}

// each reads one attribute of all rows of a set that there are for somebody.
func (s *Stock) each(ctx context.Context, set, attribute string) ([]string, error) {
	type row struct {
		Code string
		ID   string `json:"Id"`
	}
	all := []string{}
	for one, err := range client.List[row](ctx, s.ERP, set, client.Query{Select: attribute, Top: syncPage}) {
		if err != nil {
			return nil, err
		}
		if all = append(all, cmp.Or(one.Code, one.ID)); len(all) > maxStores {
			break
		}
	}
	return all, nil
}

// list is a parameter of a statement.
func list(all []string) string {
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}
