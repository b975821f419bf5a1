package agent

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
)

// money is a price in ten-thousandths of its currency, as exact as the ERP keeps it.
type money int64

const (
	decimals = 4
	unit     = 10_000
	// maxPrice keeps sums and percentages of prices far from any overflow.
	maxPrice = money(1_000_000_000_000) * unit
)

// parseMoney reads a plain decimal number, such as 12.5 or -0.0001.
func parseMoney(text json.Number) (money, error) {
	whole, fraction, _ := strings.Cut(string(text), ".")
	if strings.TrimRight(fraction, "0") != "" && len(strings.TrimRight(fraction, "0")) > decimals {
		return 0, tandem.Errorf(tandem.CodeInvalid, "%s has more than %d decimals", text, decimals)
	}
	fraction = (fraction + "0000")[:decimals]
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if digits := strings.TrimPrefix(whole, "-"); digits == "" || strings.Trim(digits, "0123456789") != "" {
		err = strconv.ErrSyntax
	}
	if err != nil || money(n) > maxPrice || money(n) < -maxPrice {
		return 0, tandem.Errorf(tandem.CodeInvalid, "%s is no price; prices are numbers up to %d", tandem.Clip(string(text), 40), maxPrice/unit)
	}
	return money(n), nil
}

// number is the price with as many decimals as it has, two at least.
func (m money) number() json.Number { return json.Number(fixed(big.NewInt(int64(m)))) }

// fixed writes ten-thousandths as a decimal number.
func fixed(n *big.Int) string {
	sign, digits := "", new(big.Int).Abs(n).String()
	if n.Sign() < 0 {
		sign = "-"
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return sign + whole + "." + fraction
}

const (
	million = 1_000_000
	// fromNothing stands for the change of a price that was zero or less: more than
	// any limit.
	fromNothing = int64(math.MaxInt32) * 1000
)

// changePPM is how much a price changes, in millionths.
func changePPM(from, to money) int64 {
	if from <= 0 {
		if from == to {
			return 0
		}
		return fromNothing
	}
	n := new(big.Int).Mul(big.NewInt(int64(to-from)), big.NewInt(million))
	n.Quo(n, big.NewInt(int64(from)))
	if !n.IsInt64() || n.Int64() > fromNothing {
		return fromNothing
	}
	return n.Int64()
}

// percent is a change for people: +3.1 %.
func percent(ppm int64) string {
	if ppm >= fromNothing {
		return "from nothing"
	}
	text := strconv.FormatFloat(float64(ppm)/(million/100), 'f', 1, 64) + " %"
	if ppm > 0 {
		text = "+" + text
	}
	return text
}
