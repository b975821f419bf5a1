package model

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var pow10 = [...]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000}

// MaxDecimal leaves room for sums and for one more than the bound of a filter.
const MaxDecimal = math.MaxInt64 / 16

// FloorDecimal reads a decimal number (12, -1.50, 1e3) as an integer scaled by
// 10^scale, rounded down; exact tells whether nothing was lost. Numbers out of
// range are an error.
func FloorDecimal(text string, scale int) (n int64, exact bool, err error) {
	mantissa, exponent, hasExp := strings.Cut(strings.ToLower(text), "e")
	shift := scale
	if hasExp {
		e, err := strconv.Atoi(exponent)
		if err != nil || e > 30 || e < -30 {
			return 0, false, fmt.Errorf("%s is not a number in range", Shown(text))
		}
		shift += e
	}
	negative := strings.HasPrefix(mantissa, "-")
	mantissa = strings.TrimPrefix(strings.TrimPrefix(mantissa, "-"), "+")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || len(digits) > 80 {
		return 0, false, fmt.Errorf("%s is not a number in range", Shown(text))
	}
	point := len(whole) + shift // digits before the point of the scaled number
	exact = true
	for i := range max(len(digits), point) {
		d := int64(0)
		if i < len(digits) {
			c := digits[i]
			if c < '0' || c > '9' {
				return 0, false, fmt.Errorf("%s is not a number", Shown(text))
			}
			d = int64(c - '0')
		}
		if i >= point {
			exact = exact && d == 0
			continue
		}
		if n > (MaxDecimal-d)/10 {
			return 0, false, fmt.Errorf("%s is too large", Shown(text))
		}
		n = n*10 + d
	}
	if negative {
		n = -n
		if !exact {
			n--
		}
	}
	return n, exact, nil
}

// RoundDecimal is FloorDecimal rounded half away from zero, as amounts are.
func RoundDecimal(text string, scale int) (int64, error) {
	n, exact, err := FloorDecimal(text, scale)
	if err != nil || exact {
		return n, err
	}
	// One digit more of the absolute value decides.
	finer, _, err := FloorDecimal(strings.TrimPrefix(text, "-"), scale+1)
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return -((finer + 5) / 10), nil
	}
	return (finer + 5) / 10, nil
}

// AppendDecimal appends a scaled number as JSON: without trailing zeros, always
// exact, never in exponent form.
func AppendDecimal(dst []byte, n int64, scale int) []byte {
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	unit := pow10[scale]
	dst = strconv.AppendInt(dst, n/unit, 10)
	rest := n % unit
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest > 0 {
		unit /= 10
		dst = append(dst, byte('0'+rest/unit))
		rest %= unit
	}
	return dst
}
