package recall_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/recall"
)

// An answer is the present one for a moment and holds for a while longer where nobody can
// be asked, but not when it was refused since.
func TestAnswers(t *testing.T) {
	t.Parallel()
	m := recall.Memory[string]{Present: 3 * time.Second, AtMost: time.Minute}
	var (
		now           = time.Unix(1000, 0)
		gone, refused = errors.New("away"), errors.New("refused")
		asked         int
	)
	ask := func(person, value string, fault error) (string, error) {
		return m.Ask(person, now, func() (string, error) { asked++; return value, fault }, func(err error) bool { return errors.Is(err, gone) })
	}
	for i, c := range []struct {
		later  time.Duration
		person string
		value  string
		fault  error
		want   string
		err    error
		asked  int
	}{
		{0, "anna", "", gone, "", gone, 1},
		{0, "anna", "a", nil, "a", nil, 2},
		{2 * time.Second, "anna", "b", nil, "a", nil, 2},
		{0, "walt", "w", nil, "w", nil, 3},
		{time.Second, "anna", "b", nil, "b", nil, 4},
		{30 * time.Second, "anna", "", gone, "b", nil, 5},
		{30 * time.Second, "anna", "", gone, "", gone, 6},
		{0, "anna", "c", nil, "c", nil, 7},
		{5 * time.Second, "anna", "", refused, "", refused, 8},
		{0, "anna", "", gone, "", gone, 9},
		{-time.Hour, "walt", "x", nil, "x", nil, 10}, // the clock was put back
	} {
		now = now.Add(c.later)
		got, err := ask(c.person, c.value, c.fault)
		if got != c.want || !errors.Is(err, c.err) || asked != c.asked {
			t.Errorf("%d: %q %v, asked %d times; want %q %v %d", i, got, err, asked, c.want, c.err, c.asked)
		}
	}
}
