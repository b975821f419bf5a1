package erp_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/erp"
)

// TestLineAmountIsExact holds the amount of a line against fractions: rounded
// half away from zero, once, at the end.
func TestLineAmountIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quantity, price := rapid.Int64Range(-1e9, 1e9).Draw(t, "quantity"), rapid.Int64Range(-1e9, 1e9).Draw(t, "price")
		custom, standard := rapid.Int64Range(0, 1e6).Draw(t, "custom"), rapid.Int64Range(0, 1e6).Draw(t, "standard")
		want := big.NewRat(quantity, 1000)
		want.Mul(want, big.NewRat(price, 100000))
		for _, discount := range []int64{custom, standard} {
			want.Mul(want, big.NewRat(1e6-discount, 1e6))
		}
		want.Mul(want, big.NewRat(100, 1))
		got, ok := erp.LineAmount(quantity, price, custom, standard)
		if !ok {
			t.Fatalf("%s does not fit", want)
		}
		off := new(big.Rat).Sub(want, big.NewRat(got, 1))
		half := off.Abs(off).Cmp(big.NewRat(1, 2))
		if half > 0 || half == 0 && new(big.Rat).Abs(want).Cmp(new(big.Rat).Abs(big.NewRat(got, 1))) > 0 {
			t.Fatalf("%s is rounded to %d", want, got)
		}
	})
	if _, ok := erp.LineAmount(999999999999, 99999999999999, 0, 0); ok {
		t.Error("what does not fit is told to")
	}
}
