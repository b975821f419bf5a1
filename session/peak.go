package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
)

// Held are slots that N sessions held, and when.
type Held struct {
	Kind        tandem.SessionKind
	N           int
	From, Until time.Time
	// Absolute is when the session ends whatever happens; zero for those of people.
	Absolute time.Time
}

func (h *Held) flow() tandem.Flow {
	return flowOf(&tandem.Session{Kind: h.Kind, AbsoluteExpiresAt: h.Absolute})
}

// Peaks are how many slots were held at most at the same moment of a span: by the sessions
// of each flow, and with the empty flow by all.
func Peaks(held []Held, from, until time.Time) map[tandem.Flow]int {
	type step struct {
		at   time.Time
		flow tandem.Flow
		n    int
	}
	var steps []step
	for _, h := range held {
		if h.From.Before(until) && h.Until.After(from) {
			begun := h.From
			if begun.Before(from) {
				begun = from
			}
			steps = append(steps, step{begun, h.flow(), h.N}, step{h.Until, h.flow(), -h.N})
		}
	}
	// A slot that is given back and taken at the same moment is one.
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.n, b.n)) })
	now, peaks := map[tandem.Flow]int{}, map[tandem.Flow]int{"": 0}
	for _, s := range steps {
		for _, flow := range []tandem.Flow{"", s.flow} {
			now[flow] += s.n
			peaks[flow] = max(peaks[flow], now[flow])
		}
	}
	return peaks
}
