package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
)

// product is what the agent reads of one.
type product struct {
	ID                  string `json:"Id"`
	PartNumber          string
	ObjectVersion       int64
	Active              bool
	StandardPricePerLot client.Amount
	UpdateUser          string
	UpdateTime          *time.Time
	ProductGroup        *struct {
		ID string `json:"@odata.id"`
	}

	price money
}

// lookAtOnce is how many products one call asks for.
const lookAtOnce = 100

// productsOf reads the products of rows, by their ids; one that is gone is not there.
func (a *Agent) productsOf(ctx context.Context, rows []priceRow) (map[string]*product, error) {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].productID
	}
	found, err := productsBy(ctx, a.reads, "Id", ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*product, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	return byID, nil
}

// productsBy reads the products whose attribute, Id or PartNumber, is one of the values.
func productsBy(ctx context.Context, erp *client.OData[client.ServiceToken], attribute string, values []string) (all []product, err error) {
	for from := 0; from < len(values); from += lookAtOnce {
		some := values[from:min(from+lookAtOnce, len(values))]
		quoted := make([]string, len(some))
		for i, v := range some {
			if quoted[i] = client.Quote(v); attribute == "Id" {
				quoted[i] = v
			}
		}
		q := client.Query{
			Select: "Id,PartNumber,ObjectVersion,Active,StandardPricePerLot,UpdateUser,UpdateTime,ProductGroup",
			Filter: attribute + " in (" + strings.Join(quoted, ",") + ")", Top: 10 * lookAtOnce,
		}
		for p, err := range client.List[product](ctx, erp, setProducts, q) {
			if err != nil {
				return nil, err
			}
			if p.price, err = parseMoney(p.StandardPricePerLot.Value); err != nil {
				return nil, fmt.Errorf("the price of product %s: %w", p.PartNumber, err)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// group is the id of the product's group, without the name of its set.
func (p *product) group() string {
	if p.ProductGroup == nil {
		return ""
	}
	_, id, _ := strings.Cut(strings.TrimSuffix(p.ProductGroup.ID, ")"), "(")
	return id
}

// notActive is why the price of a product is not changed by a file. What a file did to it
// before is taken back all the same.
const notActive = "the product is not active: it is not in the assortment"

// pricedIn says that the price is in another currency than that of the file.
func (p *product) pricedIn(currency string) string {
	return fmt.Sprintf("the product is priced in %s, and the file in %s", p.StandardPricePerLot.Currency, currency)
}

// changedBy says who changed a product last, and when.
func (p *product) changedBy() string {
	if p.UpdateUser == "" || p.UpdateTime == nil {
		return "changed since"
	}
	return fmt.Sprintf("changed by %s on %s", p.UpdateUser, p.UpdateTime.UTC().Format("2 Jan 2006, 15:04 UTC"))
}
