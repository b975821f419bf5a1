package demo

import (
	"sort"
	"time"
)

// When people buy: on working days, more in spring and before Christmas, and a
// little more each year.

var (
	byMonth   = season{.75, .8, 1.05, 1.2, 1.3, 1.2, 1.05, .85, 1, 1.05, 1.15, .95}
	byWeekday = [7]float64{.02, 1.15, 1.1, 1, 1, .9, .15} // Sunday first
)

// growth is how much more is sold at the end than at the start.
const growth = .45

// spread gives n days between first and today, in order, as dense as business
// was. The last orders are of the last working day.
func (m *maker) spread(n int) []time.Time {
	var days []time.Time
	var until []float64
	total := 0.0
	span := m.today.Sub(m.first).Hours()
	for d := m.first; !d.After(m.today); d = d.AddDate(0, 0, 1) {
		f := byMonth[d.Month()-1] * byWeekday[d.Weekday()] * (1 + growth*d.Sub(m.first).Hours()/span)
		if d.Month() == time.December && d.Day() >= 24 || d.Month() == time.January && d.Day() <= 2 {
			f *= .1
		}
		total += f
		days, until = append(days, d), append(until, total)
	}
	list := make([]time.Time, n)
	for i := range list {
		at := (float64(i) + m.rand.Float64()) / float64(n) * total
		list[i] = days[min(sort.SearchFloat64s(until, at), len(days)-1)]
	}
	return list
}

// choice picks among things by their weight.
type choice []float64

func newChoice(n int, weight func(i int) float64) choice {
	c := make(choice, n)
	total := 0.0
	for i := range c {
		total += weight(i)
		c[i] = total
	}
	return c
}

func (c choice) pick(m *maker) int {
	return min(sort.SearchFloat64s(c, m.rand.Float64()*c[len(c)-1]), len(c)-1)
}
