package webapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem/client"
)

// Key figures: computed from pages of orders that the person may read, with a
// bounded number of calls, and kept for a moment for this person alone.

const (
	kpiMonths  = 12
	kpiPage    = 1000            // rows of one call
	kpiPages   = 5               // calls at most; older orders are left out, and the page says so
	kpiLife    = 4 * time.Second // a right that is taken away holds within five
	maxKPIs    = 256             // figures of so many people are kept, about 6 KiB each
	kpiLeaders = 5
)

// kpi is what the home page shows.
type kpi struct {
	Currency string
	// Money says that the person may see what orders come to.
	Money                    bool
	Orders, Revenue, Average trend
	Open                     int
	// Month is the list of this month's orders.
	Month     string
	States    shares
	Months    bars
	Customers []leader
	// Note says what the figures leave out.
	Note string
}

// trend is a figure of this month against the last one up to the same day.
type trend struct {
	Now                   int64 // a count, or hundredths of the currency
	Trend, Delta, Against string
	Spark                 spark
}

type leader struct {
	ID, Name string
	Value    int64
	Width    string
}

// kpiCache keeps the figures of a sign-in for kpiLife.
type kpiCache struct {
	mu   sync.Mutex
	kept map[string]keptKPI
}

type keptKPI struct {
	kpi *kpi
	at  time.Time
}

func (c *kpiCache) get(key string, now time.Time) *kpi {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.kept[key]; ok && now.Sub(k.at) < kpiLife {
		return k.kpi
	}
	return nil
}

func (c *kpiCache) put(key string, k *kpi, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxKPIs {
		c.kept = map[string]keptKPI{}
	}
	c.kept[key] = keptKPI{k, now}
}

// drop makes the person's next home page fresh: they changed something.
func (c *kpiCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, key)
}

// kpiKey is of whom the figures are, and how they are written.
func (v *visit) kpiKey() string {
	return v.who.UserID + "|" + v.who.SignInID + "|" + fmt.Sprint(readerOf(v.r))
}

func (a *App) kpiOf(v *visit) (*kpi, error) {
	if k := a.dashboard.get(v.kpiKey(), a.clock.Now()); k != nil {
		return k, nil
	}
	now := a.clock.Now().UTC()
	rows, complete, err := ordersSince(v, firstMonth(now))
	if err != nil {
		return nil, err
	}
	who := readerOf(v.r)
	k := computeKPI(rows, now, who)
	if err := k.countOpen(v); err != nil {
		return nil, err
	}
	if !complete {
		k.Note = fmt.Sprintf("From the newest %s orders.", who.count(len(rows))) + " " + k.Note
	}
	if err := nameLeaders(v, k.Customers); err != nil {
		return nil, err
	}
	a.dashboard.put(v.kpiKey(), k, a.clock.Now())
	return k, nil
}

func firstMonth(now time.Time) time.Time {
	return time.Date(now.Year(), now.Month()-kpiMonths+1, 1, 0, 0, 0, 0, time.UTC)
}

// ordersSince reads at most kpiPages pages, the newest first.
func ordersSince(v *visit, from time.Time) (rows []erpOrder, complete bool, err error) {
	api := v.api()
	page, err := client.FirstPage[erpOrder](v.ctx(), api, setOrders, client.Query{
		Select: "DocumentDate,State,TotalLineAmount,Customer", OrderBy: "DocumentDate desc", Top: kpiPage, SkipHidden: true,
		Filter: "DocumentDate ge " + client.Date(from) + " and Void eq false",
	})
	for n := 1; err == nil; n++ {
		rows = append(rows, page.Value...)
		if page.NextLink == "" {
			return rows, true, nil
		}
		if n == kpiPages {
			return rows, false, nil
		}
		page, err = client.NextPage[erpOrder](v.ctx(), api, page.NextLink)
	}
	return nil, false, err
}

// computeKPI makes the figures. Money is of the currency that most orders have:
// amounts of different currencies cannot be added.
func computeKPI(rows []erpOrder, now time.Time, who reader) *kpi {
	k := &kpi{Money: len(rows) == 0}
	perCurrency := map[string]int{}
	for _, o := range rows {
		if o.TotalLineAmount != nil {
			k.Money = true
			perCurrency[o.TotalLineAmount.Currency]++
		}
	}
	others := 0
	for c, n := range perCurrency {
		if best := perCurrency[k.Currency]; n > best || n == best && c < k.Currency {
			k.Currency = c
		}
		others += n
	}
	if others -= perCurrency[k.Currency]; others > 0 {
		k.Note = fmt.Sprintf("Without %s orders in other currencies.", who.count(others))
	}

	first := firstMonth(now)
	var orders, paid [kpiMonths]float64
	var revenue [kpiMonths]int64
	var ordersBefore, paidBefore int64 // last month, up to the same day
	var revenueBefore int64
	customers := map[string]int64{}
	for _, o := range rows {
		date, err := time.Parse(time.DateOnly, dateOnly(o.DocumentDate))
		if err != nil {
			continue
		}
		m := (date.Year()-first.Year())*12 + int(date.Month()-first.Month())
		if m < 0 || m >= kpiMonths {
			continue
		}
		early := m == kpiMonths-2 && date.Day() <= now.Day()
		orders[m]++
		if early {
			ordersBefore++
		}
		if o.TotalLineAmount == nil || o.TotalLineAmount.Currency != k.Currency {
			continue
		}
		value := hundredths(o.TotalLineAmount.Value)
		paid[m]++
		revenue[m] += value
		customers[idOf(o.Customer.ID)] += value
		if early {
			paidBefore++
			revenueBefore += value
		}
	}

	const last = kpiMonths - 1
	var money, average [kpiMonths]float64
	columns := make([]column, kpiMonths)
	for m := range kpiMonths {
		money[m] = float64(revenue[m]) / 100
		if paid[m] > 0 {
			average[m] = money[m] / paid[m]
		}
		month := first.AddDate(0, m, 0)
		title := month.Format("January 2006") + ": " + who.grouped(fmt.Sprintf("%.0f", money[m])) + " " + k.Currency
		columns[m] = column{month.Format("Jan"), title, money[m]}
	}
	k.Orders = newTrend(int64(orders[last]), ordersBefore, newSpark("Orders in the last 12 months", orders[:]))
	k.Revenue = newTrend(revenue[last], revenueBefore, newSpark("Revenue in the last 12 months", money[:]))
	k.Average = newTrend(quotient(revenue[last], int64(paid[last])), quotient(revenueBefore, paidBefore),
		newSpark("Average order in the last 12 months", average[:]))
	k.Months = newBars("Revenue by month, from "+columns[0].Title+" to "+columns[last].Title, columns)
	month := first.AddDate(0, last, 0)
	k.Month = ordersPath(validOrders) + "&from=" + month.Format(time.DateOnly) + "&to=" + month.AddDate(0, 1, -1).Format(time.DateOnly)
	k.Customers = leaders(customers)
	return k
}

func quotient(sum, n int64) int64 {
	if n == 0 {
		return 0
	}
	return sum / n
}

func newTrend(now, before int64, s spark) trend {
	t := trend{Now: now, Spark: s, Against: "vs same day last month"}
	switch {
	case before == 0:
		t.Delta, t.Against = "", "nothing by this day last month"
	default:
		change := float64(now-before) / float64(before) * 100
		t.Delta = strings.Replace(fmt.Sprintf("%+.0f %%", change), "+0 ", "±0 ", 1)
		if change > 0.5 {
			t.Trend = "up"
		} else if change < -0.5 {
			t.Trend = "down"
		}
	}
	return t
}

func ordersPath(state string) string { return "/orders?state=" + state }

// countOpen counts the open orders of any age, as the lists behind the figures
// have them.
func (k *kpi) countOpen(v *visit) error {
	counts, errs := make([]int, len(openStates)), make([]error, len(openStates))
	var all sync.WaitGroup
	for i, state := range openStates {
		all.Go(func() {
			l := listing{State: state}
			n, err := v.api().Count(v.ctx(), setOrders, client.Query{Filter: l.filter()})
			counts[i], errs[i] = int(n), err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	names, links := make([]string, len(openStates)), make([]string, len(openStates))
	for i, state := range openStates {
		names[i], links[i] = apart(state), ordersPath(state)
		k.Open += counts[i]
	}
	k.States = newShares("Open orders by state.", names, links, counts)
	return nil
}

func leaders(customers map[string]int64) []leader {
	var all []leader
	for id, value := range customers {
		if id != "" && value > 0 {
			all = append(all, leader{ID: id, Value: value})
		}
	}
	slices.SortFunc(all, func(a, b leader) int {
		switch {
		case a.Value != b.Value && a.Value > b.Value:
			return -1
		case a.Value != b.Value:
			return 1
		case a.ID < b.ID:
			return -1
		}
		return 1
	})
	all = all[:min(len(all), kpiLeaders)]
	for i := range all {
		all[i].Width = coordinate(max(4, float64(all[i].Value)/float64(all[0].Value)*200))
	}
	return all
}

// nameLeaders reads the customers' names in one call.
func nameLeaders(v *visit, leaders []leader) error {
	if len(leaders) == 0 {
		return nil
	}
	list := ""
	for i, l := range leaders {
		if i > 0 {
			list += ","
		}
		list += l.ID
	}
	page, err := client.FirstPage[erpCustomer](v.ctx(), v.api(), setCustomers, client.Query{
		Select: "Number,DisplayText", Filter: "Id in (" + list + ")", Top: kpiLeaders, SkipHidden: true,
	})
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, c := range page.Value {
		names[idOf(c.ID)] = c.DisplayText
	}
	for i := range leaders {
		if leaders[i].Name = names[leaders[i].ID]; leaders[i].Name == "" {
			leaders[i].Name = "–"
		}
	}
	return nil
}
