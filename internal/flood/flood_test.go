package flood_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/flood"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func due(g *flood.Gate[string, string], after time.Duration, all bool) []flood.Repeats[string] {
	got := g.Due(start.Add(after), all)
	slices.SortFunc(got, func(a, b flood.Repeats[string]) int { return strings.Compare(a.Last, b.Last) })
	return got
}

func TestFirstPassesAndRepeatsAreCounted(t *testing.T) {
	t.Parallel()
	g := &flood.Gate[string, string]{Max: 2}
	if !g.Pass(start, "a", "a1") || !g.Pass(start.Add(time.Second), "b", "b1") {
		t.Error("the first of a kind did not pass")
	}
	if g.Pass(start, "a", "a2") || g.Pass(start, "a", "a3") {
		t.Error("a repeat passed")
	}
	if got := due(g, flood.Window-1, false); len(got) != 0 {
		t.Errorf("told before the window was over: %v", got)
	}
	want := []flood.Repeats[string]{{First: "a1", Last: "a3", Count: 2, Since: start}}
	if got := due(g, flood.Window, false); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if !g.Pass(start.Add(flood.Window), "a", "a4") {
		t.Error("a kind that was told did not begin anew")
	}
	if g.Pass(start.Add(flood.Window), "b", "b2") {
		t.Error("a kind passed whose window is not over")
	}
	if got := due(g, -time.Hour, false); len(got) != 1 || got[0].Last != "b2" {
		t.Errorf("a clock that jumped back keeps events back: %v", got)
	}
}

func TestCrowdIsCountedTogether(t *testing.T) {
	t.Parallel()
	g := &flood.Gate[string, string]{Max: 1}
	g.Pass(start, "a", "a1")
	for _, kind := range []string{"b", "c", "b"} {
		if g.Pass(start.Add(time.Second), kind, kind) {
			t.Errorf("%s passed, beyond the bound", kind)
		}
	}
	want := []flood.Repeats[string]{{Last: "b", Count: 3, Since: start.Add(time.Second), Crowd: true}}
	if got := due(g, 2*time.Second, true); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if got := due(g, time.Hour, true); len(got) != 0 {
		t.Errorf("told twice: %v", got)
	}
	if !g.Pass(start.Add(2*time.Second), "c", "c") {
		t.Error("there is room again, and nothing passes")
	}
}
