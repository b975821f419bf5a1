package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// How many rows of the sample list change and stay.
const sampleChanged, sampleSame = 287, 9

// AddPrices registers the price agent with its System User, whose group holds list
// prices alone, as far as they are missing, and makes a price list of the products that
// there are. url is the public root of its pages.
func (a *Administration) AddPrices(ctx context.Context, url string, c DemoConfig) (app DemoApp, list string, err error) {
	err = a.DB.Lock(ctx, seedLock, func(ctx context.Context) error {
		if err := a.demoOwned(ctx, c); err != nil {
			return err
		}
		if err := a.demoOtherUsers(ctx); err != nil {
			return err
		}
		d := &Demo{}
		if err := a.demoOtherApps(ctx, c, d); err != nil {
			return err
		}
		for _, o := range d.Others {
			if o.ApplicationURI == DemoPrices {
				app = o
			}
		}
		return errors.Join(a.movePrices(ctx, url, &app), a.demoPermissions(ctx))
	})
	if err == nil {
		list, err = a.samplePrices(ctx)
	}
	return app, list, err
}

// movePrices lets the identity server send people back to the pages at the root.
func (a *Administration) movePrices(ctx context.Context, url string, app *DemoApp) error {
	back, out := url+signInCallback, url+signOutCallback
	if slices.Contains(app.RedirectURIs, back) && slices.Contains(app.PostLogoutRedirectURIs, out) {
		return nil
	}
	moved, err := a.Apps.Update(ctx, byDemo, DemoPrices, func(t *tandem.TrustedApp) error {
		t.RedirectURIs, t.PostLogoutRedirectURIs = []string{back}, []string{out}
		return nil
	})
	if err == nil {
		app.TrustedApp = moved
	}
	return err
}

// sampleRow is a product as the list has it, its price in ten-thousandths.
type sampleRow struct {
	part, name string
	price      int64
	active     bool
}

// samplePrices is a supplier's price list: most prices rise by some per cent, one by far
// more than anybody would let pass unseen, some stay, and four rows cannot be used.
func (a *Administration) samplePrices(ctx context.Context) (string, error) {
	rows, err := a.sampleRows(ctx)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	n, sum := 0, int64(0)
	row := func(part, name string, price int64, currency string) {
		fmt.Fprintf(&out, "%s,\"%s\",%d.%04d,%s\r\n", part, strings.ReplaceAll(name, `"`, `""`), price/10_000, price%10_000, currency)
		n++
		sum += price
	}
	out.WriteString("PartNumber,Name,Price,Currency\r\n")
	active := slices.DeleteFunc(slices.Clone(rows), func(r sampleRow) bool { return !r.active })
	active = active[:min(len(active), sampleChanged+sampleSame)]
	for i, r := range active {
		if i >= len(active)-sampleSame {
			row(r.part, r.name, r.price, "EUR")
		} else {
			row(r.part, r.name, raised(r.price, i), "EUR")
		}
	}
	if i := slices.IndexFunc(rows, func(r sampleRow) bool { return !r.active }); i >= 0 {
		row(rows[i].part, rows[i].name, rows[i].price+10_000, "EUR")
	}
	row("NEW-0001", "Not in the assortment yet", 199_000, "EUR")
	row("NEW-0002", "Price missing", 0, "EUR")
	row("NEW-0003", "Priced in another currency", 249_000, "USD")
	fmt.Fprintf(&out, "TOTAL,%d,%d.%04d,\r\n", n, sum/10_000, sum%10_000)
	return out.String(), nil
}

// maxSampled is how many products are looked at.
const maxSampled = 2000

func (a *Administration) sampleRows(ctx context.Context) (rows []sampleRow, err error) {
	m := erpModel()
	set := m.Set("General_Products_Products")
	err = a.erpStore(m).Transact(ctx, func(tx write.Tx) error {
		rows = nil
		found, err := tx.Find(&query.Query{Set: set, Limit: maxSampled})
		if err != nil {
			return err
		}
		for _, e := range found {
			r, err := tx.Load(set, e.ID, false)
			if err != nil {
				return err
			}
			rows = append(rows, sampleRow{
				part: r.Get(set.Must("PartNumber")).Text, name: model.Translation(r.Get(set.Must("Name")).Text, model.DefaultLanguage),
				price: r.Get(set.Must("StandardPricePerLot")).Int, active: r.Get(set.Must("Active")).Int != 0,
			})
		}
		return nil
	})
	slices.SortFunc(rows, func(a, b sampleRow) int { return strings.Compare(a.part, b.part) })
	return rows, err
}

// raised is a price of the list: by 0.5 to 5.5 per cent more, and the sixth by 41.
func raised(price int64, n int) int64 {
	permille := int64(5 + n*7%51)
	if n == 5 {
		permille = 410
	}
	return (price*(1000+permille) + 500) / 1000
}
