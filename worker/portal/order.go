package portal

import (
	"cmp"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

// order is how documents follow each other: for the API, and for parts of a list
// that are merged here.
type order struct {
	by      string
	compare func(a, b *erpDocument) int
}

func byDate(a, b *erpDocument) int {
	return cmp.Or(a.DocumentDate.Compare(b.DocumentDate), strings.Compare(a.DocumentNo, b.DocumentNo))
}

func byNumber(a, b *erpDocument) int { return strings.Compare(a.DocumentNo, b.DocumentNo) }

func reversed(f func(a, b *erpDocument) int) func(a, b *erpDocument) int {
	return func(a, b *erpDocument) int { return f(b, a) }
}

func orderOf(q internalapi.PortalQuery) (order, error) {
	switch q.Sort {
	case "", "-date":
		return order{"DocumentDate desc,DocumentNo desc", reversed(byDate)}, nil
	case "date":
		return order{"DocumentDate,DocumentNo", byDate}, nil
	case "number":
		return order{"DocumentNo", byNumber}, nil
	case "-number":
		return order{"DocumentNo desc", reversed(byNumber)}, nil
	}
	return order{}, tandem.Errorf(tandem.CodeInvalid, "documents are sorted by date or number, and not by %q", tandem.Clip(q.Sort, 60))
}

// dayOf reads a day; empty is none.
func dayOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, tandem.Errorf(tandem.CodeInvalid, "the day %q cannot be read; write it like 2026-01-31", tandem.Clip(text, 60))
	}
	return day, nil
}
