package csvfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

func TestRejoin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, row, want string
		columns         int
		ok              bool
	}{
		{"an address with a comma", "BLONP|24| place Kléber|Strasbourg", "BLONP|24, place Kléber|Strasbourg", 3, true},
		{"two texts with commas", "7|Pavlova| Ltd.|Viale Dante| 75", "7|Pavlova, Ltd.|Viale Dante, 75", 3, true},
		{"no cell begins with a space", "a|b|c|d", "a|b|c|d", 3, false},
		{"still too many", "a|b| c|d|e", "a|b, c|d|e", 3, false},
		{"too few then", "a| b| c|d", "a, b, c|d", 3, false},
		{"the row is right", "a| b|c", "a, b|c", 3, false},
		{"the first cell", " a|b|c", " a|b|c", 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := csvfile.Rejoin(strings.Split(c.row, "|"), ',', c.columns)
			if ok != c.ok {
				t.Errorf("ok = %t, want %t", ok, c.ok)
			}
			if diff := cmp.Diff(strings.Split(c.want, "|"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
