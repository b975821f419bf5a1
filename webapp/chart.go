package webapp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Charts are SVG that the templates draw from numbers computed here: no script
// and no style attribute, so that the strict content policy holds.

// spark is a small line without axes.
type spark struct{ Line, Area, Label string }

// newSpark draws the values into a box of 200 × 44.
func newSpark(label string, values []float64) spark {
	const width, height, pad = 200.0, 44.0, 3.0
	if len(values) < 2 {
		return spark{}
	}
	top, low := 0.0, math.Inf(1)
	for _, v := range values {
		top, low = max(top, v), min(low, v)
	}
	low *= .7 // no axis, so that the shape may show
	if top == low {
		top = low + 1
	}
	var line strings.Builder
	for i, v := range values {
		x := float64(i) * width / float64(len(values)-1)
		y := height - pad - max(0, v-low)/(top-low)*(height-2*pad)
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&line, "%s%s %s", command, coordinate(x), coordinate(y))
	}
	return spark{Line: line.String(), Area: line.String() + "L200 44L0 44Z", Label: label}
}

// bars is a column chart with three grid lines.
type bars struct {
	Width, Height, Base int
	Label               string
	Grid                []gridLine
	Bars                []barOf
}

type gridLine struct{ Y, Text string }

type barOf struct {
	X, Y, W, H, Mid, Text, Title string
	Now                          bool
}

type column struct {
	Text, Title string
	Value       float64
}

// newBars draws the columns; the last one is highlighted as the current one.
func newBars(label string, columns []column) bars {
	const width, height, left, top, base = 640, 250, 44, 12, 222
	b := bars{Width: width, Height: height, Base: base, Label: label}
	most := 0.0
	for _, c := range columns {
		most = max(most, c.Value)
	}
	step := niceStep(most / 3)
	scale := step * math.Max(1, math.Ceil(most/step))
	for v := 0.0; v <= scale+step/2; v += step {
		y := base - v/scale*(base-top)
		b.Grid = append(b.Grid, gridLine{coordinate(y), short(v)})
	}
	slot := float64(width-left) / float64(max(1, len(columns)))
	for i, c := range columns {
		h := max(0, c.Value) / scale * (base - top)
		x := left + float64(i)*slot + slot*.18
		b.Bars = append(b.Bars, barOf{
			X: coordinate(x), Y: coordinate(base - h), W: coordinate(slot * .64), H: coordinate(h), Mid: coordinate(x + slot*.32),
			Text: c.Text, Title: c.Title, Now: i == len(columns)-1,
		})
	}
	return b
}

// niceStep is the least of 1, 2, 2.5 and 5 times a power of ten that is not
// below v.
func niceStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range [...]float64{1, 2, 2.5, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// short is a number for an axis: 1500000 is 1.5M.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// shares is one bar cut into parts, with a legend.
type shares struct {
	Label string
	Parts []part
}

type part struct {
	Name   string
	Count  int
	Colour int
	X, W   string
	// Link leads to the list behind the part.
	Link string
}

// newShares drops empty parts and leaves a thin gap between the others.
func newShares(label string, names, links []string, counts []int) shares {
	s := shares{Label: label}
	total := 0
	for _, n := range counts {
		total += n
	}
	x := 0.0
	for i, n := range counts {
		if n == 0 {
			continue
		}
		w := float64(n) / float64(total) * 200
		s.Parts = append(s.Parts, part{names[i], n, i%5 + 1, coordinate(x), coordinate(max(1, w-1.5)), links[i]})
		s.Label += fmt.Sprintf(" %s %d.", names[i], n)
		x += w
	}
	return s
}

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
