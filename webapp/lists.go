package webapp

import (
	"cmp"
	"net/url"
	"time"
)

// Lists are ordered by the heads of their columns, which are links, and on a phone,
// where a list has no heads, by a choice beside the search.

// sortable is a column of a list.
type sortable struct {
	Text string
	// Up and Down are the words of the address for both directions; empty for a
	// column that a list is not ordered by. First is the one that a first click
	// means. A column without a text has no head.
	Up, Down, First string
	Right           bool
}

// by is a column with the word for both directions, "-" before it for down.
func by(text, word string) sortable {
	return sortable{Text: text, Up: word, Down: "-" + word, First: word}
}

// newestFirst is the same of dates: a first click shows the newest.
func newestFirst(text, word string) sortable {
	return sortable{Text: text, Up: word, Down: "-" + word, First: "-" + word}
}

func (s sortable) right() sortable {
	s.Right = true
	return s
}

// columnHead is the head of a column. Sorted is ascending, descending or empty.
type columnHead struct {
	Text, Link, Sorted string
	Right              bool
}

// sorting is how a list is ordered.
type sorting struct {
	// Sort is the word of the address; empty for the list's own order.
	Sort  string
	Heads []columnHead
	// asInList is the choice of an order that a head made.
	asInList string
}

// sortedBy reads the word, and makes the heads. usual is the word of the list's
// own order.
func (v *visit) sortedBy(usual string, columns ...sortable) sorting {
	out := sorting{Sort: v.r.URL.Query().Get("sort"), asInList: v.language().Say("As in the list")}
	known := false
	for _, c := range columns {
		known = known || out.Sort != "" && (out.Sort == c.Up || out.Sort == c.Down)
	}
	if !known || out.Sort == usual {
		out.Sort = ""
	}
	now := out.Sort
	if now == "" {
		now = usual
	}
	for _, c := range columns {
		if c.Text == "" {
			continue
		}
		h := columnHead{Text: c.Text, Right: c.Right}
		next := c.First
		switch {
		case c.First == "":
		case now == c.Up:
			h.Sorted, next = "ascending", c.Down
		case now == c.Down:
			h.Sorted, next = "descending", c.Up
		}
		if next != "" {
			h.Link = withSort(v.r.URL, next, usual)
		}
		out.Heads = append(out.Heads, h)
	}
	return out
}

// withSort is the first page of the list in another order; all else stays.
func withSort(u *url.URL, sort, usual string) string {
	q := u.Query()
	q.Del("skip")
	q.Del("sort")
	if sort != usual {
		q.Set("sort", sort)
	}
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

// period is the range of days that a list is narrowed to.
type period struct{ From, To string }

func (v *visit) period() period {
	q := v.r.URL.Query()
	return period{dayOf(q.Get("from")), dayOf(q.Get("to"))}
}

// times are the beginning of the period and its end in a zone; zero where it has
// none.
func (p period) times(in *time.Location) (from, until time.Time) {
	if day, err := time.ParseInLocation(time.DateOnly, p.From, in); err == nil {
		from = day
	}
	if day, err := time.ParseInLocation(time.DateOnly, p.To, in); err == nil {
		until = day.AddDate(0, 0, 1)
	}
	return from, until
}

// sortChoice is an order for who sees no heads.
type sortChoice struct {
	Word, Text string
	Chosen     bool
}

// choices are orders to choose from: word, text, word, text. One that a head made
// is there too, so that a search keeps it.
func (s sorting) choices(of ...string) []sortChoice {
	var out []sortChoice
	chosen := false
	for i := 0; i+1 < len(of); i += 2 {
		out = append(out, sortChoice{of[i], of[i+1], of[i] == s.Sort})
		chosen = chosen || of[i] == s.Sort
	}
	if !chosen {
		out = append(out, sortChoice{s.Sort, cmp.Or(s.asInList, "As in the list"), true})
	}
	return out
}
